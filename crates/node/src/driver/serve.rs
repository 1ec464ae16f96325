//! Answering peers that are behind, without holding up the driver.

use crate::between::Voice;
use crate::driver::StoredLog;
use crate::driver::stored::StoredError;
use ally_consensus::{Height, SyncedBlock};
use ally_policy::ServerIndex;
use ally_replica::{
    BatchId, PeerMessage, SYNC_BLOCKS_MAX, SYNC_BYTES_MAX, Serve, SyncBlocks, synced_block_bytes,
};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// How many answers are prepared for one peer at a time; beyond that its requests are dropped, and
/// asked again. Each peer has its own share, so that one that asks without end keeps nobody else from
/// catching up.
const ANSWERS_PER_PEER_MAX: usize = 2;

/// Reads what peers ask for and sends it.
pub(super) struct Serving {
    log: StoredLog,
    voice: Voice,
    /// Free places, by peer.
    places: Vec<Arc<Semaphore>>,
}

impl Serving {
    /// For an alliance of `servers` servers.
    pub(super) fn new(log: StoredLog, voice: Voice, servers: usize) -> Self {
        let places = (0..servers).map(|_| Arc::new(Semaphore::new(ANSWERS_PER_PEER_MAX)));
        Self { log, voice, places: places.collect() }
    }

    /// Reads and sends on another thread.
    pub(super) fn serve(&self, to: ServerIndex, what: Serve) {
        let place = self.places.get(to.index()).cloned();
        let Some(place) = place.and_then(|places| places.try_acquire_owned().ok()) else {
            tracing::debug!(%to, "this peer asks faster than it is answered; it has to ask again");
            return;
        };
        let (log, voice) = (self.log.clone(), self.voice.clone());
        tokio::task::spawn_blocking(move || {
            let result = match what {
                Serve::Batches(ids) => send_batches(&log, &voice, to, &ids),
                Serve::Blocks { after } => send_blocks(&log, &voice, to, after),
            };
            if let Err(error) = result {
                tracing::error!(%error, "cannot read what a peer asked for");
            }
            drop(place);
        });
    }
}

fn send_batches(
    log: &StoredLog,
    voice: &Voice,
    to: ServerIndex,
    ids: &[BatchId],
) -> Result<(), StoredError> {
    for id in ids {
        if let Some(batch) = log.batch(id)? {
            // What does not fit into the queue is asked for again.
            voice.say(&[to], &PeerMessage::Batch(batch));
        }
    }
    Ok(())
}

fn send_blocks(
    log: &StoredLog,
    voice: &Voice,
    to: ServerIndex,
    after: Height,
) -> Result<(), StoredError> {
    if let Some(blocks) = collect(log, after)? {
        voice.say(&[to], &PeerMessage::SyncBlocks(blocks));
    }
    Ok(())
}

/// The blocks after a height, cut back to the last that a stored certificate names.
fn collect(log: &StoredLog, after: Height) -> Result<Option<SyncBlocks>, StoredError> {
    let mut blocks = Vec::new();
    let mut bytes = 0;
    let mut height = after.next();
    let mut certified = None;
    while blocks.len() < SYNC_BLOCKS_MAX {
        let Some(record) = log.block(height)? else { break };
        let block = SyncedBlock { header: record.header, batches: record.batches };
        bytes += synced_block_bytes(&block);
        if bytes > SYNC_BYTES_MAX {
            break;
        }
        let certificate = log.certificate_from(block.header.log_size, height)?;
        let certificate = certificate.filter(|c| c.block.height == height);
        blocks.push(block);
        if let Some(certificate) = certificate {
            certified = Some((blocks.len(), certificate));
        }
        height = height.next();
    }
    if blocks.is_empty() {
        return Ok(None);
    }
    let certificate = certified.map(|(length, certificate)| {
        blocks.truncate(length);
        certificate
    });
    Ok(Some(SyncBlocks { blocks, certificate }))
}

#[cfg(test)]
#[path = "serve_tests.rs"]
mod tests;
