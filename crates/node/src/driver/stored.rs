//! What the store's byte strings mean: decided blocks, batches, certificates.

use super::archive::Archive;
use super::shelf::Shelf;
use crate::store::{BatchKey, EvidenceKey, Store, StoreError, StoredBlock, WriteBatch};
use ally_codec::{Decode, DecodeError, Encode, Reader, Writer};
use ally_consensus::{
    BLOCK_BATCHES_MAX, BatchRef, BlockHeader, CheckpointCertificate, Digest, Height, Testimony,
};
use ally_log::{Hash, Tile, TileReader};
use ally_replica::{BatchId, ChainState, DeliveredBlock, Evidence, HeldBatch, SignedBatch};
use bytes::Bytes;
use std::sync::Arc;

/// A decided block as it lies in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BlockRecord {
    /// The header.
    pub(crate) header: BlockHeader,
    /// Its leader's signature, unless it came by a certificate.
    pub(crate) signature: Option<[u8; 64]>,
    /// Its batches, in order.
    pub(crate) batches: Arc<[BatchRef]>,
    /// The log after it.
    pub(crate) state: ChainState,
}

impl BlockRecord {
    /// Reads a block back.
    ///
    /// # Errors
    /// [`DecodeError`]: the disk is to blame.
    pub(crate) fn read(stored: &StoredBlock) -> Result<Self, DecodeError> {
        Self::from_bytes(&stored.body)
    }

    fn of(block: &DeliveredBlock) -> Self {
        Self {
            header: block.header().clone(),
            signature: block.signature,
            batches: block.batches.iter().map(|batch| *batch.reference()).collect(),
            state: block.state.clone(),
        }
    }
}

impl Encode for BlockRecord {
    fn encode(&self, writer: &mut Writer) {
        writer.value(&self.header);
        match &self.signature {
            None => writer.u8(0),
            Some(signature) => writer.u8(1).raw(signature),
        };
        writer.list(&self.batches).value(&self.state);
    }
}

impl Decode for BlockRecord {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            header: reader.value()?,
            signature: match reader.u8()? {
                0 => None,
                1 => Some(reader.array()?),
                _ => return Err(DecodeError::Invalid("option tag")),
            },
            batches: reader.list(BLOCK_BATCHES_MAX)?.into(),
            state: reader.value()?,
        })
    }
}

/// Adds a decided block to a write.
pub(super) fn write_block(write: &mut WriteBatch, block: &DeliveredBlock) {
    write.block(StoredBlock {
        height: block.block.height,
        hash: block.block.hash,
        log_first: block.first_index,
        log_size: block.header().log_size,
        body: BlockRecord::of(block).to_bytes().into(),
    });
}

/// Adds a batch to a write.
pub(super) fn write_batch(write: &mut WriteBatch, batch: &HeldBatch) {
    write.batch(key(&batch.id()), batch.signed().to_bytes());
}

/// Adds a certificate to a write.
pub(super) fn write_certificate(write: &mut WriteBatch, certificate: &CheckpointCertificate) {
    let height = certificate.block.height;
    write.certificate(certificate.log_size, height, certificate.to_bytes());
}

/// Adds a proof of misbehaviour to a write, and says so in the log.
///
/// Of each server and rule the first few are kept.
pub(super) fn write_evidence(write: &mut WriteBatch, shelf: &mut Shelf, evidence: &Evidence) {
    let bytes = evidence.to_bytes();
    let (culprit, digest) = (evidence.culprit(), Evidence::digest_of(&bytes));
    let (kind, code) = (evidence.kind().name(), evidence.kind().code());
    let key = EvidenceKey { culprit, kind: code, digest };
    if shelf.admit(key, bytes.len()) {
        // The proof itself may be megabytes of reports: `ally evidence show` has it, by this name.
        tracing::warn!(%culprit, kind, %digest, "a server is provably at fault");
        write.evidence(key, bytes);
    }
}

/// Adds what others have signed to a write, in the place of the oldest where there is no room.
pub(super) fn write_testimony(
    write: &mut WriteBatch,
    archive: &mut Archive,
    testimony: &Testimony,
) {
    let bytes = testimony.to_bytes();
    let Some((key, dropped)) = archive.admit(testimony.kind().code(), bytes.len()) else { return };
    for old in dropped {
        write.forget_testimony(old);
    }
    write.testimony(key, bytes);
}

/// Reads from the store in the types of the protocol.
#[derive(Clone)]
pub(crate) struct StoredLog {
    store: Store,
}

/// Why something stored cannot be read. The disk is to blame.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum StoredError {
    /// The store says so.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It is there, but not what was written.
    #[error("{what} in the store cannot be read: {source}")]
    Damaged {
        /// Which entry.
        what: String,
        /// What is wrong with it.
        source: DecodeError,
    },
    /// It has to be there and is not.
    #[error("{what} is missing in the store")]
    Missing {
        /// Which entry.
        what: String,
    },
}

impl StoredLog {
    /// A reader of this store.
    pub(crate) fn new(store: Store) -> Self {
        Self { store }
    }

    /// The block at a height, if it is decided and stored.
    pub(crate) fn block(&self, height: Height) -> Result<Option<BlockRecord>, StoredError> {
        self.store.block(height)?.map(|stored| read_block(&stored)).transpose()
    }

    /// The block that holds the command at `index`.
    pub(crate) fn block_with(&self, index: u64) -> Result<Option<BlockRecord>, StoredError> {
        self.store.block_with(index)?.map(|stored| read_block(&stored)).transpose()
    }

    /// A batch; its signature was checked before it was stored.
    pub(crate) fn batch(&self, id: &BatchId) -> Result<Option<SignedBatch>, StoredError> {
        let Some(bytes) = self.store.batch(key(id))? else { return Ok(None) };
        let what = || format!("batch {} of {}", id.sequence, id.origin);
        let batch = SignedBatch::from_frame(bytes);
        batch.map(Some).map_err(|source| StoredError::Damaged { what: what(), source })
    }

    /// All batches of a block.
    pub(crate) fn batches(&self, block: &BlockRecord) -> Result<Vec<SignedBatch>, StoredError> {
        let read = |reference: &BatchRef| {
            let missing = || StoredError::Missing {
                what: format!("batch {} of {}", reference.sequence, reference.origin),
            };
            self.batch(&BatchId::from(reference))?.ok_or_else(missing)
        };
        block.batches.iter().map(read).collect()
    }

    /// The certificate of the lowest certified block at `height` or above whose log has at least
    /// `log_size` commands.
    pub(crate) fn certificate_from(
        &self,
        log_size: u64,
        height: Height,
    ) -> Result<Option<CheckpointCertificate>, StoredError> {
        read_certificate(self.store.certificate_from(log_size, height)?)
    }

    /// All proofs of misbehaviour, with their lengths in bytes.
    pub(crate) fn all_evidence(&self) -> Result<Vec<(EvidenceKey, usize)>, StoredError> {
        Ok(self.store.all_evidence()?)
    }

    /// The proof of this name.
    pub(crate) fn evidence(&self, digest: Digest) -> Result<Option<Bytes>, StoredError> {
        let named = self.store.all_evidence()?.into_iter().find(|(key, _)| key.digest == digest);
        Ok(named.map(|(key, _)| self.store.evidence(key)).transpose()?.flatten())
    }

    /// The certificate of the highest certified block.
    pub(crate) fn newest_certificate(&self) -> Result<Option<CheckpointCertificate>, StoredError> {
        read_certificate(self.store.newest_certificate()?)
    }
}

/// Complete tiles of the log.
impl TileReader for StoredLog {
    type Error = StoredError;

    fn tile(&self, tile: Tile) -> Result<Vec<Hash>, StoredError> {
        let bytes = self.store.tile(tile.level(), tile.index())?;
        let missing = || StoredError::Missing { what: format!("log tile {}", tile.path()) };
        Ok(hashes(&bytes.ok_or_else(missing)?))
    }
}

/// A tile's bytes: its hashes, one after the other.
pub(super) fn tile_bytes(hashes: &[Hash]) -> Bytes {
    hashes.iter().flat_map(|hash| hash.0).collect::<Vec<u8>>().into()
}

fn hashes(bytes: &[u8]) -> Vec<Hash> {
    bytes.as_chunks().0.iter().map(|hash| Hash(*hash)).collect()
}

fn key(id: &BatchId) -> BatchKey {
    BatchKey { origin: id.origin, sequence: id.sequence, digest: Digest(id.digest.0) }
}

fn read_block(stored: &StoredBlock) -> Result<BlockRecord, StoredError> {
    let what = || format!("block {}", stored.height);
    BlockRecord::read(stored).map_err(|source| StoredError::Damaged { what: what(), source })
}

fn read_certificate(
    found: Option<(u64, Bytes)>,
) -> Result<Option<CheckpointCertificate>, StoredError> {
    let Some((log_size, bytes)) = found else { return Ok(None) };
    let what = || format!("the certificate of log size {log_size}");
    CheckpointCertificate::from_bytes(&bytes)
        .map(Some)
        .map_err(|source| StoredError::Damaged { what: what(), source })
}

#[cfg(test)]
#[path = "stored_tests.rs"]
mod tests;
