//! A checker is believed once a planted bug has made it fail: each rule of selection and of time is
//! broken on purpose, and seeds find a lost decision, or a block from the future; with the rule kept,
//! none of these seeds does.
//!
//! So too for the bound: one server fewer, and seeds find conflicts.

use ally_consensus::{Bug, Bugs};
use ally_sim::{Outcome, SOUND, Setting, Style, run};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

/// Seeds that each case may take.
const SEEDS: u64 = 600;

/// Decisions that contradict each other, or a view that starts beside what may have been decided.
fn loses_a_decision(outcome: &Outcome) -> bool {
    let violations = outcome.violations.iter();
    violations.into_iter().any(|what| what.starts_with("agreement") || what.starts_with("new view"))
}

/// A decided block whose time no clock explains.
fn loses_time(outcome: &Outcome) -> bool {
    outcome.violations.iter().any(|what| what.starts_with("time"))
}

/// The lowest seed of a plot that loses a decision.
fn find(alliance: &str, bugs: Bugs) -> Option<u64> {
    find_where(alliance, Style::Plot, bugs, loses_a_decision)
}

/// The lowest seed whose outcome is broken in this way.
fn find_where(
    alliance: &str,
    style: Style,
    bugs: Bugs,
    is_broken: fn(&Outcome) -> bool,
) -> Option<u64> {
    let setting = &Setting::named(alliance).expect("a setting");
    let found = AtomicU64::new(u64::MAX);
    let threads = thread::available_parallelism().map_or(1, |n| n.get() as u64);
    thread::scope(|scope| {
        for first in 0..threads {
            let found = &found;
            scope.spawn(move || {
                for seed in (first..SEEDS).step_by(threads as usize) {
                    if seed >= found.load(Ordering::Relaxed) {
                        return;
                    }
                    if is_broken(&run(seed, setting, style, bugs).expect("it can be run")) {
                        found.fetch_min(seed, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let seed = found.into_inner();
    (seed < SEEDS).then_some(seed)
}

/// Breaks a rule in each alliance that needs it; no seed up to the one found breaks anything while
/// no bug is planted.
fn assert_found(alliances: &[&str], bugs: Bugs) {
    assert_found_where(alliances, Style::Plot, bugs, loses_a_decision);
}

fn assert_found_where(
    alliances: &[&str],
    style: Style,
    bugs: Bugs,
    is_broken: fn(&Outcome) -> bool,
) {
    for alliance in alliances {
        let seed = find_where(alliance, style, bugs, is_broken);
        let Some(last) = seed else { panic!("{alliance}: no seed below {SEEDS} finds it") };
        println!("{alliance}: found by seed {last}");
        let setting = Setting::named(alliance).expect("a setting");
        for seed in 0..=last {
            let outcome = run(seed, &setting, style, Bugs::NONE).expect("it is sound");
            assert_eq!(outcome.violations, Vec::<String>::new(), "{alliance}, seed {seed}");
        }
    }
}

#[test]
fn sim_finds_equivocation_ignored() {
    let bugs = Bugs::planted(Bug::EquivocationIgnored);
    assert_found(&SOUND, bugs);
}

#[test]
fn sim_finds_the_equivocators_report_admitted() {
    let bugs = Bugs::planted(Bug::EquivocatorAdmitted);
    assert_found(&["four", "nine"], bugs);
}

#[test]
fn sim_finds_the_equivocator_not_counted_as_faulty() {
    let bugs = Bugs::planted(Bug::EquivocatorNotCounted);
    assert_found(&["four", "nine"], bugs);
}

#[test]
fn sim_finds_commits_ignored() {
    let bugs = Bugs::planted(Bug::CommitIgnored);
    assert_found(&["seven"], bugs);
}

#[test]
fn sim_finds_votes_for_blocks_of_the_future() {
    let bugs = Bugs::planted(Bug::EarlyBlocksVotedFor);
    assert_found_where(&SOUND, Style::Weather, bugs, loses_time);
}

#[test]
fn sim_finds_reports_of_blocks_of_the_future_counted() {
    let bugs = Bugs::planted(Bug::EarlyReportsCounted);
    assert_found_where(&SOUND, Style::Weather, bugs, loses_time);
}

#[test]
fn sim_finds_conflicts_below_the_bound() {
    for alliance in ["unsound-three", "unsound-six"] {
        let seed = find(alliance, Bugs::NONE);
        println!("{alliance}: found by seed {seed:?}");
        assert!(seed.is_some(), "{alliance}");
    }
}

/// Of eight servers with two liars, two blocks may look decided at once. The engine sees that, and
/// refuses to choose, as long as all rules are on. Without a slow path there are no commits to
/// ignore, so that "commits ignored" takes away this refusal, and nothing else.
#[test]
fn sim_finds_conflicts_below_the_bound_where_a_choice_is_forced() {
    let bugs = Bugs::planted(Bug::CommitIgnored);
    let seed = find("unsound-eight", bugs);
    assert!(seed.is_some());
    println!("unsound-eight: found by seed {seed:?}");
    assert_eq!(find("nine", bugs), None, "at the bound there is nothing to refuse");
}
