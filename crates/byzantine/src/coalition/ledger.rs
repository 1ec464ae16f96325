//! Payloads that break the rules of order, with a log that is right for them: what only the rule in
//! question refuses.

use super::Coalition;
use ally_consensus::{BlockHash, BlockRef, Proposal, ProposalParts, Sequence, payload_digest};
use ally_policy::ServerIndex;
use ally_replica::{BatchId, ChainState, HeldBatch, PeerMessage, SignedBatch};
use std::collections::{BTreeMap, VecDeque};

/// The most batches and blocks that a coalition remembers: the newest.
const REMEMBERED: usize = 128;

/// Batches that were seen, and the log after each block whose batches were.
#[derive(Default)]
pub(super) struct Ledger {
    batches: BTreeMap<BatchId, HeldBatch>,
    batches_order: VecDeque<BatchId>,
    states: BTreeMap<BlockHash, ChainState>,
    states_order: VecDeque<BlockHash>,
}

impl Ledger {
    /// Before the first block.
    pub(super) fn new(genesis: BlockRef, servers: usize) -> Self {
        let states = BTreeMap::from([(genesis.hash, ChainState::genesis(servers))]);
        Self { states, ..Self::default() }
    }

    fn batch(&mut self, signed: &SignedBatch) {
        let held = HeldBatch::trusted(signed.clone());
        let id = held.id();
        if self.batches.insert(id, held).is_none() {
            self.batches_order.push_back(id);
        }
        if self.batches_order.len() > REMEMBERED
            && let Some(oldest) = self.batches_order.pop_front()
        {
            self.batches.remove(&oldest);
        }
    }

    pub(super) fn block(&mut self, proposal: &Proposal) {
        let Some(state) = self.after(&proposal.header.parent, &self.held(proposal)) else { return };
        let hash = proposal.block_ref().hash;
        if self.states.insert(hash, state).is_none() {
            self.states_order.push_back(hash);
        }
        if self.states_order.len() > REMEMBERED
            && let Some(oldest) = self.states_order.pop_front()
        {
            self.states.remove(&oldest);
        }
    }

    fn held(&self, proposal: &ProposalParts) -> Option<Vec<HeldBatch>> {
        let find = |reference| self.batches.get(&BatchId::from(reference)).cloned();
        proposal.batches.iter().map(find).collect()
    }

    fn after(&self, parent: &BlockHash, batches: &Option<Vec<HeldBatch>>) -> Option<ChainState> {
        Some(self.states.get(parent)?.extend(batches.as_ref()?))
    }

    /// The number of the newest batch of an origin that was seen.
    pub(super) fn newest_of(&self, origin: ServerIndex) -> Option<Sequence> {
        let own = self.batches.keys().filter(|id| id.origin == origin);
        own.map(|id| id.sequence).max()
    }

    /// Some batches that are due after a block, at most `most`, and the log after them.
    pub(super) fn due(
        &self,
        parent: &BlockHash,
        most: usize,
    ) -> Option<(Vec<HeldBatch>, ChainState)> {
        let mut state = self.states.get(parent)?.clone();
        let mut due = Vec::new();
        for batch in self.batches.values() {
            let reference = batch.reference();
            if due.len() < most && state.next(reference.origin) == Some(reference.sequence) {
                state = state.extend([batch]);
                due.push(batch.clone());
            }
        }
        Some((due, state))
    }

    /// Batches that are not due after a block: ordered before, or after one that is missing.
    fn out_of_order(&self, parent: &BlockHash) -> Vec<HeldBatch> {
        let Some(state) = self.states.get(parent) else { return Vec::new() };
        let due = |batch: &&HeldBatch| {
            state.next(batch.reference().origin) == Some(batch.reference().sequence)
        };
        self.batches.values().filter(|batch| !due(batch)).cloned().collect()
    }
}

impl Coalition {
    /// Remembers what payloads are made of.
    pub(super) fn keep_account(&mut self, message: &PeerMessage) {
        match message {
            PeerMessage::Batch(signed) => self.ledger.batch(signed),
            PeerMessage::Consensus(signed) => {
                if let ally_consensus::Message::Proposal(proposal) = &signed.body {
                    self.ledger.block(proposal);
                }
            }
            _ => {}
        }
    }

    /// Orders a batch that is not due, in front of the others or instead of them.
    pub(super) fn disorder(&mut self, proposal: &mut ProposalParts) {
        let parent = proposal.header.parent;
        let candidates = self.ledger.out_of_order(&parent);
        let newest = candidates.len().saturating_sub(4);
        if let Some(batch) = self.draw.pick(&candidates[newest..]).cloned() {
            self.put_first(batch, proposal);
        }
    }

    /// Orders a batch in front of the others or instead of them.
    pub(super) fn put_first(&mut self, batch: HeldBatch, proposal: &mut ProposalParts) {
        let parent = proposal.header.parent;
        let mut batches = vec![batch];
        if self.draw.percent(50) {
            let Some(others) = self.ledger.held(proposal) else { return };
            batches.extend(others);
        }
        let batches = Some(batches);
        let Some(state) = self.ledger.after(&parent, &batches) else { return };
        proposal.batches = batches.iter().flatten().map(|batch| *batch.reference()).collect();
        let header = &mut proposal.header;
        header.payload_digest = payload_digest(&proposal.batches);
        (header.log_size, header.log_root) = (state.log_size(), state.log_root());
    }
}
