//! How the links are doing, for people and for `ally status`.

use super::LinkKind;
use ally_policy::ServerIndex;
use std::net::IpAddr;
use std::time::Duration;

/// All links of a server.
#[derive(Debug, Clone)]
pub struct LinksStatus {
    /// One for each other server, by index.
    pub peers: Vec<PeerStatus>,
    /// The last connections that were refused before it was known which server they come from, newest
    /// last.
    pub refused: Vec<Refused>,
}

/// The links to one peer.
#[derive(Debug, Clone)]
pub struct PeerStatus {
    /// The peer.
    pub server: ServerIndex,
    /// Its name.
    pub name: String,
    /// Where it is dialled.
    pub address: String,
    /// Since when both links have been up, as time ago; `None` while one is down.
    pub connected_for: Option<Duration>,
    /// The last measured time to the peer and back.
    pub round_trip: Option<Duration>,
    /// Control and bulk link.
    pub links: [LinkStatus; 2],
    /// Why a link last went down or could not be made, and how long ago. Stays when the peer is back.
    pub last_error: Option<(String, Duration)>,
}

/// One link.
#[derive(Debug, Clone)]
pub struct LinkStatus {
    /// Which one.
    pub kind: LinkKind,
    /// Whether it is up.
    pub up: bool,
    /// Frames waiting to be sent.
    pub queued_frames: usize,
    /// Bytes waiting to be sent.
    pub queued_bytes: usize,
    /// Frames that were taken for sending and given up, since the start.
    pub dropped_frames: u64,
    /// Frames handed to the network since the start.
    pub sent_frames: u64,
    /// Bytes of these frames.
    pub sent_bytes: u64,
    /// Frames received since the start.
    pub received_frames: u64,
    /// Bytes of these frames.
    pub received_bytes: u64,
}

/// A connection that was refused.
#[derive(Debug, Clone)]
pub struct Refused {
    /// Where it came from.
    pub address: IpAddr,
    /// Why it was refused.
    pub reason: String,
    /// How long ago.
    pub ago: Duration,
}
