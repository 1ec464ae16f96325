//! A failing scenario is made small, and what breaks in the small one is of the same kind.

use ally_consensus::{Bug, Bugs};
use ally_sim::{Attempt, Scenario, Setting, Shrunk, Style, shrink};
use std::ops::ControlFlow;

/// Seeds among which something breaks.
const SEEDS: u64 = 200;
/// Runs that shrinking may take.
const RUNS_MAX: u64 = 1_500;

/// Commands in a scenario from which some can be taken.
const COMMANDS_MIN: u64 = 4;

/// The first plot that breaks and has enough in it.
fn broken(alliance: &str, bugs: Bugs) -> Attempt {
    let setting = Setting::named(alliance).expect("a setting");
    let run = |seed| {
        let scenario = Scenario::draw(seed, &setting, Style::Plot).expect("it is sound");
        Attempt::run(scenario, bugs).expect("it can be run")
    };
    let wanted =
        |attempt: &Attempt| attempt.scenario.load.commands >= COMMANDS_MIN && attempt.is_broken();
    (0..SEEDS).map(run).find(wanted).expect("a seed finds it")
}

fn shrunk(from: &Attempt, bugs: Bugs) -> Shrunk {
    shrink(from.clone(), bugs, RUNS_MAX, &mut |_| ControlFlow::Continue(()))
}

#[test]
fn a_planted_bug_is_shown_in_a_small_scenario() {
    let bugs = Bugs::planted(Bug::EquivocationIgnored);
    let from = broken("two-level", bugs);
    let Shrunk { attempt: to, runs, steps } = shrunk(&from, bugs);
    let servers = |of: &Attempt| of.scenario.setting.policy().expect("a policy").server_count();
    println!("{} to {} servers, {steps} steps, {runs} runs", servers(&from), servers(&to));
    println!("{}", to.scenario.to_file());
    assert_eq!(to.kind(), from.kind(), "the same kind of thing breaks");
    assert!(runs <= RUNS_MAX && steps > 0);
    assert_eq!(servers(&to), 4, "four servers are enough to show it");
    assert!(to.scenario.load.commands < from.scenario.load.commands);
    assert!(to.scenario.healed_at <= from.scenario.healed_at);

    let again = Scenario::from_file(&to.scenario.to_file()).expect("its own file");
    let again = Attempt::run(again, bugs).expect("it can be run");
    assert_eq!(again.violations, to.violations, "its file replays it");
    let without = Attempt::run(to.scenario, Bugs::NONE).expect("it can be run");
    assert_eq!(without.violations, Vec::<String>::new(), "and without the mistake all is well");
}

#[test]
fn shrinking_is_the_same_each_time_and_ends_when_told() {
    let bugs = Bugs::planted(Bug::EquivocatorAdmitted);
    let from = broken("four", bugs);
    let (once, again) = (shrunk(&from, bugs), shrunk(&from, bugs));
    assert_eq!(once.attempt.scenario, again.attempt.scenario);
    let at_once = shrink(from.clone(), bugs, RUNS_MAX, &mut |_| ControlFlow::Break(()));
    assert_eq!(at_once.runs, 1);
    assert_eq!(shrink(from, bugs, 5, &mut |_| ControlFlow::Continue(())).runs, 5);
}
