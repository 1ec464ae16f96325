//! Which faults come when: drawn from a seed, or read from a file.

use super::FaultKind;
use ally_byzantine::{Stream, Treachery};
use serde::{Deserialize, Serialize};

/// The most faults of one schedule.
const STEPS_MAX: usize = 100_000;
/// The most servers in one.
const SERVERS_MAX: usize = 64;
/// The longest run, ms: a day.
const LENGTH_MAX_MS: u64 = 24 * 3600 * 1000;
/// From the start of one fault to the start of the next, ms.
const GAP_MS: (u64, u64) = (300, 1800);
/// How long a fault lasts, ms.
const LASTS_MS: (u64, u64) = (400, 3500);
/// Without faults at the end, ms, so that the last ones have begun to heal when all are ended.
const CALM_MS: u64 = 500;
/// How far a clock jumps, seconds: within the tolerance of a minute, and far beyond it.
const JUMPS_S: [i64; 6] = [-7200, -90, -20, 20, 90, 7200];

/// The faults of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// What it was drawn from; the liar draws from it too.
    pub seed: u64,
    /// How long the faults go on, ms.
    pub length_ms: u64,
    /// The alliance's servers, by name. Faults name them by their place here, from 0.
    pub servers: Vec<String>,
    /// Who lies, if anybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub liar: Option<Liar>,
    /// What happens, in order of time.
    #[serde(default)]
    pub steps: Vec<Step>,
}

/// A server that lies from the start to the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Liar {
    /// Which one.
    pub server: usize,
    /// How.
    pub treachery: Treachery,
}

/// One fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// When it begins, ms after the start.
    pub at_ms: u64,
    /// How long it lasts, ms.
    pub for_ms: u64,
    /// What.
    #[serde(flatten)]
    pub fault: Fault,
}

/// What is done to whom. Servers are places in [`Schedule::servers`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[allow(missing_docs)] // `FaultKind` says what each is.
pub enum Fault {
    Kill { server: usize },
    Outage,
    Pause { server: usize },
    Cut { side: Vec<usize> },
    Stall { side: Vec<usize> },
    OneWay { from: Vec<usize>, to: Vec<usize> },
    Reset { server: usize },
    Delay { from: Vec<usize>, to: Vec<usize>, ms: u64 },
    Narrow { server: usize, bytes_per_s: u64 },
    Disk { server: usize },
    Clock { server: usize, seconds: i64 },
}

impl Fault {
    /// Its kind.
    pub fn kind(&self) -> FaultKind {
        match self {
            Self::Kill { .. } => FaultKind::Kill,
            Self::Outage => FaultKind::Outage,
            Self::Pause { .. } => FaultKind::Pause,
            Self::Cut { .. } => FaultKind::Cut,
            Self::Stall { .. } => FaultKind::Stall,
            Self::OneWay { .. } => FaultKind::OneWay,
            Self::Reset { .. } => FaultKind::Reset,
            Self::Delay { .. } => FaultKind::Delay,
            Self::Narrow { .. } => FaultKind::Narrow,
            Self::Disk { .. } => FaultKind::Disk,
            Self::Clock { .. } => FaultKind::Clock,
        }
    }

    /// The servers it names.
    fn named(&self) -> Vec<usize> {
        match self {
            Self::Outage => Vec::new(),
            Self::Kill { server }
            | Self::Pause { server }
            | Self::Reset { server }
            | Self::Narrow { server, .. }
            | Self::Disk { server }
            | Self::Clock { server, .. } => vec![*server],
            Self::Cut { side } | Self::Stall { side } => side.clone(),
            Self::OneWay { from, to } | Self::Delay { from, to, .. } => {
                from.iter().chain(to).copied().collect()
            }
        }
    }

    /// The server whose process it stops or starts; two such faults of one server exclude each
    /// other.
    fn process(&self) -> Option<usize> {
        match self {
            Self::Kill { server } | Self::Pause { server } | Self::Disk { server } => Some(*server),
            _ => None,
        }
    }
}

/// What a schedule is drawn from.
pub struct Wish<'a> {
    /// Determines everything.
    pub seed: u64,
    /// How long, ms.
    pub length_ms: u64,
    /// The servers' names, in the alliance's order.
    pub servers: Vec<String>,
    /// What may happen.
    pub kinds: &'a [FaultKind],
    /// The server whose disk can be filled.
    pub small_disk: Option<usize>,
}

impl Schedule {
    /// Draws one: each kind at least once if there is time, then by chance.
    pub fn draw(wish: Wish<'_>) -> Self {
        let mut draw = Stream::new(wish.seed, "chaos schedule");
        let liar = wish
            .kinds
            .contains(&FaultKind::Byzantine)
            .then(|| Liar { server: liar_of(&mut draw, &wish), treachery: treachery(&mut draw) });
        let kinds: Vec<_> = wish.kinds.iter().copied().filter(|kind| is_step(*kind)).collect();
        let mut order: Vec<FaultKind> = Vec::new();
        let mut steps: Vec<Step> = Vec::new();
        let mut free = vec![0; wish.servers.len()];
        let mut at_ms = GAP_MS.0;
        while !kinds.is_empty() && at_ms + CALM_MS < wish.length_ms && steps.len() < STEPS_MAX {
            if order.is_empty() {
                order.clone_from(&kinds);
                draw.shuffle(&mut order);
            }
            let for_ms = draw.between(LASTS_MS.0, LASTS_MS.1).min(wish.length_ms - at_ms);
            // One that finds no server that it could befall waits for its next turn.
            let kind = order.pop();
            if let Some(fault) =
                kind.and_then(|kind| draw_fault(&mut draw, kind, &wish, &free, at_ms))
            {
                match &fault {
                    Fault::Outage => free.fill(at_ms + for_ms),
                    fault => {
                        if let Some(server) = fault.process() {
                            free[server] = at_ms + for_ms;
                        }
                    }
                }
                steps.push(Step { at_ms, for_ms, fault });
            }
            at_ms += draw.between(GAP_MS.0, GAP_MS.1);
        }
        let Wish { seed, length_ms, servers, .. } = wish;
        Self { seed, length_ms, servers, liar, steps }
    }

    /// Reads a file.
    ///
    /// # Errors
    /// What is wrong with it, for whoever wrote it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let own: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        own.check()?;
        Ok(own)
    }

    /// The file.
    pub fn to_text(&self) -> String {
        let body = toml::to_string(self).expect("numbers, texts and lists can be written");
        format!(
            "# Faults of `ally chaos`. `ally chaos --replay FILE` plays them again: the same faults \
             at\n# the same times. What the servers make of it depends on the machine as well.\n{body}"
        )
    }

    /// The kinds of faults that are in it, each once, in order.
    pub fn kinds(&self) -> Vec<FaultKind> {
        let steps = self.steps.iter().map(|step| step.fault.kind());
        let mut kinds: Vec<_> =
            steps.chain(self.liar.iter().map(|_| FaultKind::Byzantine)).collect();
        kinds.sort();
        kinds.dedup();
        kinds
    }

    /// The one server whose disk has to be small enough to be filled.
    pub fn small_disk(&self) -> Option<usize> {
        self.steps.iter().find_map(|step| match step.fault {
            Fault::Disk { server } => Some(server),
            _ => None,
        })
    }

    fn check(&self) -> Result<(), String> {
        let count = self.servers.len();
        if count == 0 || count > SERVERS_MAX {
            return Err(format!("{count} servers; there can be 1 to {SERVERS_MAX}"));
        }
        if self.steps.len() > STEPS_MAX {
            return Err(format!("more than {STEPS_MAX} faults"));
        }
        if self.length_ms == 0 || self.length_ms > LENGTH_MAX_MS {
            return Err("length_ms is not between 1 and a day".to_owned());
        }
        let disk = self.small_disk();
        for (number, step) in self.steps.iter().enumerate() {
            let named = step.fault.named();
            if let Some(unknown) = named.into_iter().find(|server| *server >= count) {
                return Err(format!("fault {number} names server {unknown} of {count}"));
            }
            if step.at_ms.checked_add(step.for_ms).is_none_or(|end| end > LENGTH_MAX_MS) {
                return Err(format!("fault {number} ends after more than a day"));
            }
            if matches!(step.fault, Fault::Disk { server } if Some(server) != disk) {
                return Err(format!("fault {number}: only one server's disk can be filled"));
            }
        }
        match &self.liar {
            Some(liar) if liar.server >= count => {
                Err(format!("the liar is server {} of {count}", liar.server))
            }
            Some(liar) if Some(liar.server) == disk => {
                Err("the liar's disk cannot be the one that is filled".to_owned())
            }
            _ => Ok(()),
        }
    }
}

/// Whether faults of this kind begin and end: a liar lies all the time.
fn is_step(kind: FaultKind) -> bool {
    kind != FaultKind::Byzantine
}

/// A server other than the one whose disk is small: what happens to a liar's disk tests nobody.
fn liar_of(draw: &mut Stream, wish: &Wish<'_>) -> usize {
    let others: Vec<_> =
        (0..wish.servers.len()).filter(|server| Some(*server) != wish.small_disk).collect();
    draw.pick(&others).copied().unwrap_or(0)
}

/// How the liar lies: a bit of everything, so that it is mostly believed.
fn treachery(draw: &mut Stream) -> Treachery {
    Treachery {
        equivocate: draw.between(5, 40),
        withhold: draw.between(0, 20),
        vote_for_all: draw.between(10, 60),
        lie: draw.between(20, 80),
        choose_wrong: draw.between(0, 50),
        withhold_batches: draw.between(0, 30),
        forge: draw.between(0, 20),
        rush: draw.between(0, 5),
        spoil: draw.between(0, 50),
        spoil_statements: draw.between(0, 50),
        withhold_proofs: draw.between(0, 50),
        two_batches: draw.between(0, 10),
        missync: draw.between(0, 80),
        mutate: draw.between(1, 10),
        garble: draw.between(0, 3),
        flood: draw.between(0, 10),
        counterfeit: draw.between(0, 20),
        backdate: draw.between(0, 5),
        misorder: draw.between(0, 10),
    }
}

fn draw_fault(
    draw: &mut Stream,
    kind: FaultKind,
    wish: &Wish<'_>,
    free: &[u64],
    at_ms: u64,
) -> Option<Fault> {
    let count = wish.servers.len();
    let all: Vec<usize> = (0..count).collect();
    let idle: Vec<usize> = all.iter().copied().filter(|server| free[*server] <= at_ms).collect();
    let server = draw.pick(&all).copied()?;
    Some(match kind {
        FaultKind::Kill => Fault::Kill { server: draw.pick(&idle).copied()? },
        FaultKind::Pause => Fault::Pause { server: draw.pick(&idle).copied()? },
        FaultKind::Outage if idle.len() == count => Fault::Outage,
        FaultKind::Cut => Fault::Cut { side: side(draw, count) },
        FaultKind::Stall => Fault::Stall { side: side(draw, count) },
        FaultKind::OneWay => {
            let (from, to) = direction(draw, server, &all);
            Fault::OneWay { from, to }
        }
        FaultKind::Reset => Fault::Reset { server },
        FaultKind::Delay => {
            let (from, to) = direction(draw, server, &all);
            Fault::Delay { from, to, ms: draw.between(20, 800) }
        }
        FaultKind::Narrow => Fault::Narrow { server, bytes_per_s: draw.between(4, 64) << 10 },
        FaultKind::Disk => {
            let server = wish.small_disk.filter(|server| idle.contains(server))?;
            Fault::Disk { server }
        }
        FaultKind::Clock => Fault::Clock { server, seconds: draw.pick(&JUMPS_S).copied()? },
        FaultKind::Outage | FaultKind::Byzantine => return None,
    })
}

/// One of two groups of servers, neither of which is empty.
fn side(draw: &mut Stream, count: usize) -> Vec<usize> {
    let mut all: Vec<usize> = (0..count).collect();
    draw.shuffle(&mut all);
    all.truncate(draw.between(1, count as u64 / 2) as usize);
    all.sort_unstable();
    all
}

/// From one server to all others, or from them to it.
fn direction(draw: &mut Stream, server: usize, all: &[usize]) -> (Vec<usize>, Vec<usize>) {
    let others = all.iter().copied().filter(|other| *other != server).collect();
    match draw.percent(50) {
        true => (vec![server], others),
        false => (others, vec![server]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(seed: u64) -> Schedule {
        let servers = ["a", "b", "c", "d"].map(str::to_owned).to_vec();
        let kinds = FaultKind::all();
        Schedule::draw(Wish { seed, length_ms: 60_000, servers, kinds, small_disk: Some(1) })
    }

    #[test]
    fn a_seed_gives_one_schedule_and_a_file_gives_it_back() {
        for seed in 0..50 {
            let schedule = drawn(seed);
            assert_eq!(schedule, drawn(seed));
            assert_eq!(Schedule::parse(&schedule.to_text()), Ok(schedule));
        }
        assert_ne!(drawn(1), drawn(2));
    }

    #[test]
    fn a_minute_has_every_kind_and_nothing_after_its_end() {
        for seed in 0..50 {
            let schedule = drawn(seed);
            assert_eq!(schedule.kinds(), FaultKind::all(), "seed {seed}");
            let ends = schedule.steps.iter().map(|step| step.at_ms + step.for_ms);
            assert!(ends.max().expect("there are some") <= schedule.length_ms);
            assert!(schedule.steps.is_sorted_by_key(|step| step.at_ms));
        }
    }

    #[test]
    fn a_process_is_never_stopped_for_two_reasons_at_once() {
        for seed in 0..50 {
            let mut free = [0; 4];
            for step in drawn(seed).steps {
                let hit: Vec<usize> = match &step.fault {
                    Fault::Outage => (0..4).collect(),
                    fault => fault.process().into_iter().collect(),
                };
                for server in hit {
                    assert!(free[server] <= step.at_ms, "seed {seed}: {step:?}");
                    free[server] = step.at_ms + step.for_ms;
                }
            }
        }
    }

    #[test]
    fn a_file_that_makes_no_sense_is_refused_with_the_reason() {
        let text = drawn(3).to_text();
        let servers = "servers = [\"a\", \"b\", \"c\", \"d\"]";
        assert!(text.contains(servers));
        let few = text.replace(servers, "servers = [\"a\"]");
        assert!(Schedule::parse(&few).expect_err("too few").contains("of 1"));
        let none = text.replace(servers, "servers = []");
        assert!(Schedule::parse(&none).expect_err("none").contains("0 servers"));
        assert!(Schedule::parse("seed = 1\nspeed = 3").is_err());
    }
}
