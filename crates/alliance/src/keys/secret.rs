//! Secret keys. No `Debug`, no `Clone`; wiped when dropped.

use super::{PublicKey, Role};
use ed25519_dalek::{Signer, SigningKey as Ed25519};
use rand_core::CryptoRng;
use std::marker::PhantomData;
use zeroize::Zeroizing;

/// An Ed25519 secret key of one role. The memory is wiped on drop.
pub struct SecretKey<R: Role> {
    key: Ed25519,
    role: PhantomData<R>,
}

impl<R: Role> SecretKey<R> {
    /// Draws a new key.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        let mut seed = Zeroizing::new([0; 32]);
        rng.fill_bytes(seed.as_mut());
        Self::from_seed(&seed)
    }

    /// The key that RFC 8032 derives from these 32 secret bytes.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self { key: Ed25519::from_bytes(seed), role: PhantomData }
    }

    /// The key that others check signatures with.
    pub fn public(&self) -> PublicKey<R> {
        PublicKey::of(self.key.verifying_key())
    }

    /// Signs `message`; the signature is 64 bytes (RFC 8032). Constant time.
    ///
    /// # Cost
    /// About 15 us.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.key.sign(message).to_bytes()
    }

    /// The secret itself, for its file only.
    pub(crate) fn seed(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.key.to_bytes())
    }
}
