//! Seeds that every change has to pass.

use ally_consensus::Rules;
use ally_sim::{Alliance, Outcome, run};
use std::thread;

/// Seeds for each alliance.
const SEEDS: u64 = 600;

fn sim(alliance: Alliance) -> Vec<(u64, Outcome)> {
    let threads = thread::available_parallelism().map_or(1, |n| n.get() as u64);
    let runs: Vec<(u64, Outcome)> = thread::scope(|scope| {
        let worker = |first| {
            scope.spawn(move || {
                let seeds = (first..SEEDS).step_by(threads as usize);
                seeds.map(|seed| (seed, run(seed, alliance, Rules::default()))).collect::<Vec<_>>()
            })
        };
        let workers: Vec<_> = (0..threads).map(worker).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("no panic")).collect()
    });
    check(alliance, &runs);
    runs
}

fn check(alliance: Alliance, runs: &[(u64, Outcome)]) {
    let broken: Vec<_> =
        runs.iter().filter(|(_, outcome)| !outcome.violations.is_empty()).collect();
    let first = broken.first().map(|(seed, outcome)| {
        format!(
            "seed {seed}: {}\nagain: cargo run --release -p ally-sim --bin sim -- {seed} {alliance}",
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
    // The faults did something, and so did the servers.
    assert!(runs.iter().map(|(_, outcome)| outcome.view).sum::<u64>() > SEEDS);
    assert!(runs.iter().all(|(_, outcome)| outcome.blocks > 0));
}

#[test]
fn sim_four_servers() {
    sim(Alliance::Four);
}

#[test]
fn sim_seven_servers_with_the_slow_path() {
    let runs = sim(Alliance::Seven);
    assert!(runs.iter().map(|(_, outcome)| outcome.paths[1]).sum::<u64>() > 0, "some took it");
}

#[test]
fn sim_nine_servers() {
    sim(Alliance::Nine);
}

#[test]
fn sim_four_organisations_of_three_servers() {
    sim(Alliance::TwoLevel);
}

#[test]
fn the_seed_determines_the_run() {
    for seed in 0..20 {
        for alliance in Alliance::ALL {
            let once = run(seed, alliance, Rules::default());
            assert_eq!(once, run(seed, alliance, Rules::default()));
        }
    }
}
