//! A modelled disk: writes become durable some time after they were made; a crash loses the rest.

use ally_codec::{Decode, Encode};
use ally_consensus::{
    Backing, CheckpointCertificate, Height, JournalPosition, Record, SyncedBlock,
};
use ally_replica::{
    BatchId, DeliveredBlock, Evidence, HeldBatch, RECOVERED_HEADERS, Recovered, SYNC_BLOCKS_MAX,
    SYNC_BYTES_MAX, SignedBatch, StoreOp, SyncBlocks, WritePosition, synced_block_bytes,
};
use bytes::Bytes;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// What is on disk.
#[derive(Debug, Default, Clone)]
pub struct Disk {
    pub journal: BTreeMap<JournalPosition, Record>,
    pub batches: BTreeMap<BatchId, HeldBatch>,
    pub blocks: BTreeMap<Height, Arc<DeliveredBlock>>,
    pub certificates: BTreeMap<Height, Arc<CheckpointCertificate>>,
    pub evidence: Vec<Evidence>,
    backing: Option<Backing>,
    /// Made, not durable.
    waiting: VecDeque<(WritePosition, StoreOp)>,
}

impl Disk {
    pub fn write(&mut self, position: WritePosition, op: StoreOp) {
        self.waiting.push_back((position, op));
    }

    /// Makes all writes up to `position` durable.
    pub fn sync(&mut self, position: WritePosition) {
        while self.waiting.front().is_some_and(|(written, _)| *written <= position) {
            if let Some((_, op)) = self.waiting.pop_front() {
                self.apply(op);
            }
        }
    }

    /// Forgets what is not durable.
    pub fn crash(&mut self) {
        self.waiting.clear();
    }

    fn apply(&mut self, op: StoreOp) {
        match op {
            StoreOp::Journal { position, record } => {
                let last = self.journal.last_key_value().map_or(0, |(last, _)| last.0);
                assert_eq!(position.0, last + 1, "journal places are contiguous");
                self.journal.insert(position, record);
            }
            StoreOp::RewriteJournal { first, records } => {
                let last = self.journal.last_key_value().map_or(0, |(last, _)| last.0);
                assert_eq!(first.0, last + 1, "journal places are contiguous");
                let places = (first.0..).map(JournalPosition);
                self.journal = places.zip(records).collect();
            }
            StoreOp::Batch(batch) => {
                self.batches.insert(batch.id(), batch);
            }
            StoreOp::Block(block) => {
                self.blocks.insert(block.block.height, block);
            }
            StoreOp::Certificate(certificate) => {
                self.certificates.insert(certificate.block.height, certificate);
            }
            StoreOp::Evidence(evidence) => self.evidence.push(*evidence),
            StoreOp::Testimony(testimony) => {
                self.backing = testimony.backing().cloned().or(self.backing.take());
            }
            other => panic!("a store operation that the disk does not know: {other:?}"),
        }
    }

    /// What a server gets back after a crash; records and batches pass through their encodings.
    pub fn recover(&self) -> Recovered {
        let newest: Vec<_> = self.blocks.values().rev().take(RECOVERED_HEADERS).collect();
        let state = self.blocks.last_key_value().map(|(_, block)| block.state.clone());
        let live = |batch: &&HeldBatch| {
            let next = state.as_ref().and_then(|state| state.next(batch.reference().origin));
            next.is_none_or(|next| batch.reference().sequence >= next)
        };
        let again = |batch: &HeldBatch| {
            let bytes = Bytes::from(batch.signed().to_bytes());
            HeldBatch::trusted(SignedBatch::from_frame(bytes).unwrap())
        };
        let record = |(position, record): (&JournalPosition, &Record)| {
            (*position, Record::from_bytes(&record.to_bytes()).unwrap())
        };
        Recovered {
            delivered: newest.into_iter().rev().map(|block| block.header().clone()).collect(),
            certified: self.certificates.last_key_value().map(|(_, newest)| Arc::clone(newest)),
            journal: self.journal.iter().map(record).collect(),
            batches: self.batches.values().filter(live).map(again).collect(),
            backing: self.backing.clone(),
            state,
        }
    }

    /// A batch, durable or not.
    pub fn batch(&self, id: &BatchId) -> Option<HeldBatch> {
        let waiting = self.waiting.iter().find_map(|(_, op)| match op {
            StoreOp::Batch(batch) if batch.id() == *id => Some(batch),
            _ => None,
        });
        waiting.or_else(|| self.batches.get(id)).cloned()
    }

    /// The blocks after a height, as [`ally_replica::Serve::Blocks`] asks; durable ones only.
    pub fn blocks_after(&self, after: Height) -> Option<SyncBlocks> {
        let (mut blocks, mut bytes) = (Vec::new(), 0);
        for block in self.blocks.range(after.next()..).map(|(_, block)| block) {
            let batches = block.batches.iter().map(|batch| *batch.reference()).collect();
            let synced = SyncedBlock { header: block.header().clone(), batches };
            bytes += synced_block_bytes(&synced);
            if bytes > SYNC_BYTES_MAX || blocks.len() == SYNC_BLOCKS_MAX {
                break;
            }
            blocks.push(synced);
        }
        let last = blocks.last()?.header.height;
        let certificate = self.certificates.range(after.next()..=last).next_back();
        if let Some((height, _)) = certificate {
            blocks.retain(|block| block.header.height <= *height);
        }
        Some(SyncBlocks { blocks, certificate: certificate.map(|(_, found)| (**found).clone()) })
    }
}
