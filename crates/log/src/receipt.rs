//! What a client takes home: proof that the alliance ordered its command.

use crate::certificate::{Certificate, CertificateError, CertificateVerifier};
use crate::hash::{Hash, leaf_hash};
use crate::proof::{InclusionProof, ProofError};
use ally_codec::{Decode, DecodeError, Encode, Reader, Writer};

/// Proof that an entry stands at `index` of the alliance's log. It verifies offline, with the entry
/// and the alliance's public key alone.
///
/// An entry is what the log holds for one proposal: the proposer's nonce and the command. People
/// keep a [`ReceiptFile`](crate::ReceiptFile), which has the nonce in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Position of the entry among all ever ordered, from 0.
    pub index: u64,
    /// [`leaf_hash`] of the entry.
    pub leaf: Hash,
    /// The way from the leaf to the certified root.
    pub proof: InclusionProof,
    /// The certified checkpoint.
    pub certificate: Certificate,
}

/// Why a receipt proves nothing. Whoever handed it out is to blame.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReceiptError {
    /// The receipt is for another command.
    #[error("the receipt is for the entry with leaf hash {receipt}, this one has {entry}")]
    Entry {
        /// Leaf hash in the receipt.
        receipt: Hash,
        /// Leaf hash of the entry at hand.
        entry: Hash,
    },
    /// The inclusion proof does not lead to the certified root.
    #[error("the inclusion proof fails")]
    Proof(#[source] ProofError),
    /// The alliance did not sign the checkpoint.
    #[error("the certificate fails")]
    Certificate(#[source] CertificateError),
}

impl Receipt {
    /// Checks everything: the entry is the one at `index` of the log whose root the alliance
    /// signed.
    ///
    /// # Errors
    /// [`ReceiptError`] that names the part which fails.
    ///
    /// # Cost
    /// Hashing, and one verification ([`Certificate::verify`]).
    pub fn verify(
        &self,
        entry: &[u8],
        verifier: &impl CertificateVerifier,
    ) -> Result<(), ReceiptError> {
        let entry = leaf_hash(entry);
        if self.leaf != entry {
            return Err(ReceiptError::Entry { receipt: self.leaf, entry });
        }
        let checkpoint = &self.certificate.checkpoint;
        self.proof
            .verify(self.leaf, self.index, checkpoint.log_size, &checkpoint.log_root)
            .map_err(ReceiptError::Proof)?;
        self.certificate.verify(verifier).map_err(ReceiptError::Certificate)
    }
}

/// `index (8, LE) || leaf (32) || proof || certificate`.
impl Encode for Receipt {
    fn encode(&self, writer: &mut Writer) {
        writer.u64(self.index).value(&self.leaf).value(&self.proof).value(&self.certificate);
    }
}

impl Decode for Receipt {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            index: reader.u64()?,
            leaf: reader.value()?,
            proof: reader.value()?,
            certificate: reader.value()?,
        })
    }
}
