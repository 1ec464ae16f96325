//! Deterministic simulation of an alliance under faults and attacks.

#![forbid(unsafe_code)]

mod keys;
mod queue;
mod random;
