//! The alliance document: organisations, keys, policy and parameters, signed by the members; and the
//! files on a member's own disk: secret keys and a server's local configuration.
//!
//! - [`AllianceDocument`]: `alliance.toml`, right in itself; [`Draft`] before its keys are dealt;
//!   [`Founding`] with who is to deal them.
//! - [`Alliance`]: the document once every member has signed it.
//! - [`ServerConfig`]: `server.toml`, what one server needs to know besides.
//! - [`keys`] and [`read_share`]: secret keys and where they are kept; [`seal_file`] with a passphrase.
//!
//! Owns: what these files mean, canonical bytes, who has signed. May not touch: the network,
//! the agreement, how keys are dealt.

#![forbid(unsafe_code)]

mod alliance;
mod document;
mod fields;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod key_file;
pub mod keys;
mod mistake;
mod sealed;
mod secret_file;
mod server_config;
mod share_file;

pub use alliance::{Alliance, NotSigned};
pub use document::{
    Address, AddressError, AllianceDocument, DocumentError, Draft, Founding, Introduction,
    KeyMismatch, KeyPurpose, NotAMember, Organisation, OtherDocument, Parameters, Server,
    ServerShares, SignatureState, ThresholdKeys,
};
pub use key_file::{KEY_FILE_BYTES_MAX, KeyFileError};
pub use mistake::{Mistake, Problem};
pub use sealed::{Passphrase, SealedFileError, ask_with, is_sealed_file, seal_file, unseal_file};
pub use secret_file::{SecretLabel, erase, read_secret, write_secret};
pub use server_config::{
    ClientPolicy, ConfigError, Durability, LogLevel, SIGNING_KEY_FILE, ServerConfig,
    TRANSPORT_KEY_FILE, UnknownWord, share_file_name,
};
pub use share_file::{read_share, write_share};
