//! How long the servers whose turn it is have to give their shares.

use ally_consensus::Micros;

/// The least, in microseconds.
const LEAST: u64 = 30_000;
/// The most, in microseconds, and the longest pause between two attempts.
const MOST: u64 = 2_000_000;
/// Before anything was measured, in microseconds.
const FIRST: u64 = 250_000;
/// How often it doubles.
const DOUBLINGS: u32 = 6;

/// Twice what certificates take, longer with each attempt. It never exceeds what servers wait for a
/// leader: the alliance's own timeouts bound all three limits.
#[derive(Debug)]
pub(super) struct Patience {
    least: u64,
    most: u64,
    /// A moving average of the time from asking for shares to their certificate, in microseconds.
    latency: u64,
}

impl Patience {
    /// The patience of a server whose views wait `base` at first, and `most` after many failures.
    pub(super) fn new(base: Micros, most: Micros) -> Self {
        let most = MOST.min(most.0);
        let least = LEAST.min(base.0).min(most);
        Self { least, most, latency: FIRST.min(base.0).clamp(least, most) / 2 }
    }

    /// How long to wait after so many attempts, in microseconds.
    pub(super) fn after(&self, attempts: u32) -> u64 {
        let base = (2 * self.latency).clamp(self.least, self.most);
        base.saturating_mul(1 << attempts.min(DOUBLINGS)).min(self.most)
    }

    /// A certificate took so long.
    pub(super) fn measured(&mut self, took: Micros) {
        self.latency = (self.latency * 7 + took.0.min(self.most)) / 8;
    }
}
