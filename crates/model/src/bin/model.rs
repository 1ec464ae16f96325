//! Searches small cases through, and compares random traces with the specification.
//!
//! ```text
//! cargo run --release -p ally-model --bin model                    five million states of each case
//! cargo run --release -p ally-model --bin model -- search 1000000  so many states of each at most
//! cargo run --release -p ally-model --bin model -- traces 100000   so many histories
//! ```
//! Exit code: 0 if all is well, 1 if a promise was broken, 2 for arguments that make no sense.

use ally_model::{Search, Setting, Tally, Trace};
use std::process::ExitCode;
use std::time::Instant;

/// States of each case at most, unless asked for more: a gigabyte or so.
const STATES_MAX: usize = 5_000_000;

/// Steps of a random history.
const STEPS: usize = 200;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let well = match arguments[..] {
        [] => Some(search(STATES_MAX)),
        ["search", limit] => limit.parse().ok().map(search),
        ["traces", count] => count.parse().ok().map(traces),
        _ => None,
    };
    match well {
        None => {
            eprintln!("usage: model [search STATES_MAX | traces COUNT]");
            ExitCode::from(2)
        }
        Some(well) => ExitCode::from(u8::from(!well)),
    }
}

/// Searches every case; false if a promise is broken.
fn search(limit: usize) -> bool {
    let mut well = true;
    for (name, setting) in Setting::cases() {
        let start = Instant::now();
        let found = Search::new(setting).run(limit);
        let end = if found.complete { "all" } else { "stopped" };
        println!(
            "{name}: {} states ({end}), {} transitions, depth {}, servers {:?}, {:.1} s",
            found.states,
            found.transitions,
            found.depth,
            found.local_states,
            start.elapsed().as_secs_f64()
        );
        if let Some(violation) = found.violation {
            println!("{violation}");
            well = false;
        }
    }
    well
}

/// Compares engine and specification; false if they disagree.
fn traces(count: u64) -> bool {
    let (start, mut tally) = (Instant::now(), Tally::default());
    for seed in 0..count {
        match Trace::new(Setting::draw(seed), seed).run(STEPS) {
            Ok(more) => tally.add(&more),
            Err(violation) => {
                println!("seed {seed}: {violation}");
                return false;
            }
        }
    }
    println!("{count} histories, {:.1} s: {tally:?}", start.elapsed().as_secs_f64());
    true
}
