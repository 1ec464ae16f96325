//! How fast the simulator is.

use super::cpu;
use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::statistics::duration;
use ally_sim::{Attempt, Bugs, Distance, bench_scenario};
use serde_json::{Value, json};
use std::time::Duration;

/// Virtual time of a measurement, seconds.
const SECONDS: u64 = 600;
/// Commands in a second.
const RATE: u64 = 20;
/// The goal: simulated hours in an hour of one processor.
const GOAL: f64 = 1_000.0;

/// What one measurement gave.
struct Measured {
    distance: Distance,
    virtual_time: Duration,
    took: Duration,
    blocks: u64,
    events: u64,
}

impl Measured {
    /// Runs six servers without faults, all invariants on.
    fn new(distance: Distance) -> Result<Self, Failure> {
        let before = cpu();
        let attempt = Attempt::run(bench_scenario(SECONDS, RATE, distance), Bugs::NONE)?;
        let took = cpu().saturating_sub(before);
        let Some(outcome) = attempt.outcome.as_ref().filter(|_| !attempt.is_broken()) else {
            let message = format_args!("the run broke: {}", attempt.violations.join("; "));
            return Err(Failure::new(Exit::No, super::BROKEN, message));
        };
        let virtual_time = Duration::from_micros(outcome.time);
        Ok(Self { distance, virtual_time, took, blocks: outcome.blocks, events: outcome.events })
    }

    /// Simulated hours in an hour of one processor.
    fn ratio(&self) -> f64 {
        self.virtual_time.as_secs_f64() / self.took.as_secs_f64().max(1e-9)
    }

    /// Processor time for each of so many, ns.
    fn each(&self, count: u64) -> f64 {
        self.took.as_secs_f64() * 1e9 / count.max(1) as f64
    }

    fn json(&self) -> Value {
        json!({
            "distance": self.distance.name(),
            "servers": 6,
            "proposals_per_second": RATE,
            "virtual_seconds": self.virtual_time.as_secs_f64(),
            "cpu_seconds": self.took.as_secs_f64(),
            "hours_per_cpu_hour": self.ratio(),
            "goal": GOAL,
            "blocks": self.blocks,
            "events": self.events,
            "ns_per_event": self.each(self.events),
        })
    }

    fn line(&self) -> String {
        format!(
            "{:<16} {:>5.0} simulated hours per processor hour ({} in {}); {} blocks, {:.0} us each; \
             {} events, {:.0} ns each",
            self.distance.name(),
            self.ratio(),
            duration(self.virtual_time),
            duration(self.took),
            self.blocks,
            self.each(self.blocks) / 1e3,
            self.events,
            self.each(self.events),
        )
    }
}

/// Runs six servers without faults, all invariants on, at each distance, and prints simulated hours
/// per processor hour.
///
/// # Errors
/// [`Failure`] if something breaks, or the system does not tell processor time.
pub fn bench(output: &Output) -> Result<(), Failure> {
    let measured: Vec<Measured> =
        Distance::ALL.into_iter().map(Measured::new).collect::<Result<_, _>>()?;
    let json: Vec<Value> = measured.iter().map(Measured::json).collect();
    output.answer(&json, || {
        let lines: Vec<String> = measured.iter().map(Measured::line).collect();
        format!(
            "6 servers, {RATE} proposals a second, all invariants on, no faults (goal {GOAL:.0})\n{}",
            lines.join("\n")
        )
    })
}
