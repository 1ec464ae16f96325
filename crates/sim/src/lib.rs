//! Deterministic simulation of an alliance under faults and attacks.
//!
//! One seed determines everything: who is Byzantine and how, what the network loses and delays, who
//! crashes when. The servers run the real engine; signatures and threshold shares are modelled by a
//! table that nobody can forge. A run has a phase full of faults and then a healed phase in which
//! everything outstanding must be decided within a stated time. Faults come by chance, or by a plot
//! in which the network helps the liars ([`Style`]). docs/simulation.md says what must hold, how
//! to run it, and how bugs planted on purpose show that it would notice.
//!
//! ```text
//!   Scenario (drawn from the seed) ──► World ──► Server (real engine, modelled disk) ──► Invariants
//!                                       │  └────► Coalition (lies with its own keys only)
//!                                       └── network, time
//! ```
//!
//! Owns: virtual time, faults, lies, and oracles that share no code with what they check.
//! May not touch: wall clocks, threads within a run, the real server's runtime.

#![forbid(unsafe_code)]

mod alliance;
mod coalition;
mod disk;
mod invariants;
mod keys;
mod payload;
mod plot;
mod policy;
mod queue;
mod random;
mod scenario;
mod server;
mod world;

pub use alliance::Alliance;
pub use scenario::{Crash, Partition, Scenario, Style, Treachery};
pub use world::{Outcome, World};

use ally_consensus::Bugs;

/// Runs the scenario of a seed.
pub fn run(seed: u64, alliance: Alliance, style: Style, bugs: Bugs) -> Outcome {
    World::new(Scenario::draw(seed, alliance, style), bugs).run()
}
