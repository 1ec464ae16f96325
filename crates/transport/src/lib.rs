//! TLS between parties that know each other by key and by nothing else.
//!
//! TLS 1.3 only, both ends authenticated. A certificate is only the envelope in which TLS carries a
//! public key: each end makes its own from its key at start, and the other end looks at the key in it
//! and at the handshake signature, never at names, dates, issuers or certificate bytes. Renewing a
//! certificate changes nothing, and nobody outside the alliance can vouch for anybody in it.
//!
//! No session is ever resumed: each connection checks the other end's key against the document that
//! is in force now. The key exchange is the hybrid X25519MLKEM768, or X25519.
//!
//! Owns: certificates from keys, the pinning verifiers, rustls configurations.
//! May not touch: sockets, addresses, what is said on a connection.
//!
//! ```
//! # use ally_alliance::keys::{ClientKey, TransportKey};
//! # use ally_transport::{Identity, Pins, client_config, server_config};
//! # let (server_key, client_key) =
//! #     (TransportKey::from_seed(&[1; 32]), ClientKey::from_seed(&[2; 32]));
//! let server_pin = Pins::of([server_key.public()]);
//! let server = server_config(&Identity::new(server_key)?, Pins::any(), &[b"h2"]);
//! let client = client_config(&Identity::new(client_key)?, server_pin, &[b"h2"]);
//! # Ok::<(), ally_transport::IdentityError>(())
//! ```

#![forbid(unsafe_code)]

mod certificate;
mod config;
mod identity;
mod pins;
mod problem;
mod verifier;

pub use certificate::peer_key;
pub use config::{client_config, server_config, server_name};
pub use identity::{Identity, IdentityError};
pub use pins::Pins;
pub use problem::KeyProblem;
pub use verifier::UnknownKey;

#[cfg(test)]
mod tests;
