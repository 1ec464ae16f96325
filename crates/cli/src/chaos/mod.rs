//! `ally chaos`: real servers under real faults, and the check of what came of it.
//!
//! ```text
//!   Schedule (drawn from a seed, or a file)
//!       │
//!       ▼
//!   Nemesis ──► processes (kill, pause), Network of relays, SmallDisk, Clocks, one liar
//!       ▲
//!   Run ┴─────► Clients: propose and listen ──► History ─┐
//!       └─────► the servers' disks, afterwards ──────────┴──► checks ──► Report
//! ```
//!
//! Owns: the faults, the clients' record, the verdict. May not touch: keys of a server, or any
//! alliance that is not one to play with.

mod checks;
mod clients;
mod clock;
mod disk;
mod draw;
mod evidence;
mod history;
mod kind;
mod liar;
mod machine;
mod nemesis;
mod network;
mod receipts;
mod relay;
mod report;
mod run;
mod schedule;
mod story;
mod written;

pub use draw::Wish;
pub use kind::FaultKind;
pub use liar::{OneLiar, development_only};
pub use machine::works_here;
pub use nemesis::Nemesis;
pub use report::Report;
pub use run::Run;
pub use schedule::Schedule;
