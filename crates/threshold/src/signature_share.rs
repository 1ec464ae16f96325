//! What a server contributes to a signature, and the proof that it did so correctly.

use ally_codec::{Decode, DecodeError, Encode, Reader, Writer};
use ally_policy::ServerIndex;

use crate::KeyId;

/// The most leaves in one contribution: the most leaves of a formula.
const LEAVES_MAX: usize = 1024;

/// The most bytes in one contribution: RSA proofs for the most leaves, as long as shares may grow,
/// are fewer (four of 817 bytes each).
const BYTES_MAX: usize = 1 << 22;

/// Bytes of a contribution besides those of its leaves.
pub(crate) const LEAF_SHARES_OVERHEAD: usize = 32 + 2 + 2 + 2;

/// A server's share of one signature: a sub-share for each of its leaves. Public once it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureShare(pub(crate) LeafShares);

/// The proof that a server's share of one signature is right. Public once it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShareProof(pub(crate) LeafShares);

/// One byte string of equal length for each leaf of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LeafShares {
    key: KeyId,
    server: ServerIndex,
    leaves: Vec<Vec<u8>>,
}

impl SignatureShare {
    /// The server that made it, or says so.
    pub fn server(&self) -> ServerIndex {
        self.0.server
    }

    /// The key it was made with, or says so.
    pub fn key(&self) -> KeyId {
        self.0.key
    }
}

impl ShareProof {
    /// The server that made it, or says so.
    pub fn server(&self) -> ServerIndex {
        self.0.server
    }
}

impl LeafShares {
    pub(crate) fn new(key: KeyId, server: ServerIndex, leaves: Vec<Vec<u8>>) -> Self {
        debug_assert!(leaves.windows(2).all(|pair| pair[0].len() == pair[1].len()));
        Self { key, server, leaves }
    }

    pub(crate) fn key(&self) -> KeyId {
        self.key
    }

    pub(crate) fn server(&self) -> ServerIndex {
        self.server
    }

    /// In the order of the server's leaves.
    pub(crate) fn leaves(&self) -> &[Vec<u8>] {
        &self.leaves
    }
}

/// `key id (32) || server (2, LE) || leaves (2, LE) || bytes of each (2, LE) || bytes of each leaf`.
impl Encode for LeafShares {
    fn encode(&self, writer: &mut Writer) {
        let width = self.leaves.first().map_or(0, Vec::len);
        writer.raw(&self.key.0).u16(self.server.0);
        writer.u16(self.leaves.len() as u16).u16(width as u16);
        for leaf in &self.leaves {
            writer.raw(leaf);
        }
    }
}

impl Decode for LeafShares {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let key = KeyId(reader.array()?);
        let server = ServerIndex(reader.u16()?);
        let (count, width) = (usize::from(reader.u16()?), usize::from(reader.u16()?));
        for (claimed, limit) in [(count, LEAVES_MAX), (count * width, BYTES_MAX)] {
            if claimed > limit {
                return Err(DecodeError::TooLong { claimed, limit });
            }
        }
        if count == 0 && width != 0 {
            return Err(DecodeError::Invalid("width of no shares"));
        }
        let bytes = reader.raw(count * width)?;
        let leaves = (0..count).map(|leaf| bytes[leaf * width..][..width].to_vec()).collect();
        Ok(Self { key, server, leaves })
    }
}

impl Encode for SignatureShare {
    fn encode(&self, writer: &mut Writer) {
        self.0.encode(writer);
    }
}

impl Decode for SignatureShare {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        reader.value().map(Self)
    }
}

impl Encode for ShareProof {
    fn encode(&self, writer: &mut Writer) {
        self.0.encode(writer);
    }
}

impl Decode for ShareProof {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        reader.value().map(Self)
    }
}
