//! The only file that knows which database is used (docs/adr/0001-store.md): fjall, a log-structured
//! merge tree with one write-ahead log for all tables.

use super::escape::{escaped, unescaped};
use bytes::Bytes;
use fjall::{
    Database, Guard, Keyspace, KeyspaceCreateOptions, KvSeparationOptions, LsmError, PersistMode,
};
use std::collections::BTreeMap;
use std::io;
use std::ops::Bound;
use std::path::Path;

/// Memory for blocks of the database read from disk.
const CACHE_BYTES: u64 = 32 << 20;
/// A table's newest entries are held in memory up to this size, then written out sorted.
const MEMTABLE_BYTES: u64 = 16 << 20;
/// Values from this size on live in files of their own and are not copied when tables are merged.
const SEPARATE_BYTES: u32 = 1 << 10;
/// The write-ahead log may take this much disk.
const WAL_BYTES_MAX: u64 = 256 << 20;
/// Threads that sort and merge in the background; they sleep when nothing is written.
const WORKERS: usize = 1;

/// The tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Table {
    /// The store's own notes.
    Notes,
    /// Position to record.
    Journal,
    /// Origin and sequence to batch.
    Batches,
    /// Kind, number and length to what others signed.
    Testimony,
    /// Height to block.
    Blocks,
    /// Log index of a block's first command to height.
    Starts,
    /// Log size and height to certificate.
    Certificates,
    /// Level and index to 256 hashes.
    Tiles,
    /// Culprit, kind and digest to evidence.
    Evidence,
}

impl Table {
    const ALL: [Self; 9] = [
        Self::Notes,
        Self::Journal,
        Self::Batches,
        Self::Testimony,
        Self::Blocks,
        Self::Starts,
        Self::Certificates,
        Self::Tiles,
        Self::Evidence,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Notes => "notes",
            Self::Journal => "journal",
            Self::Batches => "batches",
            Self::Testimony => "testimony",
            Self::Blocks => "blocks",
            Self::Starts => "starts",
            Self::Certificates => "certificates",
            Self::Tiles => "tiles",
            Self::Evidence => "evidence",
        }
    }

    fn options(self) -> KeyspaceCreateOptions {
        let options = KeyspaceCreateOptions::default().max_memtable_size(MEMTABLE_BYTES);
        match self {
            Self::Batches | Self::Tiles | Self::Blocks | Self::Testimony => options
                .with_kv_separation(Some(
                    KvSeparationOptions::default().separation_threshold(SEPARATE_BYTES),
                )),
            _ => options,
        }
    }
}

/// The changes of one commit: values to set, keys to remove. One entry per key: within a commit the
/// database has no order.
pub(super) type Puts = BTreeMap<(Table, Bytes), Option<Bytes>>;

/// What can go wrong in the database.
#[derive(Debug)]
pub(super) enum TablesError {
    /// Another process has it open.
    InUse,
    /// The system says no.
    Io(io::Error),
    /// What is on the disk is not what was written.
    Damaged(String),
}

impl From<fjall::Error> for TablesError {
    fn from(error: fjall::Error) -> Self {
        match error {
            fjall::Error::Locked => Self::InUse,
            fjall::Error::Io(error) | fjall::Error::Storage(LsmError::Io(error)) => {
                Self::from_io(error)
            }
            fjall::Error::Storage(LsmError::ChecksumMismatch { .. }) => {
                Self::Damaged("a checksum is wrong".to_owned())
            }
            fjall::Error::Storage(LsmError::Unrecoverable) => {
                Self::Damaged("a file of a table is missing or cannot be read".to_owned())
            }
            fjall::Error::Poisoned => Self::Io(io::Error::other(
                "an earlier write or a background task of the database failed",
            )),
            error => Self::Damaged(error.to_string()),
        }
    }
}

impl TablesError {
    /// Files that end early, are missing or hold nonsense are damage; all else is the system's.
    fn from_io(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::NotFound
            | io::ErrorKind::InvalidData
            | io::ErrorKind::InvalidInput => Self::Damaged(error.to_string()),
            _ => Self::Io(error),
        }
    }
}

/// The open database.
pub(super) struct Tables {
    database: Database,
    keyspaces: [Keyspace; Table::ALL.len()],
}

impl Tables {
    /// Directories of tables, numbered from 0: the database's own and one for each of ours.
    pub(super) const DIRECTORIES: usize = Table::ALL.len() + 1;

    /// Opens the database in `dir`, makes it if the directory is not there.
    pub(super) fn open(dir: &Path) -> Result<Self, TablesError> {
        let database = Database::builder(dir)
            .cache_size(CACHE_BYTES)
            .max_journaling_size(WAL_BYTES_MAX)
            .worker_threads(WORKERS)
            .manual_journal_persist(true)
            .open()?;
        let mut keyspaces = Vec::with_capacity(Table::ALL.len());
        for table in Table::ALL {
            keyspaces.push(database.keyspace(table.name(), || table.options())?);
        }
        let keyspaces = keyspaces.try_into().unwrap_or_else(|_| unreachable!("one for each"));
        Ok(Self { database, keyspaces })
    }

    /// The value of a key.
    pub(super) fn value(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, TablesError> {
        self.keyspace(table).get(key)?.map(|value| unescaped(value.into())).transpose()
    }

    /// All entries from a key on, in ascending order, as they are now.
    pub(super) fn from(&self, table: Table, key: &[u8]) -> Entries {
        let range = (Bound::Included(key.to_vec()), Bound::Unbounded);
        Entries(self.keyspace(table).range::<Vec<u8>, _>(range))
    }

    /// All keys, in ascending order; values that lie apart are not read.
    pub(super) fn keys(&self, table: Table) -> impl Iterator<Item = Result<Bytes, TablesError>> {
        self.keyspace(table).iter().map(|guard| Ok(Bytes::from(guard.key()?)))
    }

    /// The last entry at or below a key.
    pub(super) fn last_at_or_below(
        &self,
        table: Table,
        key: &[u8],
    ) -> Result<Option<(Bytes, Bytes)>, TablesError> {
        self.keyspace(table).range(..=key.to_vec()).next_back().map(entry).transpose()
    }

    /// The last entry.
    pub(super) fn last(&self, table: Table) -> Result<Option<(Bytes, Bytes)>, TablesError> {
        self.keyspace(table).last_key_value().map(entry).transpose()
    }

    /// Writes all of `puts` as one; returns when it is durable if `sync`.
    pub(super) fn commit(&self, puts: Puts, sync: bool) -> Result<(), TablesError> {
        let mode = if sync { PersistMode::SyncData } else { PersistMode::Buffer };
        let mut batch = self.database.batch().durability(Some(mode));
        for ((table, key), value) in puts {
            match value {
                Some(value) => batch.insert(self.keyspace(table), key, escaped(value)),
                None => batch.remove(self.keyspace(table), key),
            }
        }
        Ok(batch.commit()?)
    }

    /// Makes all that was written without a sync durable.
    pub(super) fn sync(&self) -> Result<(), TablesError> {
        Ok(self.database.persist(PersistMode::SyncAll)?)
    }

    /// Writes out everything that is in memory and waits for it.
    #[cfg(test)]
    pub(super) fn rest(&self) {
        for keyspace in &self.keyspaces {
            keyspace.rotate_memtable_and_wait().expect("written");
        }
    }

    /// Bytes on the disk.
    pub(super) fn disk_bytes(&self) -> Result<u64, TablesError> {
        Ok(self.database.disk_space()?)
    }

    fn keyspace(&self, table: Table) -> &Keyspace {
        &self.keyspaces[table as usize]
    }
}

/// Entries in ascending order of keys; a snapshot, unmoved by later writes.
pub(super) struct Entries(fjall::Iter);

impl Iterator for Entries {
    type Item = Result<(Bytes, Bytes), TablesError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(entry)
    }
}

fn entry(guard: Guard) -> Result<(Bytes, Bytes), TablesError> {
    let (key, value) = guard.into_inner()?;
    Ok((key.into(), unescaped(value.into())?))
}
