//! Batches and log states, modelled: what the ordering service does for the engine.
//!
//! A batch is its reference alone. The log's root after a block is a hash over the parent's root and
//! the payload, which binds the order just as a Merkle root does.

use ally_consensus::{BatchRef, BlockHash, BlockRef, Digest, Sequence, payload_digest};
use ally_policy::ServerIndex;
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// The most batches that one block of the model holds.
pub const BATCHES_PER_BLOCK: usize = 8;

/// The log after a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogState {
    /// Commands so far.
    pub size: u64,
    /// Hash over all payloads so far.
    pub root: Digest,
    /// Each origin's next sequence number.
    pub next: BTreeMap<ServerIndex, u64>,
}

impl LogState {
    /// Before the first block.
    pub fn empty() -> Self {
        Self { size: 0, root: Digest([0; 32]), next: BTreeMap::new() }
    }

    /// The log after these batches; none if one of them is not the next of its origin.
    pub fn extend(&self, batches: &[BatchRef]) -> Option<Self> {
        let mut state = self.clone();
        for batch in batches {
            let next = state.next.entry(batch.origin).or_insert(0);
            if batch.sequence.0 != *next {
                return None;
            }
            *next += 1;
            state.size += u64::from(batch.commands);
        }
        let mut hasher = Sha256::new();
        hasher.update(self.root.0);
        hasher.update(payload_digest(batches).0);
        state.root = Digest(hasher.finalize().into());
        Some(state)
    }
}

/// The batches a server holds, and the log state after each block it knows.
#[derive(Default)]
pub struct Payloads {
    held: BTreeMap<(ServerIndex, u64), BatchRef>,
    states: BTreeMap<BlockHash, LogState>,
}

/// What a look at a payload gives.
#[derive(Debug, PartialEq, Eq)]
pub enum Look {
    /// All there, and the log state after it.
    Complete(LogState),
    /// These are missing.
    Missing(Vec<BatchRef>),
    /// It breaks a rule.
    Broken,
}

impl Payloads {
    /// Only the genesis block is known.
    pub fn new(genesis: BlockRef) -> Self {
        let mut payloads = Self::default();
        payloads.set_state(genesis.hash, LogState::empty());
        payloads
    }

    /// Holds a batch from now on; true if it is new.
    pub fn hold(&mut self, batch: BatchRef) -> bool {
        self.held.insert((batch.origin, batch.sequence.0), batch).is_none()
    }

    /// Whether exactly this batch is held.
    pub fn holds(&self, batch: &BatchRef) -> bool {
        self.held.get(&(batch.origin, batch.sequence.0)) == Some(batch)
    }

    /// Every batch held.
    pub fn held(&self) -> impl Iterator<Item = &BatchRef> {
        self.held.values()
    }

    /// The log after a block, if known.
    pub fn state(&self, block: &BlockHash) -> Option<&LogState> {
        self.states.get(block)
    }

    /// Remembers the log after a block.
    pub fn set_state(&mut self, block: BlockHash, state: LogState) {
        self.states.insert(block, state);
    }

    /// Looks at a payload on top of `parent`, whose state must be known.
    pub fn look(&self, parent: &BlockHash, batches: &[BatchRef]) -> Look {
        let missing: Vec<_> = batches.iter().filter(|b| !self.holds(b)).copied().collect();
        if batches.len() > BATCHES_PER_BLOCK {
            return Look::Broken;
        }
        if !missing.is_empty() {
            return Look::Missing(missing);
        }
        match self.states.get(parent).and_then(|state| state.extend(batches)) {
            Some(state) => Look::Complete(state),
            None => Look::Broken,
        }
    }

    /// The next payload on top of `parent`: held batches in a fixed order, each the next of its
    /// origin; empty if none waits.
    pub fn draft(&self, parent: &BlockHash) -> Vec<BatchRef> {
        let Some(state) = self.states.get(parent) else { return Vec::new() };
        let mut next = state.next.clone();
        let origins: BTreeSet<_> = self.held.keys().map(|(origin, _)| *origin).collect();
        let mut draft = Vec::new();
        let mut found = true;
        while found && draft.len() < BATCHES_PER_BLOCK {
            found = false;
            for origin in &origins {
                let sequence = next.entry(*origin).or_insert(0);
                if let Some(batch) = self.held.get(&(*origin, *sequence))
                    && draft.len() < BATCHES_PER_BLOCK
                {
                    draft.push(*batch);
                    *sequence += 1;
                    found = true;
                }
            }
        }
        draft
    }

    /// Whether a held batch waits that the log after `decided` does not have.
    pub fn waiting(&self, decided: &BlockHash) -> bool {
        self.states.get(decided).is_some_and(|state| {
            self.held.keys().any(|(origin, sequence)| {
                *sequence >= state.next.get(origin).copied().unwrap_or(0)
                    && self
                        .held
                        .contains_key(&(*origin, state.next.get(origin).copied().unwrap_or(0)))
            })
        })
    }
}

/// The batch number `sequence` of `origin`: in this model there is only one.
pub fn batch(origin: ServerIndex, sequence: u64) -> BatchRef {
    let mut hasher = Sha256::new();
    hasher.update(b"batch");
    hasher.update(origin.0.to_le_bytes());
    hasher.update(sequence.to_le_bytes());
    let digest = Digest(hasher.finalize().into());
    BatchRef { origin, sequence: Sequence(sequence), digest, commands: 1, bytes: 100 }
}
