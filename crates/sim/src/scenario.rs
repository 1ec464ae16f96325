//! What happens in a run: drawn from the seed, printed so that a person can read it.

use crate::alliance::Alliance;
use crate::policy::Policy;
use crate::random::Stream;
use ally_consensus::Quorums;
use ally_policy::{ServerIndex, ServerSet};
use std::fmt;
use std::str::FromStr;

/// Where the faults of a run come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Chance: loss, delay, crashes and lies, each by itself.
    Weather,
    /// A plot: the coalition and the network work together against the view that it leads.
    Plot,
}

impl Style {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Weather, Self::Plot];
}

impl fmt::Display for Style {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Weather => "weather",
            Self::Plot => "plot",
        })
    }
}

impl FromStr for Style {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|style| style.to_string() == name).ok_or(())
    }
}

/// How a Byzantine coalition behaves. Each member also follows the protocol where none of this
/// applies, which makes its lies worth believing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Treachery {
    /// Percent of its own proposals for which a leader makes a second, conflicting one.
    pub equivocate: u64,
    /// Percent of recipients to whom a message is not sent.
    pub withhold: u64,
    /// Percent of foreign proposals, conflicting ones included, that it votes for.
    pub vote_for_all: u64,
    /// Percent of view changes that report something else than the truth.
    pub lie: u64,
    /// Percent of its choices as a new leader that name another tip.
    pub choose_wrong: u64,
    /// Percent of its batches that it sends to some only.
    pub withhold_batches: u64,
    /// Percent of second proposals with a forged log root or time, and of foreign proposals that it
    /// gives its share of the alliance key for before anything is decided.
    pub forge: u64,
}

/// A time in which the servers are split.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Partition {
    /// When it begins, µs.
    pub from: u64,
    /// When it ends, µs.
    pub to: u64,
    /// These on one side, all others on the other.
    pub side: ServerSet,
}

/// A crash and the restart after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crash {
    /// Who.
    pub server: ServerIndex,
    /// When it stops, µs.
    pub at: u64,
    /// When it comes back, µs.
    pub back: u64,
}

/// Everything about a run that is not the code's doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scenario {
    /// Names the run.
    pub seed: u64,
    /// Where the faults come from.
    pub style: Style,
    /// Who takes part.
    pub alliance: Alliance,
    /// Which servers are Byzantine; a fail-prone set.
    pub coalition: ServerSet,
    /// What they do.
    pub treachery: Treachery,
    /// Shortest and longest ordinary message delay, µs.
    pub delay: (u64, u64),
    /// Messages in a thousand that take up to [`Scenario::slow_delay`] instead.
    pub slow_permille: u64,
    /// Longest delay of a slow message, µs.
    pub slow_delay: u64,
    /// Messages in a thousand that are lost.
    pub loss_permille: u64,
    /// Messages in a thousand that come twice.
    pub duplicate_permille: u64,
    /// Shortest and longest sync of a disk, µs.
    pub sync: (u64, u64),
    /// Shortest and longest time to combine shares, µs.
    pub combine: (u64, u64),
    /// The servers' base timeout, µs.
    pub base_timeout: u64,
    /// Splits.
    pub partitions: Vec<Partition>,
    /// Crashes of honest servers.
    pub crashes: Vec<Crash>,
    /// Batches that are submitted during the faults.
    pub batches: u64,
    /// Until when they are submitted, µs.
    pub batches_until: u64,
    /// When all faults end, µs.
    pub healed_at: u64,
}

impl Scenario {
    /// The scenario of a seed.
    pub fn draw(seed: u64, alliance: Alliance, style: Style) -> Self {
        match style {
            Style::Weather => Self::draw_weather(seed, alliance),
            Style::Plot => Self::draw_plot(seed, alliance),
        }
    }

    /// A plot needs a network that is quick where it lets something pass, and views that end soon.
    fn draw_plot(seed: u64, alliance: Alliance) -> Self {
        let mut draw = Stream::new(seed, "scenario");
        let policy = alliance.policy();
        let base_timeout = draw.between(15, 30) * 1_000;
        let mut always = |low| draw.between(low, 100);
        let treachery = Treachery {
            equivocate: always(40),
            withhold: 0,
            vote_for_all: 0,
            lie: always(80),
            choose_wrong: always(0) / 10,
            withhold_batches: 0,
            forge: 0,
        };
        let mut candidates: Vec<_> = ServerSet::first(policy.server_count()).iter().collect();
        draw.shuffle(&mut candidates);
        // Mostly the first leader lies, so that the plot is under way at once.
        let leader = candidates.iter().position(|server| server.0 == 0);
        if let Some(leader) = leader.filter(|_| draw.percent(85)) {
            candidates.swap(0, leader);
        }
        let most = candidates.len();
        Self {
            seed,
            style: Style::Plot,
            alliance,
            coalition: fail_prone(&candidates, most, &policy),
            treachery,
            delay: (100, draw.between(200, 1_000)),
            slow_permille: 0,
            slow_delay: 0,
            loss_permille: 0,
            duplicate_permille: 0,
            sync: (10, draw.between(20, 300)),
            combine: (10, draw.between(20, 500)),
            base_timeout,
            partitions: Vec::new(),
            crashes: Vec::new(),
            batches: draw.between(2, 12),
            batches_until: draw.between(1, base_timeout),
            healed_at: base_timeout * draw.between(3, 7),
        }
    }

    fn draw_weather(seed: u64, alliance: Alliance) -> Self {
        let mut draw = Stream::new(seed, "scenario");
        let policy = alliance.policy();
        let healed_at = draw.between(200, 1_500) * 1_000;
        let coalition = draw_coalition(&mut draw, &policy);
        let honest = ServerSet::first(policy.server_count()).difference(&coalition);
        let fast = draw.between(1, 5) * 1_000;
        let base_timeout = draw.between(2, 8) * 10_000;
        let calm = draw.percent(30);
        Self {
            seed,
            style: Style::Weather,
            alliance,
            coalition,
            treachery: draw_treachery(&mut draw),
            delay: (draw.between(100, 1_000), fast),
            slow_permille: if draw.percent(50) { draw.between(0, 200) } else { 0 },
            slow_delay: base_timeout * draw.between(1, 6),
            loss_permille: if calm { 0 } else { draw.between(0, 80) },
            duplicate_permille: if calm { 0 } else { draw.between(0, 50) },
            sync: (50, draw.between(100, 3_000)),
            base_timeout,
            partitions: draw_partitions(&mut draw, policy.server_count(), healed_at),
            crashes: if calm { Vec::new() } else { draw_crashes(&mut draw, &honest, healed_at) },
            batches: if draw.percent(15) { draw.between(60, 250) } else { draw.between(4, 30) },
            batches_until: healed_at,
            combine: (10, if draw.percent(20) { base_timeout } else { 1_000 }),
            healed_at,
        }
    }
}

/// A fail-prone set: empty, one drawn at random, or (half of the time) a maximal one.
fn draw_coalition(draw: &mut Stream, policy: &Policy) -> ServerSet {
    let mut servers: Vec<_> = ServerSet::first(policy.server_count()).iter().collect();
    draw.shuffle(&mut servers);
    let most = match draw.below(8) {
        0 => 0,
        1..=3 => draw.between(1, servers.len() as u64) as usize,
        _ => servers.len(),
    };
    fail_prone(&servers, most, policy)
}

/// At most this many of the candidates, in their order, that may all fail together.
fn fail_prone(candidates: &[ServerIndex], most: usize, policy: &Policy) -> ServerSet {
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
    }
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
    let honest: Vec<_> = honest.iter().collect();
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
            crashes.push(Crash { server, at, back });
        }
    }
    crashes
}

/// The power fails, and comes back at each server at another time.
fn draw_blackout(draw: &mut Stream, honest: &[ServerIndex], end: u64) -> Vec<Crash> {
    let start = draw.below(end / 2);
    let everybody = draw.percent(50);
    let mut crashes = Vec::new();
    for server in honest {
        let at = start + draw.below(5_000);
        let back = (at + draw.between(500, end / 2)).min(end);
        if everybody || draw.percent(70) {
            crashes.push(Crash { server: *server, at, back });
        }
    }
    crashes
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:#?}\n{}", self.alliance.definition())
    }
}
