//! Who is connected, and what each client has under way.

use crate::api::limits::{
    CONNECTIONS_PER_CLIENT_MAX, PROPOSE_STREAMS_PER_CLIENT_MAX, STREAMS_PER_CLIENT_MAX,
    UNANSWERED_BYTES_PER_CLIENT_MAX, UNANSWERED_ENTRIES_PER_CLIENT_MAX,
};
use ally_alliance::keys::ClientPublic;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The clients that are connected. A client without connections takes no memory.
#[derive(Debug, Default)]
pub(crate) struct Clients {
    connected: Mutex<HashMap<ClientPublic, (usize, Arc<Budget>)>>,
}

/// What one client may have under way, over all its connections.
#[derive(Debug)]
pub(crate) struct Budget {
    streams: Arc<Semaphore>,
    propose_streams: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
    entries: Arc<Semaphore>,
}

/// One connection's place among its client's.
#[derive(Debug)]
pub(crate) struct ClientSlot {
    client: ClientPublic,
    clients: Arc<Clients>,
}

/// Entries that were read and not answered; gives the budget back when dropped.
#[derive(Debug)]
pub(crate) struct Charge {
    _bytes: OwnedSemaphorePermit,
    _entries: OwnedSemaphorePermit,
    /// Held for its sake.
    _room: Option<OwnedSemaphorePermit>,
}

impl Charge {
    /// With the room among all clients that the message occupies.
    pub(crate) fn with_room(mut self, room: Option<OwnedSemaphorePermit>) -> Self {
        self._room = room;
        self
    }
}

impl Clients {
    /// Takes a place for a connection of `client`; `None` if it has too many.
    pub(crate) fn connect(self: &Arc<Self>, client: ClientPublic) -> Option<ClientSlot> {
        let mut connected = self.lock();
        let (connections, _) = connected.entry(client).or_default();
        if *connections == CONNECTIONS_PER_CLIENT_MAX {
            return None;
        }
        *connections += 1;
        Some(ClientSlot { client, clients: self.clone() })
    }

    /// The budget of a connected client.
    pub(crate) fn budget(&self, client: &ClientPublic) -> Option<Arc<Budget>> {
        Some(self.lock().get(client)?.1.clone())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ClientPublic, (usize, Arc<Budget>)>> {
        // The map is whole after every statement, so a panic elsewhere does not spoil it.
        self.connected.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ClientSlot {
    fn drop(&mut self) {
        let mut connected = self.clients.lock();
        if let Some((connections, _)) = connected.get_mut(&self.client) {
            *connections -= 1;
            if *connections == 0 {
                connected.remove(&self.client);
            }
        }
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            streams: Arc::new(Semaphore::new(STREAMS_PER_CLIENT_MAX)),
            propose_streams: Arc::new(Semaphore::new(PROPOSE_STREAMS_PER_CLIENT_MAX)),
            bytes: Arc::new(Semaphore::new(UNANSWERED_BYTES_PER_CLIENT_MAX)),
            entries: Arc::new(Semaphore::new(UNANSWERED_ENTRIES_PER_CLIENT_MAX)),
        }
    }
}

impl Budget {
    /// A place for one more stream; `None` if the client has too many.
    pub(crate) fn stream(&self) -> Option<OwnedSemaphorePermit> {
        self.streams.clone().try_acquire_owned().ok()
    }

    /// A place for one more stream that proposes; `None` if the client has too many.
    pub(crate) fn propose_stream(&self) -> Option<OwnedSemaphorePermit> {
        self.propose_streams.clone().try_acquire_owned().ok()
    }

    /// Waits until `entries` entries of `bytes` bytes in all may be under way.
    ///
    /// Cancellation-safe. A message is smaller than the budget, so that this ends once the client's
    /// earlier entries are answered.
    pub(crate) async fn charge(&self, bytes: usize, entries: usize) -> Charge {
        Charge {
            _bytes: take(&self.bytes, bytes).await,
            _entries: take(&self.entries, entries).await,
            _room: None,
        }
    }
}

async fn take(semaphore: &Arc<Semaphore>, permits: usize) -> OwnedSemaphorePermit {
    let permits = u32::try_from(permits).expect("a message is far smaller than 4 GiB");
    semaphore.clone().acquire_many_owned(permits).await.expect("never closed")
}
