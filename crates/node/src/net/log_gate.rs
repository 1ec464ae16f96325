//! Keeps messages that others can cause at will from filling the log.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How long the same message stays quiet, and over which time different ones are counted.
const QUIET: Duration = Duration::from_secs(60);
/// The most messages in that time, whatever they say.
const MESSAGES_MAX: u32 = 10;

/// Lets a message through when it says something new, or a minute after it was last said; and never
/// more than ten a minute.
#[derive(Default)]
pub(crate) struct LogGate {
    last: Mutex<Option<Last>>,
}

struct Last {
    message: String,
    said: Instant,
    window: Instant,
    said_in_window: u32,
    held_back: u64,
}

impl LogGate {
    /// `Some(times)` if the message should be logged, with how many messages were held back since the
    /// last one that was.
    pub(crate) fn admit(&self, message: &str) -> Option<u64> {
        self.admit_at(message, Instant::now())
    }

    fn admit_at(&self, message: &str, now: Instant) -> Option<u64> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(last) = last.as_mut() else {
            let message = message.to_owned();
            let (said, window) = (now, now);
            *last = Some(Last { message, said, window, said_in_window: 1, held_back: 0 });
            return Some(0);
        };
        if now - last.window >= QUIET {
            (last.window, last.said_in_window) = (now, 0);
        }
        let repeated = last.message == message && now - last.said < QUIET;
        if repeated || last.said_in_window >= MESSAGES_MAX {
            last.held_back += 1;
            return None;
        }
        last.message = message.to_owned();
        last.said = now;
        last.said_in_window += 1;
        Some(std::mem::take(&mut last.held_back))
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
    }

    #[test]
    fn a_peer_that_comes_and_goes_does_not_fill_the_log() {
        let gate = LogGate::default();
        let start = Instant::now();
        let flap = |at| ["connected", "closed"].map(|message| gate.admit_at(message, at));
        let said: usize = (0..1000).map(|_| flap(start).iter().flatten().count()).sum();
        assert_eq!(said, MESSAGES_MAX as usize);
        assert_eq!(gate.admit_at("connected", start + QUIET), Some(1990));
    }
}
