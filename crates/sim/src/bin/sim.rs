//! Runs seeds and reports what broke.
//!
//! ```text
//! cargo run --release -p ally-sim --bin sim -- 0..1000          all four alliances
//! cargo run --release -p ally-sim --bin sim -- 17 two-level     one run, with its scenario
//! ```
//! Exit code: 0 if all is well, 1 if something broke, 2 for arguments that make no sense.

use ally_consensus::Rules;
use ally_sim::{Alliance, Outcome, Scenario, run};
use std::ops::Range;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((seeds, alliances)) = parse(&arguments) else {
        eprintln!("usage: sim SEED | FROM..TO  [four | seven | nine | two-level]");
        return ExitCode::from(2);
    };
    let mut total = Total::default();
    for seed in seeds {
        for alliance in &alliances {
            total.add(seed, *alliance, &run(seed, *alliance, Rules::default()));
        }
    }
    total.print();
    if total.failures == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) }
}

fn parse(arguments: &[String]) -> Option<(Range<u64>, Vec<Alliance>)> {
    let (seeds, alliance) = match arguments {
        [seeds] => (seeds, None),
        [seeds, alliance] => (seeds, Some(alliance.parse().ok()?)),
        _ => return None,
    };
    let seeds = match seeds.split_once("..") {
        Some((from, to)) => from.parse().ok()?..to.parse().ok()?,
        None => seeds.parse().ok().map(|seed| seed..seed + 1)?,
    };
    Some((seeds, alliance.map_or(Alliance::ALL.to_vec(), |alliance| vec![alliance])))
}

#[derive(Default)]
struct Total {
    runs: u64,
    failures: u64,
    blocks: u64,
    views: u64,
    events: u64,
    paths: [u64; 3],
}

impl Total {
    fn add(&mut self, seed: u64, alliance: Alliance, outcome: &Outcome) {
        self.runs += 1;
        self.blocks += outcome.blocks;
        self.views += outcome.view;
        self.events += outcome.events;
        for (sum, paths) in self.paths.iter_mut().zip(outcome.paths) {
            *sum += paths;
        }
        if !outcome.violations.is_empty() {
            self.failures += 1;
            println!("{}", Scenario::draw(seed, alliance));
            for violation in &outcome.violations {
                println!("{violation}");
            }
            println!("again: cargo run --release -p ally-sim --bin sim -- {seed} {alliance}\n");
        }
    }

    fn print(&self) {
        let [fast, slow, certificate] = self.paths;
        println!(
            "{} runs, {} failed; {} blocks, {} views, {} events; decided in two steps {fast}, in \
             three {slow}, by certificate {certificate}",
            self.runs, self.failures, self.blocks, self.views, self.events
        );
    }
}
