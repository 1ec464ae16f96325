//! The log of a stopped server, as it stands on its disk.
//!
//! For whoever compares servers afterwards: what is returned is what was written, and nothing of it
//! has been checked against anything.

use crate::driver::{StoredError, StoredLog};
use crate::store::{Durability, EvidenceKey, Identity, Store, StoreError};
use ally_consensus::{BlockHeader, CheckpointCertificate, Height};
use bytes::Bytes;
use std::path::Path;

/// A decided block with its commands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenBlock {
    /// The header.
    pub header: BlockHeader,
    /// The entries that it adds to the log, in order.
    pub entries: Vec<Bytes>,
}

/// The decided blocks of a stopped server, from height 1 on; each is read when it is asked for.
pub struct WrittenLog {
    store: Store,
    log: StoredLog,
    next: Height,
}

impl WrittenLog {
    /// Opens a data directory. While it is open no server can run on it.
    ///
    /// # Errors
    /// [`StoreError`] if it is none, a server runs on it, or something in it is damaged.
    pub fn open(data: &Path) -> Result<Self, StoreError> {
        let identity = Identity::read(data)?;
        let (store, _) = Store::open(data, &identity, Durability::Fsync)?;
        Ok(Self { log: StoredLog::new(store.clone()), store, next: Height(1) })
    }

    /// The certificate of the highest certified block.
    ///
    /// # Errors
    /// [`StoredError`].
    pub fn certificate(&self) -> Result<Option<CheckpointCertificate>, StoredError> {
        self.log.newest_certificate()
    }

    /// All proofs of misbehaviour that it keeps.
    ///
    /// # Errors
    /// [`StoredError`].
    pub fn evidence(&self) -> Result<Vec<(EvidenceKey, Bytes)>, StoredError> {
        let keys = self.store.all_evidence()?;
        let read = |key| Ok(self.store.evidence(key)?.map(|bytes| (key, bytes)));
        keys.into_iter().filter_map(|(key, _)| read(key).transpose()).collect()
    }

    fn read(&self, height: Height) -> Result<Option<WrittenBlock>, StoredError> {
        let Some(record) = self.log.block(height)? else { return Ok(None) };
        let batches = self.log.batches(&record)?;
        let entries = batches.iter().flat_map(|signed| signed.batch.commands()).collect();
        Ok(Some(WrittenBlock { header: record.header, entries }))
    }
}

impl Iterator for WrittenLog {
    type Item = Result<WrittenBlock, StoredError>;

    fn next(&mut self) -> Option<Self::Item> {
        let block = self.read(self.next).transpose()?;
        self.next = self.next.next();
        Some(block)
    }
}
