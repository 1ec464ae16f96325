//! One vote per view and height, and none in a view that was left; one tip per view to share.
//!
//! A vote may be *sent* after its view was left, say for the first time after a crash. But it must
//! have been *cast* before: written below the record of leaving, so that the report speaks of it.
//!
//! Source: docs/protocol.md#common-case, rule 2; docs/protocol.md#leaving;
//! docs/protocol.md#entering.

use super::{Invariant, Kind};
use crate::ascending::Ascending;
use crate::observation::Observation;
use ally_consensus::{BlockHash, BlockRef, Message, Micros, Record, View};
use ally_policy::{ServerIndex, ServerSet};
use ally_replica::{PeerMessage, StoreOp};
use std::collections::BTreeMap;

/// Votes of a server that are remembered: those of the newest views and heights.
const VOTES_MAX: usize = 4096;

/// What honest servers voted for.
pub(super) struct Votes {
    honest: ServerSet,
    votes: BTreeMap<ServerIndex, Ascending<(View, u64), BlockHash, VOTES_MAX>>,
    left: BTreeMap<ServerIndex, View>,
    /// Each server's newest share of NV: for which tip.
    shares: BTreeMap<ServerIndex, (View, BlockRef)>,
}

impl Votes {
    pub(super) fn new(honest: ServerSet) -> Self {
        Self { honest, votes: BTreeMap::new(), left: BTreeMap::new(), shares: BTreeMap::new() }
    }

    fn vote(&mut self, server: ServerIndex, view: View, block: BlockRef) -> Result<(), String> {
        let votes = self.votes.entry(server).or_default();
        let known = votes.insert((view, block.height.0), block.hash);
        match known {
            Some(hash) if hash != block.hash => {
                Err(format!("double vote: {server} at view {view} height {}", block.height))
            }
            _ => Ok(()),
        }
    }

    fn share(&mut self, server: ServerIndex, view: View, tip: BlockRef) -> Result<(), String> {
        match self.shares.insert(server, (view, tip)) {
            Some((last, other)) if last == view && other != tip => {
                Err(format!("double share: {server} shares two tips of view {view}"))
            }
            _ => Ok(()),
        }
    }

    fn written(&mut self, server: ServerIndex, record: &Record) -> Result<(), String> {
        let left = self.left.entry(server).or_insert(View::ZERO);
        match record {
            Record::Leave(view) => *left = (*left).max(*view),
            Record::Enter(certificate) => *left = (*left).max(certificate.view),
            Record::Vote(proposal) => {
                let view = proposal.body.header.view;
                if view < *left {
                    return Err(format!(
                        "late vote: {server} voted in view {view} after leaving it"
                    ));
                }
                return self.vote(server, view, proposal.body.block_ref());
            }
            _ => {}
        }
        Ok(())
    }
}

impl Invariant for Votes {
    fn looks_at(&self) -> &'static [Kind] {
        &[Kind::Durable, Kind::Said]
    }

    fn see(&mut self, _: Micros, what: &Observation<'_>) -> Result<(), String> {
        match what {
            Observation::Durable { server, op: StoreOp::Journal { record, .. } } => {
                self.written(*server, record)
            }
            Observation::Said { server, message: PeerMessage::Consensus(signed) }
                if self.honest.contains(*server) =>
            {
                match &signed.body {
                    Message::Vote(vote) => self.vote(*server, vote.view, vote.block),
                    Message::NewViewShare(share) => self.share(*server, share.view, share.tip),
                    _ => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }
}
