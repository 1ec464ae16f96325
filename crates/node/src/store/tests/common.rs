//! A server, its directory, and small batches.

use super::*;

pub(super) const US: Identity =
    Identity { alliance: AllianceId([7; 32]), server: ServerIndex(2), epoch: Epoch(4) };

/// A directory that has been made and not yet opened.
pub(super) fn fresh() -> (tempfile::TempDir, std::path::PathBuf) {
    let parent = tempfile::tempdir().expect("a temporary directory");
    let dir = parent.path().join("data");
    Store::create(&dir, &US).expect("creates");
    (parent, dir)
}

pub(super) fn open(dir: &Path) -> (Store, Recovered) {
    Store::open(dir, &US, Durability::Fsync).expect("opens")
}

/// One journal record with a content that follows from its position.
pub(super) fn record(position: u64) -> WriteBatch {
    let mut batch = WriteBatch::new();
    batch.journal(JournalPosition(position), content(position));
    batch
}

pub(super) fn content(position: u64) -> Vec<u8> {
    format!("record {position} ").repeat(1 + position as usize % 50).into_bytes()
}

pub(super) fn block(height: u64, log_first: u64, log_size: u64) -> StoredBlock {
    let body = format!("block {height}").into_bytes().into();
    StoredBlock {
        height: Height(height),
        hash: BlockHash([height as u8; 32]),
        log_first,
        log_size,
        body,
    }
}

/// All records that are kept, checked for their content; their first and last position.
pub(super) fn kept(store: &Store) -> Option<(u64, u64)> {
    let mut ends = None;
    for entry in store.journal(JournalPosition(0)) {
        let (position, record) = entry.expect("readable");
        assert_eq!(record, content(position.0), "content of record {position}");
        let first = ends.map_or(position.0, |(first, _)| first);
        ends = Some((first, position.0));
    }
    ends
}
