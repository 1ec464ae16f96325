//! Tests of the modules together: proofs against the recursive definition and published vectors,
//! tiles against each other, receipts against every flipped bit.

mod proofs;
mod receipts;
mod tiles;
mod vectors;

use crate::certificate::CertificateVerifier;
use crate::hash::leaf_hash;
use alloc::vec::Vec;

/// A stand-in for the alliance key: like the real ones, it has exactly one signature per statement.
pub(super) struct ToyKey(pub(super) &'static [u8]);

impl ToyKey {
    pub(super) fn sign(&self, statement: &str) -> Vec<u8> {
        let hash = leaf_hash(&[self.0, statement.as_bytes()].concat());
        hash.0.iter().copied().cycle().take(256).collect()
    }
}

impl CertificateVerifier for ToyKey {
    fn verify(&self, statement: &[u8], signature: &[u8]) -> bool {
        core::str::from_utf8(statement).is_ok_and(|text| self.sign(text) == signature)
    }
}
