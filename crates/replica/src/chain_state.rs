//! What the log is after a block.

use crate::batch::HeldBatch;
use ally_codec::{Decode, DecodeError, Encode, Reader, Writer};
use ally_consensus::{BatchRef, Digest, Sequence};
use ally_log::Frontier;
use ally_policy::{SERVERS_MAX, ServerIndex};
use std::sync::Arc;

/// The log and each origin's next batch after a block: all that checking the block after it needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainState {
    frontier: Frontier,
    /// Of the frontier: who checks a block asks for it, and so does who delivers it.
    root: Digest,
    next: Arc<[Sequence]>,
}

impl ChainState {
    /// Before the first block of an alliance of `servers` servers.
    pub fn genesis(servers: usize) -> Self {
        Self::new(Frontier::new(), vec![Sequence::ZERO; servers].into())
    }

    fn new(frontier: Frontier, next: Arc<[Sequence]>) -> Self {
        let root = Digest(frontier.root().0);
        Self { frontier, root, next }
    }

    /// Size and right edge of the log.
    pub fn frontier(&self) -> &Frontier {
        &self.frontier
    }

    /// How many commands the log holds.
    pub fn log_size(&self) -> u64 {
        self.frontier.size()
    }

    /// The Merkle root over them.
    pub fn log_root(&self) -> Digest {
        self.root
    }

    /// The sequence that the next batch of `origin` must have; none for a server that does not exist.
    pub fn next(&self, origin: ServerIndex) -> Option<Sequence> {
        self.next.get(origin.index()).copied()
    }

    /// How many servers there are.
    pub fn servers(&self) -> usize {
        self.next.len()
    }

    /// Whether each batch is the next of its origin, in this order.
    pub fn admits(&self, batches: &[BatchRef]) -> bool {
        let mut next = self.next.to_vec();
        batches.iter().all(|batch| match next.get_mut(batch.origin.index()) {
            Some(sequence) if *sequence == batch.sequence => {
                *sequence = sequence.next();
                true
            }
            _ => false,
        })
    }

    /// The state after these batches, which [`ChainState::admits`] allows.
    ///
    /// # Cost
    /// About one hash per command, and those of the root.
    #[must_use]
    pub fn extend<'a>(&self, batches: impl IntoIterator<Item = &'a HeldBatch>) -> Self {
        let mut frontier = self.frontier.clone();
        let mut next = Arc::clone(&self.next);
        let places = Arc::make_mut(&mut next);
        for batch in batches {
            frontier.append_many(batch.leaves().iter().copied());
            if let Some(sequence) = places.get_mut(batch.reference().origin.index()) {
                *sequence = batch.reference().sequence.next();
            }
        }
        Self::new(frontier, next)
    }
}

/// `frontier || count (4, LE) || next sequence (8, LE) of each server`.
impl Encode for ChainState {
    fn encode(&self, writer: &mut Writer) {
        writer.value(&self.frontier).list(&self.next);
    }
}

impl Decode for ChainState {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self::new(reader.value()?, reader.list(SERVERS_MAX)?.into()))
    }
}
