//! A decision has its voters: what an honest server decides, a fast quorum voted for in one view, or
//! a quorum committed to, or the alliance has certified; or that is true of a descendant.
//!
//! Counted from what was said, each server once. So a server that counts its own vote before it
//! may send it, or somebody else's twice, is found out.
//!
//! Source: docs/protocol.md#common-case, rule 3; docs/protocol.md#slow-path.

use super::quorums::Quorums;
use super::{Invariant, Kind};
use crate::observation::Observation;
use ally_consensus::{BlockHeader, BlockRef, Height, Message, Micros, Signed, View};
use ally_policy::{ServerIndex, ServerSet, TrustPolicy};
use ally_replica::{DeliveredBlock, PeerMessage};
use std::collections::BTreeMap;

/// Heights below the newest decided one at which blocks are forgotten.
const HEIGHTS_KEPT: u64 = 256;

/// What was said about each block.
pub(super) struct Decision {
    quorums: Quorums,
    slow_path: bool,
    said: BTreeMap<BlockRef, Said>,
    /// The highest block that some honest server decided.
    decided: u64,
}

/// What was said about a block itself; its descendants have their own.
#[derive(Default)]
struct Said {
    view: Option<View>,
    children: Vec<BlockRef>,
    voters: ServerSet,
    committers: ServerSet,
    certified: bool,
}

impl Decision {
    pub(super) fn new(policy: &TrustPolicy) -> Self {
        let (quorums, slow_path) = (Quorums::of(policy), policy.has_slow_path());
        Self { quorums, slow_path, said: BTreeMap::new(), decided: 0 }
    }

    fn heard(&mut self, from: ServerIndex, message: &Message) {
        match message {
            Message::Proposal(proposal) => self.header(&proposal.header, proposal.block_ref()),
            Message::Fetched(Signed { body, .. }) => self.header(&body.header, body.block_ref()),
            Message::Vote(vote) => {
                self.at(vote.block).voters.insert(from);
            }
            Message::Commit(commit) => {
                self.at(commit.certificate.block).committers.insert(from);
            }
            _ => {}
        }
    }

    fn header(&mut self, header: &BlockHeader, block: BlockRef) {
        if self.at(block).view.replace(header.view).is_none() {
            let height = Height(block.height.0.saturating_sub(1));
            self.at(BlockRef { height, hash: header.parent }).children.push(block);
        }
    }

    fn at(&mut self, block: BlockRef) -> &mut Said {
        self.said.entry(block).or_default()
    }

    fn delivered(&mut self, server: ServerIndex, block: &DeliveredBlock) -> Result<(), String> {
        let height = block.block.height.0;
        if height <= self.decided {
            return Ok(());
        }
        self.decided = height;
        self.header(block.header(), block.header().block_ref());
        let justified = self.descendants(block.block).any(|block| self.is_decided(block));
        while let Some(lowest) = self.said.first_entry()
            && lowest.key().height.0 + HEIGHTS_KEPT < height
        {
            lowest.remove();
        }
        match justified {
            true => Ok(()),
            false => Err(format!(
                "decision: {server} decided height {height} of view {} ({:?}) without a quorum",
                block.header().view,
                block.path
            )),
        }
    }

    /// Whether enough said so about the block itself, in its view.
    fn is_decided(&self, block: BlockRef) -> bool {
        let descendants = self.descendants(block).filter_map(|other| self.said.get(&other));
        let Some(block) = self.said.get(&block) else { return false };
        let (mut voters, mut committers) = (ServerSet::EMPTY, ServerSet::EMPTY);
        for descendant in descendants.filter(|other| other.view == block.view) {
            voters = voters.union(&descendant.voters);
            committers = committers.union(&descendant.committers);
        }
        block.certified
            || self.quorums.votes_decide(&voters)
            || self.slow_path && self.quorums.commits_decide(&committers)
    }

    /// The block first, then what builds on it.
    fn descendants(&self, block: BlockRef) -> impl Iterator<Item = BlockRef> {
        let mut open = vec![block];
        std::iter::from_fn(move || {
            let next = open.pop()?;
            open.extend(self.said.get(&next).into_iter().flat_map(|block| &block.children));
            Some(next)
        })
    }
}

impl Invariant for Decision {
    fn looks_at(&self) -> &'static [Kind] {
        &[Kind::Said, Kind::Certified, Kind::Delivered]
    }

    fn see(&mut self, _: Micros, what: &Observation<'_>) -> Result<(), String> {
        match what {
            Observation::Said { server, message: PeerMessage::Consensus(signed) } => {
                self.heard(*server, &signed.body);
            }
            Observation::Certified { certificate } => {
                self.at(certificate.block).certified = true;
            }
            Observation::Delivered { server, block } => return self.delivered(*server, block),
            _ => {}
        }
        Ok(())
    }
}
