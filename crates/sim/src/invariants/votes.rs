//! One vote per view and height, and nothing said that the disk could forget.
//!
//! A vote may be *sent* after its view was left, say for the first time after a crash. But it must have
//! been *cast* before: the journal shows it below the record of leaving, so the report speaks of it.
//!
//! Source: docs/protocol.md#common-case, rule 2; docs/protocol.md#durability.

use ally_consensus::{BlockHash, Message, Record, Vote};
use ally_policy::ServerIndex;
use std::collections::BTreeMap;

/// What honest servers said.
#[derive(Default)]
pub(super) struct Votes {
    votes: BTreeMap<(ServerIndex, u64, u64), BlockHash>,
}

impl Votes {
    pub(super) fn sent(
        &mut self,
        from: ServerIndex,
        message: &Message,
        durable: &[Record],
    ) -> Result<(), String> {
        let holds = |wanted: &dyn Fn(&Record) -> bool| durable.iter().rev().any(wanted);
        let (kind, held) = match message {
            Message::Vote(vote) => {
                self.voted(from, vote, durable)?;
                ("vote", holds(&|record| is_vote(record, vote)))
            }
            Message::Commit(commit) => {
                let same = |record: &Record| matches!(record, Record::Commit(kept) if *kept == commit.certificate);
                ("commit", holds(&same))
            }
            Message::ViewChange(report) => {
                let reached = |record: &Record| match record {
                    Record::Leave(view) => *view >= report.view,
                    Record::Enter(certificate) => certificate.view >= report.view,
                    _ => false,
                };
                ("report", holds(&reached))
            }
            Message::NewViewShare(share) => {
                let same = |record: &Record| {
                    matches!(record, Record::NewViewShare { view, tip }
                        if *view == share.view && *tip == share.tip)
                };
                ("share of a new view", holds(&same))
            }
            _ => return Ok(()),
        };
        match held {
            true => Ok(()),
            false => Err(format!("durability: {from} sent a {kind} that it may forget")),
        }
    }

    fn voted(&mut self, from: ServerIndex, vote: &Vote, durable: &[Record]) -> Result<(), String> {
        let key = (from, vote.view.0, vote.block.height.0);
        let known = self.votes.insert(key, vote.block.hash);
        if known.is_some_and(|hash| hash != vote.block.hash) {
            return Err(format!("double vote: {from} at view {} height {}", key.1, key.2));
        }
        let cast = durable.iter().position(|record| is_vote(record, vote));
        let left = durable.iter().position(|record| match record {
            Record::Leave(view) => *view > vote.view,
            Record::Enter(certificate) => certificate.view > vote.view,
            _ => false,
        });
        if left.is_some_and(|left| cast.is_none_or(|cast| cast > left)) {
            return Err(format!("late vote: {from} voted in view {} after leaving it", vote.view));
        }
        Ok(())
    }
}

fn is_vote(record: &Record, vote: &Vote) -> bool {
    match record {
        Record::Vote(proposal) => proposal.body.header.block_ref() == vote.block,
        Record::Voted { block, .. } => *block == vote.block,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ally_consensus::{
        AllianceId, BlockHeader, BlockRef, Digest, Epoch, Height, Micros, Proposal, Signed, View,
    };

    const SERVER: ServerIndex = ServerIndex(2);

    /// A block of view 0, told apart by its time; the record of a vote for it, and the vote.
    fn cast(timestamp_us: u64) -> (Record, Message) {
        let alliance = AllianceId([1; 32]);
        let header = BlockHeader {
            alliance,
            epoch: Epoch(0),
            height: Height(1),
            view: View::ZERO,
            parent: BlockRef::genesis(alliance, Epoch(0)).hash,
            payload_digest: Digest([0; 32]),
            log_size: 0,
            log_root: Digest([0; 32]),
            timestamp_us: Micros(timestamp_us),
        };
        let vote = Vote { view: View::ZERO, block: header.block_ref(), share: None };
        let body = Proposal { header, batches: [].into(), new_view: None };
        let record = Record::Vote(Signed { signer: ServerIndex(0), signature: [0; 64], body });
        (record, Message::Vote(vote))
    }

    #[test]
    fn a_vote_that_the_disk_may_forget_is_noticed() {
        let (record, vote) = cast(1);
        let mut votes = Votes::default();
        assert_eq!(votes.sent(SERVER, &vote, &[record]), Ok(()));
        let forgotten = votes.sent(SERVER, &vote, &[]);
        assert!(forgotten.is_err_and(|what| what.starts_with("durability")));
    }

    #[test]
    fn two_votes_for_one_place_are_noticed() {
        let [(first, one), (second, other)] = [cast(1), cast(2)];
        let durable = [first, second];
        let mut votes = Votes::default();
        assert_eq!(votes.sent(SERVER, &one, &durable), Ok(()));
        let double = votes.sent(SERVER, &other, &durable);
        assert!(double.is_err_and(|what| what.starts_with("double vote")));
    }

    #[test]
    fn a_vote_cast_after_leaving_is_noticed_but_not_one_that_is_only_sent_late() {
        let (record, vote) = cast(1);
        let leave = Record::Leave(View(1));
        let mut votes = Votes::default();
        assert_eq!(votes.sent(SERVER, &vote, &[record.clone(), leave.clone()]), Ok(()));
        let late = votes.sent(SERVER, &vote, &[leave, record]);
        assert!(late.is_err_and(|what| what.starts_with("late vote")));
    }
}
