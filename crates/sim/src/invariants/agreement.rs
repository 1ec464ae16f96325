//! Agreement: no two honest servers decide differently at one height, and each decides in order.
//!
//! Source: docs/protocol.md#common-case, rule 3.

use ally_consensus::{BlockRef, Decided};
use ally_policy::ServerIndex;
use std::collections::BTreeMap;

/// The chain as the honest servers decided it.
#[derive(Default)]
pub(super) struct Agreement {
    chain: Vec<BlockRef>,
    heights: BTreeMap<ServerIndex, u64>,
}

impl Agreement {
    /// Whether the block is new to all.
    pub(super) fn decided(
        &mut self,
        server: ServerIndex,
        decided: &Decided,
    ) -> Result<bool, String> {
        let height = decided.block.height.0;
        let last = self.heights.entry(server).or_insert(0);
        if height != *last + 1 {
            return Err(format!("order: {server} decided height {height} after {last}"));
        }
        *last = height;
        match self.chain.get(height as usize - 1) {
            None => {
                self.chain.push(decided.block);
                Ok(true)
            }
            Some(block) if *block == decided.block => Ok(false),
            Some(block) => Err(format!(
                "agreement: {server} decided {} at height {height}, another server {}",
                decided.block.hash, block.hash
            )),
        }
    }

    pub(super) fn crashed(&mut self, server: ServerIndex, remembered: usize) {
        self.heights.insert(server, remembered as u64);
    }

    pub(super) fn chain(&self) -> &[BlockRef] {
        &self.chain
    }
}
