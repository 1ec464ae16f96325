//! Decided blocks become delivered ones: in order, gap-free, with their batches.

use super::Replica;
use crate::batch::{BatchId, HeldBatch};
use crate::chain::CheckedBlock;
use crate::fetch::Urgency;
use crate::io::{DeliveredBlock, Output, StoreOp};
use ally_consensus::Decided;
use ally_policy::ServerIndex;
use std::sync::Arc;

/// How many bytes of batches of decided blocks are fetched ahead of delivery.
const FETCH_AHEAD_BYTES: u64 = 32 << 20;

/// How many decided blocks may wait for their batches before no more are asked for.
const UNDELIVERED_MAX: usize = 4096;

impl Replica {
    /// Whether enough decided blocks wait already.
    pub(super) fn is_clogged(&self) -> bool {
        self.undelivered.len() >= UNDELIVERED_MAX
    }

    /// Delivers what can be delivered.
    pub(super) fn deliver(&mut self) {
        if !std::mem::take(&mut self.stirred) {
            return;
        }
        while let Some(decided) = self.undelivered.pop_front() {
            let Some(checked) = self.complete(&decided) else {
                self.undelivered.push_front(decided);
                return self.want_undelivered();
            };
            self.deliver_block(decided, checked);
        }
    }

    /// The block's batches and the log after it, if all batches are held.
    ///
    /// # Panics
    /// If the block's log root is not what its batches give: then this server's own log is wrong, or
    /// more servers lied than the policy tolerates. It must not go on.
    fn complete(&mut self, decided: &Decided) -> Option<CheckedBlock> {
        if let Some(checked) = self.chain.take_checked(&decided.block.hash) {
            return Some(checked);
        }
        let find = |reference| self.pool.find(&BatchId::from(reference)).cloned();
        let batches: Vec<HeldBatch> =
            decided.proposal.batches.iter().map(find).collect::<Option<_>>()?;
        let state = self.chain.tip_state().extend(&batches);
        let header = decided.header();
        let (size, root) = (state.log_size(), state.log_root());
        assert!(
            (size, root) == (header.log_size, header.log_root),
            "block {} was decided with log size {} and root {}, but its batches give {size} and {root}",
            decided.block.height,
            header.log_size,
            header.log_root,
        );
        Some(CheckedBlock { state, batches })
    }

    fn deliver_block(&mut self, decided: Decided, checked: CheckedBlock) {
        let Decided { block, proposal, signature, path } = decided;
        let header = &proposal.header;
        assert_eq!(header.parent, self.chain.tip().hash, "blocks are delivered in chain order");
        let CheckedBlock { state, batches } = checked;
        let first_index = self.chain.tip_state().log_size();
        for batch in &batches {
            let reference = batch.reference();
            self.pool.advance(reference.origin, reference.sequence.next());
            if reference.origin == self.config.engine.me {
                self.intake.advance(reference.sequence.next());
            }
        }
        if self.config.engine.rotation.leader(header.view) != self.config.engine.me {
            self.fair_share.taken(batches.iter().map(|batch| batch.reference().origin));
        }
        let in_block =
            |origin: ServerIndex| batches.iter().any(|batch| batch.reference().origin == origin);
        if !batches.is_empty() {
            self.passed_over.delivered(in_block);
        }
        self.fetcher.retain(|id| state.next(id.origin).is_some_and(|next| id.sequence >= next));
        self.certifier.delivered(block, header.log_size, header.log_root, self.now.monotonic);
        self.chain.deliver(block, state.clone());
        self.checks.delivered(block.height);
        let delivered = Arc::new(DeliveredBlock {
            block,
            proposal,
            signature,
            batches,
            first_index,
            path,
            state,
        });
        self.out.write(StoreOp::Block(Arc::clone(&delivered)));
        self.out.push(Output::Delivered(delivered));
        self.check_children(block);
    }

    /// Asks for the batches that the next blocks lack.
    fn want_undelivered(&mut self) {
        let mut bytes = 0;
        for decided in &self.undelivered {
            let proposer = self.config.engine.rotation.leader(decided.header().view);
            for reference in decided.proposal.batches.iter() {
                let id = BatchId::from(reference);
                bytes += u64::from(reference.bytes);
                if self.pool.find(&id).is_none() {
                    self.fetcher.want(id, Urgency::Decided, proposer, self.now.monotonic);
                }
            }
            if bytes > FETCH_AHEAD_BYTES {
                return;
            }
        }
    }
}
