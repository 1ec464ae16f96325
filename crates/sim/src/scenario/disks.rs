//! What servers' disks do.
//!
//! The store promises that writes become durable in order and that a crash loses a suffix of those
//! that were not; so there is nothing torn or out of order to model but where the suffix begins.

use serde::{Deserialize, Serialize};

/// How disks behave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disks {
    /// Shortest and longest sync, µs.
    pub sync: (u64, u64),
}

/// One disk in trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskFault {
    /// Whose.
    pub server: u16,
    /// When it begins, µs.
    pub at: u64,
    /// When the server is started again, or the trouble is over, µs.
    pub back: u64,
    /// What is wrong.
    pub trouble: Trouble,
}

/// What can be wrong with a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trouble {
    /// The next sync fails. The server stops: nobody knows what is on the disk, so any part of the
    /// last writes may be.
    SyncError,
    /// Every sync fails until the end. The server stops at each, and is started again now and then.
    Full,
    /// Syncs take this many times longer.
    Slow(u64),
    /// The power fails, and what comes back is damaged: the store refuses to open, and the server
    /// stays away for good. It counts among those that fail.
    Rot,
    /// The server stops and comes back with the disk as it was at this time, µs. It has forgotten
    /// what it said, so it counts among the liars.
    RolledBack(u64),
}
