//! Payload checks that cannot be answered yet: batches are missing, or the parent's state is.

use crate::batch::BatchId;
use ally_consensus::{BlockHash, BlockRef, Height, Proposal};
use std::collections::{BTreeMap, BTreeSet};

/// The most checks that wait. The engine asks in chain order and within its window, so more only
/// come from leaders that equivocate in many views.
pub(crate) const PARKED_MAX: usize = 512;

/// A check that waits.
#[derive(Debug, Clone)]
pub(crate) struct Parked {
    /// The block.
    pub(crate) block: BlockRef,
    /// Its proposal.
    pub(crate) proposal: Proposal,
    missing: BTreeSet<BatchId>,
}

/// The checks that wait, by block.
#[derive(Debug, Default)]
pub(crate) struct Checks {
    parked: BTreeMap<BlockHash, Parked>,
}

impl Checks {
    /// Lets a check wait for batches, or for its parent if none are missing. When there is no room
    /// the highest block's check is forgotten: gives that block, which has to be asked for again.
    #[must_use]
    pub(crate) fn park(
        &mut self,
        block: BlockRef,
        proposal: Proposal,
        missing: impl IntoIterator<Item = BatchId>,
    ) -> Option<BlockRef> {
        let missing = missing.into_iter().collect();
        self.parked.insert(block.hash, Parked { block, proposal, missing });
        if self.parked.len() <= PARKED_MAX {
            return None;
        }
        let highest = self.parked.values().map(|parked| parked.block).max()?;
        self.parked.remove(&highest.hash);
        Some(highest)
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

    /// The batches that checks wait for, each with its block's proposal.
    pub(crate) fn missing(&self) -> impl Iterator<Item = (&Proposal, &BatchId)> {
        self.parked
            .values()
            .flat_map(|parked| parked.missing.iter().map(|id| (&parked.proposal, id)))
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

#[cfg(test)]
mod tests {
    use super::*;
    use ally_consensus::{
        AllianceId, BlockHeader, Digest, Epoch, Micros, ProposalParts, Sequence, View,
        payload_digest,
    };
    use ally_policy::ServerIndex;

    fn parked(checks: &mut Checks, height: u64, missing: &[u64]) -> BlockRef {
        let header = BlockHeader {
            alliance: AllianceId([0; 32]),
            epoch: Epoch(0),
            height: Height(height),
            view: View(0),
            parent: BlockHash([height as u8; 32]),
            payload_digest: payload_digest(&[]),
            log_size: 0,
            log_root: Digest([0; 32]),
            timestamp_us: Micros(0),
        };
        let block = header.block_ref();
        let proposal = Proposal::from(parts(header));
        let ids = missing.iter().map(|sequence| id(*sequence));
        let _ = checks.park(block, proposal, ids);
        block
    }

    fn parts(header: BlockHeader) -> ProposalParts {
        ProposalParts { header, batches: [].into(), new_view: None }
    }

    fn id(sequence: u64) -> BatchId {
        let digest = Digest([0; 32]);
        BatchId { origin: ServerIndex(0), sequence: Sequence(sequence), digest }
    }

    #[test]
    fn a_check_is_ready_when_its_last_batch_has_come() {
        let mut checks = Checks::default();
        let block = parked(&mut checks, 1, &[1, 2]);
        assert!(checks.batch_came(&id(2)).is_empty());
        assert!(checks.batch_came(&id(2)).is_empty(), "it came before");
        let ready = checks.batch_came(&id(1));
        assert_eq!(ready.iter().map(|parked| parked.block).collect::<Vec<_>>(), [block]);
        assert_eq!(checks.len(), 0);
    }

    #[test]
    fn a_check_is_ready_when_its_parent_is_known_and_gone_when_passed() {
        let mut checks = Checks::default();
        parked(&mut checks, 1, &[]);
        parked(&mut checks, 2, &[]);
        assert_eq!(checks.state_known(&BlockHash([2; 32])).len(), 1);
        checks.delivered(Height(1));
        assert_eq!(checks.len(), 0);
    }

    #[test]
    fn when_there_is_no_room_the_highest_check_goes() {
        let mut checks = Checks::default();
        for height in 0..PARKED_MAX as u64 + 3 {
            parked(&mut checks, 1000 + height, &[7]);
        }
        assert_eq!(checks.len(), PARKED_MAX);
        let highest = checks.parked.values().map(|parked| parked.block).max();
        let low = checks.parked.values().next().unwrap().proposal.header.clone();
        let low = BlockHeader { height: Height(1), ..low };
        let proposal = Proposal::from(parts(low));
        assert_eq!(checks.park(proposal.block_ref(), proposal, [id(7)]), highest);
        let ready = checks.batch_came(&id(7));
        let highest = ready.iter().map(|parked| parked.block.height.0).max();
        assert_eq!(highest, Some(998 + PARKED_MAX as u64));
    }
}
