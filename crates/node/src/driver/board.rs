//! What the driver shows of itself, for `status`.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// What the driver shows of itself.
#[derive(Default)]
pub(crate) struct StatusBoard {
    inner: Mutex<Board>,
}

/// See [`StatusBoard`].
#[derive(Clone, Default)]
pub(crate) struct Board {
    /// The replica's own view; none before the first turn.
    pub(crate) replica: Option<ally_replica::Status>,
    /// Entries of clients that wait for a decision.
    pub(crate) undecided_commands: u64,
    /// Blocks decided by fast quorum, by commits, by certificate.
    pub(crate) decisions: [u64; 3],
    /// Views left.
    pub(crate) view_changes: u64,
    /// When a block was last delivered.
    pub(crate) progressed: Option<Instant>,
    /// Since when something has been waiting without a pause.
    pub(crate) busy_since: Option<Instant>,
}

impl StatusBoard {
    /// As of the last turn of the loop.
    pub(crate) fn read(&self) -> Board {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn update(&self, change: impl FnOnce(&mut Board)) {
        change(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
