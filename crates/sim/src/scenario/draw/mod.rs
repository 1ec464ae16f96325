//! Draws scenarios.

mod accidents;
mod cryptography;
mod fair;
mod machines;
mod network;
mod treachery;
mod twins;

pub(super) use accidents::accidents;
pub(super) use cryptography::cryptography;
pub(super) use fair::fair;

use super::{
    Clocks, Crash, Cryptography, Disks, Load, Network, Paces, Partition, Scenario, SetBack, Style,
    Treachery, Twins,
};
use crate::policies::Setting;
use ally_byzantine::{Plots, Stream};
use ally_consensus::{Epoch, Rotation, View};
use ally_policy::{ServerIndex, ServerSet, TrustPolicy};

/// A timeout doubles up to this many times its base.
const TIMEOUT_GROWTH: u64 = 8;
/// Commands submitted after the healing.
const AFTER_HEALING: u64 = 3;

/// Chance everywhere.
pub(super) fn weather(
    seed: u64,
    setting: Setting,
    policy: &TrustPolicy,
    draw: &mut Stream,
) -> Scenario {
    let healed_at = draw.between(200, 1_500) * 1_000;
    let mut coalition = draw_coalition(draw, policy);
    let fast = draw.between(1, 5) * 1_000;
    let base_timeout = draw.between(2, 8) * 10_000;
    let calm = draw.percent(30);
    let mut network = Network {
        delay: (draw.between(100, 1_000), fast),
        slow_permille: if draw.percent(50) { draw.between(0, 200) } else { 0 },
        loss_permille: if calm { 0 } else { draw.between(0, 80) },
        duplicate_permille: if calm { 0 } else { draw.between(0, 50) },
        ..Network::default()
    };
    let links = &mut Stream::new(seed, "links");
    let stretch = network::unequal(&mut network, links, policy, base_timeout);
    let (healed_at, base_timeout) = (healed_at * stretch, base_timeout * stretch);
    network.slow_delay = base_timeout * draw.between(1, 6);
    network.partitions = draw_partitions(draw, policy.server_count(), healed_at);
    network.cuts = network::cuts(links, policy, healed_at);
    let machines = &mut Stream::new(seed, "machines");
    let servers = policy.server_count();
    let mut clocks = draw_clocks(seed, servers, healed_at);
    machines::wrong_clocks(&mut clocks, machines, healed_at);
    let pauses = machines::pauses(machines, servers, healed_at);
    let disk_faults = machines::disk_faults(machines, policy, &mut coalition, healed_at);
    let honest = policy.everybody().difference(&coalition);
    let lies = Treachery { rush: draw_rush(seed), ..draw_treachery(draw) };
    let mut treachery = treachery::mischief(seed, honest.len(), lies);
    network.frames |= treachery.garble > 0;
    let twins = twins::twins(seed, policy, &coalition, healed_at);
    if twins.is_some() {
        treachery = Treachery::default();
    }
    Scenario {
        seed,
        style: Style::Weather,
        setting,
        cryptography: Cryptography::default(),
        accounts: false,
        coalition,
        healed_at,
        treachery,
        network,
        disks: Disks { sync: (50, draw.between(100, 3_000)) },
        paces: Paces {
            base_timeout,
            timeout_max: base_timeout * TIMEOUT_GROWTH,
            job: (10, if draw.percent(20) { base_timeout } else { 1_000 }),
        },
        clocks,
        load: Load {
            commands: if draw.percent(15) { draw.between(60, 250) } else { draw.between(4, 30) },
            until: healed_at,
            crowd: draw_crowd(seed),
            after_healing: AFTER_HEALING,
        },
        crashes: if calm { Vec::new() } else { draw_crashes(draw, &honest, healed_at) },
        pauses,
        disk_faults,
        twins: twins.unwrap_or_default(),
    }
}

/// A plot needs a network that is quick where it lets something pass, and views that end soon.
pub(super) fn plot(
    seed: u64,
    setting: Setting,
    policy: &TrustPolicy,
    draw: &mut Stream,
) -> Scenario {
    let base_timeout = draw.between(15, 30) * 1_000;
    let treachery = Treachery {
        equivocate: draw.between(40, 100),
        lie: draw.between(80, 100),
        choose_wrong: draw.between(0, 100) / 10,
        split: treachery::split(seed),
        ..Treachery::default()
    };
    let mut candidates: Vec<_> = policy.everybody().iter().collect();
    draw.shuffle(&mut candidates);
    // Mostly the first leader lies, so that the plot is under way at once; or one that comes soon.
    let first = Plots::besieging(seed);
    let leader = rotation(policy).leader(first.unwrap_or(View::ZERO));
    let leader = candidates.iter().position(|server| *server == leader);
    let sooner =
        |server: &ServerIndex| first.is_some_and(|first| leads_before(policy, *server, first));
    if let Some(leader) = leader.filter(|_| draw.percent(85)) {
        candidates.swap(0, leader);
        candidates.sort_by_key(sooner);
    }
    Scenario {
        seed,
        style: Style::Plot,
        setting,
        cryptography: Cryptography::default(),
        accounts: false,
        coalition: fail_prone(&candidates, candidates.len(), policy),
        healed_at: base_timeout * draw.between(3, 7),
        treachery,
        network: Network { delay: (100, draw.between(200, 1_000)), ..Network::default() },
        disks: Disks { sync: (10, draw.between(20, 300)) },
        paces: Paces {
            base_timeout,
            timeout_max: base_timeout * TIMEOUT_GROWTH,
            job: (10, draw.between(20, 500)),
        },
        clocks: draw_clocks(seed, policy.server_count(), base_timeout * 3),
        load: Load {
            commands: draw.between(2, 12),
            until: draw.between(1, base_timeout),
            crowd: 0,
            after_healing: AFTER_HEALING,
        },
        crashes: Vec::new(),
        pauses: Vec::new(),
        disk_faults: Vec::new(),
        twins: Twins::default(),
    }
}

fn rotation(policy: &TrustPolicy) -> Rotation {
    let organisations = policy.organisations().iter().map(|each| each.servers().to_vec());
    Rotation::new(Epoch(0), organisations.collect())
}

fn leads_before(policy: &TrustPolicy, server: ServerIndex, end: View) -> bool {
    let rotation = rotation(policy);
    (0..end.0).any(|view| rotation.leader(View(view)) == server)
}

/// A fail-prone set: empty, one drawn at random, or (half of the time) a maximal one.
fn draw_coalition(draw: &mut Stream, policy: &TrustPolicy) -> ServerSet {
    let mut servers: Vec<_> = policy.everybody().iter().collect();
    draw.shuffle(&mut servers);
    let most = match draw.below(8) {
        0 => 0,
        1..=3 => draw.between(1, servers.len() as u64) as usize,
        _ => servers.len(),
    };
    fail_prone(&servers, most, policy)
}

/// At most this many of the candidates, in their order, that may all fail together.
fn fail_prone(candidates: &[ServerIndex], most: usize, policy: &TrustPolicy) -> ServerSet {
    let mut coalition = ServerSet::EMPTY;
    for server in candidates {
        let mut larger = coalition;
        larger.insert(*server);
        if larger.len() <= most && policy.is_fail_prone(&larger) {
            coalition = larger;
        }
    }
    coalition
}

fn draw_treachery(draw: &mut Stream) -> Treachery {
    let mut percent = || if draw.percent(40) { 0 } else { draw.between(5, 100) };
    Treachery {
        equivocate: percent(),
        withhold: percent() / 2,
        vote_for_all: percent(),
        lie: percent(),
        choose_wrong: percent() / 3,
        withhold_batches: percent() / 2,
        forge: percent() / 2,
        spoil: percent() / 2,
        ..Treachery::default()
    }
}

/// In one run of twelve many clients come at once.
fn draw_crowd(seed: u64) -> u64 {
    let mut draw = Stream::new(seed, "crowd");
    if draw.below(12) == 0 { draw.between(10, 60) } else { 0 }
}

fn draw_rush(seed: u64) -> u64 {
    let mut draw = Stream::new(seed, "rush");
    if draw.percent(60) { 0 } else { draw.between(5, 100) }
}

/// Clocks that are up to the tolerance apart; in one run of four they are all set back before `end`,
/// by less than it takes to stop anybody for long.
fn draw_clocks(seed: u64, servers: usize, end: u64) -> Clocks {
    let mut draw = Stream::new(seed, "clocks");
    let tolerance = draw.between(1, 50) * 1_000;
    let ahead = (0..servers).map(|_| draw.between(0, tolerance)).collect();
    let set_back = draw
        .percent(25)
        .then(|| SetBack { at: draw.below(end), by: draw.between(1, 4 * tolerance) });
    Clocks { tolerance, ahead, set_back, faults: Vec::new(), paces: Vec::new() }
}

fn draw_partitions(draw: &mut Stream, servers: usize, end: u64) -> Vec<Partition> {
    let count = if draw.percent(50) { 0 } else { draw.between(1, 3) };
    let one = |draw: &mut Stream| {
        let from = draw.below(end);
        let members = ServerSet::first(servers);
        Partition {
            from,
            to: (from + draw.below(end / 2)).min(end),
            side: members.iter().filter(|_| draw.percent(40)).collect(),
        }
    };
    (0..count).map(|_| one(draw)).collect()
}

/// Crashes one by one, or (once in eight) of most servers within a few milliseconds.
fn draw_crashes(draw: &mut Stream, honest: &ServerSet, end: u64) -> Vec<Crash> {
    let honest: Vec<_> = honest.iter().map(|server| server.0).collect();
    if draw.below(8) == 0 {
        return draw_blackout(draw, &honest, end);
    }
    let count = if draw.percent(40) { 0 } else { draw.between(1, 6) };
    let mut crashes: Vec<Crash> = Vec::new();
    for _ in 0..count {
        let Some(server) = draw.pick(&honest).copied() else { break };
        let at = draw.below(end);
        let longest = if draw.percent(40) { 5_000 } else { end / 2 };
        let back = (at + draw.between(500, longest)).min(end);
        let overlaps = |c: &Crash| c.server == server && c.at <= back && at <= c.back;
        if !crashes.iter().any(overlaps) {
            let after_outputs = draw.percent(40).then(|| draw.below(12) as u32);
            crashes.push(Crash { server, at, back, after_outputs });
        }
    }
    crashes
}

/// The power fails, and comes back at each server at another time.
fn draw_blackout(draw: &mut Stream, honest: &[u16], end: u64) -> Vec<Crash> {
    let start = draw.below(end / 2);
    let everybody = draw.percent(50);
    let mut crashes = Vec::new();
    for server in honest {
        let at = start + draw.below(5_000);
        let back = (at + draw.between(500, end / 2)).min(end);
        if everybody || draw.percent(70) {
            crashes.push(Crash { server: *server, at, back, after_outputs: None });
        }
    }
    crashes
}
