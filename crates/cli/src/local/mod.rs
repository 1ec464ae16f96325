//! An alliance on this machine: founding it, running its servers as processes, breaking them.
//!
//! ```text
//!   DIR/alliance.toml         the document, signed by everybody
//!   DIR/alliance.pem          the one public key
//!   DIR/client.key            an application's key, admitted by every server
//!   DIR/acme/admin.key        what an organisation keeps in its safe
//!   DIR/acme/alliance.toml    its own copy
//!   DIR/acme/acme-1/server.toml, keys/, data/, log
//! ```
//!
//! Owns: files, ports and processes. May not touch: keys of a running server.

mod fleet;
mod found;
mod place;
mod plan;
mod ports;
mod process;
mod staging;

pub use fleet::Fleet;
pub use found::{DEVELOPMENT_ORIGIN, Founding, found};
pub use place::Place;
pub use plan::Plan;
pub use ports::Port;
pub use process::{Launch, ServerProcess};
