//! The store's own readers, for the fuzz targets.

use super::records::StoredBlock;
use super::{manifests, wal};
use bytes::Bytes;

pub use wal::{LogEnd, log_end};

/// Reads a stored block and writes it again; none if it is refused.
pub fn stored_block(key: &[u8], value: &[u8]) -> Option<Vec<u8>> {
    let block = StoredBlock::from_entry(key, &Bytes::copy_from_slice(value))?;
    Some(block.to_value().to_vec())
}

/// Reads a table's manifest: version and checksum; none if it is refused.
pub fn manifest(bytes: &[u8]) -> Option<(u64, u128)> {
    manifests::parse(bytes).ok()
}

/// A commit of the write-ahead log that puts values under keys into table 1.
///
/// # Panics
/// If a key has 64 KiB or more, or a value 4 GiB.
pub fn commit(sequence: u64, items: &[(&[u8], &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (key, value) in items {
        body.extend_from_slice(&[2, 0, 0]);
        body.extend_from_slice(&1_u64.to_le_bytes());
        body.extend_from_slice(&u16::try_from(key.len()).expect("a short key").to_le_bytes());
        let length = u32::try_from(value.len()).expect("a short value").to_le_bytes();
        body.extend_from_slice(&[length, length].concat());
        body.extend_from_slice(&[*key, *value].concat());
    }
    let mut bytes = vec![1];
    bytes.extend_from_slice(&(items.len() as u32).to_le_bytes());
    bytes.extend_from_slice(&sequence.to_le_bytes());
    bytes.extend_from_slice(&body);
    bytes.push(3);
    bytes.extend_from_slice(&xxhash_rust::xxh3::xxh3_64(&body).to_le_bytes());
    bytes.extend_from_slice(b"FJL\x03");
    bytes
}
