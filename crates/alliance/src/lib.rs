//! The alliance document: organisations, keys, policy and parameters, signed by the members; and the
//! files on a member's own disk: secret keys and a server's local configuration.

#![forbid(unsafe_code)]

pub mod keys;

mod key_file;

pub use key_file::{KEY_FILE_BYTES_MAX, KeyFileError};
