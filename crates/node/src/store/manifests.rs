//! Checks the database's manifests, before the database believes them.
//!
//! For each table fjall keeps a file `current` that names the manifest in force and carries its
//! checksum, and does not look at that checksum: a damaged manifest makes it allocate whatever
//! length it finds there, or forget files. Here the checksum is looked at.
//!
//! Format of `current`: `version (8, LE) || XXH3-128 of the file v<version> (16, LE) || 0 (1)`.

use super::error::StoreError;
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
    if !tables.is_dir() {
        // A database that was never written to; the watermark knows whether that can be.
        return Ok(());
    }
    for entry in fs::read_dir(tables).map_err(disk)? {
        let table = entry.map_err(disk)?.path();
        // A table whose making was cut off has no manifest yet, and the database makes it again.
        if table.join("current").exists() {
            check_table(&table)?;
        }
    }
    Ok(())
}

fn check_table(table: &Path) -> Result<(), StoreError> {
    let disk = |e: io::Error| StoreError::disk(table, "reading the manifest", e);
    let damaged = |file: &Path, what: &str| {
        let (file, what) = (file.to_owned(), what.to_owned());
        StoreError::Damaged { file, what }
    };
    let current = table.join("current");
    let (version, checksum) =
        parse(&fs::read(&current).map_err(disk)?).map_err(|e| damaged(&current, &e.to_string()))?;
    let manifest = table.join(format!("v{version}"));
    match fs::read(&manifest) {
        Ok(bytes) if xxh3_128(&bytes) == checksum => Ok(()),
        Ok(_) => Err(damaged(&manifest, "its checksum is wrong")),
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            Err(damaged(&manifest, "the file is missing"))
        }
        Err(e) => Err(disk(e)),
    }
}

fn parse(bytes: &[u8]) -> Result<(u64, u128), DecodeError> {
    let mut reader = Reader::new(bytes);
    let version = reader.u64()?;
    let checksum = u128::from_le_bytes(reader.array()?);
    if reader.u8()? != 0 {
        return Err(DecodeError::Invalid("kind of checksum"));
    }
    reader.finish()?;
    Ok((version, checksum))
}
