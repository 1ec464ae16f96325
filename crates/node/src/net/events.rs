//! What links tell the driver.

use super::{LinkError, LinkKind};
use ally_policy::ServerIndex;
use bytes::Bytes;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio_util::sync::CancellationToken;

/// What links tell the driver.
#[derive(Debug)]
#[non_exhaustive]
pub enum LinkEvent {
    /// Both links to this peer are up.
    Connected(ServerIndex),
    /// A link to this peer went down; frames on their way may be lost, in either direction.
    Disconnected(ServerIndex, Arc<LinkError>),
    /// A peer sent a frame.
    Frame {
        /// The peer whose key was proved on this connection.
        from: ServerIndex,
        /// Which link it came on.
        link: LinkKind,
        /// What it sent. Not one byte of it was looked at.
        bytes: Bytes,
        /// The peer's place in memory that the frame takes up; dropping it lets the peer send more.
        budget: Budget,
    },
}

/// The bytes of a received frame, counted against what its sender may have in memory here. Dropping it
/// gives them back: drop it when the frame was handled, not when it was seen.
#[derive(Debug)]
pub struct Budget {
    _permit: OwnedSemaphorePermit,
}

impl Budget {
    pub(crate) fn new(permit: OwnedSemaphorePermit) -> Self {
        Self { _permit: permit }
    }
}

/// Where events come out. While nobody takes them, peers are not read from.
pub struct Events {
    control: mpsc::Receiver<LinkEvent>,
    bulk: mpsc::Receiver<LinkEvent>,
}

/// The other end of [`Events`].
#[derive(Clone)]
pub(super) struct EventSender {
    control: mpsc::Sender<LinkEvent>,
    bulk: mpsc::Sender<LinkEvent>,
    stop: CancellationToken,
}

impl Events {
    pub(super) fn channel(capacity: usize, stop: CancellationToken) -> (EventSender, Self) {
        let (control, control_events) = mpsc::channel(capacity);
        let (bulk, bulk_events) = mpsc::channel(capacity);
        (EventSender { control, bulk, stop }, Self { control: control_events, bulk: bulk_events })
    }

    /// The next event; control frames and changes of connections before bulk frames. `None` once the
    /// links are shut down and their handles dropped. Dropping the future loses no event.
    pub async fn next(&mut self) -> Option<LinkEvent> {
        tokio::select! {
            biased;
            Some(event) = self.control.recv() => Some(event),
            Some(event) = self.bulk.recv() => Some(event),
            else => None,
        }
    }

    /// An event that is there already, in the same order.
    pub fn try_next(&mut self) -> Option<LinkEvent> {
        self.control.try_recv().or_else(|_| self.bulk.try_recv()).ok()
    }

    /// The two streams by themselves, control first, for a driver with a task for each. `Connected`
    /// and `Disconnected` come on the control stream.
    pub fn into_parts(self) -> (mpsc::Receiver<LinkEvent>, mpsc::Receiver<LinkEvent>) {
        (self.control, self.bulk)
    }
}

impl EventSender {
    /// Hands an event over, and waits while there is no room. False if nobody listens any more, or
    /// the links are shutting down.
    pub(super) async fn send(&self, event: LinkEvent) -> bool {
        let sender = match &event {
            LinkEvent::Frame { link: LinkKind::Bulk, .. } => &self.bulk,
            _ => &self.control,
        };
        tokio::select! {
            sent = sender.send(event) => sent.is_ok(),
            () = self.stop.cancelled() => false,
        }
    }
}
