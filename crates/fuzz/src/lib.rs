//! What must hold for any bytes: the bodies of the fuzz targets.
//!
//! Each [`Target`] takes bytes as a stranger, a lying member or a bad disk may give them, and checks
//! what must hold for them: not only that nothing panics, but that what is accepted is written as it
//! was read, that memory stays in proportion to the input, that nothing verifies which nobody signed,
//! that an engine keeps its word. docs/fuzzing.md has the list.
//!
//! The same bodies run in two ways: `cargo test -p ally-fuzz` replays the seeds, the corpus and a
//! bounded number of changes of them, the same every time; `scripts/fuzz.sh` gives them to libFuzzer,
//! for as long as one likes, through the thin programs in `fuzz/`.
//!
//! Owns: the properties. May not touch: anything a server is made of; keys and files other than its
//! own.

pub mod cursor;
mod engine;
mod fixtures;
pub mod memory;
pub mod mutation;
mod samples;
mod targets;

pub use targets::{ALL, Target};

/// Runs a target on bytes.
///
/// # Panics
/// If something does not hold that must hold; if there is no target of this name.
pub fn run(target: &str, bytes: &[u8]) {
    let found = ALL.iter().find(|one| one.name == target);
    (found.expect("a target of this name").run)(bytes);
}
