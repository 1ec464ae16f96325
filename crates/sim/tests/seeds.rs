//! Seeds that every change has to pass.

use ally_consensus::Bugs;
use ally_sim::{Outcome, SOUND, Scenario, Setting, Style, Tally, World, run};
use std::thread;

/// Seeds for each alliance: bad weather, and plots, which are shorter.
const WEATHER_SEEDS: u64 = 150;
const PLOT_SEEDS: u64 = 120;
/// Seeds that draw their own alliance.
const DRAWN_WEATHER_SEEDS: u64 = 300;
const DRAWN_PLOT_SEEDS: u64 = 80;

/// How much of the time granted after the healing runs of these seeds may take, in hundredths.
const BOUND_USED: u64 = 50;

fn sim(alliance: &str, style: Style, count: u64) -> Vec<(u64, Outcome)> {
    let setting = |seed| Setting::named(alliance).unwrap_or_else(|| Setting::drawn(seed));
    let threads = thread::available_parallelism().map_or(1, |n| n.get() as u64);
    let runs: Vec<(u64, Outcome)> = thread::scope(|scope| {
        let worker = |first| {
            scope.spawn(move || {
                let seeds = (first..count).step_by(threads as usize);
                let run =
                    |seed| (seed, run(seed, &setting(seed), style, Bugs::NONE).expect("sound"));
                seeds.map(run).collect::<Vec<_>>()
            })
        };
        let workers: Vec<_> = (0..threads).map(worker).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("no panic")).collect()
    });
    check(alliance, style, &runs);
    runs
}

fn check(alliance: &str, style: Style, runs: &[(u64, Outcome)]) {
    let broken: Vec<_> =
        runs.iter().filter(|(_, outcome)| !outcome.violations.is_empty()).collect();
    let first = broken.first().map(|(seed, outcome)| {
        format!(
            "seed {seed}: {}\nagain: ally sim --seed {seed} --policy {alliance} --style {style}",
            outcome.violations.join("\n")
        )
    });
    assert!(
        first.is_none(),
        "{} of {} seeds: {}",
        broken.len(),
        runs.len(),
        first.unwrap_or_default()
    );
    // The bound is a guarantee; what needs most of it has become slow.
    let slow = |outcome: &Outcome| outcome.settled_after.map(|after| 100 * after / outcome.bound);
    let slowest = runs.iter().filter_map(|(seed, outcome)| Some((slow(outcome)?, seed))).max();
    assert!(slowest.is_some_and(|(percent, _)| percent < BOUND_USED), "{slowest:?} % of the bound");
    // The faults did something, and so did the servers.
    assert!(runs.iter().map(|(_, outcome)| outcome.view).sum::<u64>() > runs.len() as u64);
    assert!(runs.iter().all(|(_, outcome)| outcome.blocks > 0));
}

fn both_styles(alliance: &str) -> Vec<(u64, Outcome)> {
    let mut runs = sim(alliance, Style::Weather, WEATHER_SEEDS);
    runs.extend(sim(alliance, Style::Plot, PLOT_SEEDS));
    runs
}

#[test]
fn sim_four_servers() {
    both_styles("four");
}

#[test]
fn sim_five_servers() {
    both_styles("five");
}

#[test]
fn sim_seven_servers_with_the_slow_path() {
    let runs = both_styles("seven");
    assert!(runs.iter().map(|(_, outcome)| outcome.paths[1]).sum::<u64>() > 0, "some took it");
}

#[test]
fn sim_nine_servers() {
    both_styles("nine");
}

#[test]
fn sim_four_organisations_of_three_servers() {
    both_styles("two-level");
}

/// What the drawn faults did at least once over the seeds: a fault that never happens tests nothing.
const FAULTS: [&str; 74] = [
    "accounts put together",
    "carried as bytes",
    "caught in the tail",
    "clock drifts",
    "clock off",
    "clocks set back",
    "command refused",
    "crash between steps",
    "crash within a step",
    "cut: an organisation",
    "cut: eclipse",
    "cut: nobody hears one",
    "cut: one way",
    "cut: sides",
    "cut: sides with bridges",
    "disk full",
    "disk rolled back",
    "disk rolled back over decisions",
    "disk rotten",
    "gap filled by another",
    "garbage that is a message",
    "good case watched",
    "held by a clogged link",
    "kept apart",
    "liar: answer bent",
    "liar: bad share of a statement",
    "liar: bad share of the alliance key",
    "liar: batch withheld",
    "liar: block far ahead of the clock",
    "liar: blocks to catch up with",
    "liar: certificate forged",
    "liar: convicted",
    "liar: convicted of a misstatement",
    "liar: counterfeit",
    "liar: deluge",
    "liar: flood",
    "liar: frame garbled",
    "liar: gap in a leader's batches",
    "liar: long report",
    "liar: message bent",
    "liar: message replayed",
    "liar: older than its parent",
    "liar: proof of a share bent",
    "liar: proof of a share withheld",
    "liar: question bent",
    "liar: reports in a choice",
    "liar: share of the alliance key bent",
    "liar: share of the alliance key too early",
    "liar: silent towards one for good",
    "liar: silent towards some",
    "liar: two batches under one number",
    "liar: two blocks for one place",
    "liar: untrue report",
    "liar: vote for whatever is shown",
    "liar: wrong choice",
    "liar: wrong order or log",
    "lost",
    "lost in a noticed cut",
    "lost in a partition",
    "lost in a silent cut",
    "most servers down at once",
    "queued for longer than a delay",
    "real keys: BLS",
    "real keys: RSA",
    "refused by the checks",
    "refused by the decoder",
    "replayed",
    "sent twice",
    "slow message",
    "slow sync",
    "stood still",
    "sync failed",
    "timer runs fast or slow",
    "unheard between camps",
];

#[test]
fn sim_drawn_alliances_and_every_fault() {
    let mut happened = Tally::default();
    let runs = sim("drawn", Style::Weather, DRAWN_WEATHER_SEEDS);
    runs.iter().for_each(|(_, outcome)| happened.add(&outcome.happened));
    let missing: Vec<_> = FAULTS.into_iter().filter(|fault| happened.of(fault) == 0).collect();
    assert_eq!(missing, Vec::<&str>::new());
}

/// What plots did at least once over the seeds.
const SCHEMES: [&str; 3] = [
    "liar: branches above two certificates",
    "liar: branches of three blocks and more",
    "liar: two certificates for one view",
];

#[test]
fn sim_plots_in_drawn_alliances_and_every_scheme() {
    let mut happened = Tally::default();
    let runs = sim("drawn", Style::Plot, DRAWN_PLOT_SEEDS);
    runs.iter().for_each(|(_, outcome)| happened.add(&outcome.happened));
    let missing: Vec<_> = SCHEMES.into_iter().filter(|what| happened.of(what) == 0).collect();
    assert_eq!(missing, Vec::<&str>::new());
}

#[test]
fn the_seed_determines_the_run() {
    for seed in 0..20 {
        let named = SOUND.iter().filter_map(|name| Setting::named(name));
        for setting in named.chain([Setting::drawn(seed)]) {
            for style in Style::ALL {
                let once = run(seed, &setting, style, Bugs::NONE).expect("sound");
                assert_eq!(once, run(seed, &setting, style, Bugs::NONE).expect("sound"));
            }
        }
    }
}

#[test]
fn a_scenario_file_replays_the_run() {
    for style in Style::ALL {
        let drawn = Scenario::draw(7, &Setting::named("seven").expect("a setting"), style);
        let drawn = drawn.expect("sound");
        let read = Scenario::from_file(&drawn.to_file()).expect("its own file");
        assert_eq!(read, drawn);
        let outcome = |scenario| World::new(scenario, Bugs::NONE).expect("sound").run();
        assert_eq!(outcome(read), outcome(drawn));
    }
}
