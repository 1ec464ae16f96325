//! Reads the database's write-ahead log strictly, before the database does.
//!
//! The database (fjall 3.1) is at once too lenient and too strict here. It takes *any* record that
//! it cannot parse for the torn end of the last commit, cuts the log there and goes on, also when
//! whole commits follow: damage in the middle silently drops what comes after it (fjall issue 311).
//! And it takes a last commit whose beginning and end reached the disk but whose middle did not,
//! which is what a power failure leaves behind, for damage that it cannot open at all.
//!
//! Both come from not asking the one question that tells them apart: *does an intact commit
//! follow?* A commit is only begun when the one before it is durable. So a commit that never became
//! durable is the last one, and nothing was acknowledged of it: it is cut off here. Damage that is
//! followed by an intact commit, or that lies in a log file that is not the newest, was done to
//! something durable: the directory is refused.
//!
//! Format, per commit (fjall's `journal/entry.rs`; numbers little-endian):
//! ```text
//! 1 (1) || items (4) || sequence (8)
//! items times: 2 (1) || kind (1) || compression = 0 (1) || table (8)
//!              || key bytes (2) || value bytes (4) || stored bytes (4) || key || value
//!          or: 4 (1) || table (8)
//! 3 (1) || XXH3-64 of all items (8) || "FJL" 3 (4)
//! ```
//! The newest file is made 64 MiB long and zero; the log ends where the zeros begin.

use super::error::StoreError;
use ally_codec::{DecodeError, Reader};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use xxhash_rust::xxh3::xxh3_64;

const START: u8 = 1;
const ITEM: u8 = 2;
const END: u8 = 3;
const CLEAR: u8 = 4;
const TRAILER: [u8; 4] = [b'F', b'J', b'L', 3];
/// How far a commit's sequence can be ahead of the one before it in the log: commits and the
/// database's own bookkeeping take one each. With what `escape.rs` does to values, no part of one
/// looks like a commit.
const SEQUENCE_STEP_MAX: u64 = 1 << 16;

/// Checks the log in the database's directory; cuts off a commit that never became durable.
///
/// # Errors
/// [`StoreError::Damaged`] if something that was durable is not intact; [`StoreError::Disk`].
///
/// # Cost
/// Reads and hashes the log: at most the database's limit for it, one file in memory at a time.
pub(super) fn check(dir: &Path) -> Result<(), StoreError> {
    let disk = |e: io::Error| StoreError::disk(dir, "reading the write-ahead log", e);
    let files = log_files(dir).map_err(disk)?;
    let mut sequence = None;
    for (place, file) in files.iter().enumerate() {
        let bytes = fs::read(file).map_err(disk)?;
        let (intact, after) = intact_prefix(&bytes, sequence);
        sequence = after;
        let newest = place + 1 == files.len();
        match LogEnd::of(&bytes[intact..], sequence) {
            LogEnd::Zeros => continue,
            LogEnd::Torn if newest => {}
            LogEnd::Torn | LogEnd::Damaged => {
                let what = format!("the write-ahead log is damaged at byte {intact}");
                return Err(StoreError::Damaged { file: file.clone(), what });
            }
        }
        tracing::warn!(
            file = %file.display(), at = intact,
            "dropping a commit that was cut off before it was durable"
        );
        cut(file, intact as u64).map_err(disk)?;
    }
    Ok(())
}

/// What follows the intact commits of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogEnd {
    /// Nothing yet.
    Zeros,
    /// The beginning of a commit that nobody was told is durable.
    Torn,
    /// What was durable and is not intact.
    Damaged,
}

impl LogEnd {
    /// What `rest` is, after a commit with the sequence `last`.
    fn of(rest: &[u8], last: Option<u64>) -> Self {
        if is_zero(rest) {
            Self::Zeros
        } else if commit_follows(rest, last) {
            Self::Damaged
        } else {
            Self::Torn
        }
    }
}

/// How many bytes of a log file are intact commits, and what follows them.
#[cfg(feature = "fuzzing")]
pub fn log_end(bytes: &[u8]) -> (usize, LogEnd) {
    let (intact, sequence) = intact_prefix(bytes, None);
    (intact, LogEnd::of(&bytes[intact..], sequence))
}

/// The log's files, oldest first.
fn log_files(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let number = path.file_name().and_then(|name| name.to_str());
        let number = number.and_then(|name| name.strip_suffix(".jnl")?.parse::<u64>().ok());
        files.extend(number.map(|number| (number, path)));
    }
    files.sort();
    Ok(files.into_iter().map(|(_, path)| path).collect())
}

/// Length of the commits at the front that are intact and in sequence, and the last one's sequence.
fn intact_prefix(bytes: &[u8], mut sequence: Option<u64>) -> (usize, Option<u64>) {
    let mut reader = Reader::new(bytes);
    let mut intact = 0;
    while let Ok(found) = commit(&mut reader)
        && sequence.is_none_or(|last| last < found)
    {
        intact = bytes.len() - reader.left();
        sequence = Some(found);
    }
    (intact, sequence)
}

/// Whether `rest` is an intact commit out of sequence, or one begins anywhere in it that is in
/// sequence after `last`.
fn commit_follows(rest: &[u8], last: Option<u64>) -> bool {
    let last = last.unwrap_or(0);
    let in_sequence = last..last.saturating_add(SEQUENCE_STEP_MAX);
    // A commit that was cut off is not intact: it is the sequence of this one that was changed, or of
    // the one before it, which no checksum covers.
    commit(&mut Reader::new(rest)).is_ok()
        || (1..rest.len()).any(|at| {
            rest[at] == START
                && commit(&mut Reader::new(&rest[at..]))
                    .is_ok_and(|found| in_sequence.contains(&found))
        })
}

/// Reads one commit; its sequence.
fn commit(reader: &mut Reader<'_>) -> Result<u64, DecodeError> {
    expect(reader, &[START], "start of a commit")?;
    let items = reader.u32()?;
    let sequence = reader.u64()?;
    let mut body = Vec::new();
    for _ in 0..items {
        item(reader, &mut body)?;
    }
    expect(reader, &[END], "end of a commit")?;
    let checksum = reader.u64()?;
    expect(reader, &TRAILER, "trailer of a commit")?;
    if checksum != xxh3_64(&body) {
        return Err(DecodeError::Invalid("checksum of a commit"));
    }
    Ok(sequence)
}

/// Reads one item and appends its bytes to `body`.
fn item(reader: &mut Reader<'_>, body: &mut Vec<u8>) -> Result<(), DecodeError> {
    let tag = reader.u8()?;
    body.push(tag);
    match tag {
        CLEAR => body.extend_from_slice(reader.raw(8)?),
        ITEM => {
            let head: [u8; 20] = reader.array()?;
            let mut lengths = Reader::new(&head[10..]);
            let (key, value, stored) = (lengths.u16()?, lengths.u32()?, lengths.u32()?);
            if head[1] != 0 || value != stored {
                return Err(DecodeError::Invalid("compression of an item"));
            }
            body.extend_from_slice(&head);
            body.extend_from_slice(reader.raw(usize::from(key) + stored as usize)?);
        }
        _ => return Err(DecodeError::Invalid("tag of an item")),
    }
    Ok(())
}

fn expect(reader: &mut Reader<'_>, bytes: &[u8], what: &'static str) -> Result<(), DecodeError> {
    if reader.raw(bytes.len())? == bytes { Ok(()) } else { Err(DecodeError::Invalid(what)) }
}

/// Whether all bytes are zero. By pages, because most of a young log is zeros.
fn is_zero(bytes: &[u8]) -> bool {
    const PAGE: [u8; 4096] = [0; 4096];
    bytes.chunks(PAGE.len()).all(|chunk| chunk == &PAGE[..chunk.len()])
}

fn cut(file: &Path, length: u64) -> io::Result<()> {
    let file = File::options().write(true).open(file)?;
    file.set_len(length)?;
    file.sync_all()
}
