//! What the network between servers does.

use super::{Cut, WideArea, servers};
use ally_policy::ServerSet;
use serde::{Deserialize, Serialize};

/// Delays and losses. After the healing only ordinary delays are left.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Network {
    /// Shortest and longest ordinary message delay, µs; in a wide area, what comes on top of the
    /// distance.
    pub delay: (u64, u64),
    /// Messages in a thousand that take up to [`Network::slow_delay`] instead.
    pub slow_permille: u64,
    /// Longest delay of a slow message, µs.
    pub slow_delay: u64,
    /// Messages in a thousand that are lost.
    pub loss_permille: u64,
    /// Messages in a thousand that come twice.
    pub duplicate_permille: u64,
    /// Messages in a thousand that come once more, at any time until the healing.
    pub replay_permille: u64,
    /// Bytes per millisecond that each direction of a link carries, control and bulk apart; messages
    /// queue for it. Without a limit if 0.
    pub bytes_per_ms: u64,
    /// Whether messages travel as the bytes that real links carry.
    pub frames: bool,
    /// Distances, if servers stand in several regions.
    pub wide_area: Option<WideArea>,
    /// Splits.
    pub partitions: Vec<Partition>,
    /// Links that do not carry what they should.
    pub cuts: Vec<Cut>,
}

impl Network {
    /// The longest ordinary delay of a message, µs: the bound that holds after the healing.
    pub fn longest_delay(&self) -> u64 {
        self.delay.1 + self.wide_area.as_ref().map_or(0, WideArea::longest)
    }
}

/// A time in which the servers are split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partition {
    /// When it begins, µs.
    pub from: u64,
    /// When it ends, µs.
    pub to: u64,
    /// These on one side, all others on the other.
    #[serde(with = "servers")]
    pub side: ServerSet,
}
