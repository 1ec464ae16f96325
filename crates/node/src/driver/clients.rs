//! Clients of this server: what they wait for, and what they are told.

use crate::api::{Notices, Refusal, Submission, Undecided};
use ally_consensus::Sequence;
use ally_policy::ServerIndex;
use ally_proto::{DuplicateWindow, ProposalId};
use ally_replica::{DeliveredBlock, Refusal as ReplicaRefusal};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// When a client that was refused for want of room should try again.
pub(crate) const RETRY_AFTER: Duration = Duration::from_millis(20);

/// Matches decided commands with the clients that wait for them.
pub(super) struct Clients {
    me: ServerIndex,
    /// Our first batch since this start: those before it have nobody who waits.
    first_batch: Option<Sequence>,
    undecided: Undecided,
    duplicates: Arc<Mutex<DuplicateWindow>>,
}

impl Clients {
    /// Nobody waits yet; `duplicates` knows the end of the log.
    pub(super) fn new(me: ServerIndex, duplicates: Arc<Mutex<DuplicateWindow>>) -> Self {
        Self { me, first_batch: None, undecided: Undecided::default(), duplicates }
    }

    /// Commands of a client that the replica took.
    pub(super) fn took(&mut self, submission: Submission) {
        self.undecided.push(submission);
    }

    /// The replica made a batch of what it took.
    pub(super) fn batched(&mut self, sequence: Sequence) {
        self.first_batch.get_or_insert(sequence);
    }

    /// Entries that wait for a decision.
    pub(super) fn waiting(&self) -> u64 {
        self.undecided.entries()
    }

    /// A block is decided: tells whoever waits for its entries.
    pub(super) fn delivered(&mut self, block: &DeliveredBlock) {
        let mut index = block.first_index;
        for batch in &block.batches {
            let copies = self.observe(batch.leaves());
            let reference = batch.reference();
            let awaited = reference.origin == self.me
                && self.first_batch.is_some_and(|first| first <= reference.sequence);
            if awaited {
                self.undecided.ordered(index, block.block.height, &copies);
            }
            index += u64::from(reference.commands);
        }
    }

    /// Nothing more will be ordered here.
    pub(super) fn stopping(&mut self) {
        self.undecided.refuse_all(&Refusal::Stopping);
    }

    fn observe(&self, leaves: &[ally_log::Hash]) -> Vec<Option<u64>> {
        let mut window = self.duplicates.lock().unwrap_or_else(PoisonError::into_inner);
        leaves.iter().map(|leaf| window.observe(ProposalId(*leaf))).collect()
    }
}

/// Tells a client that its commands were not taken.
pub(super) fn refuse(replies: &Notices, first_tag: u64, count: u32, reason: ReplicaRefusal) {
    let refusal = match reason {
        ReplicaRefusal::Busy { .. } => Refusal::Busy { retry_after: RETRY_AFTER },
        ReplicaRefusal::Stopping => Refusal::Stopping,
        other => Refusal::Malformed(other.to_string()),
    };
    replies.tell(crate::api::Notice::Refused { first_tag, count, refusal });
}
