//! Checks the database's manifests, before the database believes them.
//!
//! For each table fjall keeps a file `current` that names the manifest in force and carries its
//! checksum, and does not look at that checksum: a damaged manifest makes it allocate whatever
//! length it finds there, or forget files. Here the checksum is looked at. A table without a manifest
//! is taken for a new one; here it is missed.
//!
//! Format of `current`: `version (8, LE) || XXH3-128 of the file v<version> (16, LE) || 0 (1)`.

use super::error::StoreError;
use super::tables::Tables;
use ally_codec::{DecodeError, Reader};
use std::fs;
use std::io;
use std::path::Path;
use xxhash_rust::xxh3::xxh3_128;

/// Checks the manifest of every table in the database's directory.
///
/// # Errors
/// [`StoreError::Damaged`] with the file that is not as it was written; [`StoreError::Disk`].
pub(super) fn check(dir: &Path) -> Result<(), StoreError> {
    let disk = |e: io::Error| StoreError::disk(dir, "reading the tables' manifests", e);
    let tables = dir.join("keyspaces");
    // All tables were made with the directory, so a missing one was there: the database itself would
    // make an empty one in its place.
    for number in 0..Tables::DIRECTORIES {
        let table = tables.join(number.to_string());
        match fs::read(table.join("current")) {
            Ok(current) => check_table(&table, &current)?,
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                let what = "the manifest of a table is missing".to_owned();
                return Err(StoreError::Damaged { file: table, what });
            }
            Err(e) => return Err(disk(e)),
        }
    }
    Ok(())
}

fn check_table(table: &Path, current: &[u8]) -> Result<(), StoreError> {
    let damaged = |file: &Path, what: &str| {
        let (file, what) = (file.to_owned(), what.to_owned());
        StoreError::Damaged { file, what }
    };
    let (version, checksum) =
        parse(current).map_err(|e| damaged(&table.join("current"), &e.to_string()))?;
    let manifest = table.join(format!("v{version}"));
    match fs::read(&manifest) {
        Ok(bytes) if xxh3_128(&bytes) == checksum => Ok(()),
        Ok(_) => Err(damaged(&manifest, "its checksum is wrong")),
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            Err(damaged(&manifest, "the file is missing"))
        }
        Err(e) => Err(StoreError::disk(table, "reading the manifest", e)),
    }
}

pub(super) fn parse(bytes: &[u8]) -> Result<(u64, u128), DecodeError> {
    let mut reader = Reader::new(bytes);
    let version = reader.u64()?;
    let checksum = u128::from_le_bytes(reader.array()?);
    if reader.u8()? != 0 {
        return Err(DecodeError::Invalid("kind of checksum"));
    }
    reader.finish()?;
    Ok((version, checksum))
}
