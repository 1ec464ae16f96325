//! Trust formulas over organisations and servers, and what follows from them.

#![forbid(unsafe_code)]

mod server;

pub use server::{SERVERS_MAX, ServerIndex, ServerSet};
