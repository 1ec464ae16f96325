//! What links need to know before they start.

use super::LinkKind;
use ally_alliance::keys::TransportPublic;
use ally_alliance::{Alliance, ServerConfig};
use ally_consensus::Context;
use ally_policy::ServerIndex;
use std::time::Duration;
use tokio::net::TcpListener;

/// Everything the links of one server need.
pub struct LinksConfig {
    /// The alliance, epoch and policy; peers must name the same.
    pub context: Context,
    /// This server.
    pub own: ServerIndex,
    /// Where peers with a lower index connect to.
    pub listener: TcpListener,
    /// All other servers.
    pub peers: Vec<PeerConfig>,
    /// How much is kept and how large a frame may be.
    pub limits: Limits,
    /// How long things may take.
    pub timing: Timing,
}

impl LinksConfig {
    /// The links of server `own` of an alliance, at its local configuration's addresses where it has
    /// any, else at the document's. `listener` is bound to [`ServerConfig::listen_peers`].
    pub fn new(
        alliance: &Alliance,
        local: &ServerConfig,
        own: ServerIndex,
        listener: TcpListener,
    ) -> Self {
        let others = alliance.servers().filter(|(server, _)| *server != own);
        let peer = |(server, entry): (ServerIndex, &ally_alliance::Server)| PeerConfig {
            server,
            name: entry.name().to_owned(),
            key: *entry.transport(),
            address: local.address_of(entry.name()).unwrap_or(entry.peer_address()).to_string(),
        };
        Self {
            context: alliance.context(),
            own,
            listener,
            peers: others.map(peer).collect(),
            limits: Limits::default(),
            timing: Timing::default(),
        }
    }
}

/// Another server.
#[derive(Debug, Clone)]
pub struct PeerConfig {
    /// Its index.
    pub server: ServerIndex,
    /// Its name, for logs and status.
    pub name: String,
    /// The key that it proves to hold on every connection.
    pub key: TransportPublic,
    /// `host:port`; looked up afresh for each attempt, so that a server may move.
    pub address: String,
}

/// Bounds on memory. Per peer and link unless stated otherwise.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The longest frame on a control link, in bytes. The longest message is a new view with its
    /// view changes.
    pub control_frame_bytes: usize,
    /// The longest frame on a bulk link, in bytes.
    pub bulk_frame_bytes: usize,
    /// Bytes waiting to be sent on a control link; beyond it the oldest frames are dropped.
    pub control_queue_bytes: usize,
    /// Bytes waiting to be sent on a bulk link; beyond it frames are not taken.
    pub bulk_queue_bytes: usize,
    /// Frames waiting to be sent.
    pub queue_frames: usize,
    /// Bytes read that the driver has not let go of yet; beyond it nothing more is read from the peer.
    pub received_bytes: usize,
    /// Events waiting for the driver, of all peers together, for each kind of link.
    pub events: usize,
    /// Connections that have not yet proved who they are, all together.
    pub half_open: usize,
    /// Connections from one address that have not yet proved who they are.
    pub half_open_per_address: usize,
}

impl Default for Limits {
    fn default() -> Self {
        const MIB: usize = 1 << 20;
        Self {
            control_frame_bytes: 16 * MIB,
            bulk_frame_bytes: 16 * MIB,
            control_queue_bytes: 16 * MIB,
            bulk_queue_bytes: 32 * MIB,
            queue_frames: 8192,
            received_bytes: 32 * MIB,
            events: 1024,
            half_open: 256,
            half_open_per_address: 64,
        }
    }
}

impl Limits {
    /// The longest frame on a link of this kind, in bytes.
    pub(super) fn frame_bytes(&self, kind: LinkKind) -> usize {
        match kind {
            LinkKind::Control => self.control_frame_bytes,
            LinkKind::Bulk => self.bulk_frame_bytes,
        }
    }

    /// The most bytes that wait on a link of this kind. One frame always has room.
    pub(super) fn queue_bytes(&self, kind: LinkKind) -> usize {
        let bytes = match kind {
            LinkKind::Control => self.control_queue_bytes,
            LinkKind::Bulk => self.bulk_queue_bytes,
        };
        bytes.max(self.frame_bytes(kind))
    }
}

/// How long things may take.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// From the first byte of a connection until both ends know each other.
    pub handshake_max: Duration,
    /// Between two pings. An idle link costs one small frame each way in this time.
    pub keep_alive: Duration,
    /// After this long without a byte from the peer, or without the peer taking a byte of what is
    /// being sent, the connection counts as dead.
    pub silence_max: Duration,
    /// The first pause before dialling again.
    pub retry_min: Duration,
    /// The longest pause before dialling again.
    pub retry_max: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            handshake_max: Duration::from_secs(5),
            keep_alive: Duration::from_secs(5),
            silence_max: Duration::from_secs(16),
            retry_min: Duration::from_millis(50),
            retry_max: Duration::from_secs(3),
        }
    }
}
