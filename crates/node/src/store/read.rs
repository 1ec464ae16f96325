//! Reading: from any thread, at any time, beside writing. Each answer is from one moment.

use super::error::StoreError;
use super::keys;
use super::open::Store;
use super::records::{BatchKey, EvidenceKey, StoredBlock, TestimonyKey};
use super::tables::{Entries, Table, TablesError};
use ally_consensus::{Height, JournalPosition, Sequence};
use ally_policy::ServerIndex;
use bytes::Bytes;
use std::path::PathBuf;

impl Store {
    /// The journal records that are kept, from `from` on.
    pub fn journal(&self, from: JournalPosition) -> JournalRecords {
        let entries = self.shared.tables.from(Table::Journal, &keys::number(from.0));
        JournalRecords { dir: self.shared.dir.clone(), entries, last: None }
    }

    /// A batch, with its origin's signature.
    ///
    /// # Errors
    /// [`StoreError::Disk`], [`StoreError::Unreadable`].
    pub fn batch(&self, key: BatchKey) -> Result<Option<Bytes>, StoreError> {
        self.value(Table::Batches, &keys::batch(key))
    }

    /// The kept batches of one origin, from a sequence on, in order.
    pub fn batches(&self, origin: ServerIndex, from: Sequence) -> Batches {
        let entries = self.shared.tables.from(Table::Batches, &keys::batches_from(origin, from));
        Batches { dir: self.shared.dir.clone(), origin, entries }
    }

    /// What others have signed.
    ///
    /// # Errors
    /// [`StoreError::Disk`], [`StoreError::Unreadable`].
    pub fn testimony(&self, key: TestimonyKey) -> Result<Option<Bytes>, StoreError> {
        self.value(Table::Testimony, &keys::testimony(key))
    }

    /// A decided block.
    ///
    /// # Errors
    /// [`StoreError::Disk`], [`StoreError::Unreadable`].
    pub fn block(&self, height: Height) -> Result<Option<StoredBlock>, StoreError> {
        let key = keys::number(height.0);
        let Some(value) = self.value(Table::Blocks, &key)? else { return Ok(None) };
        StoredBlock::from_entry(&key, &value).ok_or_else(|| self.unreadable("a block")).map(Some)
    }

    /// The decided blocks from a height on, in order.
    pub fn blocks(&self, from: Height) -> Blocks {
        let entries = self.shared.tables.from(Table::Blocks, &keys::number(from.0));
        Blocks { dir: self.shared.dir.clone(), entries }
    }

    /// The decided block that holds the command at a log index.
    ///
    /// # Errors
    /// [`StoreError::Disk`], [`StoreError::Unreadable`].
    pub fn block_with(&self, log_index: u64) -> Result<Option<StoredBlock>, StoreError> {
        let start = self
            .shared
            .tables
            .last_at_or_below(Table::Starts, &keys::number(log_index))
            .map_err(|e| self.failed(e))?;
        let Some((_, height)) = start else { return Ok(None) };
        let height = keys::to_number(&height).ok_or_else(|| self.unreadable("a block's height"))?;
        let block = self.block(Height(height))?;
        Ok(block.filter(|block| log_index < block.log_size))
    }

    /// The certificate of the lowest certified block at `height` or above whose log has at least
    /// `log_size` commands; from height 0 the first one that proves the commands below `log_size`.
    /// Returned with its log size.
    ///
    /// # Errors
    /// [`StoreError::Disk`], [`StoreError::Unreadable`].
    pub fn certificate_from(
        &self,
        log_size: u64,
        height: Height,
    ) -> Result<Option<(u64, Bytes)>, StoreError> {
        let key = keys::certificate(log_size, height);
        self.certificate(self.shared.tables.from(Table::Certificates, &key).next().transpose())
    }

    /// The certificate of the highest certified block, with its log size.
    ///
    /// # Errors
    /// [`StoreError::Disk`], [`StoreError::Unreadable`].
    pub fn newest_certificate(&self) -> Result<Option<(u64, Bytes)>, StoreError> {
        self.certificate(self.shared.tables.last(Table::Certificates))
    }

    /// A complete tile of the log's tree: 256 hashes of 32 bytes.
    ///
    /// # Errors
    /// [`StoreError::Disk`], [`StoreError::Unreadable`].
    pub fn tile(&self, level: u8, index: u64) -> Result<Option<Bytes>, StoreError> {
        self.value(Table::Tiles, &keys::tile(level, index))
    }

    /// A proof of misbehaviour.
    ///
    /// # Errors
    /// [`StoreError::Disk`], [`StoreError::Unreadable`].
    pub fn evidence(&self, key: EvidenceKey) -> Result<Option<Bytes>, StoreError> {
        self.value(Table::Evidence, &keys::evidence(key))
    }

    /// All proofs of misbehaviour with their lengths in bytes, by culprit and kind.
    ///
    /// # Errors
    /// [`StoreError::Disk`], [`StoreError::Unreadable`].
    ///
    /// # Cost
    /// Reads them; there are few of each server.
    pub fn all_evidence(&self) -> Result<Vec<(EvidenceKey, usize)>, StoreError> {
        let entries = self.shared.tables.from(Table::Evidence, &[]).map(|entry| {
            let (key, evidence) = entry.map_err(|e| self.failed(e))?;
            let key = keys::to_evidence(&key).ok_or_else(|| self.unreadable("evidence"))?;
            Ok((key, evidence.len()))
        });
        entries.collect()
    }

    /// Which testimonies are kept, by kind and number.
    ///
    /// # Errors
    /// [`StoreError::Disk`], [`StoreError::Unreadable`].
    pub fn all_testimony(&self) -> Result<Vec<TestimonyKey>, StoreError> {
        let kept = self.shared.tables.keys(Table::Testimony).map(|key| {
            let key = key.map_err(|e| self.failed(e))?;
            keys::to_testimony(&key).ok_or_else(|| self.unreadable("a testimony's key"))
        });
        kept.collect()
    }

    /// Bytes that the data takes on the disk.
    ///
    /// # Errors
    /// [`StoreError::Disk`], [`StoreError::Unreadable`].
    pub fn disk_bytes(&self) -> Result<u64, StoreError> {
        self.shared.tables.disk_bytes().map_err(|e| self.failed(e))
    }

    fn value(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        self.shared.tables.value(table, key).map_err(|e| self.failed(e))
    }

    fn certificate(
        &self,
        entry: Result<Option<(Bytes, Bytes)>, TablesError>,
    ) -> Result<Option<(u64, Bytes)>, StoreError> {
        let Some((key, certificate)) = entry.map_err(|e| self.failed(e))? else { return Ok(None) };
        let log_size = keys::to_log_size(&key).ok_or_else(|| self.unreadable("a log size"))?;
        Ok(Some((log_size, certificate)))
    }

    fn failed(&self, error: TablesError) -> StoreError {
        StoreError::database(&self.shared.dir, "reading", error)
    }

    fn unreadable(&self, what: &str) -> StoreError {
        StoreError::Unreadable { dir: self.shared.dir.clone(), what: what.to_owned() }
    }
}

/// Journal records in order. Ends after the first error.
pub struct JournalRecords {
    dir: PathBuf,
    entries: Entries,
    last: Option<JournalPosition>,
}

impl Iterator for JournalRecords {
    type Item = Result<(JournalPosition, Bytes), StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(
            self.entries
                .next()?
                .map_err(|e| StoreError::database(&self.dir, "reading the journal", e))
                .and_then(|(key, record)| {
                    let position = keys::to_number(&key).map(JournalPosition);
                    match position {
                        Some(position) if self.last.is_none_or(|last| last.next() == position) => {
                            self.last = Some(position);
                            Ok((position, record))
                        }
                        _ => Err(StoreError::Unreadable {
                            dir: self.dir.clone(),
                            what: format!("the journal has a gap after {:?}", self.last),
                        }),
                    }
                }),
        )
    }
}

/// Decided blocks in order of height.
pub struct Blocks {
    dir: PathBuf,
    entries: Entries,
}

impl Iterator for Blocks {
    type Item = Result<StoredBlock, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(match self.entries.next()? {
            Ok((key, value)) => StoredBlock::from_entry(&key, &value).ok_or_else(|| {
                StoreError::Unreadable { dir: self.dir.clone(), what: "a block".to_owned() }
            }),
            Err(e) => Err(StoreError::database(&self.dir, "reading blocks", e)),
        })
    }
}

/// Batches of one origin in order of sequence.
pub struct Batches {
    dir: PathBuf,
    origin: ServerIndex,
    entries: Entries,
}

impl Iterator for Batches {
    type Item = Result<(BatchKey, Bytes), StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.entries.next()? {
            Err(e) => Some(Err(StoreError::database(&self.dir, "reading batches", e))),
            Ok((key, batch)) => {
                let key = keys::to_batch(&key)?;
                (key.origin == self.origin).then_some(Ok((key, batch)))
            }
        }
    }
}
