//! BLS as one scheme among others: what is done at a leaf.

use super::curve::{Candidate, G1_BYTES, same_exponent};
use super::interpolation::weights;
use super::public_key::PublicKey;
use super::scalar::SecretScalar;
use super::verifying_key::{Prepared, VerifyingKey};
use crate::access::Selection;
use crate::threshold_scheme::ThresholdScheme;
use crate::{LeafFault, Message, UnsupportedEncoding};
use rand_core::CryptoRng;

impl ThresholdScheme for PublicKey {
    type Prepared = Prepared;
    type Share = Candidate;

    /// A leaf's verification key and a pairing tell.
    const SELF_EVIDENT: bool = true;

    fn prepare(&self, message: &Message<'_>) -> Result<Prepared, UnsupportedEncoding> {
        VerifyingKey::prepare(message)
    }

    fn owns(&self, leaf: usize, secret: &[u8]) -> bool {
        self.is_secret(leaf, secret)
    }

    /// # Cost
    /// One multiplication in G1 each.
    fn sign(&self, jobs: &[(&[u8], &Prepared)]) -> Option<Vec<Vec<u8>>> {
        let one = |(secret, prepared): &(&[u8], &Prepared)| {
            let secret = (*secret).try_into().ok().and_then(SecretScalar::decode)?;
            Some(prepared.0.times_secret(&secret).encode().to_vec())
        };
        jobs.iter().map(one).collect()
    }

    fn prove(
        &self,
        _leaf: usize,
        _secret: &[u8],
        _prepared: &Prepared,
        _share: &Candidate,
        _rng: &mut dyn CryptoRng,
    ) -> Vec<u8> {
        Vec::new()
    }

    fn share_width(&self) -> usize {
        G1_BYTES
    }

    fn parse_share(&self, share: &[u8]) -> Result<Candidate, LeafFault> {
        let length = LeafFault::Length { expected: G1_BYTES, actual: share.len() };
        Candidate::decode(share.try_into().map_err(|_| length)?).ok_or(LeafFault::OutOfRange)
    }

    /// # Cost
    /// Two pairings, some 600 us.
    fn verify_share(
        &self,
        leaf: usize,
        prepared: &Prepared,
        share: &Candidate,
        _proof: &[u8],
    ) -> Result<(), LeafFault> {
        let share = share.in_group().ok_or(LeafFault::OutOfRange)?;
        match self.leaf(leaf) {
            Some(key) if same_exponent(&share, &prepared.0, key) => Ok(()),
            _ => Err(LeafFault::Wrong),
        }
    }

    /// Nothing that `verify_share` does not do.
    fn inspect(&self, _share: &Candidate) -> Result<(), LeafFault> {
        Ok(())
    }

    /// # Source
    /// Boldyreva 2003; interpolation along the tree as in Benaloh & Leichter 1988.
    ///
    /// # Cost
    /// One multiplication in G1 per leaf, done jointly: some 140 us for three. Shares are not checked
    /// to be in the group: the caller verifies the signature, and that includes it.
    fn combine(
        &self,
        _prepared: &Prepared,
        selection: &Selection,
        shares: &[&Candidate],
    ) -> Option<Vec<u8>> {
        let terms: Vec<_> = shares.iter().map(|share| **share).zip(weights(selection)).collect();
        Candidate::linear_combination(&terms).map(|signature| signature.to_vec())
    }

    fn verify(&self, prepared: &Prepared, signature: &[u8]) -> bool {
        self.verifying_key().verify_prepared(prepared, signature)
    }
}
