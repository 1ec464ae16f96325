//! The steps that a decision takes where every message takes the same time, counted.

use ally_consensus::Bugs;
use ally_policy::ServerSet;
use ally_sim::{Disks, Load, Network, Outcome, Paces, Scenario, Setting, Style, Treachery, World};

/// One message delay, µs. Disks and the combining of shares take no time.
const DELAY: u64 = 1_000;

/// A run without faults, but that the servers with the highest numbers say nothing at all.
fn run_with_silent(alliance: &str, servers: usize, silent: usize) -> Outcome {
    let talking = ServerSet::first(servers - silent);
    let setting = Setting::named(alliance).expect("a setting");
    let drawn = Scenario::draw(1, &setting, Style::Weather).expect("it is sound");
    let scenario = Scenario {
        coalition: ServerSet::first(servers).difference(&talking),
        treachery: Treachery { withhold: 100, withhold_batches: 100, ..Treachery::default() },
        network: Network { delay: (DELAY, DELAY), ..Network::default() },
        disks: Disks { sync: (0, 0) },
        paces: Paces { base_timeout: 50 * DELAY, timeout_max: 400 * DELAY, job: (0, 0) },
        crashes: Vec::new(),
        load: Load { commands: 40, until: 150 * DELAY, crowd: 0, after_healing: 3 },
        healed_at: 200 * DELAY,
        ..drawn
    };
    let outcome = World::new(scenario, Bugs::NONE).expect("it is sound").run();
    assert_eq!(outcome.violations, Vec::<String>::new());
    assert_eq!(outcome.view, 0, "the first leader talks, so nobody loses patience");
    assert!(outcome.blocks > 0);
    outcome
}

const TWO_STEPS: Option<(u64, u64)> = Some((2 * DELAY, 2 * DELAY));
const THREE_STEPS: Option<(u64, u64)> = Some((3 * DELAY, 3 * DELAY));

#[test]
fn sim_four_servers_decide_in_two_steps_though_one_is_silent() {
    for silent in 0..=1 {
        let [fast, slow, certificate] = run_with_silent("four", 4, silent).delays;
        assert_eq!((fast, slow, certificate), (TWO_STEPS, None, None), "{silent} silent");
    }
}

#[test]
fn sim_nine_servers_decide_in_two_steps_though_two_are_silent() {
    for silent in 0..=2 {
        let [fast, slow, certificate] = run_with_silent("nine", 9, silent).delays;
        assert_eq!((fast, slow, certificate), (TWO_STEPS, None, None), "{silent} silent");
    }
}

#[test]
fn sim_seven_servers_decide_in_two_steps_or_with_two_silent_in_three() {
    for silent in 0..=1 {
        assert_eq!(run_with_silent("seven", 7, silent).delays[0], TWO_STEPS);
    }
    let [fast, slow, _] = run_with_silent("seven", 7, 2).delays;
    assert_eq!((fast, slow), (None, THREE_STEPS));
}
