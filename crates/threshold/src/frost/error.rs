//! Who did what wrong in a FROST session.

use super::NONCES_MAX;
use crate::Blame;
use crate::error::list;
use ally_policy::{ServerIndex, ServerSet};
use thiserror::Error;

/// Why no batch of nonces was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum OpenError<E> {
    /// The share is of another key, or of another epoch of this key; the caller is to blame.
    #[error("the key share belongs to another key or epoch")]
    OtherKey,
    /// Too many or too few nonces asked for; the caller is to blame.
    #[error("{count} pairs of nonces where 1 to {NONCES_MAX} can be")]
    Count {
        /// Pairs asked for.
        count: u16,
    },
    /// The store did not keep the batch's record: the serial number was used before, or it failed.
    #[error("the batch could not be recorded")]
    Store(E),
}

/// Why a batch gives out no nonces. Whoever opened the session is to blame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NonceError {
    /// The session is one of another key, or of another epoch of this key.
    #[error("the session belongs to another key or epoch")]
    OtherKey,
    /// This server is none of the session's signers.
    #[error("this server is not a signer of the session")]
    NotASigner,
    /// The commitment is not one of this batch: perhaps of an earlier one, whose nonces are gone.
    #[error("nonces {index} of batch {serial} are not in this batch")]
    Unknown {
        /// The batch.
        serial: u64,
        /// The pair.
        index: u16,
    },
    /// The commitment is not the one that this server published.
    #[error("nonces {index} of batch {serial} are not those that were published")]
    OtherCommitment {
        /// The batch.
        serial: u64,
        /// The pair.
        index: u16,
    },
    /// The nonces were given out before.
    #[error("nonces {index} of batch {serial} are used")]
    Used {
        /// The batch.
        serial: u64,
        /// The pair.
        index: u16,
    },
}

/// Why there is no session, or no signature.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SigningError {
    /// Too few commitments: wait for more. Nobody is blamed.
    #[error("too few signers: {} more servers hold a share", missing.len())]
    NotQualified {
        /// The holders that have not committed.
        missing: ServerSet,
    },
    /// Too few shares: every signer of the session is needed. Wait, or open another session, with
    /// other nonces, without those that do not answer.
    #[error("{} signers of the session have not answered", missing.len())]
    Incomplete {
        /// The signers that have not answered.
        missing: ServerSet,
    },
    /// Contributions are provably wrong: open another session, with other nonces, without their
    /// senders.
    #[error("refused: {}", list(culprits))]
    Refused {
        /// Who sent what, in the order of the contributions.
        culprits: Vec<(ServerIndex, Blame)>,
    },
    /// The commitments add up to nothing, which has the chance of guessing a key: open another
    /// session with other nonces.
    #[error("the commitments add up to nothing")]
    NoCommitment,
    /// All shares are right and yet the signature does not verify: an error in this crate or in
    /// the machine. Nobody is blamed.
    #[error("the signature does not verify although all shares do")]
    Unverified,
}
