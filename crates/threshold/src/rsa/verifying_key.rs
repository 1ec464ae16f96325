//! An ordinary RSA public key.

use std::sync::Arc;

use crypto_bigint::BoxedUint;
use sha2::{Digest, Sha256};

use super::{EXPONENT, der, encoding, to_bytes};
use crate::expo::Modulus;
use crate::message::Encoding;
use crate::{Message, Scheme};

/// An RSA public key with exponent 65537. Cheap to clone.
#[derive(Clone)]
pub(crate) struct VerifyingKey(Arc<Inner>);

struct Inner {
    modulus: Modulus,
    bits: u32,
    fingerprint: [u8; 32],
}

impl VerifyingKey {
    /// `None` unless `modulus` has exactly `bits` bits and is odd.
    pub(crate) fn new(modulus: &BoxedUint, bits: u32) -> Option<Self> {
        if modulus.bits_vartime() != bits {
            return None;
        }
        let modulus = Modulus::public(modulus)?;
        let info = der::public_key_info(&to_bytes(modulus.value(), bits.div_ceil(8) as usize));
        let fingerprint = Sha256::digest(info).into();
        Some(Self(Arc::new(Inner { modulus, bits, fingerprint })))
    }

    /// Reads a SubjectPublicKeyInfo; `None` unless it is one of a size that Ally deals, with
    /// exponent 65537, in canonical DER.
    pub(crate) fn from_der(info: &[u8]) -> Option<Self> {
        Scheme::ALL.iter().filter_map(|scheme| scheme.modulus_bits()).find_map(|bits| {
            let modulus = der::modulus(info, bits as usize / 8)?;
            Self::new(&BoxedUint::from_be_slice_vartime(modulus), bits)
        })
    }

    /// The SubjectPublicKeyInfo.
    pub(crate) fn to_der(&self) -> Vec<u8> {
        der::public_key_info(&self.bytes(self.modulus().value()))
    }

    /// SHA-256 of the SubjectPublicKeyInfo.
    pub(crate) fn fingerprint(&self) -> [u8; 32] {
        self.0.fingerprint
    }

    /// The scheme of this size.
    pub(crate) fn scheme(&self) -> Scheme {
        let of_size = |scheme: &Scheme| scheme.modulus_bits() == Some(self.0.bits);
        // Other sizes are dealt in tests only.
        Scheme::ALL.into_iter().find(of_size).unwrap_or(Scheme::Rsa2048)
    }

    pub(crate) fn modulus(&self) -> &Modulus {
        &self.0.modulus
    }

    /// Bytes of the modulus and of a signature.
    pub(crate) fn width(&self) -> usize {
        self.0.bits.div_ceil(8) as usize
    }

    /// A number below the modulus as big-endian bytes, as long as the modulus.
    pub(crate) fn bytes(&self, value: &BoxedUint) -> Vec<u8> {
        to_bytes(value, self.width())
    }

    /// What [`VerifyingKey::bytes`] wrote; `None` if the length is another or the number is not
    /// below the modulus.
    pub(crate) fn number(&self, bytes: &[u8]) -> Option<BoxedUint> {
        let modulus: &BoxedUint = self.modulus().value();
        let number = BoxedUint::from_be_slice(bytes, modulus.bits_precision()).ok()?;
        (bytes.len() == self.width() && number < *modulus).then_some(number)
    }

    /// The message as a number below the modulus; `None` where RSA has no such encoding, or the key
    /// is too narrow for it (no size that is dealt is).
    pub(crate) fn encode(&self, message: &Message<'_>) -> Option<BoxedUint> {
        let encoded = match message.encoding() {
            Encoding::Ordinary => encoding::pkcs1(message.bytes(), self.width()),
            Encoding::Pss if self.width() < encoding::PSS_WIDTH_MIN => return None,
            Encoding::Pss => encoding::pss(message.bytes(), self.width(), &self.0.fingerprint),
            Encoding::Tagged(_) | Encoding::Opening => return None,
        };
        let precision = self.modulus().value().bits_precision();
        Some(BoxedUint::from_be_slice_truncated(&encoded, precision))
    }

    /// Whether `signature` is as long as the modulus, below it, and has `encoded` as its e-th
    /// power.
    pub(crate) fn verify(&self, encoded: &BoxedUint, signature: &[u8]) -> bool {
        let exponent = BoxedUint::from(EXPONENT);
        self.number(signature).is_some_and(|signature| {
            self.modulus().pow_product(&[(&signature, &exponent)]) == *encoded
        })
    }
}
