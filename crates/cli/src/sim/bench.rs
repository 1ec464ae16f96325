//! How fast the simulator is.

use super::cpu;
use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::statistics::duration;
use ally_sim::{Attempt, Bugs, bench_scenario};
use serde_json::json;

/// Virtual time of a measurement, seconds.
const SECONDS: u64 = 600;
/// Commands in a second.
const RATE: u64 = 20;
/// The goal: simulated hours in an hour of one processor.
const GOAL: f64 = 1_000.0;

/// Runs six servers without faults, all invariants on, and prints simulated hours per processor
/// hour.
///
/// # Errors
/// [`Failure`] if something breaks, or the system does not tell processor time.
pub fn bench(output: &Output) -> Result<(), Failure> {
    let before = cpu();
    let attempt = Attempt::run(bench_scenario(SECONDS, RATE), Bugs::NONE)?;
    let took = cpu().saturating_sub(before);
    let Some(outcome) = attempt.outcome.as_ref().filter(|_| !attempt.is_broken()) else {
        let message = format_args!("the run broke: {}", attempt.violations.join("; "));
        return Err(Failure::new(Exit::No, super::BROKEN, message));
    };
    let virtual_seconds = outcome.time as f64 / 1e6;
    let ratio = virtual_seconds / took.as_secs_f64().max(1e-9);
    let per_event = took.as_secs_f64() * 1e9 / outcome.events.max(1) as f64;
    let per_block = took.as_secs_f64() * 1e6 / outcome.blocks.max(1) as f64;
    let json = json!({
        "servers": 6,
        "proposals_per_second": RATE,
        "virtual_seconds": virtual_seconds,
        "cpu_seconds": took.as_secs_f64(),
        "hours_per_cpu_hour": ratio,
        "goal": GOAL,
        "blocks": outcome.blocks,
        "events": outcome.events,
        "ns_per_event": per_event,
    });
    output.answer(&json, || {
        format!(
            "6 servers, {RATE} proposals a second, all invariants on, no faults\n\
             {} virtual in {} of processor time: {ratio:.0} simulated hours per processor hour \
             (goal {GOAL:.0})\n\
             {} blocks, {per_block:.1} us each; {} events, {per_event:.0} ns each",
            duration(std::time::Duration::from_secs_f64(virtual_seconds)),
            duration(took),
            outcome.blocks,
            outcome.events,
        )
    })
}
