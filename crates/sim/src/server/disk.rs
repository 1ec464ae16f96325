//! A modelled disk: writes become durable in order, when a sync ends; a crash loses a suffix of the
//! rest.

use crate::ascending::Ascending;
use ally_codec::{Decode, Encode};
use ally_consensus::{
    CheckpointCertificate, Digest, Height, JournalPosition, Proposal, Record, Sequence,
    SyncedBlock, Testimony,
};
use ally_policy::ServerIndex;
use ally_replica::{
    BatchId, ChainState, HeldBatch, RECOVERED_HEADERS, Recovered, SYNC_BLOCKS_MAX, SYNC_BYTES_MAX,
    SignedBatch, StoreOp, SyncBlocks, WritePosition, synced_block_bytes,
};
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// Nothing is forgotten.
type All<K, V> = Ascending<K, V, { usize::MAX }>;

/// What is on a disk.
#[derive(Debug, Default, Clone)]
pub struct Disk {
    journal: Vec<Record>,
    /// The place of the last record; those of the others lie below it without a gap.
    journalled: JournalPosition,
    /// By origin.
    batches: BTreeMap<ServerIndex, All<(Sequence, Digest), HeldBatch>>,
    /// From height 1 on, without a gap.
    blocks: Vec<Block>,
    /// The log after the last of them.
    state: Option<ChainState>,
    certificates: All<Height, Arc<CheckpointCertificate>>,
    /// The newest backing; evidence and other testimony are seen when they are written.
    backing: Option<Arc<Testimony>>,
    /// Written, not durable.
    waiting: VecDeque<(WritePosition, StoreOp)>,
    /// Up to where the sync that is under way goes.
    syncing: Option<WritePosition>,
    durable: WritePosition,
    /// Damaged: the store refuses to open.
    rotten: bool,
}

/// What is kept of a block.
#[derive(Debug, Clone)]
struct Block {
    proposal: Proposal,
    batches: Vec<HeldBatch>,
}

impl Disk {
    /// Something on it is damaged, not at its end.
    pub fn rot(&mut self) {
        self.rotten = true;
    }

    /// Whether the store opens.
    pub fn opens(&self) -> bool {
        !self.rotten
    }

    /// What of it a copy holds that is taken now: what is durable.
    pub fn surviving(&self) -> Self {
        let mut copy = self.clone();
        copy.crash(0);
        copy
    }

    /// Writes; not durable yet.
    pub fn write(&mut self, position: WritePosition, op: StoreOp) {
        self.waiting.push_back((position, op));
    }

    /// Starts a sync of all that is written; false if one is under way or nothing waits.
    pub fn start_sync(&mut self) -> bool {
        let newest = self.waiting.back().map(|(position, _)| *position);
        let starts = self.syncing.is_none() && newest.is_some();
        if starts {
            self.syncing = newest;
        }
        starts
    }

    /// Ends the sync: what was written when it started is durable.
    pub fn end_sync(&mut self) {
        if let Some(end) = self.syncing.take() {
            self.durable = end;
        }
    }

    /// The next write that became durable, to be looked at and then given to [`Disk::keep`].
    pub fn pop_durable(&mut self) -> Option<StoreOp> {
        let (first, _) = self.waiting.front()?;
        if *first > self.durable {
            return None;
        }
        self.waiting.pop_front().map(|(_, op)| op)
    }

    /// Takes in what [`Disk::pop_durable`] gave.
    pub fn keep(&mut self, durable: StoreOp) {
        self.apply(durable);
    }

    /// Up to where all writes are durable.
    pub fn durable(&self) -> WritePosition {
        self.durable
    }

    /// Writes that a crash could lose.
    pub fn at_risk(&self) -> usize {
        self.waiting.len()
    }

    /// A crash: of the writes that were not durable, the first `kept` happen to survive. Gives them.
    pub fn crash(&mut self, kept: usize) -> Vec<StoreOp> {
        self.waiting.truncate(kept);
        let survivors: Vec<_> = self.waiting.drain(..).map(|(_, op)| op).collect();
        survivors.iter().for_each(|op| self.apply(op.clone()));
        self.syncing = None;
        self.durable = WritePosition::default();
        survivors
    }

    /// The newest certificate on it.
    pub fn certificate(&self) -> Option<&CheckpointCertificate> {
        self.certificates.last().map(Arc::as_ref)
    }

    /// The height of the last block on it.
    pub fn height(&self) -> Height {
        self.blocks.last().map_or(Height::ZERO, |block| block.proposal.header.height)
    }

    /// The commands in a server's own batches on it that no block on it holds.
    pub fn undecided_of(&self, server: ServerIndex) -> BTreeSet<Bytes> {
        let next = self.state.as_ref().and_then(|state| state.next(server));
        let own = self.batches.get(&server).into_iter().flat_map(All::values);
        let own = own.filter(|batch| next.is_none_or(|next| batch.reference().sequence >= next));
        own.flat_map(|batch| batch.batch().commands().collect::<Vec<_>>()).collect()
    }

    fn apply(&mut self, op: StoreOp) {
        match op {
            StoreOp::Journal { position, record } => {
                self.check_place(position);
                self.journalled = position;
                self.journal.push(record);
            }
            StoreOp::RewriteJournal { first, records } => {
                self.check_place(first);
                self.journalled.0 += records.len() as u64;
                self.journal = records;
            }
            StoreOp::Batch(batch) => {
                let BatchId { origin, sequence, digest } = batch.id();
                self.batches.entry(origin).or_default().insert((sequence, digest), batch);
            }
            StoreOp::Block(block) => {
                let block = Arc::unwrap_or_clone(block);
                assert_eq!(block.block.height, self.height().next(), "blocks have no gap");
                self.blocks.push(Block { proposal: block.proposal, batches: block.batches });
                self.state = Some(block.state);
            }
            StoreOp::Certificate(certificate) => {
                self.certificates.insert(certificate.block.height, certificate);
            }
            StoreOp::Testimony(testimony) if testimony.backing().is_some() => {
                self.backing = Some(testimony);
            }
            // Seen when it is written; nothing reads it back.
            StoreOp::Evidence(_) | StoreOp::Testimony(_) => {}
            other => panic!("a write that the disk does not know: {other:?}"),
        }
    }

    fn check_place(&self, position: JournalPosition) {
        assert_eq!(position, self.journalled.next(), "journal places are contiguous");
    }

    /// What a server gets back after a crash; records and batches pass through their encodings.
    ///
    /// # Panics
    /// If something that was written cannot be read again.
    pub fn recover(&self) -> Recovered {
        let older = self.blocks.len().saturating_sub(RECOVERED_HEADERS);
        let headers = self.blocks[older..].iter();
        let state = self.state.clone();
        let live = |batch: &&HeldBatch| {
            let next = state.as_ref().and_then(|state| state.next(batch.reference().origin));
            next.is_none_or(|next| batch.reference().sequence >= next)
        };
        let again = |batch: &HeldBatch| {
            let bytes = Bytes::from(batch.signed().to_bytes());
            HeldBatch::trusted(SignedBatch::from_frame(bytes).expect("it was written"))
        };
        let first = self.journalled.0 + 1 - self.journal.len() as u64;
        let record = |(position, record): (u64, &Record)| {
            let again = Record::from_bytes(&record.to_bytes()).expect("it was written");
            (JournalPosition(position), again)
        };
        Recovered {
            delivered: headers.map(|block| block.proposal.header.clone()).collect(),
            certified: self.certificates.last().cloned(),
            journal: (first..).zip(&self.journal).map(record).collect(),
            batches: self.batches.values().flat_map(All::values).filter(live).map(again).collect(),
            backing: self.backing.as_deref().and_then(Testimony::backing).cloned(),
            state,
        }
    }

    /// A batch, durable or not.
    pub fn batch(&self, id: &BatchId) -> Option<&HeldBatch> {
        let waiting = self.waiting.iter().find_map(|(_, op)| match op {
            StoreOp::Batch(batch) if batch.id() == *id => Some(batch),
            _ => None,
        });
        waiting.or_else(|| self.batches.get(&id.origin)?.get(&(id.sequence, id.digest)))
    }

    /// The blocks after a height, as [`ally_replica::Serve::Blocks`] asks; durable ones only.
    pub fn blocks_after(&self, after: Height) -> Option<SyncBlocks> {
        let (mut blocks, mut bytes) = (Vec::new(), 0);
        for block in self.blocks.iter().skip(after.0 as usize) {
            let batches = block.batches.iter().map(|batch| *batch.reference()).collect();
            let synced = SyncedBlock { header: block.proposal.header.clone(), batches };
            bytes += synced_block_bytes(&synced);
            if bytes > SYNC_BYTES_MAX || blocks.len() == SYNC_BLOCKS_MAX {
                break;
            }
            blocks.push(synced);
        }
        let last = blocks.last()?.header.height;
        let newest = self.certificates.at_or_below(&last).filter(|(height, _)| *height > after);
        let certificate = newest.map(|(_, found)| (**found).clone());
        if let Some(certificate) = &certificate {
            blocks.retain(|block| block.header.height <= certificate.block.height);
        }
        Some(SyncBlocks { blocks, certificate })
    }
}
