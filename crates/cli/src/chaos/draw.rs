//! Drawing faults from a seed.

use super::FaultKind;
use super::schedule::{Fault, Liar, STEPS_MAX, Said, Schedule, Step};
use ally_byzantine::{Stream, Treachery};

/// From the start of one fault to the start of the next, ms.
const GAP_MS: (u64, u64) = (300, 1800);
/// How long a fault lasts, ms.
const LASTS_MS: (u64, u64) = (400, 3500);
/// Without faults at the end, ms, so that the last ones have begun to heal when all are ended.
const CALM_MS: u64 = 500;
/// How far a clock jumps, seconds: within the tolerance of a minute, and far beyond it.
const JUMPS_S: [i64; 6] = [-7200, -90, -20, 20, 90, 7200];

/// How late things arrive, ms.
const DELAY_MS: (u64, u64) = (20, 800);

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
            let Some(kind) = order.pop() else { break };
            let Some(fault) = draw_fault(&mut draw, kind, &wish, &free, at_ms) else {
                // It finds no server that it could befall: it waits, and one other has its turn.
                order.insert(order.len().saturating_sub(1), kind);
                at_ms += draw.between(GAP_MS.0, GAP_MS.1);
                continue;
            };
            match &fault {
                Fault::Outage => free.fill(at_ms + for_ms),
                fault => {
                    if let Some(server) = fault.process() {
                        free[server] = at_ms + for_ms;
                    }
                }
            }
            steps.push(Step { at_ms, for_ms, fault });
            at_ms += draw.between(GAP_MS.0, GAP_MS.1);
        }
        let Wish { seed, length_ms, servers, .. } = wish;
        Self { seed, length_ms, servers, liar, steps }
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
        deluge: draw.between(0, 500),
        counterfeit: draw.between(0, 20),
        backdate: draw.between(0, 5),
        misorder: draw.between(0, 10),
        split: draw.between(0, 80),
        gap: draw.between(0, 20),
        shun: if draw.percent(80) { 0 } else { draw.between(1, 3) },
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
        FaultKind::Cut => Fault::Cut { side: group(draw, count, count / 2) },
        FaultKind::Stall => Fault::Stall { side: group(draw, count, count / 2) },
        FaultKind::OneWay => {
            let (from, to) = direction(draw, server, &all);
            Fault::OneWay { from, to }
        }
        FaultKind::Reset => Fault::Reset { server },
        FaultKind::Delay => {
            let (from, to) = direction(draw, server, &all);
            Fault::Delay { from, to, ms: draw.between(DELAY_MS.0, DELAY_MS.1) }
        }
        FaultKind::Narrow => Fault::Narrow { server, bytes_per_s: draw.between(4, 64) << 10 },
        FaultKind::ClientCut => Fault::ClientCut { servers: group(draw, count, count) },
        FaultKind::ClientStall => {
            let servers = group(draw, count, count);
            let what = [Said::Commands, Said::Answers, Said::All];
            Fault::ClientStall { servers, what: draw.pick(&what).copied()? }
        }
        FaultKind::ClientDelay => {
            let servers = group(draw, count, count);
            Fault::ClientDelay { servers, ms: draw.between(DELAY_MS.0, DELAY_MS.1) }
        }
        FaultKind::Disk => {
            let server = wish.small_disk.filter(|server| idle.contains(server))?;
            Fault::Disk { server }
        }
        FaultKind::Clock => Fault::Clock { server, seconds: draw.pick(&JUMPS_S).copied()? },
        FaultKind::Outage | FaultKind::Byzantine => return None,
    })
}

/// One to `most` of the servers.
fn group(draw: &mut Stream, count: usize, most: usize) -> Vec<usize> {
    let mut all: Vec<usize> = (0..count).collect();
    draw.shuffle(&mut all);
    all.truncate(draw.between(1, most as u64) as usize);
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
