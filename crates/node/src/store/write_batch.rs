//! One atomic change of the store.

use super::records::{BatchKey, EvidenceKey, StoredBlock, TestimonyKey};
use ally_consensus::{Height, JournalPosition};
use bytes::Bytes;

/// A set of changes that becomes durable as a whole or not at all.
///
/// Values are shared (`Bytes`), not copied, until they are written.
#[derive(Debug, Default)]
pub struct WriteBatch {
    pub(super) changes: Vec<Change>,
    pub(super) bytes: usize,
}

/// One change.
#[derive(Debug)]
pub(super) enum Change {
    Journal { position: JournalPosition, record: Bytes },
    TrimJournal { below: JournalPosition },
    Batch { key: BatchKey, batch: Bytes },
    Testimony { key: TestimonyKey, testimony: Bytes },
    ForgetTestimony { key: TestimonyKey },
    Block(StoredBlock),
    Certificate { log_size: u64, height: Height, certificate: Bytes },
    Tile { level: u8, index: u64, hashes: Bytes },
    Evidence { key: EvidenceKey, evidence: Bytes },
}

impl WriteBatch {
    /// No change at all. Submitting it waits for everything before it.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Bytes of all values in it.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Appends a journal record. Positions follow each other without a gap, in this batch and from
    /// batch to batch; the first one ever has position 1.
    pub fn journal(&mut self, position: JournalPosition, record: impl Into<Bytes>) -> &mut Self {
        let record = record.into();
        self.add(record.len(), Change::Journal { position, record })
    }

    /// Drops all journal records below a position. The journal's end stays where it is.
    pub fn trim_journal(&mut self, below: JournalPosition) -> &mut Self {
        self.add(0, Change::TrimJournal { below })
    }

    /// Keeps a batch (with its origin's signature).
    pub fn batch(&mut self, key: BatchKey, batch: impl Into<Bytes>) -> &mut Self {
        let batch = batch.into();
        self.add(batch.len(), Change::Batch { key, batch })
    }

    /// Keeps what others have signed.
    pub fn testimony(&mut self, key: TestimonyKey, testimony: impl Into<Bytes>) -> &mut Self {
        let testimony = testimony.into();
        self.add(testimony.len(), Change::Testimony { key, testimony })
    }

    /// Drops a testimony.
    pub fn forget_testimony(&mut self, key: TestimonyKey) -> &mut Self {
        self.add(0, Change::ForgetTestimony { key })
    }

    /// Keeps a decided block. Heights and log indices follow each other without a gap; the first
    /// block kept may have any height (a server that starts from a later point of the chain).
    pub fn block(&mut self, block: StoredBlock) -> &mut Self {
        self.add(block.body.len(), Change::Block(block))
    }

    /// Keeps a checkpoint's certificate under the size of the log that it certifies and the height of
    /// its block.
    pub fn certificate(
        &mut self,
        log_size: u64,
        height: Height,
        certificate: impl Into<Bytes>,
    ) -> &mut Self {
        let certificate = certificate.into();
        self.add(certificate.len(), Change::Certificate { log_size, height, certificate })
    }

    /// Keeps a complete tile of the log's tree: 256 hashes of 32 bytes.
    pub fn tile(&mut self, level: u8, index: u64, hashes: impl Into<Bytes>) -> &mut Self {
        let hashes = hashes.into();
        self.add(hashes.len(), Change::Tile { level, index, hashes })
    }

    /// Keeps proof of misbehaviour.
    pub fn evidence(&mut self, key: EvidenceKey, evidence: impl Into<Bytes>) -> &mut Self {
        let evidence = evidence.into();
        self.add(evidence.len(), Change::Evidence { key, evidence })
    }

    fn add(&mut self, bytes: usize, change: Change) -> &mut Self {
        self.bytes += bytes;
        self.changes.push(change);
        self
    }
}
