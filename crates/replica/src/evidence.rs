//! Proofs of misbehaviour that this crate adds to the engine's.

use crate::wire::{CertifyShare, ShareProof};
use ally_codec::{Decode, DecodeError, Encode, Reader, Writer};
use ally_consensus::{BatchRef, Digest, Signed};
use ally_policy::ServerIndex;
use sha2::{Digest as _, Sha256};

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

impl Evidence {
    /// Who misbehaved.
    pub fn culprit(&self) -> ServerIndex {
        match self {
            Self::Consensus(evidence) => evidence.culprit(),
            Self::Batches { first, .. } => first.signer,
            Self::Share { share, .. } => share.signer,
        }
    }

    /// SHA-256 of the encoding: its name in the store.
    ///
    /// # Cost
    /// Encodes it.
    pub fn digest(&self) -> Digest {
        Digest(Sha256::digest(self.to_bytes()).into())
    }
}

impl Encode for Evidence {
    fn encode(&self, writer: &mut Writer) {
        match self {
            Self::Consensus(evidence) => writer.u8(1).value(evidence),
            Self::Batches { first, second } => writer.u8(2).value(first).value(second),
            Self::Share { share, proof } => writer.u8(3).value(share).option(proof.as_ref()),
        };
    }
}

impl Decode for Evidence {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(match reader.u8()? {
            1 => Self::Consensus(reader.value()?),
            2 => Self::Batches { first: reader.value()?, second: reader.value()? },
            3 => Self::Share { share: reader.value()?, proof: reader.option()? },
            _ => return Err(DecodeError::Invalid("evidence kind")),
        })
    }
}
