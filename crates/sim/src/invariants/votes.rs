//! One vote per view and height, and nothing said that the disk could forget.
//!
//! Source: docs/protocol.md#common-case, rule 2; docs/protocol.md#durability.

use ally_consensus::{BlockHash, Message, Record, Vote};
use ally_policy::ServerIndex;
use std::collections::BTreeMap;

/// What honest servers said.
#[derive(Default)]
pub(super) struct Votes {
    votes: BTreeMap<(ServerIndex, u64, u64), BlockHash>,
    left: BTreeMap<ServerIndex, u64>,
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
                self.voted(from, vote)?;
                ("vote", holds(&|record| is_vote(record, vote)))
            }
            Message::Commit(commit) => {
                let same = |record: &Record| matches!(record, Record::Commit(kept) if *kept == commit.certificate);
                ("commit", holds(&same))
            }
            Message::ViewChange(report) => {
                let left = self.left.entry(from).or_insert(0);
                *left = (*left).max(report.view.0);
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

    fn voted(&mut self, from: ServerIndex, vote: &Vote) -> Result<(), String> {
        let key = (from, vote.view.0, vote.block.height.0);
        let known = self.votes.insert(key, vote.block.hash);
        if known.is_some_and(|hash| hash != vote.block.hash) {
            return Err(format!("double vote: {from} at view {} height {}", key.1, key.2));
        }
        if known.is_none() && self.left.get(&from).is_some_and(|left| vote.view.0 < *left) {
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
