//! The log after each block that matters: the delivered tip, and checked blocks beyond it.

use crate::batch::HeldBatch;
use crate::chain_state::ChainState;
use ally_consensus::{BlockHash, BlockHeader, BlockRef, Digest, Height};
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

impl CheckedBlock {
    /// Whether a header names the log that these batches give. Another leader may propose the payload
    /// that this server drafted, and lie about what it gives.
    pub(crate) fn fits(&self, header: &BlockHeader) -> bool {
        (self.state.log_size(), self.state.log_root()) == (header.log_size, header.log_root)
    }
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

    /// Takes out what was found when the block was checked: it is about to be delivered.
    pub(crate) fn take_checked(&mut self, block: &BlockHash) -> Option<CheckedBlock> {
        self.checked.remove(block).map(|(_, checked)| checked)
    }

    /// Notes a block whose payload is right. When there is no room the highest block is forgotten,
    /// this one or another: gives that block, which has to be checked again. So leaders that sign
    /// branches without end cannot keep the next block from being checked.
    #[must_use]
    pub(crate) fn insert(&mut self, block: BlockRef, checked: CheckedBlock) -> Option<BlockRef> {
        if block.height <= self.tip.height {
            return None;
        }
        self.checked.insert(block.hash, (block.height, checked));
        if self.checked.len() <= CHECKED_BLOCKS_MAX {
            return None;
        }
        let blocks = self.checked.iter();
        let highest =
            blocks.map(|(hash, (height, _))| BlockRef { height: *height, hash: *hash }).max()?;
        self.checked.remove(&highest.hash);
        Some(highest)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::held;
    use ally_consensus::{AllianceId, Epoch, Micros, View};

    fn block(height: u64, name: u8) -> BlockRef {
        let mut hash = [name; 32];
        hash[..8].copy_from_slice(&height.to_le_bytes());
        BlockRef { height: Height(height), hash: BlockHash(hash) }
    }

    fn checked() -> CheckedBlock {
        CheckedBlock { state: ChainState::genesis(4), batches: Vec::new() }
    }

    #[test]
    fn delivery_forgets_all_branches_at_its_height_and_below() {
        let mut chain = Chain::new(block(0, 0), ChainState::genesis(4));
        for (height, name) in [(1, 1), (1, 2), (2, 1)] {
            assert_eq!(chain.insert(block(height, name), checked()), None);
        }
        chain.deliver(block(1, 1), ChainState::genesis(4));
        assert!(chain.checked(&block(1, 2).hash).is_none());
        assert!(chain.state(&block(1, 1).hash).is_some(), "the tip");
        assert!(chain.state(&block(2, 1).hash).is_some());
        assert_eq!(chain.insert(block(1, 3), checked()), None);
        assert!(chain.state(&block(1, 3).hash).is_none(), "too late");
    }

    #[test]
    fn a_draft_fits_only_a_header_that_names_its_log_in_full() {
        let batches = vec![held(1, 0, 7, 10), held(2, 0, 8, 10)];
        let state = ChainState::genesis(4).extend(&batches);
        let draft = CheckedBlock { state, batches };
        let header = |log_size, log_root| BlockHeader {
            alliance: AllianceId([0; 32]),
            epoch: Epoch(0),
            height: Height(1),
            view: View(0),
            parent: BlockHash([0; 32]),
            payload_digest: Digest([0; 32]),
            log_size,
            log_root,
            timestamp_us: Micros(0),
        };
        let root = draft.state.log_root();
        assert!(draft.fits(&header(2, root)));
        assert!(!draft.fits(&header(3, root)), "the root alone does not say the size");
        assert!(!draft.fits(&header(2, Digest([9; 32]))));
    }

    #[test]
    fn checked_blocks_and_drafts_are_bounded() {
        let mut chain = Chain::new(block(0, 0), ChainState::genesis(4));
        for height in 1..=CHECKED_BLOCKS_MAX as u64 {
            assert_eq!(chain.insert(block(height, 1), checked()), None);
        }
        assert_eq!(chain.insert(block(9999, 1), checked()), Some(block(9999, 1)));
        let highest = block(CHECKED_BLOCKS_MAX as u64, 1);
        assert_eq!(chain.insert(block(1, 2), checked()), Some(highest), "the lowest matter most");
        assert!(chain.checked(&block(1, 2).hash).is_some());
        assert!(chain.checked(&highest.hash).is_none());
        let payload = Digest([0; 32]);
        for height in 0..=DRAFTS_MAX as u64 {
            chain.draft(block(height, 1).hash, payload, checked());
        }
        assert!(chain.take_draft(&block(0, 1).hash, &payload).is_none(), "the oldest is forgotten");
        assert!(chain.take_draft(&block(1, 1).hash, &payload).is_some());
        assert!(chain.take_draft(&block(1, 1).hash, &payload).is_none(), "taken once");
    }
}
