//! The hashes of FROST(Ed25519, SHA-512): RFC 9591, section 6.1.

use super::group::{Point, SecretScalar};
use crate::KeyId;
use curve25519_dalek::Scalar;
use rand_core::CryptoRng;
use sha2::{Digest, Sha256, Sha512};
use zeroize::Zeroizing;

const CONTEXT: &[u8] = b"FROST-ED25519-SHA512-v1";

/// Bytes of H4 and H5.
pub(super) const DIGEST_BYTES: usize = 64;

fn tagged(tag: &[u8]) -> Sha512 {
    Sha512::new_with_prefix(CONTEXT).chain_update(tag)
}

/// H1 over what all signers hash alike; each appends its identifier.
#[derive(Clone)]
pub(super) struct BindingFactors(Sha512);

impl BindingFactors {
    /// `group public key (32) || H4(message) || H5(commitments)`.
    pub(super) fn new(
        key: &Point,
        message: &[u8; DIGEST_BYTES],
        commitments: &[u8; DIGEST_BYTES],
    ) -> Self {
        let hash = tagged(b"rho").chain_update(key.bytes());
        Self(hash.chain_update(message).chain_update(commitments))
    }

    /// The binding factor of one signer.
    pub(super) fn of(&self, identifier: &Scalar) -> Scalar {
        Scalar::from_hash(self.0.clone().chain_update(identifier.as_bytes()))
    }
}

/// H2: the challenge of RFC 8032, so that every Ed25519 verifier comes to the same.
pub(super) fn challenge(group_commitment: &Point, key: &Point, message: &[u8]) -> Scalar {
    let hash = Sha512::new_with_prefix(group_commitment.bytes()).chain_update(key.bytes());
    Scalar::from_hash(hash.chain_update(message))
}

/// H4: the message.
pub(super) fn message_digest(message: &[u8]) -> [u8; DIGEST_BYTES] {
    tagged(b"msg").chain_update(message).finalize().into()
}

/// H5: the encoded list of commitments.
pub(super) fn commitments_digest(encoded: &[u8]) -> [u8; DIGEST_BYTES] {
    tagged(b"com").chain_update(encoded).finalize().into()
}

/// H3 over `random (32) || secret (32)`: a nonce that is safe if either the randomness is good or
/// nobody knows the secret and the randomness does not repeat. RFC 9591, section 4.1.
pub(super) fn nonce_from(random: &[u8; 32], secret: &SecretScalar) -> SecretScalar {
    let hash = tagged(b"nonce").chain_update(random).chain_update(*secret.encode());
    SecretScalar::new(Scalar::from_hash(hash))
}

/// Where a nonce is used. No two nonces of a key share have the same place.
#[derive(Debug, Clone, Copy)]
pub(super) struct NoncePlace {
    pub(super) key: KeyId,
    pub(super) serial: u64,
    pub(super) index: u16,
    /// 0 for the hiding, 1 for the binding nonce.
    pub(super) half: u8,
}

/// A fresh nonce of the holder of `secret`, other than 0.
///
/// The place goes into the random bytes, so that nonces differ where `rng` repeats itself: in two
/// copies of a process, or because it is broken. Then they are as good as those of RFC 8032, which
/// come from the secret alone.
pub(super) fn nonce(
    secret: &SecretScalar,
    place: &NoncePlace,
    rng: &mut dyn CryptoRng,
) -> SecretScalar {
    let mut fresh = Zeroizing::new([0; 32]);
    loop {
        rng.fill_bytes(&mut *fresh);
        let random = Sha256::new_with_prefix(b"ally/v1/frost-nonce")
            .chain_update(*fresh)
            .chain_update(place.key.0)
            .chain_update(place.serial.to_le_bytes())
            .chain_update(place.index.to_le_bytes())
            .chain_update([place.half]);
        let random = Zeroizing::new(random.finalize().into());
        let drawn = nonce_from(&random, secret);
        if !drawn.is_zero() {
            return drawn;
        }
    }
}
