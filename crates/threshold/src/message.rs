//! What is signed: bytes, and how they become a number or a point.

/// Bytes to sign or to verify, with the encoding that turns them into an element of the scheme's
/// group. Callers hand over bytes, never raw integers.
///
/// Byte slices convert into a message in the scheme's ordinary encoding: EMSA-PKCS1-v1_5 with
/// SHA-256 for RSA, hash-to-curve under Ally's own tag for BLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message<'a> {
    bytes: &'a [u8],
    encoding: Encoding<'a>,
}

/// How a message becomes an element of the scheme's group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding<'a> {
    /// The scheme's ordinary one.
    Ordinary,
    /// EMSA-PSS; RSA only.
    Pss,
    /// Hash-to-curve under a tag of its own; BLS only.
    Tagged(&'a [u8]),
    /// Hash-to-curve of what is opened by a signature on it; BLS only. No caller can ask for it, so
    /// no signature opens anything, and nothing opened is a signature.
    Opening,
}

impl<'a> Message<'a> {
    /// A message in the scheme's ordinary encoding.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, encoding: Encoding::Ordinary }
    }

    /// A message in EMSA-PSS with SHA-256, MGF1 and a salt of 32 bytes, for RSA keys only. The
    /// salt is derived from the key and the message, so that all servers encode alike.
    pub fn pss(bytes: &'a [u8]) -> Self {
        Self { bytes, encoding: Encoding::Pss }
    }

    /// A message under a tag of its own, for BLS keys only: a signature under one tag says nothing
    /// under another, nor in the ordinary encoding.
    pub fn tagged(bytes: &'a [u8], tag: &'a [u8]) -> Self {
        Self { bytes, encoding: Encoding::Tagged(tag) }
    }

    /// What a ciphertext is sealed to.
    pub(crate) fn opening(bytes: &'a [u8]) -> Self {
        Self { bytes, encoding: Encoding::Opening }
    }

    pub(crate) fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    pub(crate) fn encoding(&self) -> Encoding<'a> {
        self.encoding
    }
}

impl<'a> From<&'a [u8]> for Message<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::new(bytes)
    }
}

impl<'a> From<&'a Vec<u8>> for Message<'a> {
    fn from(bytes: &'a Vec<u8>) -> Self {
        Self::new(bytes)
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for Message<'a> {
    fn from(bytes: &'a [u8; N]) -> Self {
        Self::new(bytes)
    }
}
