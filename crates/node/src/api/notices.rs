//! From the driver back to a client's stream: what became of its proposals.

use ally_consensus::Height;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// What became of a run of one client's entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// Their places in the log are final, one after the other.
    Ordered {
        /// The client's number of the first.
        first_tag: u64,
        /// How many; at least 1.
        count: u32,
        /// Place of the first in the log.
        first_index: u64,
        /// The block that holds them.
        height: Height,
    },
    /// The log held an entry before.
    Repeated {
        /// The client's number of it.
        tag: u64,
        /// Place of the earlier copy in the log.
        index: u64,
    },
    /// They will not be ordered.
    Refused {
        /// The client's number of the first.
        first_tag: u64,
        /// How many; at least 1.
        count: u32,
        /// Why, and whether another attempt may help.
        refusal: Refusal,
    },
}

impl Notice {
    /// How many entries it speaks of.
    pub fn count(&self) -> u32 {
        match self {
            Self::Ordered { count, .. } | Self::Refused { count, .. } => *count,
            Self::Repeated { .. } => 1,
        }
    }
}

/// Why entries are not ordered by this server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// As much as is allowed waits for a decision.
    #[error("the server holds as much undecided work as it may; try again, or another server")]
    Busy {
        /// When.
        retry_after: Duration,
    },
    /// The server shuts down.
    #[error("the server is shutting down; use another one")]
    Stopping,
    /// The client sent what no entry can be.
    #[error("{0}")]
    Malformed(String),
}

/// Where the driver tells what became of entries. Cheap to clone; telling never waits.
///
/// The queue behind it holds at most one notice per entry that the stream has under way, and the
/// stream keeps to its budget, so that the queue needs no bound of its own. The budget is given
/// back only when the client's side has taken the reply.
#[derive(Debug, Clone)]
pub struct Notices(Arc<Shared>);

/// The stream's end of [`Notices`].
#[derive(Debug)]
pub struct NoticeReader(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    queue: Mutex<Queue>,
    wake: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    notices: Vec<Notice>,
    closed: bool,
}

impl Notices {
    /// A queue and its reader.
    pub fn new() -> (Self, NoticeReader) {
        let shared = Arc::new(Shared::default());
        (Self(shared.clone()), NoticeReader(shared))
    }

    /// Appends a notice; does nothing if the client is gone.
    pub fn tell(&self, notice: Notice) {
        let mut queue = self.0.lock();
        if queue.closed {
            return;
        }
        queue.notices.push(notice);
        drop(queue);
        self.0.wake.notify_one();
    }
}

impl NoticeReader {
    /// Waits until there are notices and takes them all, oldest first.
    ///
    /// Cancellation-safe: what is not returned stays in the queue.
    pub async fn take(&mut self) -> Vec<Notice> {
        loop {
            let notices = mem::take(&mut self.0.lock().notices);
            if !notices.is_empty() {
                return notices;
            }
            self.0.wake.notified().await;
        }
    }
}

impl Drop for NoticeReader {
    fn drop(&mut self) {
        let mut queue = self.0.lock();
        queue.closed = true;
        queue.notices = Vec::new();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        // A queue is whole after every statement, so a panic elsewhere does not spoil it.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(first_tag: u64) -> Notice {
        Notice::Refused { first_tag, count: 1, refusal: Refusal::Stopping }
    }

    #[tokio::test]
    async fn the_reader_takes_all_that_is_there() {
        let (notices, mut reader) = Notices::new();
        notices.tell(refused(1));
        notices.clone().tell(refused(2));
        assert_eq!(reader.take().await, [refused(1), refused(2)]);
        let waiting = tokio::spawn(async move { reader.take().await });
        notices.tell(refused(3));
        assert_eq!(waiting.await.expect("no panic"), [refused(3)]);
    }

    #[tokio::test]
    async fn nothing_is_kept_for_a_client_that_is_gone() {
        let (notices, reader) = Notices::new();
        notices.tell(refused(1));
        drop(reader);
        notices.tell(refused(2));
        assert!(notices.0.lock().notices.is_empty());
    }
}
