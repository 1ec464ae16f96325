//! Looking for a seed that notices.

use crate::cases::{CASES, Case};
use ally_consensus::{Bug, Bugs};
use ally_sim::{Attempt, SOUND, Scenario, Setting, Style};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Seeds after the noted one that a search may take: what is drawn from a seed changes with the code.
const WINDOW: u64 = 400;

/// Seeds that a search from 0 may take, unless `PLANTED_SEEDS` says otherwise.
const SEEDS: u64 = 2_000;

/// Mistakes that one run in tens of thousands shows: hours from seed 0. They are searched for from the
/// seed noted, and the scenario file of each (`tests/regressions`) shows it at once.
const RARE: &[Bug] = &[Bug::DecisionNotPassedOn, Bug::QuietBudgeted];

/// Another alliance for each seed.
const DRAWN: &str = "drawn";

/// A seed that notices, and what it says.
#[derive(Clone)]
struct Find {
    seed: u64,
    alliance: &'static str,
    style: Style,
    violation: String,
}

impl Find {
    fn invariant(&self) -> &str {
        self.violation.split(':').next().unwrap_or_default()
    }
}

impl fmt::Display for Find {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seed {} {} {}: {}", self.seed, self.alliance, self.style, self.violation)
    }
}

fn first_violation(seed: u64, alliance: &'static str, style: Style, bugs: Bugs) -> Option<Find> {
    let setting = match alliance {
        DRAWN => Setting::drawn(seed),
        named => Setting::named(named).expect("a setting"),
    };
    let scenario = Scenario::draw(seed, &setting, style).expect("it is sound");
    let attempt = Attempt::run(scenario, bugs).expect("it is sound");
    let violation = attempt.violations.into_iter().next()?;
    Some(Find { seed, alliance, style, violation })
}

/// In the alliance and style of the case, from its seed on.
fn search_from_hint(case: &Case) -> Option<Find> {
    let bugs = Bugs::planted(case.bug);
    (case.seed..case.seed + WINDOW)
        .find_map(|seed| first_violation(seed, case.alliance, case.style, bugs))
}

/// The mistakes to look for: those that `PLANTED_BUG` names, or all.
fn chosen() -> Vec<Bug> {
    let only = std::env::var("PLANTED_BUG").ok();
    let is_chosen =
        |bug: &&Bug| only.as_ref().is_none_or(|only| only.split(',').any(|o| o == bug.name()));
    Bug::ALL.iter().filter(is_chosen).copied().collect()
}

/// Everywhere, from seed 0 on; what is rare, from where it was seen.
fn search(bug: Bug, seeds: u64) -> Option<Find> {
    if RARE.contains(&bug) {
        return CASES.iter().find(|case| case.bug == bug).and_then(search_from_hint);
    }
    let everywhere =
        (0..seeds).flat_map(|seed| places().map(move |(alliance, style)| (seed, alliance, style)));
    let mut everywhere = everywhere;
    everywhere.find_map(|(seed, alliance, style)| {
        first_violation(seed, alliance, style, Bugs::planted(bug))
    })
}

fn places() -> impl Iterator<Item = (&'static str, Style)> {
    SOUND.into_iter().chain([DRAWN]).flat_map(|alliance| Style::ALL.map(|style| (alliance, style)))
}

/// Does something for each item, on all processors; the answers in the items' order.
fn in_parallel<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::new());
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some((index, item)) = Some(next.fetch_add(1, Ordering::Relaxed))
                    .and_then(|i| Some((i, items.get(i)?)))
                {
                    let answer = work(item);
                    done.lock().expect("no panic").push((index, answer));
                }
            });
        }
    });
    let mut done = done.into_inner().expect("no panic");
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, answer)| answer).collect()
}

/// What this thread has computed so far; where the system does not tell, the time.
fn thread_time(start: Instant) -> Duration {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let ran = stat.split(' ').next().and_then(|nanos| nanos.parse().ok());
    ran.map_or_else(|| start.elapsed(), Duration::from_nanos)
}

#[test]
fn each_mistake_has_a_case() {
    let cases: BTreeSet<_> = CASES.iter().map(|case| case.bug).collect();
    let missing: Vec<_> = Bug::ALL.iter().filter(|bug| !cases.contains(bug)).collect();
    assert!(missing.is_empty(), "{missing:?}");
    assert_eq!(cases.len(), CASES.len(), "one case each");
}

#[test]
fn each_mistake_is_found_by_its_invariant_and_without_it_nothing_is() {
    let chosen = chosen();
    let cases: Vec<_> = CASES.iter().filter(|case| chosen.contains(&case.bug)).collect();
    let failures = in_parallel(&cases, |case| {
        let Some(find) = search_from_hint(case) else {
            return Some(format!("{:?}: not found from seed {} on", case.bug, case.seed));
        };
        println!("{}: {} after {} seeds", case.bug.name(), find.invariant(), find.seed - case.seed);
        if !case.found_by.contains(&find.invariant()) {
            return Some(format!("{:?}: not by its invariant: {find}", case.bug));
        }
        let clean = first_violation(find.seed, case.alliance, case.style, Bugs::NONE);
        clean.map(|clean| format!("no bug: {clean}"))
    });
    let failures: Vec<_> = failures.into_iter().flatten().collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
#[ignore = "takes minutes: the search from seed 0 that docs/verification.md shows"]
fn each_mistake_is_found_from_seed_zero() {
    let seeds = std::env::var("PLANTED_SEEDS").ok().and_then(|seeds| seeds.parse().ok());
    let bugs = chosen();
    println!("| bug | invariant | alliance, style | seed | CPU s |\n|---|---|---|---|---|");
    let finds = in_parallel(&bugs, |bug| {
        let wall = Instant::now();
        let before = thread_time(wall);
        let find = search(*bug, seeds.unwrap_or(SEEDS));
        let took = thread_time(wall).saturating_sub(before).as_secs_f64();
        match &find {
            Some(find) => println!(
                "| `{}` | {} | {}, {} | {} | {took:.1} |",
                bug.name(),
                find.invariant(),
                find.alliance,
                find.style,
                find.seed
            ),
            None => println!("| `{}` | not found | | | {took:.1} |", bug.name()),
        }
        find
    });
    let lost: Vec<_> = bugs.iter().zip(&finds).filter(|(_, find)| find.is_none()).collect();
    assert!(
        lost.is_empty(),
        "not found: {:?}",
        lost.iter().map(|(bug, _)| bug).collect::<Vec<_>>()
    );
    let common = bugs.iter().zip(&finds).filter(|(bug, _)| !RARE.contains(bug));
    let last = common.filter_map(|(_, find)| Some(find.as_ref()?.seed)).max().unwrap_or(0);
    let seeds: Vec<u64> = (0..=last).collect();
    let broken = in_parallel(&seeds, |seed| {
        places().find_map(|(alliance, style)| first_violation(*seed, alliance, style, Bugs::NONE))
    });
    let broken: Vec<_> = broken.into_iter().flatten().map(|find| find.to_string()).collect();
    assert!(broken.is_empty(), "no bug: {}", broken.join("\n"));
}
