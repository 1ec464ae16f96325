//! Keeps a message that repeats from filling the log.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How long the same message stays quiet.
const QUIET: Duration = Duration::from_secs(60);

/// Lets a message through when it is new, or after a minute.
#[derive(Default)]
pub(super) struct LogGate {
    last: Mutex<Option<Last>>,
}

struct Last {
    message: String,
    logged: Instant,
    held_back: u64,
}

impl LogGate {
    /// `Some(times)` if the message should be logged, with how many times it, or whatever came in its
    /// place, was held back before.
    pub(super) fn admit(&self, message: &str) -> Option<u64> {
        self.admit_at(message, Instant::now())
    }

    /// What happened before is over: the next message is logged whatever it is.
    pub(super) fn reset(&self) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn admit_at(&self, message: &str, now: Instant) -> Option<u64> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let held_back = match last.as_mut() {
            Some(last) if last.message == message && now - last.logged < QUIET => {
                last.held_back += 1;
                return None;
            }
            Some(last) => last.held_back,
            None => 0,
        };
        *last = Some(Last { message: message.to_owned(), logged: now, held_back: 0 });
        Some(held_back)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_logged_when_it_is_new_and_then_once_a_minute() {
        let gate = LogGate::default();
        let start = Instant::now();
        assert_eq!(gate.admit_at("refused", start), Some(0));
        assert_eq!(gate.admit_at("refused", start + QUIET / 3), None);
        assert_eq!(gate.admit_at("refused", start + QUIET / 2), None);
        assert_eq!(gate.admit_at("refused", start + QUIET), Some(2));
        assert_eq!(gate.admit_at("no route", start + QUIET), Some(0));
        gate.reset();
        assert_eq!(gate.admit_at("no route", start + QUIET), Some(0));
    }
}
