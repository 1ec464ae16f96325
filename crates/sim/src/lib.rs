//! Deterministic simulation of an alliance under faults and attacks.
//!
//! One seed determines everything: who is Byzantine and how, what the network loses and delays, who
//! crashes when. The servers run the real replica, the same code as in production: agreement,
//! ordering service, certifier, catch-up, journal rules. Disks, network and clocks are modelled;
//! signatures and threshold shares are a table that nobody can forge, or in some runs the real
//! ones. A run has a phase full of faults and then a healed phase in which everything outstanding
//! must be decided within a stated time. Faults come by chance, or by a plot in which the network
//! helps the liars ([`Style`]). docs/simulation.md says what must hold, how to run it, and how bugs
//! planted on purpose show that it would notice.
//!
//! ```text
//!   Scenario (drawn from the seed, or from a file)
//!       │
//!       ▼
//!     World ──► Server (real replica, modelled disk) ──► Observation ──► Invariants
//!       │  └──► Coalition (lies with its own keys only)       └────────► Trace
//!       └── network, time, faults
//! ```
//!
//! Owns: virtual time, faults, lies, and oracles that share no code with what they check.
//! May not touch: wall clocks, threads within a run, the real server's runtime.

#![forbid(unsafe_code)]

mod account;
mod ascending;
mod attempt;
mod bench;
mod diagram;
mod facts;
mod invariants;
mod keys;
mod observation;
mod policies;
mod promptness;
mod queue;
mod scenario;
mod server;
mod shrink;
mod sweep;
mod trace;
mod world;

pub use account::Account;
pub use ally_byzantine::Tally;
pub use attempt::Attempt;
pub use bench::{Distance, bench_scenario};
pub use diagram::Diagram;
pub use observation::Deaf;
pub use policies::{SOUND, Setting, UNSOUND};
pub use promptness::Promptness;
pub use scenario::{
    Camps, ClockFault, Clocks, Crash, Cryptography, Cut, CutManner, DiskFault, Disks, KeyChoice,
    Load, Member, Network, Paces, Partition, Pause, Scenario, ScenarioError, SetBack, Style,
    Treachery, Trouble, Twins, WideArea,
};
pub use shrink::{Shrunk, shrink};
pub use sweep::{Alliance, Slowest, Sweep, Total};
pub use trace::{About, Entry, Kind, Place, Trace};
pub use world::{Outcome, SignedCheckpoint, World};

pub use ally_consensus::{Bug, Bugs};

/// Runs the scenario of a seed.
///
/// # Errors
/// As [`Setting::policy`].
pub fn run(
    seed: u64,
    setting: &Setting,
    style: Style,
    bugs: Bugs,
) -> Result<Outcome, ScenarioError> {
    Ok(World::new(Scenario::draw(seed, setting, style)?, bugs)?.run())
}
