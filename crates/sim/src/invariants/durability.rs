//! Persist before send: an honest server says nothing about agreement that its disk could forget.
//!
//! Source: docs/protocol.md#durability.

use super::{Invariant, Kind};
use crate::ascending::Ascending;
use crate::observation::Observation;
use ally_consensus::{BlockHash, BlockRef, CommitCertificate, Message, Micros, Record, View};
use ally_policy::{ServerIndex, ServerSet};
use ally_replica::{BatchId, PeerMessage, StoreOp};
use std::collections::{BTreeMap, BTreeSet};

/// Records of a kind that are remembered per server: the newest.
const RECORDS_MAX: usize = 4096;

/// Heights and hashes.
type Blocks = Ascending<(u64, BlockHash), (), RECORDS_MAX>;

/// What each honest server's disk holds for sure.
#[derive(Default)]
struct Held {
    votes: Blocks,
    commits: Vec<CommitCertificate>,
    view: View,
    /// Something is on the disk, so that a restart knows that it is one.
    begun: bool,
    shares: BTreeSet<(View, BlockRef)>,
    blocks: Blocks,
    batches: BTreeSet<BatchId>,
}

/// What the disks hold.
pub(super) struct Durability {
    honest: ServerSet,
    held: BTreeMap<ServerIndex, Held>,
    decided: Blocks,
}

impl Durability {
    pub(super) fn new(honest: ServerSet) -> Self {
        Self { honest, held: BTreeMap::new(), decided: Blocks::default() }
    }

    fn said(&mut self, server: ServerIndex, message: &PeerMessage) -> Result<(), String> {
        let held = self.held.entry(server).or_default();
        match held.lacks(server, message, &self.decided) {
            None => Ok(()),
            Some(kind) => Err(format!("durability: {server} sent a {kind} that it may forget")),
        }
    }
}

impl Held {
    /// What kind of message this is, if the disk could forget it.
    ///
    /// What is decided anywhere need not be here: a quorum's journals hold it.
    fn lacks(
        &self,
        server: ServerIndex,
        message: &PeerMessage,
        decided: &Blocks,
    ) -> Option<&'static str> {
        let signed = match message {
            PeerMessage::Consensus(signed) => signed,
            PeerMessage::Batch(signed) => {
                let own = signed.batch.origin() == server;
                let reference = signed.batch.reference();
                let held = self.batches.contains(&BatchId::from(&reference));
                return (own && !held).then_some("batch");
            }
            _ => return None,
        };
        let (kind, held) = match &signed.body {
            Message::Vote(vote) => {
                ("vote", self.votes.contains(&(vote.block.height.0, vote.block.hash)))
            }
            Message::Commit(commit) => ("commit", self.commits.contains(&commit.certificate)),
            Message::ViewChange(report) => ("report", self.view >= report.view),
            Message::Proposal(proposal) => {
                let view = proposal.header.view;
                ("proposal of a view", self.begun && self.view >= view)
            }
            Message::NewViewShare(share) => {
                let tip = (share.tip.height.0, share.tip.hash);
                let held = self.blocks.contains(&tip) || decided.contains(&tip) || tip.0 == 0;
                let kind = if held { "share of a new view" } else { "share of a tip" };
                (kind, held && self.shares.contains(&(share.view, share.tip)))
            }
            _ => return None,
        };
        (!held).then_some(kind)
    }

    fn keep(&mut self, record: &Record) {
        self.begun = true;
        match record {
            Record::Vote(proposal) => {
                let block = proposal.body.block_ref();
                self.votes.or_insert((block.height.0, block.hash), ());
                self.blocks.or_insert((block.height.0, block.hash), ());
            }
            Record::Hold(proposal) => {
                let block = proposal.body.block_ref();
                self.blocks.or_insert((block.height.0, block.hash), ());
            }
            Record::Voted { block, .. } => {
                self.votes.or_insert((block.height.0, block.hash), ());
            }
            Record::Commit(certificate) => self.commits.push(certificate.clone()),
            Record::Leave(view) => self.view = self.view.max(*view),
            Record::Enter(certificate) => self.view = self.view.max(certificate.view),
            Record::NewViewShare { view, tip } => {
                self.shares.insert((*view, *tip));
            }
            _ => {}
        }
        if self.commits.len() > 2 * RECORDS_MAX {
            self.commits.drain(..RECORDS_MAX);
        }
    }
}

impl Invariant for Durability {
    fn looks_at(&self) -> &'static [Kind] {
        &[Kind::Durable, Kind::Delivered, Kind::Said]
    }

    fn see(&mut self, _: Micros, what: &Observation<'_>) -> Result<(), String> {
        match what {
            Observation::Durable { server, op } => {
                let held = self.held.entry(*server).or_default();
                match op {
                    StoreOp::Journal { record, .. } => held.keep(record),
                    StoreOp::RewriteJournal { records, .. } => {
                        records.iter().for_each(|record| held.keep(record));
                    }
                    StoreOp::Batch(batch) if batch.reference().origin == *server => {
                        held.batches.insert(batch.id());
                    }
                    _ => {}
                }
                Ok(())
            }
            Observation::Delivered { block, .. } => {
                self.decided.or_insert((block.block.height.0, block.block.hash), ());
                Ok(())
            }
            Observation::Said { server, message } if self.honest.contains(*server) => {
                self.said(*server, message)
            }
            _ => Ok(()),
        }
    }
}
