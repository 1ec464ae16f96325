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
    /// Single clocks that are wrong for a while.
    #[serde(default)]
    pub faults: Vec<ClockFault>,
    /// How fast each server's timers run, thousandths; as time does, if empty. For good.
    #[serde(default)]
    pub paces: Vec<u64>,
}

/// One clock jumps, drifts, and is set right again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockFault {
    /// Whose.
    pub server: u16,
    /// When it jumps, µs.
    pub from: u64,
    /// When it is set right, µs.
    pub to: u64,
    /// How far it jumps, µs.
    pub off: i64,
    /// How much faster it runs from then on, millionths.
    pub drift: i64,
}

impl ClockFault {
    fn off_at(&self, now: u64) -> i64 {
        if !(self.from..self.to).contains(&now) {
            return 0;
        }
        let drifted = i128::from(now - self.from) * i128::from(self.drift) / 1_000_000;
        self.off.saturating_add(drifted as i64)
    }

    /// How far it is ahead at most, µs.
    fn ahead(&self) -> u64 {
        let last = self.to.saturating_sub(1).max(self.from);
        self.off_at(self.from).max(self.off_at(last)).max(0).unsigned_abs()
    }
}

/// All clocks are set back at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetBack {
    /// When, µs.
    pub at: u64,
    /// How far, µs.
    pub by: u64,
}

/// The pace of a timer that is right, thousandths. Most are, and every event reads a clock.
const RIGHT: u64 = 1_000;

impl Clocks {
    /// What a server's clocks show.
    pub fn read(&self, server: ServerIndex, now: Micros) -> Now {
        let back = self.set_back.filter(|set_back| now.0 >= set_back.at).map_or(0, |set| set.by);
        let ahead = self.ahead.get(server.index()).copied().unwrap_or(0);
        let own = self.faults.iter().filter(|fault| fault.server == server.0);
        let wrong: i64 = own.map(|fault| fault.off_at(now.0)).sum();
        let unix = Micros((START + now.0 + ahead - back).saturating_add_signed(wrong));
        let monotonic = match self.pace(server) {
            RIGHT => now.0,
            pace => (u128::from(now.0) * u128::from(pace) / u128::from(RIGHT)) as u64,
        };
        Now { monotonic: Micros(monotonic), unix }
    }

    /// When a server's timers show `shown`.
    pub fn when(&self, server: ServerIndex, shown: Micros) -> Micros {
        let pace = self.pace(server);
        if pace == RIGHT {
            return shown;
        }
        let when = (u128::from(shown.0) * u128::from(RIGHT)).div_ceil(u128::from(pace));
        Micros(u64::try_from(when).unwrap_or(u64::MAX))
    }

    fn pace(&self, server: ServerIndex) -> u64 {
        self.paces.get(server.index()).copied().unwrap_or(RIGHT).max(1)
    }

    /// The slowest timer, thousandths.
    pub fn slowest_pace(&self) -> u64 {
        self.paces.iter().copied().min().unwrap_or(1_000).clamp(1, 1_000)
    }

    /// The farthest that any clock is ahead of the time that it should show, µs.
    pub fn farthest_ahead(&self) -> u64 {
        let set_back = self.set_back.map_or(0, |set_back| set_back.by);
        let faults: u64 = self.faults.iter().map(ClockFault::ahead).sum();
        set_back + faults
    }

    /// The latest time that the clock of any of these servers has shown up to now.
    pub fn latest(&self, servers: &ServerSet, now: Micros) -> Micros {
        let before = self.set_back.filter(|set_back| now.0 >= set_back.at);
        let before = before.map(|set_back| set_back.at.saturating_sub(1));
        let own = self.faults.iter().filter(|f| servers.contains(ServerIndex(f.server)));
        let wrong = own.flat_map(|fault| [Some(fault.from), Some(fault.to.saturating_sub(1))]);
        let past = wrong.chain([before]).map(|moment| moment.filter(|moment| *moment <= now.0));
        let moments: Vec<_> = past.chain([Some(now.0)]).map(|at| at.map(Micros)).collect();
        let read = |moment| servers.iter().map(move |server| self.read(server, moment).unix);
        moments.into_iter().flatten().flat_map(read).max().unwrap_or(Micros::ZERO)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVER: ServerIndex = ServerIndex(0);

    #[test]
    fn a_timer_that_is_due_is_due() {
        for pace in [800, 993, 1_000, 1_007, 1_250] {
            let clocks = Clocks {
                tolerance: 0,
                ahead: Vec::new(),
                set_back: None,
                faults: Vec::new(),
                paces: vec![pace],
            };
            for shown in (0..5_000_000).step_by(7_919) {
                let when = clocks.when(SERVER, Micros(shown));
                assert!(clocks.read(SERVER, when).monotonic.0 >= shown, "{pace} {shown}");
                let before = Micros(when.0.saturating_sub(1));
                let early = when.0 > 0 && clocks.read(SERVER, before).monotonic.0 >= shown;
                assert!(!early, "{pace} {shown}: not before");
            }
        }
    }
}
