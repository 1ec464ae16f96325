//! What the store gives back after a stop: the replica's memory, and the end of the log.

use crate::api::Tip;
use crate::driver::stored::{StoredError, StoredLog};
use crate::store::{Recovered as StoreRecovered, Store};
use ally_codec::Decode;
use ally_consensus::{
    Backing, BlockHeader, Height, JournalPosition, Micros, Record, Sequence, Testimony,
    TestimonyKind,
};
use ally_log::{Hash, Tile, TileReader, TileWriter};
use ally_policy::ServerIndex;
use ally_proto::{DUPLICATE_WINDOW, DuplicateWindow, ProposalId};
use ally_replica::{ChainState, HeldBatch, RECOVERED_HEADERS, Recovered, SignedBatch};
use std::sync::Arc;

/// Hashes in a complete tile.
const TILE: u64 = 256;

/// All that a driver starts from.
pub(crate) struct Recovery {
    /// For the replica.
    pub(crate) replica: Recovered,
    /// The right edge of the log.
    pub(crate) tiles: TileWriter,
    /// The time of its last block.
    pub(crate) time: Micros,
    /// How far the log has come.
    pub(crate) tip: Tip,
    /// The end of the log, as ids.
    pub(crate) duplicates: DuplicateWindow,
}

/// Why a server cannot start from its data directory.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecoverError {
    /// Something stored cannot be read.
    #[error(transparent)]
    Stored(#[from] StoredError),
    /// The store fails.
    #[error(transparent)]
    Store(#[from] crate::store::StoreError),
    /// The tiles do not hold the log that the last block names.
    #[error(
        "the log in the store has the root {found}, and the last block says {expected}: the disk \
         returned something else than was written. This server must not vote again with this data \
         directory"
    )]
    Log {
        /// Root of the stored tiles.
        found: Hash,
        /// Root in the last block.
        expected: Hash,
    },
}

/// Reads everything that a server of an alliance of `servers` servers needs to go on.
///
/// # Errors
/// [`RecoverError`]: the server must not start.
///
/// # Cost
/// Reads the journal, the batches that are not ordered, and 32 bytes for each of the last million
/// entries.
pub(crate) fn recover(
    store: &Store,
    found: &StoreRecovered,
    servers: usize,
) -> Result<Recovery, RecoverError> {
    let log = StoredLog::new(store.clone());
    let top = found.top.as_ref().map_or(Height::ZERO, |block| block.height);
    let delivered = headers(&log, top)?;
    let state = log.block(top)?.map(|block| block.state);
    let next = state.clone().unwrap_or_else(|| ChainState::genesis(servers));
    let tiles = tiles(&log, &next)?;
    let certified = log.newest_certificate()?;
    let duplicates = duplicates(&log, &tiles)?;
    let covered = certified.as_ref().filter(|certificate| certificate.block.height <= top);
    let tip = Tip {
        height: top,
        log_size: next.log_size(),
        certified_height: covered.map_or(Height::ZERO, |certificate| certificate.block.height),
        certified_log_size: covered.map_or(0, |certificate| certificate.log_size),
    };
    let time = delivered.last().map_or(Micros::ZERO, |header| header.timestamp_us);
    let replica = Recovered {
        delivered,
        state,
        certified: certified.map(Arc::new),
        journal: journal(store, found.journal_first)?,
        batches: batches(store, &next, servers)?,
        backing: backing(store)?,
    };
    Ok(Recovery { replica, tiles, time, tip, duplicates })
}

/// The newest backing kept.
fn backing(store: &Store) -> Result<Option<Backing>, RecoverError> {
    let kind = TestimonyKind::Backing.code();
    let kept = store.all_testimony()?.into_iter().filter(|key| key.kind == kind);
    let Some(newest) = kept.max_by_key(|key| key.number) else { return Ok(None) };
    let testimony = store.testimony(newest)?.map(|bytes| Testimony::from_bytes(&bytes)).transpose();
    let testimony = testimony.map_err(|source| StoredError::Damaged {
        what: format!("testimony {}", newest.number),
        source,
    })?;
    Ok(testimony.as_ref().and_then(Testimony::backing).cloned())
}

fn headers(log: &StoredLog, top: Height) -> Result<Vec<BlockHeader>, RecoverError> {
    let first = top.0.saturating_sub(RECOVERED_HEADERS as u64 - 1).max(1);
    let mut headers = Vec::new();
    for height in first..=top.0 {
        match log.block(Height(height))? {
            Some(block) => headers.push(block.header),
            // A server that was started from a later point of the chain has no earlier blocks.
            None => headers.clear(),
        }
    }
    Ok(headers)
}

fn journal(
    store: &Store,
    first: JournalPosition,
) -> Result<Vec<(JournalPosition, Record)>, RecoverError> {
    let mut records = Vec::new();
    for entry in store.journal(first) {
        let (position, bytes) = entry?;
        let record = Record::from_bytes(&bytes).map_err(|source| StoredError::Damaged {
            what: format!("journal record {position}"),
            source,
        })?;
        records.push((position, record));
    }
    Ok(records)
}

/// The batches that no stored block holds.
fn batches(
    store: &Store,
    next: &ChainState,
    servers: usize,
) -> Result<Vec<HeldBatch>, RecoverError> {
    let mut batches = Vec::new();
    for origin in (0..servers as u16).map(ServerIndex) {
        let from = next.next(origin).unwrap_or(Sequence::ZERO);
        for entry in store.batches(origin, from) {
            let (key, bytes) = entry?;
            let signed = SignedBatch::from_frame(bytes).map_err(|source| StoredError::Damaged {
                what: format!("batch {} of {origin}", key.sequence),
                source,
            })?;
            batches.push(HeldBatch::trusted(signed));
        }
    }
    Ok(batches)
}

/// The right edge of the log, checked against the last block's root.
fn tiles(log: &StoredLog, state: &ChainState) -> Result<TileWriter, RecoverError> {
    let size = state.log_size();
    let edge = leaves(log, size - size % TILE, size)?;
    let tiles = TileWriter::open(log, size, &edge)
        .map_err(|error| StoredError::Missing { what: error.to_string() })?;
    let (found, expected) = (tiles.frontier().root(), state.frontier().root());
    if found != expected {
        return Err(RecoverError::Log { found, expected });
    }
    Ok(tiles)
}

/// Leaf hashes of the entries `from..to`, out of the blocks that hold them.
fn leaves(log: &StoredLog, from: u64, to: u64) -> Result<Vec<Hash>, RecoverError> {
    let mut leaves = Vec::new();
    let mut at = from;
    while at < to {
        let missing = || StoredError::Missing { what: format!("the block of entry {at}") };
        let block = log.block_with(at)?.ok_or_else(missing)?;
        let batches = log.batches(&block)?;
        let held: Vec<_> = batches.into_iter().map(HeldBatch::trusted).collect();
        let count: u64 = held.iter().map(|batch| batch.leaves().len() as u64).sum();
        let first = block.header.log_size.saturating_sub(count);
        let all = held.iter().flat_map(|batch| batch.leaves().iter().copied());
        leaves.extend(all.skip((at - first) as usize));
        at = block.header.log_size;
    }
    Ok(leaves)
}

/// The window of ids at the end of the log: ids are leaf hashes, so the tiles hold them.
fn duplicates(log: &StoredLog, tiles: &TileWriter) -> Result<DuplicateWindow, RecoverError> {
    let size = tiles.size();
    let first_tile = size.saturating_sub(DUPLICATE_WINDOW as u64) / TILE;
    let mut window = DuplicateWindow::new(first_tile * TILE);
    for index in first_tile..size / TILE {
        for leaf in log.tile(Tile::complete(0, index))? {
            window.observe(ProposalId(leaf));
        }
    }
    for leaf in tiles.edge(0) {
        window.observe(ProposalId(*leaf));
    }
    Ok(window)
}

#[cfg(test)]
#[path = "recover_tests.rs"]
mod tests;
