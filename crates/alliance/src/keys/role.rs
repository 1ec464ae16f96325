//! What a key is for.

use std::fmt::Debug;
use std::hash::Hash;

mod sealed {
    pub trait Sealed {}
}

/// What a key is for. It stands in the key's type and in its text form.
pub trait Role: sealed::Sealed + Debug + Copy + Eq + Hash + Send + Sync + 'static {
    /// The word in key files and in front of public keys, for instance `signing`.
    const NAME: &'static str;
    /// What someone who steals the key can do, for the first line of its file.
    const POWER: &'static str;
}

/// A role whose keys identify an end of a TLS connection.
pub trait TlsRole: Role {}

macro_rules! role {
    ($(#[$doc:meta])* $role:ident, $name:literal, $power:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $role {}

        impl sealed::Sealed for $role {}

        impl Role for $role {
            const NAME: &'static str = $name;
            const POWER: &'static str = $power;
        }
    };
}

role! {
    /// Signs the alliance document for an organisation.
    Admin, "admin", "whoever reads this file can consent to alliances in the owner's name"
}
role! {
    /// Signs a server's protocol messages.
    Signing, "signing", "whoever reads this file can vote in the owner's name"
}
role! {
    /// Identifies a server on TLS connections.
    Transport, "transport", "whoever reads this file can pose as the owner on the network"
}
role! {
    /// Identifies an application on TLS connections.
    Client, "client", "whoever reads this file can propose in the owner's name"
}

impl TlsRole for Transport {}
impl TlsRole for Client {}
