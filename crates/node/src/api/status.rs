//! What a server tells about itself.

use crate::api::Tip;
use ally_consensus::{AllianceId, Epoch, View};
use std::time::Duration;

/// A server's view of itself and the alliance. Nothing proves it: it is for people and alarms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusView {
    /// The alliance.
    pub alliance: AllianceId,
    /// Its checkpoint origin.
    pub origin: String,
    /// The configuration in force.
    pub epoch: Epoch,
    /// This server's name in the policy.
    pub server: String,
    /// The organisation that runs it.
    pub organisation: String,
    /// Whether decisions come.
    pub progress: Progress,
    /// How long that has been so.
    pub progress_for: Duration,
    /// The view this server is in.
    pub view: View,
    /// The server that leads it.
    pub leader: String,
    /// How far the log has come.
    pub tip: Tip,
    /// Blocks decided in two message steps since the start.
    pub two_step_decisions: u64,
    /// Blocks decided in three message steps since the start.
    pub three_step_decisions: u64,
    /// Views left since the start.
    pub view_changes: u64,
    /// Commands held here that wait for a decision.
    pub undecided_commands: u64,
    /// The other servers.
    pub peers: Vec<PeerView>,
    /// Organisations whose own rule the servers in reach do not satisfy.
    pub missing_organisations: Vec<String>,
    /// How many more servers may fail, whichever they are, before decisions stop; `None`: they have.
    pub margin: Option<u32>,
}

/// Whether decisions come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Nothing waits for a decision.
    Idle,
    /// Work waits and decisions come.
    Committing,
    /// Work waits and no decision has come for several timeouts.
    Stalled,
    /// The server fetches what was decided without it.
    CatchingUp,
}

/// One link to another server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerView {
    /// The peer's name in the policy.
    pub server: String,
    /// The organisation that runs it.
    pub organisation: String,
    /// Whether there is a connection.
    pub connected: bool,
    /// How long there has been one, or none.
    pub since: Duration,
    /// Round trip, if known.
    pub rtt: Option<Duration>,
    /// Why the last connection ended or failed.
    pub last_error: Option<String>,
}
