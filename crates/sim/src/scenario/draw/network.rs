//! Draws networks: distances, bandwidth, and who is cut off from whom.

use super::super::{Cut, CutManner, Network, WideArea};
use ally_byzantine::Stream;
use ally_policy::{ServerIndex, ServerSet, TrustPolicy};

/// Base timeouts are this many longest delays at least: whoever runs servers sets them so.
const PATIENCE_IN_DELAYS: u64 = 5;

/// In one run of so many, links are slow.
const ONE_IN_NARROW: u64 = 8;
/// In one run of so many, some links are cut in one direction or for some servers.
const ONE_IN_CUT: u64 = 3;

/// Adds to a network what is not the same for all links. Gives by how much times have to be
/// stretched for timeouts to fit the distances.
pub(super) fn unequal(
    network: &mut Network,
    draw: &mut Stream,
    policy: &TrustPolicy,
    base_timeout: u64,
) -> u64 {
    network.frames = draw.percent(15);
    if draw.percent(25) {
        network.replay_permille = draw.between(1, 60);
    }
    if draw.below(ONE_IN_NARROW) == 0 {
        network.bytes_per_ms = draw.between(100, 2_000);
    }
    if draw.percent(15) {
        let count = policy.server_count();
        network.wide_area = Some(wide_area(draw, count));
        return (network.longest_delay() * PATIENCE_IN_DELAYS).div_ceil(base_timeout).max(1);
    }
    1
}

fn wide_area(draw: &mut Stream, servers: usize) -> WideArea {
    let world = draw.percent(50);
    let regions = (0..servers).map(|_| draw.below(if world { 5 } else { 4 }) as u8).collect();
    let area = if world { WideArea::world(regions) } else { WideArea::continent(regions) };
    WideArea {
        jitter_percent: draw.between(0, 40),
        tail_permille: draw.between(0, 50),
        tail_factor: draw.between(2, 20),
        ..area
    }
}

/// Cuts until `end`.
pub(super) fn cuts(draw: &mut Stream, policy: &TrustPolicy, end: u64) -> Vec<Cut> {
    if draw.below(ONE_IN_CUT) != 0 {
        return Vec::new();
    }
    let count = draw.between(1, 3);
    (0..count).flat_map(|_| cut(draw, policy, end)).collect()
}

fn cut(draw: &mut Stream, policy: &TrustPolicy, end: u64) -> Vec<Cut> {
    let from = draw.below(end);
    let to = (from + draw.between(end / 20, end / 2)).min(end);
    let manners = [CutManner::Lost, CutManner::Noticed, CutManner::Held];
    let manner = draw.pick(&manners).copied().unwrap_or(CutManner::Lost);
    let all = policy.everybody();
    let cut = |speakers, hearers| Cut { from, to, speakers, hearers, manner };
    let both = |one: Cut| vec![one, one.reversed()];
    match draw.below(5) {
        // One way.
        0 => vec![cut(some(draw, all), some(draw, all))],
        // Two sides, and bridges that hear both.
        1 => {
            let side = some(draw, all);
            let bridges: ServerSet = all.iter().filter(|_| draw.percent(20)).collect();
            let far = all.difference(&side).difference(&bridges);
            both(cut(side.difference(&bridges), far))
        }
        // An organisation is cut off.
        2 => {
            let organisations = policy.organisations();
            let chosen = draw.pick(organisations).expect("a policy has an organisation");
            let inside: ServerSet = chosen.servers().iter().copied().collect();
            both(cut(inside, all.difference(&inside)))
        }
        // One server hears one other, or nobody.
        3 => {
            let victim = one(draw, all);
            let mut hidden = all;
            hidden.remove(one(draw, all));
            hidden.remove(victim);
            both(cut([victim].into_iter().collect(), hidden))
        }
        // Nobody hears one server.
        _ => vec![cut([one(draw, all)].into_iter().collect(), all)],
    }
}

fn some(draw: &mut Stream, all: ServerSet) -> ServerSet {
    let percent = draw.between(20, 60);
    all.iter().filter(|_| draw.percent(percent)).collect()
}

fn one(draw: &mut Stream, all: ServerSet) -> ServerIndex {
    let all: Vec<_> = all.iter().collect();
    draw.pick(&all).copied().unwrap_or(ServerIndex(0))
}
