//! The keys of an alliance's servers at work: what a replica asks for, done with real cryptography.
//!
//! ```text
//!   replica: Job ──► run ──► Done          with OwnKeys (one server's secrets) and PublicKeys
//!   message ───────► PublicKeys            Authenticator: whether to believe it
//!   evidence ──────► PublicKeys            Judge, CertifyJudge: whether it convicts
//! ```
//!
//! The server and the simulator (in some of its runs) use the same code here.
//!
//! Owns: which of the alliance's keys signs what, and how errors of threshold keys become blame.
//! May not touch: files, threads, clocks, entropy other than what it is given.

#![forbid(unsafe_code)]

mod combine;
mod job;
mod own;
mod public;

pub use job::{block_of, run};
pub use own::OwnKeys;
pub use public::PublicKeys;
