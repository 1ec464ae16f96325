//! Many runs: every seed in every setting and style, on several threads.
//!
//! Threads are between runs, never within one. The first failure in the order of cases is the same
//! with any number of threads.

use crate::attempt::Attempt;
use crate::policies::{SOUND, Setting};
use crate::promptness::Promptness;
use crate::scenario::{KeyChoice, Scenario, ScenarioError, Style};
use ally_byzantine::Tally;
use ally_consensus::Bugs;
use std::ops::{ControlFlow, Range};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// In which alliance a seed is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Alliance {
    /// In this one.
    Fixed(Setting),
    /// In one that the seed draws.
    Drawn,
}

impl Alliance {
    /// What it is called on the command line.
    pub const DRAWN: &'static str = "drawn";

    /// The one with this name, if there is one.
    pub fn named(name: &str) -> Option<Self> {
        if name == Self::DRAWN { Some(Self::Drawn) } else { Setting::named(name).map(Self::Fixed) }
    }

    /// All sound ones with names, and those that seeds draw.
    pub fn sound() -> Vec<Self> {
        SOUND.iter().filter_map(|name| Self::named(name)).chain([Self::Drawn]).collect()
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        match self {
            Self::Fixed(setting) => &setting.name,
            Self::Drawn => Self::DRAWN,
        }
    }

    /// The policy that a seed runs with.
    pub fn setting(&self, seed: u64) -> Setting {
        match self {
            Self::Fixed(setting) => setting.clone(),
            Self::Drawn => Setting::drawn(seed),
        }
    }
}

/// What is to be run.
#[derive(Debug, Clone)]
pub struct Sweep {
    /// Which seeds.
    pub seeds: Range<u64>,
    /// Each seed in each of these alliances.
    pub alliances: Vec<Alliance>,
    /// And in each of these styles.
    pub styles: Vec<Style>,
    /// Which runs use real keys.
    pub keys: KeyChoice,
    /// Mistakes made on purpose.
    pub bugs: Bugs,
    /// On how many threads.
    pub jobs: usize,
    /// After how many failures to stop.
    pub failures_max: usize,
}

/// What came of runs.
#[derive(Debug, Clone, Default)]
pub struct Total {
    /// How many have ended.
    pub runs: u64,
    /// Blocks that honest servers delivered.
    pub blocks: u64,
    /// Views that were left.
    pub views: u64,
    /// Deliveries of blocks decided in two steps, in three, and by a certificate.
    pub paths: [u64; 3],
    /// Events that happened.
    pub events: u64,
    /// Virtual time that passed, µs.
    pub time: u64,
    /// How much of the time granted after the healing they took.
    pub promptness: Promptness,
    /// The one that took the largest part of it.
    pub slowest: Option<Slowest>,
    /// What the faults and the liars did, counted.
    pub happened: Tally,
    /// Identifies everything that was observed, in whatever order the runs ended.
    pub trace_hash: u64,
    /// Runs in which something broke, in the order of cases.
    pub failures: Vec<Attempt>,
}

impl Total {
    /// Of one run.
    pub fn of(attempt: &Attempt) -> Self {
        let mut shared = Shared::default();
        shared.add(0, attempt.clone());
        shared.total
    }
}

/// The run that came closest to its bound. Of equals the first in the order of cases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slowest {
    /// Its seed.
    pub seed: u64,
    /// Its alliance.
    pub policy: String,
    /// Its style.
    pub style: Style,
    /// What it took of the bound, µs.
    pub settled_after: u64,
    /// The bound, µs.
    pub bound: u64,
    case: u64,
}

impl Slowest {
    fn of(case: u64, scenario: &Scenario, settled_after: u64, bound: u64) -> Self {
        let (seed, policy, style) = (scenario.seed, scenario.setting.name.clone(), scenario.style);
        Self { seed, policy, style, settled_after, bound, case }
    }

    fn is_slower_than(&self, other: &Self) -> bool {
        let part = |one: &Self, of: &Self| u128::from(one.settled_after) * u128::from(of.bound);
        let (this, that) = (part(self, other), part(other, self));
        this > that || (this == that && self.case < other.case)
    }
}

/// The shared part of a sweep that is under way.
struct Progress<'a> {
    /// The next case to run.
    next: AtomicU64,
    /// No case from this one on is to be started.
    end: AtomicU64,
    shared: Mutex<Shared>,
    watch: &'a (dyn Fn(&Total) -> ControlFlow<()> + Sync),
}

/// The total, and the case of each of its failures.
#[derive(Default)]
struct Shared {
    total: Total,
    failed: Vec<(u64, Attempt)>,
    error: Option<ScenarioError>,
}

impl Sweep {
    /// How many runs this is.
    pub fn cases(&self) -> u64 {
        let seeds = self.seeds.end.saturating_sub(self.seeds.start);
        seeds.saturating_mul((self.alliances.len() * self.styles.len()) as u64)
    }

    /// Runs them all, or until enough have failed, or until `watch`, which is called after each run,
    /// wants no more.
    ///
    /// # Errors
    /// As [`Setting::policy`], for the first setting that has none.
    pub fn run(
        &self,
        watch: &(dyn Fn(&Total) -> ControlFlow<()> + Sync),
    ) -> Result<Total, ScenarioError> {
        let progress = Progress {
            next: AtomicU64::new(0),
            end: AtomicU64::new(self.cases()),
            shared: Mutex::default(),
            watch,
        };
        thread::scope(|scope| {
            for _ in 0..self.jobs.max(1) {
                scope.spawn(|| self.work(&progress));
            }
        });
        let mut done = progress.shared.into_inner().unwrap_or_else(PoisonError::into_inner);
        done.failed.sort_by_key(|(case, _)| *case);
        done.total.failures = done.failed.into_iter().map(|(_, attempt)| attempt).collect();
        done.total.failures.truncate(self.failures_max.max(1));
        done.error.map_or(Ok(done.total), Err)
    }

    fn work(&self, progress: &Progress<'_>) {
        loop {
            let case = progress.next.fetch_add(1, Ordering::Relaxed);
            if case >= progress.end.load(Ordering::Relaxed) {
                return;
            }
            let attempt = self.scenario(case).and_then(|it| Attempt::run(it, self.bugs));
            progress.ended(case, attempt, self.failures_max.max(1));
        }
    }

    /// Seeds first, so that time that runs out leaves out seeds and not whole settings.
    fn scenario(&self, case: u64) -> Result<Scenario, ScenarioError> {
        let styles = self.styles.len() as u64;
        let each = styles * self.alliances.len() as u64;
        let alliance = &self.alliances[(case % each / styles) as usize];
        let style = self.styles[(case % styles) as usize];
        let seed = self.seeds.start + case / each;
        Ok(Scenario::draw_with(self.keys, seed, &alliance.setting(seed), style)?)
    }
}

impl Progress<'_> {
    fn ended(&self, case: u64, attempt: Result<Attempt, ScenarioError>, failures_max: usize) {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        match attempt {
            Ok(attempt) => shared.add(case, attempt),
            Err(error) => shared.error = shared.error.take().or(Some(error)),
        }
        let enough = shared.failed.len() >= failures_max || shared.error.is_some();
        if enough || (self.watch)(&shared.total).is_break() {
            // Cases that others have begun go on: a lower one may fail too.
            self.end.store(0, Ordering::Relaxed);
        }
    }
}

impl Shared {
    fn add(&mut self, case: u64, attempt: Attempt) {
        let total = &mut self.total;
        total.runs += 1;
        if let Some(outcome) = &attempt.outcome {
            total.blocks += outcome.blocks;
            total.views += outcome.view;
            total.events += outcome.events;
            total.time += outcome.time;
            if let Some(settled_after) = outcome.settled_after {
                total.promptness.add(settled_after, outcome.bound);
                let slow = Slowest::of(case, &attempt.scenario, settled_after, outcome.bound);
                if total.slowest.as_ref().is_none_or(|other| slow.is_slower_than(other)) {
                    total.slowest = Some(slow);
                }
            }
            total.happened.add(&outcome.happened);
            total.trace_hash ^= outcome.trace_hash.rotate_left((case % 64) as u32);
            for (sum, paths) in total.paths.iter_mut().zip(outcome.paths) {
                *sum += paths;
            }
        }
        if attempt.is_broken() {
            self.failed.push((case, attempt));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sweep(seeds: Range<u64>, jobs: usize) -> Sweep {
        let alliances = ["four", "drawn"].iter().filter_map(|name| Alliance::named(name)).collect();
        let styles = Style::ALL.to_vec();
        let (keys, bugs) = (KeyChoice::Table, Bugs::NONE);
        Sweep { seeds, alliances, styles, keys, bugs, jobs, failures_max: 1 }
    }

    fn run(sweep: &Sweep) -> Total {
        sweep.run(&|_| ControlFlow::Continue(())).expect("sound settings")
    }

    #[test]
    fn threads_change_nothing() {
        let (one, many) = (run(&sweep(3..8, 1)), run(&sweep(3..8, 4)));
        assert_eq!(one.runs, 20);
        assert!(one.failures.is_empty() && one.blocks > 0);
        assert_eq!(one.trace_hash, many.trace_hash);
        assert!(one.slowest.is_some() && one.slowest == many.slowest);
        assert_eq!((one.events, one.time, one.paths), (many.events, many.time, many.paths));
        assert_ne!(one.trace_hash, run(&sweep(4..9, 1)).trace_hash);
    }

    #[test]
    fn it_ends_when_nobody_wants_more() {
        let total = sweep(0..u64::MAX, 1)
            .run(&|total| {
                if total.runs < 3 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            })
            .expect("sound settings");
        assert_eq!(total.runs, 3);
    }
}
