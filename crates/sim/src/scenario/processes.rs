//! What servers' machines do: disks, processors, crashes.

use serde::{Deserialize, Serialize};

/// How disks behave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disks {
    /// Shortest and longest sync, µs.
    pub sync: (u64, u64),
}

/// How long things take and how long servers wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paces {
    /// The servers' base timeout, µs.
    pub base_timeout: u64,
    /// Where its doubling ends, µs.
    pub timeout_max: u64,
    /// Shortest and longest time for a job: to give a share, to combine, to prove, µs.
    pub job: (u64, u64),
}

/// A crash and the restart after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Crash {
    /// Who.
    pub server: u16,
    /// When it stops, µs.
    pub at: u64,
    /// When it comes back, µs.
    pub back: u64,
}
