//! What `ally sim` does: many runs, one run, or a measurement.

mod artefacts;
mod bench;
mod figures;
mod filter;
mod many;
mod one;
mod text;

pub use bench::bench;
pub use filter::Filter;
pub use many::Many;
pub use one::One;

use crate::bench::Usage;
use std::time::Duration;

/// Something broke in a run.
const BROKEN: &str = "ALLY-0701";

/// Processor time of this process so far; nothing where the system does not tell.
fn cpu() -> Duration {
    Usage::of(std::process::id()).map_or(Duration::ZERO, |usage| usage.cpu)
}
