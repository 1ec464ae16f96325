//! What the network between servers does.

use super::servers;
use ally_policy::ServerSet;
use serde::{Deserialize, Serialize};

/// Delays and losses. After the healing only ordinary delays are left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// Shortest and longest ordinary message delay, µs.
    pub delay: (u64, u64),
    /// Messages in a thousand that take up to [`Network::slow_delay`] instead.
    pub slow_permille: u64,
    /// Longest delay of a slow message, µs.
    pub slow_delay: u64,
    /// Messages in a thousand that are lost.
    pub loss_permille: u64,
    /// Messages in a thousand that come twice.
    pub duplicate_permille: u64,
    /// Splits.
    #[serde(default)]
    pub partitions: Vec<Partition>,
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
