//! What all clients together may occupy: memory has one owner, however many keys ask for it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tonic::Status;

/// Bytes for one purpose. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Room {
    bytes: Arc<Semaphore>,
    size: usize,
    patience: Duration,
}

/// Room that a call occupies; the handler of the call takes it over, or it ends with the call.
#[derive(Debug, Clone, Default)]
pub(crate) struct Toll(Arc<Mutex<Option<OwnedSemaphorePermit>>>);

impl Room {
    /// Room of so many bytes, for which callers wait as long as `patience`.
    pub(crate) fn new(size: usize, patience: Duration) -> Self {
        Self { bytes: Arc::new(Semaphore::new(size)), size, patience }
    }

    /// Takes room for `bytes`, or all there is if that is less; it is given back when dropped.
    ///
    /// # Errors
    /// `RESOURCE_EXHAUSTED` if others occupy it for too long. Nobody is to blame.
    pub(crate) async fn take(&self, bytes: usize) -> Result<OwnedSemaphorePermit, Status> {
        let permits = u32::try_from(bytes.min(self.size)).unwrap_or(u32::MAX);
        match timeout(self.patience, self.bytes.clone().acquire_many_owned(permits)).await {
            Ok(Ok(permit)) => Ok(permit),
            _ => Err(Status::resource_exhausted(format!(
                "the clients of this server occupy the {} MiB that they may have together; use \
                 another server, or try again",
                self.size >> 20
            ))),
        }
    }
}

impl Toll {
    /// Adds room to what is occupied.
    pub(crate) fn add(&self, permit: OwnedSemaphorePermit) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match held.as_mut() {
            Some(held) => held.merge(permit),
            None => *held = Some(permit),
        }
    }

    /// Takes over what is occupied so far.
    pub(crate) fn take(&self) -> Option<OwnedSemaphorePermit> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Whether something is occupied.
    pub(crate) fn is_due(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_finds_no_room_is_refused_after_a_while_and_served_once_there_is() {
        let room = Room::new(3 << 20, Duration::from_millis(50));
        let toll = Toll::default();
        toll.add(room.take(2 << 20).await.expect("there is room"));
        let refused = room.take(2 << 20).await.expect_err("there is none");
        assert_eq!(refused.code(), tonic::Code::ResourceExhausted);
        assert!(refused.message().contains("3 MiB"), "{}", refused.message());
        toll.add(room.take(1 << 20).await.expect("there is as much"));
        let all = toll.take().expect("it was added");
        assert_eq!((all.num_permits(), toll.is_due()), (3 << 20, false));
        let waits = room.take(usize::MAX);
        let (got, ()) = tokio::join!(waits, async { drop(all) });
        assert_eq!(got.expect("it came free").num_permits(), 3 << 20, "no more than there is");
    }
}
