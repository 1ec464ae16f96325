//! What servers send each other: one enum, one canonical encoding, a limit for each kind.

use crate::batch::{BATCH_BYTES_MAX, BatchId, SignedBatch};
use ally_codec::{Decode, DecodeError, Encode, Reader, Writer};
use ally_consensus::{
    BLOCK_BATCHES_MAX, BlockHeader, BlockRef, CheckpointCertificate, Digest, Height, Message,
    NEW_VIEW_BYTES_MAX, SHARE_BYTES_MAX, Signed, SyncedBlock,
};
use bytes::Bytes;
use std::sync::Arc;

/// The most batches one [`PeerMessage::FetchBatches`] may ask for.
pub const FETCH_BATCHES_MAX: usize = 64;

/// The most blocks one [`PeerMessage::SyncBlocks`] may hold.
pub const SYNC_BLOCKS_MAX: usize = 1024;

/// The most bytes of the blocks in one [`PeerMessage::SyncBlocks`]; a sender stops before it.
pub const SYNC_BYTES_MAX: usize = 4 << 20;

/// The longest proof that a share is right, in bytes: a few numbers per leaf that a server holds.
pub const SHARE_PROOF_BYTES_MAX: usize = 4 * SHARE_BYTES_MAX;

/// The longest frame of any kind, in bytes.
pub const FRAME_BYTES_MAX: usize = 16 << 20;

// The longest message about agreement, with the byte that says its kind.
const _: () = assert!(NEW_VIEW_BYTES_MAX < FRAME_BYTES_MAX);

/// Over which connection of a pair of servers a message travels, so that votes never wait behind
/// data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Link {
    /// Votes, proposals, view changes, shares, certificates, questions.
    Control,
    /// Batches and blocks.
    Bulk,
}

/// A share of the alliance key on the checkpoint statement of a decided block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertifyShare {
    /// The decided block.
    pub block: BlockRef,
    /// The log's size after it.
    pub log_size: u64,
    /// The log's root after it.
    pub log_root: Digest,
    /// The share, opaque here.
    pub share: Vec<u8>,
}

/// The proof that a share given before is right, for when a combined signature is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShareProof {
    /// The block whose checkpoint was signed.
    pub block: BlockRef,
    /// The proof, opaque here.
    pub proof: Vec<u8>,
}

/// Decided blocks without their batches, ascending and gap-free.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncBlocks {
    /// The blocks; the first follows the height that was asked for.
    pub blocks: Vec<SyncedBlock>,
    /// For the last of them, if the sender has it; else more has to be asked for.
    pub certificate: Option<CheckpointCertificate>,
}

/// Every message between servers.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PeerMessage {
    /// About agreement, signed by its sender.
    Consensus(Signed<Message>),
    /// A batch, from its origin or relayed.
    Batch(SignedBatch),
    /// Asks for batches; each is answered with [`PeerMessage::Batch`] if held.
    FetchBatches(Vec<BatchId>),
    /// A share of a certificate.
    CertifyShare(Signed<CertifyShare>),
    /// Asks for the proof of the share that the receiver gave on this block.
    ProofRequest(BlockRef),
    /// Answers [`PeerMessage::ProofRequest`].
    ShareProof(Signed<ShareProof>),
    /// A certificate: it stands for itself.
    Certificate(Arc<CheckpointCertificate>),
    /// Asks for the decided blocks after this height.
    SyncRequest(Height),
    /// Answers [`PeerMessage::SyncRequest`].
    SyncBlocks(SyncBlocks),
}

impl PeerMessage {
    /// The connection it travels on.
    pub fn link(&self) -> Link {
        match self {
            Self::Batch(_) | Self::SyncBlocks(_) => Link::Bulk,
            _ => Link::Control,
        }
    }

    /// The frame: `kind (1) || body`.
    pub fn to_frame(&self) -> Bytes {
        let mut writer = Writer::new();
        match self {
            Self::Consensus(body) => writer.u8(1).value(body),
            Self::Batch(body) => writer.u8(2).value(body),
            Self::FetchBatches(body) => writer.u8(3).list(body),
            Self::CertifyShare(body) => writer.u8(4).value(body),
            Self::ProofRequest(body) => writer.u8(5).value(body),
            Self::ShareProof(body) => writer.u8(6).value(body),
            Self::Certificate(body) => writer.u8(7).value(&**body),
            Self::SyncRequest(body) => writer.u8(8).value(body),
            Self::SyncBlocks(body) => writer.u8(9).value(body),
        };
        writer.into_bytes().into()
    }

    /// Reads a frame. Nothing is checked but its form.
    ///
    /// # Errors
    /// [`DecodeError`]; the sender is to blame. Never panics.
    pub fn from_frame(mut frame: Bytes) -> Result<Self, DecodeError> {
        let kind = Reader::new(&frame).u8()?;
        let limit = frame_bytes_max(kind)?;
        if frame.len() > limit {
            return Err(DecodeError::TooLong { claimed: frame.len(), limit });
        }
        let body = frame.split_off(1);
        if kind == 2 {
            return Ok(Self::Batch(SignedBatch::from_frame(body)?));
        }
        let mut reader = Reader::new(&body);
        let message = match kind {
            1 => Self::Consensus(reader.value()?),
            3 => Self::FetchBatches(reader.list(FETCH_BATCHES_MAX)?),
            4 => Self::CertifyShare(reader.value()?),
            5 => Self::ProofRequest(reader.value()?),
            6 => Self::ShareProof(reader.value()?),
            7 => Self::Certificate(Arc::new(reader.value()?)),
            8 => Self::SyncRequest(reader.value()?),
            9 => Self::SyncBlocks(reader.value()?),
            _ => return Err(UNKNOWN_KIND),
        };
        reader.finish()?;
        Ok(message)
    }
}

const UNKNOWN_KIND: DecodeError = DecodeError::Invalid("peer message kind");

/// The longest frame of a kind, given its first byte, in bytes.
///
/// # Errors
/// [`DecodeError::Invalid`] for a kind that does not exist.
pub fn frame_bytes_max(kind: u8) -> Result<usize, DecodeError> {
    const ENVELOPE: usize = 1024;
    Ok(match kind {
        1 => FRAME_BYTES_MAX,
        2 => BATCH_BYTES_MAX + ENVELOPE,
        3 => FETCH_BATCHES_MAX * 42 + ENVELOPE,
        4 => SHARE_BYTES_MAX + ENVELOPE,
        6 => SHARE_PROOF_BYTES_MAX + ENVELOPE,
        5 | 8 => ENVELOPE,
        7 => 2 * ENVELOPE,
        9 => SYNC_BYTES_MAX + 2 * ENVELOPE,
        _ => return Err(UNKNOWN_KIND),
    })
}

/// Bytes that a block takes in [`SyncBlocks`], for keeping to [`SYNC_BYTES_MAX`].
pub fn synced_block_bytes(block: &SyncedBlock) -> usize {
    const HEADER: usize = 5 * 32 + 5 * 8;
    const REFERENCE: usize = 2 + 8 + 32 + 4 + 4;
    HEADER + 4 + block.batches.len() * REFERENCE
}

impl Encode for CertifyShare {
    fn encode(&self, writer: &mut Writer) {
        writer.value(&self.block).u64(self.log_size).value(&self.log_root).bytes(&self.share);
    }
}

impl Decode for CertifyShare {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            block: reader.value()?,
            log_size: reader.u64()?,
            log_root: reader.value()?,
            share: reader.bytes(SHARE_BYTES_MAX)?.to_vec(),
        })
    }
}

impl Encode for ShareProof {
    fn encode(&self, writer: &mut Writer) {
        writer.value(&self.block).bytes(&self.proof);
    }
}

impl Decode for ShareProof {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let block = reader.value()?;
        Ok(Self { block, proof: reader.bytes(SHARE_PROOF_BYTES_MAX)?.to_vec() })
    }
}

impl Encode for SyncBlocks {
    fn encode(&self, writer: &mut Writer) {
        writer.u32(self.blocks.len() as u32);
        for block in &self.blocks {
            writer.value(&block.header).list(&block.batches);
        }
        writer.option(self.certificate.as_ref());
    }
}

impl Decode for SyncBlocks {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let count = reader.u32()? as usize;
        if count > SYNC_BLOCKS_MAX {
            return Err(DecodeError::TooLong { claimed: count, limit: SYNC_BLOCKS_MAX });
        }
        let mut blocks = Vec::new();
        for _ in 0..count {
            let header: BlockHeader = reader.value()?;
            blocks.push(SyncedBlock { header, batches: reader.list(BLOCK_BATCHES_MAX)?.into() });
        }
        Ok(Self { blocks, certificate: reader.option()? })
    }
}
