//! What happens in a run: drawn from the seed, printed so that a person can read it.

use crate::random::Stream;
use ally_policy::{FaultModel, ServerIndex, ServerSet, TrustPolicy};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The alliances that are simulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Alliance {
    /// n = 4, f = 1: always two steps.
    Four,
    /// n = 7, f = 2: two steps with one failure, three with two.
    Seven,
    /// n = 9, f = 2: always two steps.
    Nine,
    /// Four organisations of three servers each, any one organisation may fail.
    TwoLevel,
}

impl Alliance {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Four, Self::Seven, Self::Nine, Self::TwoLevel];

    /// The policy, as a person writes it.
    pub fn definition(self) -> String {
        let flat = |count: usize| {
            let names: Vec<_> = (0..count).map(|index| format!("s{index}")).collect();
            names.join(", ")
        };
        match self {
            Self::Four => format!("decide = \"3 of ({})\"\n", flat(4)),
            Self::Seven => {
                let names = flat(7);
                format!("decide = \"5 of ({names})\"\nfast = \"6 of ({names})\"\n")
            }
            Self::Nine => format!("decide = \"7 of ({})\"\n", flat(9)),
            Self::TwoLevel => {
                let mut text = String::from("decide = \"3 of (a, b, c, d)\"\n");
                for name in ["a", "b", "c", "d"] {
                    text += &format!("{name} = \"all of ({name}0, {name}1, {name}2)\"\n");
                }
                text
            }
        }
    }

    /// The policy, checked.
    ///
    /// # Panics
    /// If it does not pass its conditions: these do.
    pub fn policy(self) -> Arc<TrustPolicy> {
        let text = self.definition();
        let policy = TrustPolicy::from_toml(&text, "scenario", FaultModel::Byzantine);
        Arc::new(policy.expect("the simulated policies are sound"))
    }
}

impl fmt::Display for Alliance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Four => "four",
            Self::Seven => "seven",
            Self::Nine => "nine",
            Self::TwoLevel => "two-level",
        })
    }
}

impl FromStr for Alliance {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|alliance| alliance.to_string() == name).ok_or(())
    }
}

/// How a Byzantine coalition behaves. Each member also follows the protocol where none of this
/// applies, which makes its lies worth believing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
    /// The servers' base timeout, µs.
    pub base_timeout: u64,
    /// Splits.
    pub partitions: Vec<Partition>,
    /// Crashes of honest servers.
    pub crashes: Vec<Crash>,
    /// Batches that are submitted during the faults.
    pub batches: u64,
    /// When all faults end, µs.
    pub healed_at: u64,
}

impl Scenario {
    /// The scenario of a seed.
    pub fn draw(seed: u64, alliance: Alliance) -> Self {
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
            batches: draw.between(4, 30),
            healed_at,
        }
    }
}

/// A fail-prone set: empty, one drawn at random, or (half of the time) a maximal one.
fn draw_coalition(draw: &mut Stream, policy: &TrustPolicy) -> ServerSet {
    let mut servers: Vec<_> = ServerSet::first(policy.server_count()).iter().collect();
    draw.shuffle(&mut servers);
    let most = match draw.below(8) {
        0 => 0,
        1..=3 => draw.between(1, servers.len() as u64) as usize,
        _ => servers.len(),
    };
    let mut coalition = ServerSet::EMPTY;
    for server in servers {
        let mut larger = coalition;
        larger.insert(server);
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

fn draw_crashes(draw: &mut Stream, honest: &ServerSet, end: u64) -> Vec<Crash> {
    let honest: Vec<_> = honest.iter().collect();
    let count = if draw.percent(40) { 0 } else { draw.between(1, 6) };
    let mut crashes: Vec<Crash> = Vec::new();
    for _ in 0..count {
        let Some(server) = draw.pick(&honest).copied() else { break };
        let at = draw.below(end);
        let back = (at + draw.between(1_000, end / 2)).min(end);
        let overlaps = |c: &Crash| c.server == server && c.at <= back && at <= c.back;
        if !crashes.iter().any(overlaps) {
            crashes.push(Crash { server, at, back });
        }
    }
    crashes
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:#?}\n{}", self.alliance.definition())
    }
}
