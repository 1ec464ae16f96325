//! Ed25519 keys, one type per purpose: a transport key cannot be passed where a signing key belongs,
//! neither in code nor in a document.

mod prepared;
mod public;
mod role;
mod secret;

pub use prepared::PreparedKey;
pub use public::{KeyTextError, PublicKey};
pub use role::{Admin, Client, Role, Signing, TlsRole, Transport};
pub use secret::SecretKey;

/// An organisation's key over its consent: it signs the alliance document.
pub type AdminKey = SecretKey<Admin>;
/// Public half of an [`AdminKey`].
pub type AdminPublic = PublicKey<Admin>;
/// A server's key over what it says in the protocol.
pub type SigningKey = SecretKey<Signing>;
/// Public half of a [`SigningKey`].
pub type SigningPublic = PublicKey<Signing>;
/// A [`SigningPublic`] of which many signatures are checked.
pub type PreparedSigning = PreparedKey<Signing>;
/// A server's key over its TLS connections.
pub type TransportKey = SecretKey<Transport>;
/// Public half of a [`TransportKey`].
pub type TransportPublic = PublicKey<Transport>;
/// An application's key over its TLS connections.
pub type ClientKey = SecretKey<Client>;
/// Public half of a [`ClientKey`].
pub type ClientPublic = PublicKey<Client>;

#[cfg(test)]
mod tests;
