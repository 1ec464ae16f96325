//! No block is larger than the alliance allows, whoever proposed it.
//!
//! Source: docs/protocol.md#ordering.

use super::{Invariant, Kind};
use crate::observation::Observation;
use ally_consensus::Micros;

/// Batches that a block may have in simulated alliances: few, so that there is more to order than
/// fits. Liars propose as many as they have.
pub(crate) const BLOCK_BATCHES: usize = 3;

/// Nothing to remember.
pub(super) struct Budget;

impl Invariant for Budget {
    fn looks_at(&self) -> &'static [Kind] {
        &[Kind::Delivered]
    }

    fn see(&mut self, _: Micros, what: &Observation<'_>) -> Result<(), String> {
        let Observation::Delivered { server, block } = what else { return Ok(()) };
        let (count, height) = (block.batches.len(), block.block.height);
        match count > BLOCK_BATCHES {
            true => Err(format!(
                "budget: {server} decided {count} batches at height {height}, at most \
                 {BLOCK_BATCHES} are allowed"
            )),
            false => Ok(()),
        }
    }
}
