//! Whole servers in one thread: real replicas, modelled clock, disk, network and keys.
//!
//! `world.rs` is the driver of all of them: it performs their outputs as the node's would, loses what
//! was not durable at a crash, and checks on every delivery that all servers agree. The other files
//! tell it what goes wrong.

mod catching_up;
mod certificates;
mod disk;
mod evidence;
mod hostile;
mod keys;
mod ordering;
mod policies;
mod random;
mod world;
