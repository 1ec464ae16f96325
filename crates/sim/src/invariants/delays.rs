//! How long decisions take, from the proposal to an honest server's decision.
//!
//! No invariant by itself: with a fixed message delay it counts steps, and tests hold it against
//! docs/protocol.md#common-case.

use ally_consensus::{BlockHash, Micros};
use std::collections::BTreeMap;

/// When blocks were proposed, and the shortest and longest times to decisions, by path.
#[derive(Default)]
pub(super) struct Delays {
    proposed: BTreeMap<BlockHash, Micros>,
    ranges: [Option<(u64, u64)>; 3],
}

impl Delays {
    pub(super) fn proposed(&mut self, block: BlockHash, now: Micros) {
        self.proposed.entry(block).or_insert(now);
    }

    pub(super) fn decided(&mut self, block: BlockHash, path: usize, now: Micros) {
        let Some(proposed) = self.proposed.get(&block) else { return };
        let delay = now.0 - proposed.0;
        let range = self.ranges[path].get_or_insert((delay, delay));
        *range = (range.0.min(delay), range.1.max(delay));
    }

    pub(super) fn ranges(&self) -> [Option<(u64, u64)>; 3] {
        self.ranges
    }
}
