//! The log after each block that matters: the delivered tip, and checked blocks beyond it.

use crate::batch::HeldBatch;
use crate::chain_state::ChainState;
use ally_consensus::{BlockHash, BlockRef, Digest, Height};
use std::collections::{BTreeMap, VecDeque};

/// The most checked blocks beyond the tip, over all branches.
pub(crate) const CHECKED_BLOCKS_MAX: usize = 2048;

/// The most payloads of this server's own making that are remembered until they come back as
/// proposals.
const DRAFTS_MAX: usize = 16;

/// A block whose payload is right, with what delivering it needs.
#[derive(Debug, Clone)]
pub(crate) struct CheckedBlock {
    /// The log after it.
    pub(crate) state: ChainState,
    /// Its batches.
    pub(crate) batches: Vec<HeldBatch>,
}

/// States by block.
#[derive(Debug)]
pub(crate) struct Chain {
    tip: BlockRef,
    state: ChainState,
    checked: BTreeMap<BlockHash, (Height, CheckedBlock)>,
    /// By parent and payload digest: a leader has computed its own blocks' states already.
    drafts: VecDeque<(BlockHash, Digest, CheckedBlock)>,
}

impl Chain {
    /// A chain whose last delivered block is `tip`.
    pub(crate) fn new(tip: BlockRef, state: ChainState) -> Self {
        Self { tip, state, checked: BTreeMap::new(), drafts: VecDeque::new() }
    }

    /// The last delivered block.
    pub(crate) fn tip(&self) -> BlockRef {
        self.tip
    }

    /// The log after it.
    pub(crate) fn tip_state(&self) -> &ChainState {
        &self.state
    }

    /// The log after a block, if it is the tip or was checked.
    pub(crate) fn state(&self, block: &BlockHash) -> Option<&ChainState> {
        if *block == self.tip.hash {
            return Some(&self.state);
        }
        self.checked.get(block).map(|(_, checked)| &checked.state)
    }

    /// What was found when the block was checked.
    pub(crate) fn checked(&self, block: &BlockHash) -> Option<&CheckedBlock> {
        self.checked.get(block).map(|(_, checked)| checked)
    }

    /// Notes a block whose payload is right; false if there is no room.
    pub(crate) fn insert(&mut self, block: BlockRef, checked: CheckedBlock) -> bool {
        let room = self.checked.len() < CHECKED_BLOCKS_MAX;
        if room && block.height > self.tip.height {
            self.checked.insert(block.hash, (block.height, checked));
        }
        room
    }

    /// Remembers a payload of this server's own making.
    pub(crate) fn draft(&mut self, parent: BlockHash, payload: Digest, checked: CheckedBlock) {
        if self.drafts.len() == DRAFTS_MAX {
            self.drafts.pop_front();
        }
        self.drafts.push_back((parent, payload, checked));
    }

    /// Takes a remembered payload.
    pub(crate) fn take_draft(
        &mut self,
        parent: &BlockHash,
        payload: &Digest,
    ) -> Option<CheckedBlock> {
        let place = self.drafts.iter().position(|(p, d, _)| p == parent && d == payload)?;
        self.drafts.remove(place).map(|(_, _, checked)| checked)
    }

    /// The next block is delivered; branches that end at its height or below are forgotten.
    pub(crate) fn deliver(&mut self, block: BlockRef, state: ChainState) {
        self.tip = block;
        self.state = state;
        self.checked.retain(|_, (height, _)| *height > block.height);
    }
}
