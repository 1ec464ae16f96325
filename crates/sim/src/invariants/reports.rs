//! A report is its sender's last word: it speaks of no older vote, and no older commit, than the last
//! one that the sender said.
//!
//! What a report may leave out is at or below the certificate that it shows, or conflicts with it. The
//! view of the last vote is there in any case.
//!
//! Source: docs/protocol.md#leaving, docs/protocol.md#durability.

use super::{Invariant, Kind};
use crate::observation::Observation;
use ally_consensus::{BlockHash, BlockRef, Height, Message, Micros, View, ViewChange};
use ally_policy::{ServerIndex, ServerSet};
use ally_replica::PeerMessage;
use std::collections::BTreeMap;

/// Headers that are remembered: the highest.
const HEADERS_MAX: usize = 4_096;

/// What honest servers said last.
pub(super) struct Reports {
    honest: ServerSet,
    voted: BTreeMap<ServerIndex, (View, BlockRef)>,
    committed: BTreeMap<ServerIndex, (View, BlockRef)>,
    /// The parent of each block that anybody proposed.
    parents: BTreeMap<(Height, BlockHash), BlockHash>,
}

impl Reports {
    pub(super) fn new(honest: ServerSet) -> Self {
        Self {
            honest,
            voted: BTreeMap::new(),
            committed: BTreeMap::new(),
            parents: BTreeMap::new(),
        }
    }

    fn said(&mut self, server: ServerIndex, message: &Message) -> Result<(), String> {
        match message {
            Message::Vote(vote) => raise(&mut self.voted, server, vote.view, vote.block),
            Message::Commit(commit) => {
                let certificate = &commit.certificate;
                raise(&mut self.committed, server, certificate.view, certificate.block);
            }
            Message::ViewChange(report) => return self.reported(server, report),
            _ => {}
        }
        Ok(())
    }

    fn reported(&self, server: ServerIndex, report: &ViewChange) -> Result<(), String> {
        let voted = report.voted.as_ref().map(|branch| {
            let top = branch.headers.last().map(|header| header.body.height);
            (branch.view, top.unwrap_or_default())
        });
        let committed = report.committed.as_ref().map(|(cc, _)| (cc.view, cc.block.height));
        if let Some((view, block)) = self.voted.get(&server) {
            let due = if self.may_leave_out(*block, report) { Height::ZERO } else { block.height };
            if voted.is_none_or(|known| known < (*view, due)) {
                return Err(format!(
                    "report: {server} voted for height {} of view {view}, and reports {voted:?}",
                    block.height
                ));
            }
        }
        if let Some((view, block)) = self.committed.get(&server)
            && !self.may_leave_out(*block, report)
            && committed.is_none_or(|known| known < (*view, block.height))
        {
            return Err(format!(
                "report: {server} committed to height {} of view {view}, and reports {committed:?}",
                block.height
            ));
        }
        Ok(())
    }

    /// Whether the report's certificate makes up for a block: it is at or above it, or conflicts
    /// with it, or lies so far below it that this cannot be told any more.
    fn may_leave_out(&self, block: BlockRef, report: &ViewChange) -> bool {
        let Some(certified) = report.certified.as_ref().map(|known| known.block) else {
            return false;
        };
        let mut cursor = block;
        while cursor.height > certified.height {
            let Some(parent) = self.parents.get(&(cursor.height, cursor.hash)) else { return true };
            cursor = BlockRef { height: Height(cursor.height.0 - 1), hash: *parent };
        }
        cursor != certified || block == certified
    }

    fn proposed(&mut self, message: &Message) {
        let proposal = match message {
            Message::Proposal(proposal) => proposal,
            Message::Fetched(signed) => &signed.body,
            _ => return,
        };
        let block = proposal.block_ref();
        self.parents.insert((block.height, block.hash), proposal.header.parent);
        if self.parents.len() > HEADERS_MAX {
            self.parents.pop_first();
        }
    }
}

fn raise(
    last: &mut BTreeMap<ServerIndex, (View, BlockRef)>,
    server: ServerIndex,
    view: View,
    block: BlockRef,
) {
    let known = last.entry(server).or_insert((view, block));
    *known = (*known).max((view, block));
}

impl Invariant for Reports {
    fn looks_at(&self) -> &'static [Kind] {
        &[Kind::Said]
    }

    fn see(&mut self, _: Micros, what: &Observation<'_>) -> Result<(), String> {
        match what {
            Observation::Said { server, message: PeerMessage::Consensus(signed) } => {
                self.proposed(&signed.body);
                if self.honest.contains(*server) {
                    return self.said(*server, &signed.body);
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }
}
