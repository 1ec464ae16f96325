//! Rules broken on purpose: the search finds a way to lose a decision, the comparison a difference.

use ally_consensus::{Bug, Bugs};
use ally_model::{Search, Setting, Trace};

const STATES_MAX: usize = 1_000_000;

// That commits are ignored the search finds; histories drawn blindly seldom get there.

/// The case at which four servers show it: the last needs a slow path, so a fast quorum of all four.
fn case(bug: Bug) -> Setting {
    let spare = usize::from(bug != Bug::CommitIgnored);
    Setting { heights: 1, bugs: Bugs::planted(bug), ..Setting::small(0, spare) }
}

fn assert_searched(bug: Bug) {
    let found = Search::new(case(bug)).run(STATES_MAX);
    let violation = found.violation.expect("the search finds it");
    println!("{}: {} states\n{violation}", bug.name(), found.states);
    let said = violation.what.contains("loses") || violation.what.contains("agreement");
    assert!(said, "{violation}");
}

fn assert_compared(bug: Bug) {
    let found = (0..5_000).find_map(|seed| {
        let setting = Setting { bugs: Bugs::planted(bug), ..Setting::draw(seed) };
        Trace::new(setting, seed).run(120).err()
    });
    println!("{}\n{}", bug.name(), found.expect("the comparison finds it"));
}

#[test]
fn search_finds_equivocation_ignored() {
    assert_searched(Bug::EquivocationIgnored);
}

#[test]
fn search_finds_the_equivocators_report_admitted() {
    assert_searched(Bug::EquivocatorAdmitted);
}

#[test]
fn search_finds_the_equivocator_not_counted_as_faulty() {
    assert_searched(Bug::EquivocatorNotCounted);
}

#[test]
fn search_finds_commits_ignored() {
    assert_searched(Bug::CommitIgnored);
}

#[test]
fn comparison_finds_mistakes_in_selection() {
    assert_compared(Bug::EquivocationIgnored);
    assert_compared(Bug::EquivocatorAdmitted);
    assert_compared(Bug::EquivocatorNotCounted);
}
