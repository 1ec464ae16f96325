//! The agreement protocol as an executable specification, the engine compared with it, and every
//! order of events of small cases tried on the real engine.
//!
//! Owns: evidence that the engine does what docs/protocol.md says, and that what it says is safe
//! where a case is small enough to be tried out. Used by tests and by the `model` program only.
//! May not touch: anything but engines. No clock, no randomness but a seed's, no I/O.

#![forbid(unsafe_code)]

pub mod keys;
pub mod spec;

mod adversary;
mod book;
mod compare;
mod member;
mod oracle;
mod quiz;
mod random;
mod search;
mod setting;
mod traces;
mod violation;

pub use compare::Tally;
pub use search::{Found, Search};
pub use setting::Setting;
pub use traces::Trace;
pub use violation::Violation;
