//! That a dealer knows the value it shares.

use super::group::{POINT_BYTES, Point, SCALAR_BYTES, SecretScalar};
use super::sharing::times_with_base;
use ally_codec::{DecodeError, Reader, Writer};
use ally_policy::ServerIndex;
use curve25519_dalek::Scalar;
use sha2::{Digest, Sha512};

/// A proof of possession: a Schnorr signature with the shared value on everything the dealer
/// commits to. Without it, the last dealer could choose its commitments as the difference of a key
/// it knows and what the others gave, and so know the key of all.
///
/// # Source
/// Komlo & Goldberg, "FROST" (SAC 2020), figure 1, round 1, steps 2 and 5. There the challenge is
/// over the dealer, a context and the value's commitment; here it covers the other commitments too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Proof {
    commitment: [u8; POINT_BYTES],
    response: Scalar,
}

impl Proof {
    /// Proves knowledge of `value`, which `points` commit to first. `nonce` is uniform and used for
    /// nothing else. Constant time.
    pub(super) fn new(
        plan: &[u8; 32],
        dealer: ServerIndex,
        points: &[Point],
        value: &SecretScalar,
        nonce: &SecretScalar,
    ) -> Self {
        let commitment = nonce.times_base().compress().0;
        let challenge = challenge(plan, dealer, points, &commitment);
        let weighted = SecretScalar::new(challenge * value.number());
        Self { commitment, response: nonce.number() + weighted.number() }
    }

    /// Whether it holds for what `points` commit to first.
    ///
    /// # Variable time: public data only
    pub(super) fn holds(&self, plan: &[u8; 32], dealer: ServerIndex, points: &[Point]) -> bool {
        let Some(value) = points.first() else { return false };
        let challenge = challenge(plan, dealer, points, &self.commitment);
        let opened = times_with_base(&-challenge, value.point(), &self.response);
        opened.compress().0 == self.commitment
    }

    /// `commitment (32) || response (32, LE)`.
    pub(super) fn encode(&self, writer: &mut Writer) {
        writer.raw(&self.commitment).raw(self.response.as_bytes());
    }

    pub(super) fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let commitment = reader.array()?;
        let response = Scalar::from_canonical_bytes(reader.array::<SCALAR_BYTES>()?);
        let response = Option::from(response).ok_or(DecodeError::Invalid("proof: too large"))?;
        Ok(Self { commitment, response })
    }
}

/// SHA-512 over `tag || plan (32) || dealer (2, LE) || points (32 each) || commitment (32)`, reduced;
/// the plan fixes how many points there are.
fn challenge(
    plan: &[u8; 32],
    dealer: ServerIndex,
    points: &[Point],
    commitment: &[u8; POINT_BYTES],
) -> Scalar {
    let mut hash = Sha512::new_with_prefix(b"ally/v1/frost-possession");
    hash.update(plan);
    hash.update(dealer.0.to_le_bytes());
    points.iter().for_each(|point| hash.update(point.bytes()));
    Scalar::from_hash(hash.chain_update(commitment))
}
