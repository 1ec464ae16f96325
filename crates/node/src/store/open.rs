//! Making, opening and closing a data directory.

use super::error::StoreError;
use super::identity::{IDENTITY_FILE, Identity, sync_directory};
use super::keys;
use super::manifests;
use super::records::StoredBlock;
use super::tables::{Table, Tables, TablesError};
use super::wal;
use super::watermark::Watermark;
use super::write_batch::WriteBatch;
use super::writer::{Ends, Job, OnDurable, Queue, Writer};
use ally_consensus::JournalPosition;
use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;

const LOCK_FILE: &str = "lock";
const TABLES_DIRECTORY: &str = "tables";

/// When a commit counts as durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// When the disk says that it holds the data: survives a power failure.
    #[default]
    Fsync,
    /// When the operating system holds the data: survives the end of the process only. A server
    /// that votes like this can break its promises after a power failure; for measurements.
    None,
}

/// What a directory held when it was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovered {
    /// Commits ever made; 0: this server has never written anything, so has never voted.
    pub commits: u64,
    /// First journal record that is kept; read the records with [`Store::journal`].
    pub journal_first: JournalPosition,
    /// Position of the last record ever written; 0 if there is none.
    pub journal_last: JournalPosition,
    /// The newest decided block.
    pub top: Option<StoredBlock>,
}

/// An open data directory. Clones share it; the last one that is dropped closes it.
#[derive(Clone)]
pub struct Store {
    pub(super) shared: Arc<Shared>,
}

/// What clones share.
pub(super) struct Shared {
    pub(super) dir: PathBuf,
    pub(super) tables: Arc<Tables>,
    queue: Arc<Queue>,
    writer: Mutex<Option<JoinHandle<()>>>,
    /// Held for as long as the directory is open.
    _lock: File,
}

impl Store {
    /// Makes a data directory for a server that has never run. Done as a whole or not at all.
    ///
    /// # Errors
    /// [`StoreError::Occupied`] if `dir` exists and is not an empty directory;
    /// [`StoreError::Disk`].
    pub fn create(dir: &Path, identity: &Identity) -> Result<(), StoreError> {
        let disk = |e: io::Error| StoreError::disk(dir, "making the data directory", e);
        match std::fs::read_dir(dir).map(|mut entries| entries.next().is_none()) {
            Ok(true) => {}
            Ok(false) => return Err(StoreError::Occupied { dir: dir.to_owned() }),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) if e.kind() == io::ErrorKind::NotADirectory => {
                return Err(StoreError::Occupied { dir: dir.to_owned() });
            }
            Err(e) => return Err(disk(e)),
        }
        let parent = match dir.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        std::fs::create_dir_all(parent).map_err(disk)?;
        let name = dir.file_name().unwrap_or_default().to_string_lossy();
        // Made aside and moved in place: a crash half-way leaves no half-made directory.
        let staged = parent.join(format!(".{name}.{}.new", std::process::id()));
        std::fs::create_dir(&staged).map_err(disk)?;
        fill(&staged, identity)
            .and_then(|()| std::fs::rename(&staged, dir).map_err(disk))
            .and_then(|()| sync_directory(parent).map_err(disk))
            .inspect_err(|_| {
                // Best effort: what is left over has a name nobody reads.
                let _ = std::fs::remove_dir_all(&staged);
            })
    }

    /// Opens the data directory of a server.
    ///
    /// # Errors
    /// [`StoreError::Missing`], [`StoreError::InUse`], [`StoreError::Foreign`],
    /// [`StoreError::OldEpoch`], [`StoreError::Version`]: the wrong directory, nothing is wrong with
    /// it. [`StoreError::Damaged`], [`StoreError::Shortened`]: the server must not vote again with
    /// what is left. [`StoreError::Disk`].
    ///
    /// # Cost
    /// Reads the write-ahead log (at most 256 MiB), not the data.
    pub fn open(
        dir: &Path,
        identity: &Identity,
        durability: Durability,
    ) -> Result<(Self, Recovered), StoreError> {
        let lock = lock(dir)?;
        identity.check(dir)?;
        let watermark = Watermark::open(dir)?;
        let tables = open_tables(dir)?;
        let (ends, top) = read_ends(dir, &tables)?;
        if ends.commits < watermark.commits() {
            let (found, acknowledged) = (ends.commits, watermark.commits());
            return Err(StoreError::Shortened { dir: dir.to_owned(), found, acknowledged });
        }
        if durability == Durability::None {
            tracing::warn!(dir = %dir.display(), "durability is NONE: a power failure loses votes");
        }
        let (tables, queue) = (Arc::new(tables), Arc::new(Queue::new()));
        let writer =
            Writer { dir: dir.to_owned(), tables: tables.clone(), watermark, durability, ends };
        let writer = start(writer, queue.clone())
            .map_err(|e| StoreError::disk(dir, "starting the writer thread", e))?;
        let writer = Mutex::new(Some(writer));
        let shared = Shared { dir: dir.to_owned(), tables, queue, writer, _lock: lock };
        let Ends { commits, journal_first, journal_last, .. } = ends;
        let recovered = Recovered { commits, journal_first, journal_last, top };
        Ok((Self { shared: Arc::new(shared) }, recovered))
    }

    /// Hands a batch to the writer. `on_durable` is called exactly once, as a rule on the writer's
    /// thread, when the batch and all before it are durable, or will never be, or the writer panicked
    /// and nobody knows; it must not wait for anything.
    ///
    /// Waits while [`QUEUE_BYTES_MAX`](super::QUEUE_BYTES_MAX) bytes are queued: the disk is slower
    /// than the work, and whoever makes work has to feel it.
    ///
    /// # Errors
    /// Through `on_durable`. [`StoreError::NotContiguous`] and [`StoreError::OutOfOrder`]: this
    /// batch is not written, others are. [`StoreError::Disk`], [`StoreError::ReadOnly`]: nothing is
    /// written any more; whether this batch will be there after a restart is not known.
    pub fn submit(
        &self,
        batch: WriteBatch,
        on_durable: impl FnOnce(Result<(), StoreError>) + Send + 'static,
    ) {
        self.shared.queue.push(Job { batch, on_durable: OnDurable::new(on_durable) });
    }

    /// Writes a batch and waits until it is durable.
    ///
    /// # Errors
    /// As [`Store::submit`].
    pub fn commit(&self, batch: WriteBatch) -> Result<(), StoreError> {
        let (told, outcome) = mpsc::sync_channel(1);
        self.submit(batch, move |result| {
            // Nobody waits any more only if the caller's thread has ended.
            let _ = told.send(result);
        });
        let gone = StoreError::ReadOnly { reason: "the writer thread has ended".to_owned() };
        outcome.recv().unwrap_or(Err(gone))
    }

    /// Writes what waits and ends writing, for all clones. Reading goes on until they are dropped.
    ///
    /// # Errors
    /// [`StoreError::Disk`]: the error that ended writing.
    pub fn close(&self) -> Result<(), StoreError> {
        self.shared.finish();
        self.shared.queue.ended().map_or(Ok(()), Err)
    }
}

impl Shared {
    fn finish(&self) {
        self.queue.close();
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        // A callback may hold the last clone: the writer thread cannot wait for itself, and ends
        // when that callback returns.
        if let Some(writer) = writer
            && writer.thread().id() != std::thread::current().id()
            && writer.join().is_err()
        {
            tracing::error!("the store's writer thread panicked");
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.finish();
    }
}

fn start(writer: Writer, queue: Arc<Queue>) -> io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name("store".to_owned()).spawn(move || writer.run(&queue))
}

fn fill(dir: &Path, identity: &Identity) -> Result<(), StoreError> {
    let disk = |e: io::Error| StoreError::disk(dir, "making the data directory", e);
    File::create_new(dir.join(LOCK_FILE)).map_err(disk)?;
    Watermark::create(dir).map_err(disk)?;
    let tables = Tables::open(&dir.join(TABLES_DIRECTORY))
        .map_err(|e| StoreError::database(dir, "making the tables", e))?;
    tables.sync().map_err(|e| StoreError::database(dir, "making the tables", e))?;
    drop(tables);
    identity.write(dir).map_err(disk)
}

fn lock(dir: &Path) -> Result<File, StoreError> {
    let absent =
        |e: &io::Error| matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory);
    if !dir.join(IDENTITY_FILE).exists() && !dir.join(LOCK_FILE).exists() {
        return Err(StoreError::Missing { dir: dir.to_owned() });
    }
    let file = File::options().write(true).open(dir.join(LOCK_FILE)).or_else(|e| {
        // Only a name to lock: it holds nothing, so making it again loses nothing.
        if absent(&e) { File::create(dir.join(LOCK_FILE)) } else { Err(e) }
    });
    let file = file.map_err(|e| StoreError::disk(dir, "opening the lock", e))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse { dir: dir.to_owned() }),
        Err(TryLockError::Error(e)) => Err(StoreError::disk(dir, "locking", e)),
    }
}

fn open_tables(dir: &Path) -> Result<Tables, StoreError> {
    let path = dir.join(TABLES_DIRECTORY);
    if !path.is_dir() {
        return Err(StoreError::Damaged {
            file: path,
            what: "the directory is missing".to_owned(),
        });
    }
    manifests::check(&path)?;
    wal::check(&path)?;
    Tables::open(&path).map_err(|e| match e {
        TablesError::Damaged(what) => StoreError::Damaged { file: path.clone(), what },
        e => StoreError::database(dir, "opening the tables", e),
    })
}

/// Reads where journal and chain end, and checks that the journal is whole.
fn read_ends(dir: &Path, tables: &Tables) -> Result<(Ends, Option<StoredBlock>), StoreError> {
    let path = dir.join(TABLES_DIRECTORY);
    let damaged = |what: &str| StoreError::Damaged { file: path.clone(), what: what.to_owned() };
    let failed = |e| match e {
        TablesError::Damaged(what) => damaged(&what),
        e => StoreError::database(dir, "reading the tables", e),
    };
    let note = |key, absent| match tables.value(Table::Notes, key).map_err(failed)? {
        None => Ok(absent),
        Some(value) => keys::to_number(&value).ok_or_else(|| damaged("a note is not a number")),
    };
    let journal_first = JournalPosition(note(keys::JOURNAL_FIRST, 1)?);
    let journal_last = JournalPosition(note(keys::JOURNAL_LAST, 0)?);
    let found = match tables.last(Table::Journal).map_err(failed)? {
        None => None,
        Some((key, _)) => Some(keys::to_number(&key).ok_or_else(|| damaged("a journal key"))?),
    };
    if found != (journal_first <= journal_last).then_some(journal_last.0) {
        return Err(damaged("the journal does not end where its note says"));
    }
    let top = match tables.last(Table::Blocks).map_err(failed)? {
        None => None,
        Some((key, value)) => {
            let block = StoredBlock::from_entry(&key, &value);
            Some(block.ok_or_else(|| damaged("the newest block cannot be read"))?)
        }
    };
    let ends = Ends {
        commits: note(keys::COMMITS, 0)?,
        journal_first,
        journal_last,
        top: top.as_ref().map(|block| (block.height, block.log_size)),
    };
    Ok((ends, top))
}
