//! Following the log: blocks in order, gap-free, verified, across the failure of servers.

mod contact;
mod decided;
mod listener;
mod patience;
mod verifier;

pub use contact::Contact;
pub use decided::{Command, Decided, ListenOptions};
pub use listener::Listener;
#[cfg(feature = "fuzzing")]
pub(crate) use verifier::Verifier;

#[cfg(test)]
mod tests;
