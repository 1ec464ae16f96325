//! Links between servers.
//!
//! Two servers share two TLS connections: *control* for what the agreement says (small, and worth
//! nothing when late) and *bulk* for batches and blocks (large, and in no such hurry), so that a vote
//! never waits behind data. The server with the lower index dials, the other one accepts; either end
//! sends and receives on both.
//!
//! ```text
//!   driver ── send ──► queue ──► writer ─┐                   ┌─ reader ──► budget ──► Events
//!                     (bounded)          ├── TLS, one TCP ───┤            (bounded)     │
//!   driver ◄─ Events ◄─ budget ◄─ reader ┘                   └─ writer ◄── queue ◄── driver
//! ```
//!
//! - Who is there: keys, pinned from the alliance document ([`ally_transport`]), then one hello each
//!   way that must agree on alliance, epoch, policy and protocol version (`hello.rs`).
//! - Nothing grows without bound: frames have a limit that is checked before memory is set aside, the
//!   queue to a peer has one, and so have the bytes that a peer got read but the driver has not let go
//!   of. A driver that is slow slows down the peers, each for itself; a peer that is slow fills its
//!   own queue only. On control the oldest frame then gives way to the newest (the agreement tolerates
//!   loss, and newer votes say more); on bulk the sender is told.
//! - A peer that is silent, stuck or half-dead is noticed within [`Timing::silence_max`] and dialled
//!   again with a back-off that is capped and falls back once the peer makes progress.
//! - Connections that have not yet proved who they are have few seconds and few places.
//!
//! A link is a hint: frames can be lost when a connection breaks, and whoever needs one asks again.
//!
//! Owns: sockets between servers, framing, queues, reconnection. May not touch: what frames say.

mod accept;
mod backoff;
mod config;
mod connection;
mod dial;
mod error;
mod events;
mod frame;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod half_open;
mod hello;
mod links;
mod log_gate;
mod peer;
mod queue;
mod status;

pub use config::{Limits, LinksConfig, PeerConfig, Timing};
pub use error::LinkError;
pub use events::{Budget, Events, LinkEvent};
pub(crate) use half_open::{HalfOpen, Place};
pub use hello::HelloError;
pub use links::{Links, StartError};
pub(crate) use log_gate::LogGate;
pub use queue::Sent;
pub use status::{LinkStatus, LinksStatus, PeerStatus, Refused};

/// Which of the two connections to a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LinkKind {
    /// What the agreement says: small, urgent, replaced by newer messages.
    Control,
    /// Batches, blocks, catching up: large, patient.
    Bulk,
}

impl LinkKind {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Control, Self::Bulk];

    /// A position in a table with one place for each kind.
    pub(crate) fn index(self) -> usize {
        match self {
            Self::Control => 0,
            Self::Bulk => 1,
        }
    }
}

impl std::fmt::Display for LinkKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Control => "control",
            Self::Bulk => "bulk",
        })
    }
}

#[cfg(test)]
mod tests;
