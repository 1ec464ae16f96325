//! How far commits have been acknowledged: so that a shortened journal is noticed.
//!
//! A database that finds damage in its write-ahead log cannot tell the torn end of a commit that
//! was never acknowledged from damage to one that was: it cuts the log there and goes on. For a
//! server that has voted that is amnesia. So every commit carries a number, and the number of the
//! newest acknowledged one is written here, into a file of its own, *after* the commit is durable
//! and *before* it is acknowledged. A directory whose database ends before the watermark has lost
//! acknowledged records and does not open.
//!
//! The watermark itself is not synced with each commit: that would double the price of one. It
//! survives a crash of the process (the write is in the kernel by then); a power failure can take
//! it back to an older value, never to a newer one, so it never refuses a healthy directory. It is
//! synced after the first commit ("this server has voted"), every [`SYNC_INTERVAL`] commits, and
//! when the store is closed.
//!
//! Two slots are written in turn, so that a torn write leaves the other one:
//! `magic (8) || commits (8, LE) || check (16)`, where check is the start of SHA-256 over the rest.

use super::error::StoreError;
use sha2::{Digest, Sha256};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// After how many commits the watermark is synced.
pub(super) const SYNC_INTERVAL: u64 = 1024;

const FILE: &str = "watermark";
const MAGIC: &[u8; 8] = b"ALLYWM01";
const SLOT_BYTES: usize = 32;
/// Slots lie in different sectors and pages: a torn write cannot touch both.
const SLOT_STRIDE: u64 = 4096;

/// The open file.
pub(super) struct Watermark {
    file: File,
    commits: u64,
}

impl Watermark {
    /// Makes the file in a fresh directory, at commit 0.
    pub(super) fn create(dir: &Path) -> io::Result<()> {
        let file = File::create_new(dir.join(FILE))?;
        file.write_all_at(&slot(0), 0)?;
        file.write_all_at(&slot(0), SLOT_STRIDE)?;
        file.sync_all()
    }

    /// Opens the file and reads the newer of its two slots.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if the file is missing or neither slot can be read;
    /// [`StoreError::Disk`].
    pub(super) fn open(dir: &Path) -> Result<Self, StoreError> {
        let path = dir.join(FILE);
        let damaged =
            |what: &str| StoreError::Damaged { file: path.clone(), what: what.to_owned() };
        let file =
            OpenOptions::new().read(true).write(true).open(&path).map_err(|e| match e.kind() {
                io::ErrorKind::NotFound => damaged("the file is missing"),
                _ => StoreError::disk(dir, "opening the watermark", e),
            })?;
        let slots = [read_slot(&file, 0), read_slot(&file, SLOT_STRIDE)];
        let commits = slots.into_iter().flatten().max();
        let commits = commits.ok_or_else(|| damaged("neither of its two entries is intact"))?;
        Ok(Self { file, commits })
    }

    /// Number of the newest acknowledged commit.
    pub(super) fn commits(&self) -> u64 {
        self.commits
    }

    /// Notes that a commit is durable.
    pub(super) fn advance(&mut self, commits: u64) -> io::Result<()> {
        let first = self.commits == 0;
        self.file.write_all_at(&slot(commits), commits % 2 * SLOT_STRIDE)?;
        self.commits = commits;
        if first || commits.is_multiple_of(SYNC_INTERVAL) { self.sync() } else { Ok(()) }
    }

    /// Makes the watermark itself durable.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}

fn slot(commits: u64) -> [u8; SLOT_BYTES] {
    let mut slot = [0; SLOT_BYTES];
    slot[..8].copy_from_slice(MAGIC);
    slot[8..16].copy_from_slice(&commits.to_le_bytes());
    let check = Sha256::digest(&slot[..16]);
    slot[16..].copy_from_slice(&check[..16]);
    slot
}

fn read_slot(file: &File, offset: u64) -> Option<u64> {
    let mut found = [0; SLOT_BYTES];
    file.read_exact_at(&mut found, offset).ok()?;
    let commits = u64::from_le_bytes(found[8..16].try_into().ok()?);
    (found == slot(commits)).then_some(commits)
}
