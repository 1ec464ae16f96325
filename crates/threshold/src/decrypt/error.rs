//! Why something is not sealed, or not opened.

use ally_policy::ServerIndex;
use thiserror::Error;

use super::SEALED_BYTES_MAX;
use crate::{Blame, CombineError, Scheme, SignError, UnsupportedEncoding};

/// Why something was not sealed. The caller is to blame.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SealError {
    /// Nothing can be sealed to keys of this scheme.
    #[error("a {0} key only signs: what is to be sealed needs a bls key")]
    Scheme(Scheme),
    /// The message is longer than [`SEALED_BYTES_MAX`].
    #[error("{bytes} bytes to seal, at most {SEALED_BYTES_MAX}: seal a key, and encrypt with it")]
    TooLong {
        /// Bytes of the message.
        bytes: usize,
    },
    /// BLS keys do not sign messages of that encoding, so nothing can be sealed to one.
    #[error(transparent)]
    Encoding(#[from] UnsupportedEncoding),
}

/// Why something was not opened.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Nothing is ever sealed to keys of this scheme; the caller is to blame.
    #[error("a {0} key only signs: nothing is sealed to it")]
    Scheme(Scheme),
    /// The ciphertext was changed, or sealed to another key or for another purpose or context. Whoever
    /// gave it in is to blame, and anybody can see it.
    #[error("no ciphertext for this key, purpose and context, or a damaged one")]
    Invalid,
    /// The key share does not fit the key; the caller is to blame.
    #[error(transparent)]
    Share(#[from] SignError),
    /// The shares do not combine: wait for more, or drop those that are named.
    #[error(transparent)]
    Combine(#[from] CombineError),
    /// A server's share is wrong, for which it is to blame.
    #[error("{server}: {blame}")]
    Blamed {
        /// The server.
        server: ServerIndex,
        /// What is wrong.
        blame: Blame,
    },
    /// The signature is not the key's on the message it was sealed to; whoever gave it in is to blame.
    #[error("not the signature that it is sealed to")]
    Signature,
    /// Everything fits, but there is no message inside: whoever sealed it did it wrongly.
    #[error("sealed wrongly: nothing can be read in it")]
    Unreadable,
    /// BLS keys do not sign messages of that encoding, so nothing is sealed to one.
    #[error(transparent)]
    Encoding(#[from] UnsupportedEncoding),
}
