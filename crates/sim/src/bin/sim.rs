//! Runs seeds and reports what broke.
//!
//! ```text
//! cargo run --release -p ally-sim --bin sim -- 0..1000              all alliances, all styles
//! cargo run --release -p ally-sim --bin sim -- 0..1000 four         one alliance
//! cargo run --release -p ally-sim --bin sim -- 17 two-level plot    one run
//! ```
//! Exit code: 0 if all is well, 1 if something broke, 2 for arguments that make no sense.

use ally_consensus::Bugs;
use ally_sim::{Outcome, SOUND, Scenario, Setting, Style, Tally, World};
use std::ops::Range;
use std::process::ExitCode;

/// The alliance that the seed draws, among those with names.
const DRAWN: &str = "drawn";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((seeds, alliances, styles)) = parse(&arguments) else {
        eprintln!("usage: sim SEED | FROM..TO  [ALLIANCE [STYLE]]");
        eprintln!("alliances: {DRAWN}, {}", SOUND.join(", "));
        eprintln!("styles: {}", names(&Style::ALL));
        return ExitCode::from(2);
    };
    let mut total = Total::default();
    for seed in seeds {
        for alliance in &alliances {
            for style in &styles {
                let alliance = alliance.clone().unwrap_or_else(|| Setting::drawn(seed));
                let scenario = Scenario::draw(seed, &alliance, *style).expect("it is sound");
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

/// Alliances; none stands for the one that the seed draws.
type Alliances = Vec<Option<Setting>>;

fn parse(arguments: &[String]) -> Option<(Range<u64>, Alliances, Vec<Style>)> {
    let named = |name: &str| match name {
        DRAWN => Some(None),
        name => Setting::named(name).map(Some),
    };
    let (seeds, alliances, styles) = match arguments {
        [seeds] => (
            seeds,
            SOUND.iter().copied().chain([DRAWN]).filter_map(named).collect(),
            Style::ALL.to_vec(),
        ),
        [seeds, alliance] => (seeds, vec![named(alliance)?], Style::ALL.to_vec()),
        [seeds, alliance, style] => (seeds, vec![named(alliance)?], vec![style.parse().ok()?]),
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
    happened: Tally,
}

impl Total {
    fn add(&mut self, scenario: &Scenario, outcome: &Outcome) {
        self.runs += 1;
        self.blocks += outcome.blocks;
        self.views += outcome.view;
        self.events += outcome.events;
        self.happened.add(&outcome.happened);
        for (sum, paths) in self.paths.iter_mut().zip(outcome.paths) {
            *sum += paths;
        }
        if !outcome.violations.is_empty() {
            self.failures += 1;
            println!("{}", scenario.to_file());
            for violation in &outcome.violations {
                println!("{violation}");
            }
            let alliance = &scenario.setting.name;
            let alliance = if Setting::named(alliance).is_some() { alliance } else { DRAWN };
            println!(
                "again: cargo run --release -p ally-sim --bin sim -- {} {alliance} {}\n",
                scenario.seed, scenario.style
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
        for (what, count) in self.happened.iter() {
            println!("  {count:>10} {what}");
        }
    }
}
