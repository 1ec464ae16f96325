//! SHA-256 with the domain separation of RFC 6962: a leaf can never be read as an inner node.

use alloc::string::String;
use ally_codec::{Decode, DecodeError, Encode, Reader, Writer};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use core::fmt;
use sha2::{Digest, Sha256};

/// Bytes of a [`Hash`].
pub const HASH_BYTES: usize = 32;

const LEAF_PREFIX: [u8; 1] = [0];
const NODE_PREFIX: [u8; 1] = [1];

/// A SHA-256 digest: the hash of a leaf, of an inner node, of a whole log, or of a block.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash(pub [u8; HASH_BYTES]);

impl Hash {
    /// The root of a log without commands: SHA-256 of nothing.
    ///
    /// # Source
    /// RFC 9162 section 2.1.1.
    pub const EMPTY_ROOT: Self = Self([
        0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9,
        0x24, 0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52,
        0xb8, 0x55,
    ]);

    /// The digest as bytes.
    pub fn as_bytes(&self) -> &[u8; HASH_BYTES] {
        &self.0
    }

    /// The digest in standard base64 with padding, 44 characters, as checkpoints write it.
    pub fn to_base64(&self) -> String {
        BASE64.encode(self.0)
    }

    /// Reads the 44 characters of [`Hash::to_base64`]; `None` for everything else.
    pub fn from_base64(text: &str) -> Option<Self> {
        // Longer texts are refused before they are decoded, so that no input sets aside memory.
        (text.len() == 44).then(|| BASE64.decode(text).ok()?.try_into().ok().map(Self))?
    }

    /// Reads 64 lower-case hexadecimal digits; `None` for everything else.
    pub fn from_hex(text: &str) -> Option<Self> {
        let lower = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let mut bytes = [0; HASH_BYTES];
        (lower && hex::decode_to_slice(text, &mut bytes).is_ok()).then_some(Self(bytes))
    }
}

/// The hash of one command as a leaf of the log: SHA-256(`0x00 || command`).
///
/// # Source
/// RFC 9162 section 2.1.1 (the same tree as RFC 6962).
pub fn leaf_hash(command: &[u8]) -> Hash {
    Hash(Sha256::new().chain_update(LEAF_PREFIX).chain_update(command).finalize().into())
}

/// The hash of an inner node over its two children: SHA-256(`0x01 || left (32) || right (32)`).
///
/// # Source
/// RFC 9162 section 2.1.1.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    // In one piece: the hasher would gather the three in its own buffer.
    let mut node = [0; NODE_PREFIX.len() + 2 * HASH_BYTES];
    let (prefix, children) = node.split_at_mut(NODE_PREFIX.len());
    let (first, second) = children.split_at_mut(HASH_BYTES);
    prefix.copy_from_slice(&NODE_PREFIX);
    first.copy_from_slice(&left.0);
    second.copy_from_slice(&right.0);
    Hash(Sha256::digest(node).into())
}

/// Lower-case hexadecimal, 64 digits.
impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut digits = [0; 2 * HASH_BYTES];
        hex::encode_to_slice(self.0, &mut digits).map_err(|_| fmt::Error)?;
        f.write_str(core::str::from_utf8(&digits).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<[u8; HASH_BYTES]> for Hash {
    fn from(bytes: [u8; HASH_BYTES]) -> Self {
        Self(bytes)
    }
}

impl From<Hash> for [u8; HASH_BYTES] {
    fn from(hash: Hash) -> Self {
        hash.0
    }
}

impl AsRef<[u8]> for Hash {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Encode for Hash {
    fn encode(&self, writer: &mut Writer) {
        writer.raw(&self.0);
    }
}

impl Decode for Hash {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self(reader.array()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vec_empty_root_is_the_digest_of_nothing() {
        assert_eq!(Hash::EMPTY_ROOT.0, <[u8; 32]>::from(Sha256::digest(b"")));
    }

    #[test]
    fn a_leaf_is_not_a_node() {
        let (left, right) = (leaf_hash(b"a"), leaf_hash(b"b"));
        let mut forged = left.0.to_vec();
        forged.extend_from_slice(&right.0);
        assert_ne!(leaf_hash(&forged), node_hash(&left, &right));
    }

    #[test]
    fn texts_have_one_spelling() {
        let hash = leaf_hash(b"a");
        assert_eq!(Hash::from_base64(&hash.to_base64()), Some(hash));
        let hex = alloc::format!("{hash}");
        assert_eq!(Hash::from_hex(&hex), Some(hash));
        assert_eq!(Hash::from_hex(&hex.to_uppercase()), None);
        assert_eq!(Hash::from_hex(&hex[2..]), None);
        // The last character carries two bits that no digest uses; only zeros are accepted there.
        let zeros = Hash([0; 32]).to_base64();
        assert_eq!(Hash::from_base64(&zeros.replace("A=", "B=")), None);
        assert_eq!(Hash::from_base64(zeros.trim_end_matches('=')), None);
    }
}
