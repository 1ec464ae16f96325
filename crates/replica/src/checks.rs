//! Payload checks that cannot be answered yet: batches are missing, or the parent's state is.

use crate::batch::BatchId;
use ally_consensus::{BlockHash, BlockRef, Height, Proposal};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The most checks that wait. The engine asks in chain order and within its window, so more only
/// come from leaders that equivocate in many views.
pub(crate) const PARKED_MAX: usize = 512;

/// A check that waits.
#[derive(Debug, Clone)]
pub(crate) struct Parked {
    /// The block.
    pub(crate) block: BlockRef,
    /// Its proposal.
    pub(crate) proposal: Arc<Proposal>,
    missing: BTreeSet<BatchId>,
}

/// The checks that wait, by block.
#[derive(Debug, Default)]
pub(crate) struct Checks {
    parked: BTreeMap<BlockHash, Parked>,
}

impl Checks {
    /// Lets a check wait for batches, or for its parent if none are missing. When there is no room
    /// the highest block's check is forgotten: it will not be voted for here.
    pub(crate) fn park(
        &mut self,
        block: BlockRef,
        proposal: Arc<Proposal>,
        missing: impl IntoIterator<Item = BatchId>,
    ) {
        let missing = missing.into_iter().collect();
        self.parked.insert(block.hash, Parked { block, proposal, missing });
        if self.parked.len() > PARKED_MAX {
            let highest = self.parked.values().max_by_key(|parked| parked.block);
            let highest = highest.map(|parked| parked.block.hash);
            highest.and_then(|hash| self.parked.remove(&hash));
        }
    }

    /// A batch has come: takes out the checks that waited for nothing else.
    pub(crate) fn batch_came(&mut self, id: &BatchId) -> Vec<Parked> {
        self.take(|parked| parked.missing.remove(id) && parked.missing.is_empty())
    }

    /// The log after a block is known: takes out its children's checks.
    pub(crate) fn state_known(&mut self, block: &BlockHash) -> Vec<Parked> {
        self.take(|parked| parked.proposal.header.parent == *block)
    }

    /// Forgets checks at this height or below: something is delivered there.
    pub(crate) fn delivered(&mut self, height: Height) {
        self.parked.retain(|_, parked| parked.block.height > height);
    }

    /// How many wait, for status.
    pub(crate) fn len(&self) -> usize {
        self.parked.len()
    }

    fn take(&mut self, mut ready: impl FnMut(&mut Parked) -> bool) -> Vec<Parked> {
        let mut taken = Vec::new();
        self.parked.retain(|_, parked| {
            let ready = ready(parked);
            if ready {
                taken.push(parked.clone());
            }
            !ready
        });
        taken
    }
}
