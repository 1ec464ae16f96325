//! Runs seeds and reports what broke.
//!
//! ```text
//! cargo run --release -p ally-sim --bin sim -- 0..1000              all alliances, all styles
//! cargo run --release -p ally-sim --bin sim -- 0..1000 four         one alliance
//! cargo run --release -p ally-sim --bin sim -- 17 two-level plot    one run
//! ```
//! Exit code: 0 if all is well, 1 if something broke, 2 for arguments that make no sense.

use ally_consensus::Bugs;
use ally_sim::{Outcome, SOUND, Scenario, Setting, Style, World};
use std::ops::Range;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((seeds, alliances, styles)) = parse(&arguments) else {
        eprintln!("usage: sim SEED | FROM..TO  [ALLIANCE [STYLE]]");
        eprintln!("alliances: {}", SOUND.join(", "));
        eprintln!("styles: {}", names(&Style::ALL));
        return ExitCode::from(2);
    };
    let mut total = Total::default();
    for seed in seeds {
        for alliance in &alliances {
            for style in &styles {
                let scenario = Scenario::draw(seed, alliance, *style).expect("it is sound");
                let world = World::new(scenario.clone(), Bugs::NONE).expect("it is sound");
                total.add(&scenario, &world.run());
            }
        }
    }
    total.print();
    if total.failures == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) }
}

fn names<T: ToString>(all: &[T]) -> String {
    all.iter().map(T::to_string).collect::<Vec<_>>().join(", ")
}

fn parse(arguments: &[String]) -> Option<(Range<u64>, Vec<Setting>, Vec<Style>)> {
    let (seeds, alliances, styles) = match arguments {
        [seeds] => (
            seeds,
            SOUND.iter().filter_map(|name| Setting::named(name)).collect(),
            Style::ALL.to_vec(),
        ),
        [seeds, alliance] => (seeds, vec![Setting::named(alliance)?], Style::ALL.to_vec()),
        [seeds, alliance, style] => {
            (seeds, vec![Setting::named(alliance)?], vec![style.parse().ok()?])
        }
        _ => return None,
    };
    let seeds = match seeds.split_once("..") {
        Some((from, to)) => from.parse().ok()?..to.parse().ok()?,
        None => seeds.parse().ok().map(|seed| seed..seed + 1)?,
    };
    Some((seeds, alliances, styles))
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
    fn add(&mut self, scenario: &Scenario, outcome: &Outcome) {
        self.runs += 1;
        self.blocks += outcome.blocks;
        self.views += outcome.view;
        self.events += outcome.events;
        for (sum, paths) in self.paths.iter_mut().zip(outcome.paths) {
            *sum += paths;
        }
        if !outcome.violations.is_empty() {
            self.failures += 1;
            println!("{}", scenario.to_file());
            for violation in &outcome.violations {
                println!("{violation}");
            }
            println!(
                "again: cargo run --release -p ally-sim --bin sim -- {} {} {}\n",
                scenario.seed, scenario.setting.name, scenario.style
            );
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
