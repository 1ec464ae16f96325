//! The consensus server: driver loop, store, peer links, client API.
//!
//! Owns the order of things: persist, send, deliver, certify, reply; and back-pressure.
//! May not touch: decisions of the protocol.

#![forbid(unsafe_code)]

pub mod api;
pub mod net;
pub mod store;
