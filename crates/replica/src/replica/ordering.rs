//! The ordering service: spreading batches, proposing, and seeing to it that nobody is left out.

use super::Replica;
use crate::batch::HeldBatch;
use crate::chain::CheckedBlock;
use crate::io::{Recipients, StoreOp, When};
use crate::job::Job;
use crate::passed_over::Neglect;
use crate::wire::PeerMessage;
use ally_consensus::{BatchRef, Bug, Draft, Slot, payload_digest};
use std::sync::Arc;

/// How many of an origin's batches are relayed to a leader that may not have them.
const RELAYED_BATCHES_MAX: usize = 4;

impl Replica {
    /// Lets the next batch of this server's commands be signed, if it is time; whether it is.
    pub(super) fn cut_batches(&mut self) -> bool {
        let batch = self.intake.cut();
        let is_time = batch.is_some();
        if let Some(batch) = batch {
            self.out.run(Job::SignBatch(batch));
        }
        is_time
    }

    /// A batch of this server is signed: it is written, and sent once it cannot be forgotten.
    pub(super) fn spread(&mut self, batch: HeldBatch) {
        let written = self.out.write(StoreOp::Batch(batch.clone()));
        let message = PeerMessage::Batch(batch.signed().clone());
        let early = self.config.engine.bugs.has(Bug::BatchSentEarly);
        let when = if early { When::AtOnce } else { When::Durable(written) };
        self.out.send(when, Recipients::Others, message);
        self.intake.written(batch, written);
    }

    /// Proposes a block if this server leads, and there is something to order or to finish.
    ///
    /// The first block leaves at once; while others are in flight, only one that is worth its votes
    /// does. So a lone command does not wait, and a busy alliance makes few, large blocks.
    pub(super) fn propose(&mut self) {
        let Some(slot) = self.engine.slot() else { return };
        let limits = &self.config.limits;
        let least = if slot.in_flight == 0 { 1 } else { limits.pipelined_block_bytes_min };
        let idle = slot.in_flight >= limits.blocks_in_flight_max || self.pool.bytes() < least;
        if idle && !slot.pressing {
            return;
        }
        let Some(parent) = self.chain.state(&slot.parent.hash) else { return };
        let batches = self.fair_share.choose(parent, &self.pool, limits);
        let bytes: usize = batches.iter().map(|batch| batch.reference().bytes as usize).sum();
        if bytes < least && !slot.pressing {
            return;
        }
        let state = parent.extend(&batches);
        self.fair_share.taken(batches.iter().map(|batch| batch.reference().origin));
        self.draft(slot, CheckedBlock { state, batches });
    }

    fn draft(&mut self, slot: Slot, block: CheckedBlock) {
        let batches: Arc<[BatchRef]> =
            block.batches.iter().map(|batch| *batch.reference()).collect();
        let draft = Draft {
            parent: slot.parent,
            log_size: block.state.log_size(),
            log_root: block.state.log_root(),
            batches: Arc::clone(&batches),
        };
        self.chain.draft(slot.parent.hash, payload_digest(&batches), block);
        self.inbox.push_back(ally_consensus::Input::Propose(draft));
    }

    /// Tells the engine whether work waits, and notes for each origin whether its next batch does.
    pub(super) fn note_waiting(&mut self) {
        self.passed_over.waits(self.pool.waiting(), self.now.monotonic);
        let waiting = !self.pool.waiting().is_empty();
        if waiting != self.work_waiting {
            self.work_waiting = waiting;
            self.inbox.push_back(ally_consensus::Input::Work { waiting });
        }
    }

    /// Relays batches that the leader seems not to have, and leaves a leader that passes over some
    /// although it has them.
    pub(super) fn heed_neglect(&mut self) {
        let neglect = self.passed_over.due(self.now.monotonic);
        if neglect == Neglect::default() {
            return;
        }
        let leader = self.engine.status().leader;
        if leader == self.config.engine.me {
            return;
        }
        for origin in neglect.relay {
            let batches: Vec<_> = self
                .pool
                .run(origin)
                .take(RELAYED_BATCHES_MAX)
                .map(|held| PeerMessage::Batch(held.signed().clone()))
                .collect();
            for message in batches {
                self.out.send(When::AtOnce, Recipients::One(leader), message);
            }
        }
        if !neglect.starved.is_empty() {
            self.passed_over.new_leader(self.now.monotonic);
            self.inbox.push_back(ally_consensus::Input::Starved);
        }
    }

    /// Asks peers for batches that blocks refer to.
    pub(super) fn ask_for_batches(&mut self) {
        let now = self.now.monotonic;
        if self.fetcher.deadline().is_none_or(|due| due > now) {
            return;
        }
        for (server, ids) in self.fetcher.questions(now, &self.peers) {
            let message = PeerMessage::FetchBatches(ids);
            self.out.send(When::AtOnce, Recipients::One(server), message);
        }
    }
}
