//! The consensus server: driver loop, store, peer links, client API.
//!
//! Owns the order of things: persist, send, deliver, certify, reply; and back-pressure.
//! May not touch: decisions of the protocol.

#![forbid(unsafe_code)]

pub mod api;
mod backend;
mod between;
mod driver;
pub mod evidence;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
pub mod net;
mod node;
pub mod store;
mod written;

pub use between::{Between, Hands};
pub use driver::{FatalError, RecoverError, StoredError};
pub use node::{Node, StartError};
pub use written::{WrittenBlock, WrittenLog};
