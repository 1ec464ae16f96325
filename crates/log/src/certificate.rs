//! A checkpoint with the alliance's signature.

use crate::checkpoint::Checkpoint;
use alloc::vec::Vec;
use ally_codec::{Decode, DecodeError, Encode, Reader, Writer};

/// The longest signature in bytes: RSA with 8192 bits.
pub const SIGNATURE_BYTES_MAX: usize = 1024;

/// Checks signatures of one alliance. Implemented by whoever holds its public key.
pub trait CertificateVerifier {
    /// Whether `signature` is the alliance's signature on `statement` (the bytes of
    /// [`Checkpoint::statement`]). Must not panic, whatever the bytes are.
    fn verify(&self, statement: &[u8], signature: &[u8]) -> bool;
}

impl<V: CertificateVerifier + ?Sized> CertificateVerifier for &V {
    fn verify(&self, statement: &[u8], signature: &[u8]) -> bool {
        (**self).verify(statement, signature)
    }
}

/// A checkpoint and the threshold signature on it: proof of a decision for anyone who holds the
/// alliance's public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// What was signed.
    pub checkpoint: Checkpoint,
    /// The signature on [`Checkpoint::statement`], at most [`SIGNATURE_BYTES_MAX`] bytes.
    pub signature: Vec<u8>,
}

/// The alliance did not sign the checkpoint. Whoever handed the certificate out is to blame.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the signature on the checkpoint of {} at height {} does not verify with this public key",
    checkpoint.origin, checkpoint.height
)]
pub struct CertificateError {
    /// The checkpoint.
    pub checkpoint: Checkpoint,
}

impl Certificate {
    /// Checks the signature.
    ///
    /// # Errors
    /// [`CertificateError`].
    ///
    /// # Cost
    /// One verification: with RSA some 20 us, with BLS some 650 us.
    pub fn verify(&self, verifier: &impl CertificateVerifier) -> Result<(), CertificateError> {
        match verifier.verify(self.checkpoint.statement().as_bytes(), &self.signature) {
            true => Ok(()),
            false => Err(CertificateError { checkpoint: self.checkpoint.clone() }),
        }
    }
}

/// `checkpoint || signature (4-byte length first)`.
impl Encode for Certificate {
    fn encode(&self, writer: &mut Writer) {
        writer.value(&self.checkpoint).bytes(&self.signature);
    }
}

impl Decode for Certificate {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let checkpoint = reader.value()?;
        Ok(Self { checkpoint, signature: reader.bytes(SIGNATURE_BYTES_MAX)?.to_vec() })
    }
}
