//! Blocks: a header that is voted on, and a payload of references to batches of commands.

use crate::{AllianceId, BlockHash, Digest, Epoch, Height, Micros, Sequence, View};
use ally_codec::{Decode, DecodeError, Encode, Reader, Writer};
use ally_policy::ServerIndex;
use sha2::{Digest as _, Sha256};

/// The most batches one block may refer to.
pub const BLOCK_BATCHES_MAX: usize = 1024;

const HASH_TAG: &[u8] = b"ally/v1/block-hash";
const GENESIS_TAG: &[u8] = b"ally/v1/genesis";
const PAYLOAD_TAG: &[u8] = b"ally/v1/payload";

/// Which block: its height and its hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlockRef {
    /// Distance from the genesis block.
    pub height: Height,
    /// Hash of the header.
    pub hash: BlockHash,
}

impl BlockRef {
    /// The block before the first one of an epoch that starts an alliance: agreed without a vote,
    /// because everybody computes it.
    pub fn genesis(alliance: AllianceId, epoch: Epoch) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(GENESIS_TAG);
        hasher.update(alliance.0);
        hasher.update(epoch.0.to_le_bytes());
        Self { height: Height::ZERO, hash: BlockHash(hasher.finalize().into()) }
    }
}

impl Encode for BlockRef {
    fn encode(&self, writer: &mut Writer) {
        writer.value(&self.height).value(&self.hash);
    }
}

impl Decode for BlockRef {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { height: reader.value()?, hash: reader.value()? })
    }
}

/// What acceptors vote on; signed by the leader of its view.
///
/// # Source
/// docs/protocol.md#data
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BlockHeader {
    /// The alliance this block belongs to.
    pub alliance: AllianceId,
    /// The configuration it was proposed under.
    pub epoch: Epoch,
    /// One more than the parent's.
    pub height: Height,
    /// The view whose leader proposed it; not below the parent's.
    pub view: View,
    /// The block it extends.
    pub parent: BlockHash,
    /// [`payload_digest`] of the batch references.
    pub payload_digest: Digest,
    /// How many commands the log holds after this block.
    pub log_size: u64,
    /// The RFC 6962 root over all commands ever ordered, after this block.
    pub log_root: Digest,
    /// The leader's clock, microseconds since 1970-01-01 UTC; not before the parent's, and not far
    /// ahead of the other servers' clocks (docs/protocol.md#time).
    pub timestamp_us: Micros,
}

impl BlockHeader {
    /// SHA-256 over a tag and the encoding.
    pub fn hash(&self) -> BlockHash {
        let mut hasher = Sha256::new();
        hasher.update(HASH_TAG);
        hasher.update(self.to_bytes());
        BlockHash(hasher.finalize().into())
    }

    /// Height and hash. Computes the hash.
    pub fn block_ref(&self) -> BlockRef {
        BlockRef { height: self.height, hash: self.hash() }
    }
}

impl Encode for BlockHeader {
    fn encode(&self, writer: &mut Writer) {
        writer.value(&self.alliance).value(&self.epoch).value(&self.height).value(&self.view);
        writer.value(&self.parent).value(&self.payload_digest);
        writer.u64(self.log_size).value(&self.log_root).value(&self.timestamp_us);
    }
}

impl Decode for BlockHeader {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            alliance: reader.value()?,
            epoch: reader.value()?,
            height: reader.value()?,
            view: reader.value()?,
            parent: reader.value()?,
            payload_digest: reader.value()?,
            log_size: reader.u64()?,
            log_root: reader.value()?,
            timestamp_us: reader.value()?,
        })
    }
}

/// A reference to a batch: blocks carry these, the batches travel on their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BatchRef {
    /// The server that signed the batch.
    pub origin: ServerIndex,
    /// Its number among the origin's batches.
    pub sequence: Sequence,
    /// SHA-256 of the signed batch's content.
    pub digest: Digest,
    /// How many commands it holds; at least 1.
    pub commands: u32,
    /// Its size in bytes, for the budget.
    pub bytes: u32,
}

impl Encode for BatchRef {
    fn encode(&self, writer: &mut Writer) {
        writer.u16(self.origin.0).value(&self.sequence).value(&self.digest);
        writer.u32(self.commands).u32(self.bytes);
    }
}

impl Decode for BatchRef {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let batch = Self {
            origin: ServerIndex(reader.u16()?),
            sequence: reader.value()?,
            digest: reader.value()?,
            commands: reader.u32()?,
            bytes: reader.u32()?,
        };
        if batch.commands == 0 {
            return Err(DecodeError::Invalid("batch reference: no commands"));
        }
        Ok(batch)
    }
}

/// Digest of a block's ordered list of batch references, as the header carries it.
pub fn payload_digest(batches: &[BatchRef]) -> Digest {
    let mut writer = Writer::new();
    writer.raw(PAYLOAD_TAG).list(batches);
    Digest(Sha256::digest(writer.as_bytes()).into())
}
