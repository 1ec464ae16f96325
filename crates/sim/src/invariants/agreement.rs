//! Agreement: no two honest servers decide differently at one height, and each decides in order.
//!
//! Source: docs/protocol.md#common-case, rule 3.

use super::{Invariant, Kind};
use crate::observation::Observation;
use ally_consensus::{BlockRef, Micros};
use ally_policy::ServerIndex;
use std::collections::BTreeMap;

/// The chain as the honest servers decided it.
#[derive(Default)]
pub(super) struct Agreement {
    chain: Vec<BlockRef>,
    heights: BTreeMap<ServerIndex, u64>,
}

impl Invariant for Agreement {
    fn looks_at(&self) -> &'static [Kind] {
        &[Kind::Delivered, Kind::Crashed]
    }

    fn see(&mut self, _: Micros, what: &Observation<'_>) -> Result<(), String> {
        match what {
            Observation::Delivered { server, block } => self.delivered(*server, block.block),
            Observation::Crashed { server, height } => {
                self.heights.insert(*server, height.0);
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

impl Agreement {
    fn delivered(&mut self, server: ServerIndex, block: BlockRef) -> Result<(), String> {
        let height = block.height.0;
        let last = self.heights.entry(server).or_insert(0);
        if height != *last + 1 {
            return Err(format!("order: {server} decided height {height} after {last}"));
        }
        *last = height;
        match self.chain.get(height as usize - 1) {
            None => self.chain.push(block),
            Some(known) if *known == block => {}
            Some(known) => {
                return Err(format!(
                    "agreement: {server} decided {} at height {height}, another server {}",
                    block.hash, known.hash
                ));
            }
        }
        Ok(())
    }
}
