//! A report is its sender's last word: it speaks of no older vote, and no older commit, than the last
//! one that the sender said.
//!
//! What a report may leave out are headers at or below the certificate that it shows, and branches
//! that conflict with it. The view of the last vote is there in any case.
//!
//! Source: docs/protocol.md#leaving, docs/protocol.md#durability.

use super::Invariant;
use crate::observation::Observation;
use ally_consensus::{BlockRef, Height, Message, Micros, View, ViewChange};
use ally_policy::{ServerIndex, ServerSet};
use ally_replica::PeerMessage;
use std::collections::BTreeMap;

/// What honest servers said last.
pub(super) struct Reports {
    honest: ServerSet,
    voted: BTreeMap<ServerIndex, (View, BlockRef)>,
    committed: BTreeMap<ServerIndex, (View, BlockRef)>,
}

impl Reports {
    pub(super) fn new(honest: ServerSet) -> Self {
        Self { honest, voted: BTreeMap::new(), committed: BTreeMap::new() }
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
        // Whether a branch conflicts with the certificate does not show here.
        let left_out = if report.certified.is_some() { Height(u64::MAX) } else { Height::ZERO };
        let voted = report.voted.as_ref().map(|branch| {
            let top = branch.headers.last().map(|header| header.body.height);
            (branch.view, top.unwrap_or(left_out))
        });
        let committed = report.committed.as_ref().map(|(cc, _)| (cc.view, cc.block.height));
        if let Some((view, block)) = self.voted.get(&server)
            && voted.is_none_or(|known| known < (*view, block.height))
        {
            return Err(format!(
                "report: {server} voted for height {} of view {view}, and reports {voted:?}",
                block.height
            ));
        }
        if let Some((view, block)) = self.committed.get(&server)
            && report.certified.is_none()
            && committed.is_none_or(|known| known < (*view, block.height))
        {
            return Err(format!(
                "report: {server} committed to height {} of view {view}, and reports {committed:?}",
                block.height
            ));
        }
        Ok(())
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
    fn see(&mut self, _: Micros, what: &Observation<'_>) -> Result<(), String> {
        match what {
            Observation::Said { server, message: PeerMessage::Consensus(signed) }
                if self.honest.contains(*server) =>
            {
                self.said(*server, &signed.body)
            }
            _ => Ok(()),
        }
    }
}
