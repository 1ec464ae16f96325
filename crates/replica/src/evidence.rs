//! Proofs of misbehaviour that this crate adds to the engine's.

use crate::wire::{CertifyShare, ShareProof};
use ally_consensus::{BatchRef, Signed};

/// Proof of a server's misbehaviour. It verifies offline with the alliance document alone.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Evidence {
    /// About agreement.
    Consensus(ally_consensus::Evidence),
    /// An origin signed two batches under one number.
    Batches {
        /// One reference.
        first: Signed<BatchRef>,
        /// The other: same origin and sequence, another digest.
        second: Signed<BatchRef>,
    },
    /// A share of a certificate that is wrong.
    Share {
        /// The share.
        share: Signed<CertifyShare>,
        /// The proof its sender gave for it, if the scheme needs one to judge.
        proof: Option<Signed<ShareProof>>,
    },
}
