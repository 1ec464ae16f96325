//! One fault more than the policy allows: the promise ends there, and it shows.

use ally_consensus::Bugs;
use ally_policy::{ServerIndex, ServerSet};
use ally_sim::{Outcome, Scenario, Setting, Style, World};

/// Alliances, and how many plots are tried in each, of which some must succeed.
const PLOTS: [(&str, u64); 3] = [("four", 60), ("seven", 60), ("nine", 400)];

/// A plot of a coalition with one member too many, to its end.
fn run_with_one_more(seed: u64, setting: &Setting) -> (ServerSet, Outcome) {
    let policy = setting.policy().expect("sound");
    let mut scenario = Scenario::draw(seed, setting, Style::Plot).expect("sound");
    let outside = policy.everybody().difference(&scenario.coalition);
    let one_more: Option<ServerIndex> = outside.iter().next();
    one_more.into_iter().for_each(|server| {
        scenario.coalition.insert(server);
    });
    assert!(!policy.is_fail_prone(&scenario.coalition), "it is one too many");
    let coalition = scenario.coalition;
    (coalition, World::new(scenario, Bugs::NONE).expect("sound").going_on().run())
}

/// Safety breaks in some of the runs. Even then nobody honest is blamed, and where a leader showed
/// two chains it is found out in some.
#[test]
fn one_fault_too_many_breaks_agreement_and_blames_nobody_honest() {
    for (alliance, seeds) in PLOTS {
        let setting = Setting::named(alliance).expect("a setting");
        let (mut broken, mut convicted) = (0, 0);
        for seed in 0..seeds {
            let (coalition, outcome) = run_with_one_more(seed, &setting);
            let unsafe_run = outcome.violations.iter().any(|what| {
                ["agreement", "new view"].iter().any(|invariant| what.starts_with(invariant))
            });
            assert!(outcome.proven.is_subset(&coalition), "{alliance} {seed}: {outcome:?}");
            broken += u64::from(unsafe_run);
            convicted += u64::from(unsafe_run && !outcome.proven.is_empty());
        }
        println!(
            "{alliance}: {broken} of {seeds} plots break it, {convicted} with a culprit proven"
        );
        assert!(broken > 0, "{alliance}");
        assert!(convicted > 0, "{alliance}");
    }
}
