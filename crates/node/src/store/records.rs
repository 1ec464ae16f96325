//! What the store keeps, as its users see it.

use super::keys;
use ally_consensus::{BlockHash, Digest, Height, Sequence};
use ally_policy::ServerIndex;
use bytes::Bytes;

/// Which batch. The digest is part of it: an origin that cheats makes two batches of one number, and
/// which of them is ordered is not for the store to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BatchKey {
    /// The server that made the batch.
    pub origin: ServerIndex,
    /// Its number among the batches of that server.
    pub sequence: Sequence,
    /// The batch's digest, as blocks refer to it.
    pub digest: Digest,
}

/// Which proof of misbehaviour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EvidenceKey {
    /// Who misbehaved.
    pub culprit: ServerIndex,
    /// Which rule was broken, in the coding of whoever stored it.
    pub kind: u8,
    /// The proof's digest.
    pub digest: Digest,
}

/// Which testimony. Its length is part of it, so that what is kept can be added up without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TestimonyKey {
    /// What it is about, in the coding of whoever stored it.
    pub kind: u8,
    /// Its number among those of its kind, ascending.
    pub number: u64,
    /// Its length.
    pub bytes: u32,
}

/// A decided block as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredBlock {
    /// Height in the chain.
    pub height: Height,
    /// The block's hash.
    pub hash: BlockHash,
    /// Log index of the block's first command (equal to `log_size` if it has none).
    pub log_first: u64,
    /// Size of the log after the block: its commands are `log_first..log_size`.
    pub log_size: u64,
    /// Header and batch references, in the encoding of whoever stored them.
    pub body: Bytes,
}

/// Bytes in front of a stored block's body: `hash (32) || log_first (8) || log_size (8)`.
const BLOCK_HEAD_BYTES: usize = 48;

impl StoredBlock {
    /// The value that is kept under the height: `hash (32) || log_first (8, LE) || log_size (8, LE)
    /// || body`.
    pub(super) fn to_value(&self) -> Bytes {
        let mut value = Vec::with_capacity(BLOCK_HEAD_BYTES + self.body.len());
        value.extend_from_slice(&self.hash.0);
        value.extend_from_slice(&self.log_first.to_le_bytes());
        value.extend_from_slice(&self.log_size.to_le_bytes());
        value.extend_from_slice(&self.body);
        value.into()
    }

    /// Reads an entry back; nothing if the disk returned something else than was written.
    pub(super) fn from_entry(key: &[u8], value: &Bytes) -> Option<Self> {
        let (head, _) = value.split_at_checked(BLOCK_HEAD_BYTES)?;
        Some(Self {
            height: Height(keys::to_number(key)?),
            hash: BlockHash(head[..32].try_into().ok()?),
            log_first: u64::from_le_bytes(head[32..40].try_into().ok()?),
            log_size: u64::from_le_bytes(head[40..].try_into().ok()?),
            body: value.slice(BLOCK_HEAD_BYTES..),
        })
    }
}
