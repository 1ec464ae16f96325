//! What can go wrong with a data directory, whose fault it is, and the way back.

use super::tables::TablesError;
use ally_consensus::JournalPosition;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why the store could not do what it was asked to. All are *fatal* in the sense of docs/errors.md
/// except [`StoreError::OutOfOrder`] and [`StoreError::NotContiguous`], which are faults of the
/// calling code: a server that gets one of the others must stop voting.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// There is no data directory here.
    #[error(
        "{} is not the data directory of a server. If this server has never run, make one with \
         `ally init --join`. If it has, its data is gone, and it must not vote again with these \
         keys (`ally serve --rejoin` says what can be done)", dir.display()
    )]
    Missing {
        /// The directory that was to be opened.
        dir: PathBuf,
    },
    /// A directory that is to be made holds something already.
    #[error(
        "{} is not empty; a new data directory needs a path that does not exist or is an empty \
         directory", dir.display()
    )]
    Occupied {
        /// The directory that was to be made.
        dir: PathBuf,
    },
    /// Another process has the directory open.
    #[error(
        "{} is in use by another process; one data directory serves one server at a time",
        dir.display()
    )]
    InUse {
        /// The directory.
        dir: PathBuf,
    },
    /// The directory belongs to another alliance or another server.
    #[error(
        "{} belongs to {found}, and this is {expected}; check `data` in server.toml", dir.display()
    )]
    Foreign {
        /// The directory.
        dir: PathBuf,
        /// Whose directory it is.
        found: String,
        /// Who wanted to open it.
        expected: String,
    },
    /// The directory was last used with a later configuration of the alliance.
    #[error(
        "{} was last used in epoch {found}, and the alliance document at hand is that of epoch \
         {expected}; get the current document from any member", dir.display()
    )]
    OldEpoch {
        /// The directory.
        dir: PathBuf,
        /// Epoch the directory was used in.
        found: u64,
        /// Epoch of the document.
        expected: u64,
    },
    /// The directory was written by a later version of this program.
    #[error(
        "{} has format version {found}, and this program knows versions up to {known}; use the \
         program that wrote it, or a later one", dir.display()
    )]
    Version {
        /// The directory.
        dir: PathBuf,
        /// Version in the directory.
        found: u32,
        /// Latest version known here.
        known: u32,
    },
    /// A file cannot be read for what it should be.
    #[error(
        "{}: {what}. This server has voted with what was in there and refuses to start: voting \
         again without it could break the alliance. If the disk can be repaired, do that; if not, \
         leave the server switched off (`ally serve --rejoin` says what can be done)",
        file.display()
    )]
    Damaged {
        /// The damaged file or directory.
        file: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// Records that were acknowledged as durable are gone.
    #[error(
        "{}: the data ends at commit {found}, but commits up to {acknowledged} were acknowledged: \
         the end of the journal is missing or damaged. This server may have sent votes that it no \
         longer knows of and refuses to start. If the files can be restored from this very disk, do \
         that (an older backup is not enough); if not, leave the server switched off \
         (`ally serve --rejoin` says what can be done)", dir.display()
    )]
    Shortened {
        /// The data directory.
        dir: PathBuf,
        /// Commits found.
        found: u64,
        /// Commits that had been acknowledged.
        acknowledged: u64,
    },
    /// The system or the database failed: a full or failing disk, missing permissions. If it was a
    /// write that failed, nothing more is written until the directory is opened again.
    #[error("{}: {during}: {source}", dir.display())]
    Disk {
        /// The data directory.
        dir: PathBuf,
        /// What was being done.
        during: &'static str,
        /// What the system or the database said.
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
    /// Something was read back, and is not what was written. The disk is to blame.
    #[error(
        "{}: {what}: the data is damaged on the disk. Stop this server and look at the disk; what \
         was decided is held by the other servers too", dir.display()
    )]
    Unreadable {
        /// The data directory.
        dir: PathBuf,
        /// What could not be read, and why.
        what: String,
    },
    /// The store takes no more writes, because of an earlier error or because it was closed.
    #[error("the store takes no more writes: {reason}")]
    ReadOnly {
        /// The error that ended writing, or that the store was closed.
        reason: String,
    },
    /// The thread that writes has panicked: a defect of this program. Nothing more is written.
    #[error(
        "the thread that writes to the disk has panicked; its last words are on standard error"
    )]
    Panicked,
    /// A journal record does not follow the one before it. The caller is to blame.
    #[error("journal record at {given}, expected {expected}")]
    NotContiguous {
        /// Position of the record.
        given: JournalPosition,
        /// Position that comes next.
        expected: JournalPosition,
    },
    /// A block does not follow the one before it. The caller is to blame.
    #[error("block {what} is {given}, expected {expected}")]
    OutOfOrder {
        /// "height" or "first log index".
        what: &'static str,
        /// What the block says.
        given: u64,
        /// What comes next.
        expected: u64,
    },
}

impl StoreError {
    /// A failure of the system or the database while something was done with `dir`.
    pub(super) fn disk(
        dir: &Path,
        during: &'static str,
        source: impl std::error::Error + Send + Sync + 'static,
    ) -> Self {
        Self::Disk { dir: dir.to_owned(), during, source: Arc::new(source) }
    }

    /// A failure of the database while something was done with `dir` that is open.
    pub(super) fn database(dir: &Path, during: &'static str, error: TablesError) -> Self {
        match error {
            TablesError::InUse => Self::InUse { dir: dir.to_owned() },
            TablesError::Io(error) => Self::disk(dir, during, error),
            TablesError::Damaged(what) => {
                Self::Unreadable { dir: dir.to_owned(), what: format!("{during}: {what}") }
            }
        }
    }
}
