//! What the servers' clocks show: each is off by something, and somebody may set all of them back.

use ally_consensus::{Micros, Now};
use ally_policy::{ServerIndex, ServerSet};
use serde::{Deserialize, Serialize};

/// What clocks on the wall show when a run begins, µs since 1970.
const START: u64 = 1_700_000_000_000_000;

/// The clocks of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clocks {
    /// How far the clocks of two servers may be apart, µs, as the servers are told.
    pub tolerance: u64,
    /// How far each is ahead of the slowest possible one, µs; at most the tolerance.
    pub ahead: Vec<u64>,
    /// Whether all are set back in the midst of the run.
    pub set_back: Option<SetBack>,
}

/// All clocks are set back at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetBack {
    /// When, µs.
    pub at: u64,
    /// How far, µs.
    pub by: u64,
}

impl Clocks {
    /// What a server's clocks show.
    pub fn read(&self, server: ServerIndex, now: Micros) -> Now {
        let back = self.set_back.filter(|set_back| now.0 >= set_back.at).map_or(0, |set| set.by);
        let ahead = self.ahead.get(server.index()).copied().unwrap_or(0);
        Now { monotonic: now, unix: Micros(START + now.0 + ahead - back) }
    }

    /// The latest time that the clock of any of these servers has shown up to now.
    pub fn latest(&self, servers: &ServerSet, now: Micros) -> Micros {
        let before = self.set_back.filter(|set_back| now.0 >= set_back.at);
        let moments = [Some(now), before.map(|set_back| Micros(set_back.at.saturating_sub(1)))];
        let read = |moment| servers.iter().map(move |server| self.read(server, moment).unix);
        moments.into_iter().flatten().flat_map(read).max().unwrap_or(Micros::ZERO)
    }
}
