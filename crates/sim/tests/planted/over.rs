//! One fault more than the policy allows: agreement may break, and then the guilty are named.

use ally_consensus::{Bugs, TestimonyKind};
use ally_policy::{ServerIndex, ServerSet};
use ally_sim::{Account, Outcome, Scenario, Setting, Style, World};

/// Alliances, and how many plots are tried in each, of which some must succeed.
const PLOTS: [(&str, u64); 3] = [("four", 60), ("seven", 60), ("nine", 400)];

/// How many times longer the faults last: one more liar leads one more view, each has twice the patience
/// of the one before, and what the network hides must stay hidden until an honest leader has chosen.
const LONGER: u64 = 3;

/// The liars make a certificate that honest servers have no part in.
const OPENED_ALONE: &str = "liar: view opened with no honest share";

/// A plot of a coalition with one member too many, to its end.
fn run_with_one_more(seed: u64, setting: &Setting) -> (ServerSet, Outcome, Account) {
    let policy = setting.policy().expect("sound");
    let mut scenario = Scenario::draw(seed, setting, Style::Plot).expect("sound");
    let outside = policy.everybody().difference(&scenario.coalition);
    let one_more: Option<ServerIndex> = outside.iter().next();
    one_more.into_iter().for_each(|server| {
        scenario.coalition.insert(server);
    });
    assert!(!policy.is_fail_prone(&scenario.coalition), "it is one too many");
    scenario.healed_at *= LONGER;
    let coalition = scenario.coalition;
    let (outcome, account) = World::new(scenario, Bugs::NONE).expect("sound").run_to_account();
    (coalition, outcome, account)
}

/// Agreement breaks in some of the runs. In each of them what the honest servers kept convicts more
/// than the policy tolerates, or leads to a certificate in which none of them had a part; and in no run
/// is anybody honest convicted. Had they not kept it, it would not: the check fails.
#[test]
fn one_fault_too_many_breaks_agreement_and_the_guilty_are_named() {
    let (mut across_views, mut ended) = (0, 0);
    for (alliance, seeds) in PLOTS {
        let setting = Setting::named(alliance).expect("a setting");
        let (mut broken, mut alone, mut ends, mut votes_lost, mut choices_lost) = (0, 0, 0, 0, 0);
        for seed in 0..seeds {
            let (coalition, outcome, account) = run_with_one_more(seed, &setting);
            assert!(outcome.proven.is_subset(&coalition), "{alliance} {seed}: {outcome:?}");
            let findings =
                account.check().unwrap_or_else(|wrong| panic!("{alliance} {seed}: {wrong}"));
            if !account.is_broken() {
                continue;
            }
            assert!(findings.guilty().is_subset(&coalition), "{alliance} {seed}");
            broken += 1;
            // Else the trail ends: the check says that nobody honest had a part in that certificate.
            let made_alone = outcome.happened.of(OPENED_ALONE);
            assert!(findings.beyond_policy || made_alone > 0, "{alliance} {seed}: {findings:?}");
            ends += u64::from(!findings.beyond_policy);
            alone += u64::from(!outcome.proven.is_empty());
            let account = account.without(TestimonyKind::Choice);
            choices_lost += u64::from(account.check().is_err());
            votes_lost += u64::from(account.without(TestimonyKind::Backing).check().is_err());
        }
        println!(
            "{alliance}: {broken} of {seeds} plots break it; servers alone convict somebody in \
             {alone}, together enough in all but {ends}, where the trail ends; without choices not \
             in {choices_lost}, without votes either in {votes_lost}"
        );
        assert!(broken > 0 && votes_lost == broken, "{alliance}");
        across_views += choices_lost;
        ended += ends;
    }
    assert!(across_views > 0, "no run needs what servers kept of view changes");
    assert!(ended > 0, "no trail ends at a certificate that the liars made by themselves");
}

/// While the policy holds there is nothing to account for, whatever liars, crashes and the network do.
#[test]
fn what_honest_servers_keep_convicts_none_of_them() {
    for alliance in ["four", "five", "seven", "two-level"] {
        let setting = Setting::named(alliance).expect("a setting");
        for (seed, style) in (0..10).flat_map(|seed| [(seed, Style::Plot), (seed, Style::Weather)])
        {
            let scenario = Scenario::draw(seed, &setting, style).expect("sound");
            let coalition = scenario.coalition;
            let world = World::new(scenario, Bugs::NONE).expect("sound");
            let (_, account) = world.run_to_account();
            let findings =
                account.check().unwrap_or_else(|wrong| panic!("{alliance} {seed}: {wrong}"));
            assert_eq!(findings.conflict, None, "{alliance} {seed}");
            assert!(findings.guilty().is_subset(&coalition), "{alliance} {seed}");
            assert!(!findings.beyond_policy, "{alliance} {seed}");
        }
    }
}
