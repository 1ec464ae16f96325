//! Looks on, remembers what every honest server has promised, and panics when one breaks its word.
//!
//! Shares no code with the engine: it goes by the journal, the messages that left, and the headers
//! that it saw.

use super::Case;
use ally_codec::{Decode, Encode};
use ally_consensus::{
    BlockHash, BlockHeader, BlockRef, Decided, Evidence, Height, JournalPosition, Law, Message,
    Record, Signed, Sizes, View,
};
use ally_model::keys::Keys;
use ally_policy::ServerIndex;
use std::collections::{BTreeMap, BTreeSet};

/// docs/protocol.md#limits
const TREE_BLOCKS_MAX: usize = 16_384;
const PENDING_VOTES_MAX: usize = 128;
const FUTURE_PROPOSALS_MAX: usize = 64;
const WANTED_BLOCKS_MAX: usize = 128;

/// What was seen in a run.
#[derive(Default)]
pub(super) struct Witness {
    headers: BTreeMap<BlockHash, BlockHeader>,
    decided: BTreeMap<Height, BlockHash>,
    words: BTreeMap<ServerIndex, Word>,
}

/// What one server has said.
#[derive(Default)]
struct Word {
    /// Everything that it has written and not lost.
    journal: Vec<(JournalPosition, Record)>,
    /// The blocks that it voted for in each view, as others heard it.
    votes: BTreeMap<View, BTreeSet<BlockRef>>,
    /// The tips that it gave shares for.
    tips: BTreeMap<View, BlockRef>,
    /// The last block that it decided.
    top: Option<BlockRef>,
}

impl Witness {
    /// A header that somebody made; without it nobody can tell what a block extends.
    pub(super) fn saw(&mut self, header: &BlockHeader) {
        self.headers.entry(header.hash()).or_insert_with(|| header.clone());
    }

    /// A server writes a record.
    pub(super) fn wrote(&mut self, me: ServerIndex, position: JournalPosition, record: &Record) {
        let word = self.words.entry(me).or_default();
        let last = word.journal.last().map_or(JournalPosition::ZERO, |(position, _)| *position);
        assert_eq!(position, last.next(), "{me}: the journal has no gap");
        let read = Record::from_bytes(&record.to_bytes());
        assert_eq!(read.as_ref(), Ok(record), "{me}: a record comes back");
        let left = word.journal.iter().filter_map(|(_, record)| reached(record)).max();
        let view = view_of(record);
        assert!(view >= left, "{me}: {record:?} goes back from view {left:?}");
        if let Record::Vote(proposal) = record {
            let header = &proposal.body.header;
            let twice = word.journal.iter().any(|(_, other)| is_other_vote(other, header));
            assert!(!twice, "{me}: two votes in view {} at height {}", header.view, header.height);
        }
        word.journal.push((position, record.clone()));
    }

    /// A server lost all that it wrote after `kept`, and starts again from a block.
    pub(super) fn crashed(
        &mut self,
        me: ServerIndex,
        kept: JournalPosition,
        top: Option<BlockRef>,
    ) {
        let word = self.words.entry(me).or_default();
        word.journal.retain(|(position, _)| *position <= kept);
        word.top = top;
    }

    /// A server sends a message without waiting for its disk.
    pub(super) fn sent_at_once(&self, me: ServerIndex, message: &Message) {
        let binding = matches!(
            message,
            Message::Vote(_)
                | Message::Commit(_)
                | Message::ViewChange(_)
                | Message::NewViewShare(_)
        );
        assert!(!binding, "{me} does not wait for its disk with {message:?}");
    }

    /// A message leaves a server; `durable` is what its disk has by then.
    pub(super) fn left(&mut self, me: ServerIndex, durable: JournalPosition, message: &Message) {
        let Self { headers, words, .. } = self;
        let word = words.entry(me).or_default();
        let written = |wanted: &dyn Fn(&Record) -> bool| {
            let on_disk = word.journal.iter().take_while(|(position, _)| *position <= durable);
            on_disk.map(|(_, record)| record).any(wanted)
        };
        match message {
            Message::Vote(vote) => {
                let hash = vote.block.hash;
                let is = |record: &Record| matches!(record, Record::Vote(p) if p.body.header.hash() == hash);
                assert!(written(&is), "{me} votes for {:?} before it is written", vote.block);
                let votes = word.votes.entry(vote.view).or_default();
                for other in votes.iter() {
                    let on = one_chain(headers, *other, vote.block);
                    assert!(on, "{me} votes for {other:?} and {:?} in {}", vote.block, vote.view);
                }
                votes.insert(vote.block);
            }
            Message::Commit(commit) => {
                let block = commit.certificate.block;
                let is = |record: &Record| matches!(record, Record::Commit(c) if c.block == block);
                assert!(written(&is), "{me} commits to {block:?} before it is written");
            }
            Message::ViewChange(report) => {
                let is = |record: &Record| reached(record) >= Some(report.view);
                assert!(written(&is), "{me} reports for {} before it is written", report.view);
            }
            Message::NewViewShare(share) => {
                let (wanted, block) = (share.view, share.tip);
                let is = |record: &Record| matches!(record, Record::NewViewShare { view, tip } if (*view, *tip) == (wanted, block));
                assert!(written(&is), "{me} shares in {wanted} before it is written");
                let first = *word.tips.entry(wanted).or_insert(block);
                assert_eq!(first, block, "{me} gives shares for two tips of {wanted}");
            }
            _ => {}
        }
    }

    /// A server decides.
    pub(super) fn decided(&mut self, me: ServerIndex, decided: &Decided) {
        let word = self.words.entry(me).or_default();
        let height = decided.block.height;
        let below = word.top.map_or(Height::ZERO, |top| top.height);
        assert_eq!(height, below.next(), "{me} decides in order");
        if let Some(top) = word.top {
            assert_eq!(decided.header().parent, top.hash, "{me} decides along one chain");
        }
        assert_eq!(
            decided.header().block_ref(),
            decided.block,
            "{me}: the header of another block"
        );
        word.top = Some(decided.block);
        let first = *self.decided.entry(height).or_insert(decided.block.hash);
        assert_eq!(first, decided.block.hash, "{me} decides another block at height {height}");
    }

    /// A server accuses somebody.
    pub(super) fn accused(&self, case: &Case, me: ServerIndex, evidence: &Evidence) {
        let culprit = evidence.culprit();
        assert!(case.liars.contains(culprit), "{me} accuses {culprit}, which is honest");
        let law = Law {
            context: &case.context,
            rotation: &case.rotation,
            policy: case.policy.as_ref(),
            judge: &Keys,
        };
        assert_eq!(evidence.verify(&law), Ok(()), "{me}: the evidence proves nothing");
        let read = Evidence::from_bytes(&evidence.to_bytes());
        assert_eq!(read.as_ref(), Ok(evidence), "{me}: evidence comes back");
    }

    /// How much a server holds that others determine.
    pub(super) fn holds(&self, case: &Case, me: ServerIndex, sizes: Sizes) {
        let wanted = WANTED_BLOCKS_MAX * case.policy.server_count();
        assert!(sizes.blocks <= TREE_BLOCKS_MAX, "{me}: {sizes:?}");
        assert!(sizes.pending_votes <= PENDING_VOTES_MAX, "{me}: {sizes:?}");
        assert!(sizes.future_proposals <= FUTURE_PROPOSALS_MAX, "{me}: {sizes:?}");
        assert!(sizes.wanted_blocks <= wanted, "{me}: {sizes:?}");
    }
}

/// The view below which a server votes no more after this record.
fn reached(record: &Record) -> Option<View> {
    match record {
        Record::Leave(view) => Some(*view),
        Record::Enter(certificate) => Some(certificate.view),
        _ => None,
    }
}

/// The view that a record is about; the highest of all for one that is about none.
fn view_of(record: &Record) -> Option<View> {
    Some(match record {
        Record::Vote(proposal) => proposal.body.header.view,
        Record::Commit(certificate) => certificate.view,
        Record::NewViewShare { view, .. } | Record::Voted { view, .. } => *view,
        Record::Leave(view) => *view,
        Record::Enter(certificate) => certificate.view,
        _ => View(u64::MAX),
    })
}

fn is_other_vote(record: &Record, header: &BlockHeader) -> bool {
    matches!(record, Record::Vote(Signed { body, .. })
        if (body.header.view, body.header.height) == (header.view, header.height)
            && body.header.hash() != header.hash())
}

/// Whether one block extends the other, as far as the headers that were seen show it.
fn one_chain(headers: &BTreeMap<BlockHash, BlockHeader>, one: BlockRef, other: BlockRef) -> bool {
    let (low, mut high) = if one.height <= other.height { (one, other) } else { (other, one) };
    while high.height > low.height {
        let Some(header) = headers.get(&high.hash) else { return true };
        high = BlockRef { height: Height(high.height.0 - 1), hash: header.parent };
    }
    high == low
}

#[cfg(test)]
#[path = "witness_tests.rs"]
mod tests;
