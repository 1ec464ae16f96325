//! A secret that only a signature opens: identity-based key agreement.
//!
//! ```text
//!   sealing:   r at random, U = r*G2          K = e(r*H(m), key)
//!   opening:   signature d = s*H(m)           K = e(d, U)              key = s*G2
//! ```
//!
//! Both are `e(H(m), G2)^(r*s)`: who knows `r` needs no signature, who has the signature needs no
//! `r`, all others would have to solve the bilinear Diffie-Hellman problem.
//!
//! # Source
//! Boneh & Franklin, "Identity-based encryption from the Weil pairing" (2001), section 4.1, in
//! groups of two kinds.

use super::curve::{G1, G1_BYTES, G2, GT_BYTES, Gt};
use super::scalar::SecretScalar;
use super::verifying_key::{Prepared, VerifyingKey};
use crate::seed::SeedStream;
use zeroize::Zeroizing;

/// An element of the pairing's target group: hash it before use.
pub(crate) type SharedSecret = Zeroizing<[u8; GT_BYTES]>;

/// The secret of one ciphertext. Wiped when dropped.
pub(crate) struct Ephemeral(SecretScalar);

impl Ephemeral {
    /// Uniform, out of a stream that is used for nothing else.
    pub(crate) fn from_stream(stream: &mut SeedStream) -> Self {
        Self(SecretScalar::from_stream(stream))
    }

    /// The public half, which goes into the ciphertext. As a key, it verifies what
    /// [`Ephemeral::sign`] signs.
    ///
    /// # Cost
    /// One multiplication in G2.
    pub(crate) fn public_key(&self) -> VerifyingKey {
        VerifyingKey::new(G2::public_key(&self.0))
    }

    /// What `key`'s signature on `message` opens. Constant time.
    ///
    /// # Cost
    /// One multiplication in G1 and a pairing.
    pub(crate) fn shared_secret(&self, key: &VerifyingKey, message: &Prepared) -> SharedSecret {
        Gt::pairing_times(&message.0, &self.0, key.point()).encode()
    }

    /// The signature on `message` under the public half. Constant time.
    pub(crate) fn sign(&self, message: &Prepared) -> [u8; G1_BYTES] {
        message.0.times_secret(&self.0).encode()
    }
}

/// What was sealed with the ephemeral key of this public half to the message that `signature` signs.
/// `None` if the signature is no point of the group. That it is the right one, the caller has
/// checked.
///
/// # Cost
/// One pairing.
pub(crate) fn unlock(ephemeral: &VerifyingKey, signature: &[u8]) -> Option<SharedSecret> {
    let signature = G1::decode(signature.try_into().ok()?)?;
    Some(Gt::pairing(&signature, ephemeral.point()).encode())
}
