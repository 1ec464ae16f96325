//! The ordinary verifier: one point, known to everyone.

use super::curve::{G1, G1_BYTES, G2, G2_BYTES, same_exponent};
use crate::message::Encoding;
use crate::{Message, UnsupportedEncoding};

/// The domain separation tag of messages that have none of their own.
///
/// # Source
/// RFC 9380, suite `BLS12381G1_XMD:SHA-256_SSWU_RO_`. Ours: a tag that nobody else uses, so that a
/// signature made for Ally is worth nothing elsewhere, and the other way round.
const TAG: &[u8] = b"ALLY-V1-STATEMENT-BLS12381G1_XMD:SHA-256_SSWU_RO_";

/// What stands before a tag that a caller gives. No such tag leads to another of these.
const TAG_PREFIX: &[u8] = b"ALLY-V1-TAGGED-BLS12381G1_XMD:SHA-256_SSWU_RO_";

/// The tag of what a ciphertext is sealed to.
const OPENING_TAG: &[u8] = b"ALLY-V1-OPENING-BLS12381G1_XMD:SHA-256_SSWU_RO_";

/// The tag of what the maker of a ciphertext signs with its ephemeral key.
const SEAL_TAG: &[u8] = b"ALLY-V1-SEAL-BLS12381G1_XMD:SHA-256_SSWU_RO_";

/// An alliance's BLS public key: a point of G2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct VerifyingKey(G2);

/// A message hashed to the curve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Prepared(pub(super) G1);

impl Prepared {
    /// A ciphertext's digest, for its ephemeral key to sign.
    pub(crate) fn seal(digest: &[u8; 32]) -> Self {
        Self(G1::hash(digest, SEAL_TAG))
    }

    /// A message under a tag of others, for their vectors.
    #[cfg(test)]
    pub(crate) fn hashed(message: &[u8], tag: &[u8]) -> Self {
        Self(G1::hash(message, tag))
    }

    /// The compressed point.
    pub(crate) fn to_bytes(self) -> [u8; G1_BYTES] {
        self.0.encode()
    }
}

impl VerifyingKey {
    pub(super) fn new(point: G2) -> Self {
        Self(point)
    }

    /// The point.
    pub(super) fn point(&self) -> &G2 {
        &self.0
    }

    /// Reads a compressed point (96 bytes). `None` unless it is a point of the group other than the
    /// point at infinity: that one would accept a signature on everything.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().and_then(G2::decode).map(Self)
    }

    /// The compressed point.
    pub(crate) fn to_bytes(&self) -> [u8; G2_BYTES] {
        self.0.encode()
    }

    /// Hashes a message to the curve.
    ///
    /// # Errors
    /// [`UnsupportedEncoding`] for PSS.
    ///
    /// # Cost
    /// Some 60 us, and hashing.
    pub(crate) fn prepare(message: &Message<'_>) -> Result<Prepared, UnsupportedEncoding> {
        let hash = |tag: &[u8]| Ok(Prepared(G1::hash(message.bytes(), tag)));
        match message.encoding() {
            Encoding::Ordinary => hash(TAG),
            Encoding::Tagged(tag) => hash(&[TAG_PREFIX, tag].concat()),
            Encoding::Opening => hash(OPENING_TAG),
            Encoding::Pss => Err(UnsupportedEncoding),
        }
    }

    /// As [`VerifyingKey::verify_prepared`], from the message on.
    pub(crate) fn verify(&self, message: &Message<'_>, signature: &[u8]) -> bool {
        Self::prepare(message).is_ok_and(|prepared| self.verify_prepared(&prepared, signature))
    }

    /// Whether `signature` is this key's signature. Takes bytes from anyone: a point that is not in
    /// the group does not verify.
    ///
    /// # Cost
    /// Two pairings, some 600 us.
    ///
    /// # Variable time: public data only
    pub(crate) fn verify_prepared(&self, prepared: &Prepared, signature: &[u8]) -> bool {
        let signature = signature.try_into().ok().and_then(G1::decode);
        signature.is_some_and(|signature| same_exponent(&signature, &prepared.0, &self.0))
    }
}
