//! Draws what happens to servers' disks, processes and clocks.

use super::super::{ClockFault, Clocks, DiskFault, Pause, Trouble};
use super::fail_prone;
use ally_byzantine::Stream;
use ally_policy::{ServerIndex, ServerSet, TrustPolicy};

/// The most that a clock on the wall is behind, µs: an hour.
const CLOCK_BEHIND_US: u64 = 3_600_000_000;
/// The most that a clock is ahead, in tolerances. What an honest server with such a clock voted for
/// may hold up the alliance until the other clocks get there.
const CLOCK_AHEAD_TOLERANCES: u64 = 4;
/// The most that timers run fast or slow, thousandths.
const PACE_WRONG: u64 = 200;
/// The most that a clock on the wall drifts, millionths.
const DRIFT_MAX: u64 = 100_000;

/// In a third of the runs some clocks jump, drift, and are set right again, and timers run fast or
/// slow.
pub(super) fn wrong_clocks(clocks: &mut Clocks, draw: &mut Stream, end: u64) {
    if !draw.percent(30) {
        return;
    }
    let servers = clocks.ahead.len() as u16;
    let wrong: Vec<_> = (0..servers).filter(|_| draw.percent(50)).collect();
    clocks.faults =
        wrong.into_iter().map(|server| clock_fault(draw, clocks, server, end)).collect();
    let pace = |draw: &mut Stream| 1_000 - PACE_WRONG + draw.below(2 * PACE_WRONG);
    clocks.paces =
        (0..servers).map(|_| if draw.percent(50) { 1_000 } else { pace(draw) }).collect();
}

fn clock_fault(draw: &mut Stream, clocks: &Clocks, server: u16, end: u64) -> ClockFault {
    let from = draw.below(end);
    let halved = draw.below(20);
    let off = match draw.percent(50) {
        true => draw.below(CLOCK_AHEAD_TOLERANCES * clocks.tolerance) as i64,
        false => -(draw.below(CLOCK_BEHIND_US >> halved) as i64),
    };
    let drift = draw.below(DRIFT_MAX) as i64;
    let drift = if draw.percent(50) { drift } else { -drift };
    let to = (from + draw.between(1_000, end / 2)).min(end);
    // A clock that drifts ahead for long would be ahead by more than that.
    let drift = drift.min((CLOCK_AHEAD_TOLERANCES * clocks.tolerance * 1_000_000 / end) as i64);
    ClockFault { server, from, to, off, drift }
}

/// Processes that stand still: in a quarter of the runs.
pub(super) fn pauses(draw: &mut Stream, servers: usize, end: u64) -> Vec<Pause> {
    let count = if draw.percent(75) { 0 } else { draw.between(1, 4) };
    let one = |draw: &mut Stream| {
        let at = draw.below(end);
        let until = (at + draw.between(1_000, end / 2)).min(end);
        Pause { server: draw.below(servers as u64) as u16, at, until }
    };
    (0..count).map(|_| one(draw)).collect()
}

/// Disks in trouble. May add a server to the liars, whose disk then forgets.
pub(super) fn disk_faults(
    draw: &mut Stream,
    policy: &TrustPolicy,
    coalition: &mut ServerSet,
    end: u64,
) -> Vec<DiskFault> {
    let count = if draw.percent(70) { 0 } else { draw.between(1, 3) };
    let mut faults = Vec::new();
    let mut failed = *coalition;
    for _ in 0..count {
        let at = draw.below(end);
        let back = (at + draw.between(1_000, end / 2)).min(end);
        let all: Vec<_> = policy.everybody().iter().collect();
        let Some(server) = draw.pick(&all).copied() else { continue };
        let trouble = match draw.below(6) {
            0 | 1 => Trouble::SyncError,
            2 => Trouble::Full,
            3 => Trouble::Slow(draw.between(2, 50)),
            4 => Trouble::Rot,
            _ => Trouble::RolledBack(if draw.percent(40) { 0 } else { draw.below(at + 1) }),
        };
        let forgets = matches!(trouble, Trouble::RolledBack(_));
        if forgets || trouble == Trouble::Rot {
            if !may_fail_too(&mut failed, server, policy) {
                continue;
            }
            if forgets {
                coalition.insert(server);
            }
        }
        faults.push(DiskFault { server: server.0, at, back, trouble });
    }
    faults
}

fn may_fail_too(failed: &mut ServerSet, server: ServerIndex, policy: &TrustPolicy) -> bool {
    let mut candidates: Vec<_> = failed.iter().filter(|own| *own != server).collect();
    candidates.push(server);
    let all = fail_prone(&candidates, candidates.len(), policy);
    let fits = all.len() == candidates.len();
    if fits {
        *failed = all;
    }
    fits
}
