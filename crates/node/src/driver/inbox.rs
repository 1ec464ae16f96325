//! What happens to a server, and in which order it is taken up.

use crate::api::Submission;
use crate::net::Budget;
use crate::store::StoreError;
use ally_consensus::{Evidence, Micros};
use ally_policy::ServerIndex;
use ally_replica::{Checked, Done, WritePosition};
use std::sync::Arc;
use tokio::sync::mpsc;

/// The most events that one turn of the loop takes from each source before it writes and sends: the
/// size of a group commit under load.
pub(super) const TURN_EVENTS_MAX: usize = 256;

/// Something that happened.
// Most events are messages of peers: a box for each would cost more than it saves.
#[allow(clippy::large_enum_variant)]
pub(crate) enum Event {
    /// A checked message from a peer.
    Peer {
        /// Whose link it came over.
        from: ServerIndex,
        /// The message.
        message: Checked,
        /// The peer's memory that it takes up, given back when the message is handled.
        budget: Budget,
    },
    /// A peer's message that was refused proves that it is at fault.
    Misstated {
        /// The proof.
        proof: Arc<Evidence>,
        /// As for [`Event::Peer`].
        budget: Budget,
    },
    /// The links to a peer are up.
    Connected(ServerIndex),
    /// A link to a peer went down.
    Disconnected(ServerIndex),
    /// Commands of a client.
    Submitted(Submission),
    /// Writes up to here are durable, or will never be.
    Durable(WritePosition, Result<(), StoreError>),
    /// A job is done, and how much processor time it took.
    Done(Done, Micros),
    /// A part of the server panicked: stop at once.
    Panicked(&'static str),
    /// Stop in good order.
    Stop,
}

/// Where events come from: what the server itself caused first, then peers, then clients, so that
/// work under way is finished before more is taken in.
pub(crate) struct Inbox {
    /// Answers of the store and of the crypto thread, and the order to stop.
    pub(crate) own: mpsc::UnboundedReceiver<Event>,
    /// Messages on control links.
    pub(crate) control: mpsc::Receiver<Event>,
    /// Messages on bulk links.
    pub(crate) bulk: mpsc::Receiver<Event>,
    /// Commands.
    pub(crate) clients: mpsc::Receiver<Event>,
}

impl Inbox {
    /// Waits for an event and takes what else is there, a share from each source, so that none of
    /// them starves the others.
    ///
    /// Cancellation-safe: nothing is taken before something is there.
    pub(super) async fn fill(&mut self, taken: &mut Vec<Event>) {
        tokio::select! {
            biased;
            Some(event) = self.own.recv() => taken.push(event),
            Some(event) = self.control.recv() => taken.push(event),
            Some(event) = self.bulk.recv() => taken.push(event),
            Some(event) = self.clients.recv() => taken.push(event),
            else => std::future::pending().await,
        }
        let more =
            |room: usize, taken: &mut Vec<Event>, next: &mut dyn FnMut() -> Option<Event>| {
                taken.extend(std::iter::from_fn(next).take(room));
            };
        more(TURN_EVENTS_MAX, taken, &mut || self.own.try_recv().ok());
        more(TURN_EVENTS_MAX, taken, &mut || self.control.try_recv().ok());
        more(TURN_EVENTS_MAX, taken, &mut || self.bulk.try_recv().ok());
        more(TURN_EVENTS_MAX, taken, &mut || self.clients.try_recv().ok());
    }
}
