//! What servers' processes do.

use serde::{Deserialize, Serialize};

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
    /// If set, it does not stop at once, but after doing this many more of the things that its steps
    /// ask for: in the middle of a step. It is away for as long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_outputs: Option<u32>,
}

/// A time in which a process stands still (SIGSTOP) and the world does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// Who.
    pub server: u16,
    /// When it stops, µs.
    pub at: u64,
    /// When it goes on, µs.
    pub until: u64,
}
