//! Proposals that a coalition has seen: what can be voted for and reported.

use crate::random::Stream;
use ally_consensus::{BlockHash, BlockRef, Proposal, Signed};
use std::collections::{BTreeMap, VecDeque};

/// The most proposals a coalition remembers: the newest.
const REMEMBERED: usize = 256;

/// Proposals by block.
#[derive(Default)]
pub(super) struct Memory {
    seen: BTreeMap<BlockHash, Signed<Proposal>>,
    order: VecDeque<BlockHash>,
}

impl Memory {
    pub(super) fn keep(&mut self, proposal: Signed<Proposal>) {
        let hash = proposal.body.header.hash();
        if self.seen.insert(hash, proposal).is_none() {
            self.order.push_back(hash);
        }
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.seen.remove(&oldest);
        }
    }

    pub(super) fn proposal(&self, block: &BlockHash) -> Option<&Signed<Proposal>> {
        self.seen.get(block)
    }

    pub(super) fn any(&self, draw: &mut Stream) -> Option<BlockHash> {
        let blocks: Vec<_> = self.seen.keys().copied().collect();
        draw.pick(&blocks).copied()
    }

    pub(super) fn any_block(&self, draw: &mut Stream) -> Option<BlockRef> {
        let hash = self.any(draw)?;
        self.seen.get(&hash).map(|proposal| proposal.body.header.block_ref())
    }
}
