//! The batches that are held and not delivered yet, by origin.

use crate::batch::{BatchId, HeldBatch, charged};
use crate::evidence::Evidence;
use ally_consensus::{Bug, Bugs, Sequence};
use ally_policy::{ServerIndex, ServerSet};
use std::collections::BTreeMap;

/// The most undelivered batches of one origin that are kept without being asked for, besides the one
/// that is due.
pub(crate) const ORIGIN_BATCHES_MAX: usize = 1024;

/// The most batches under one number that are kept: an origin that lies has signed several, and
/// blocks of different views may refer to different ones.
pub(crate) const CONFLICTING_BATCHES_MAX: usize = 8;

/// Whether somebody waits for a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Demand {
    /// A block refers to it: it is kept even beyond its origin's quota.
    Wanted,
    /// It came by itself.
    Unasked,
}

/// What became of a batch that arrived.
#[derive(Debug, PartialEq)]
pub(crate) enum Arrival {
    /// Kept: store it.
    Kept,
    /// Kept, or not, but its origin signed another batch under this number.
    Conflict {
        /// Whether it is kept: store it then.
        kept: bool,
        /// The proof; none if this origin's lie has been reported before.
        evidence: Option<Evidence>,
    },
    /// Held or delivered already, of an unknown origin, or beyond its origin's quota: it will be
    /// fetched when a block refers to it.
    Dropped,
}

/// Batches held, ready to be proposed or voted for.
#[derive(Debug)]
pub(crate) struct Pool {
    origins: Vec<OriginPool>,
    bytes_max: usize,
    /// Origins whose next batch is held.
    waiting: ServerSet,
    liars: ServerSet,
    bugs: Bugs,
}

#[derive(Debug, Default)]
struct OriginPool {
    next: Sequence,
    held: BTreeMap<Sequence, Vec<HeldBatch>>,
    bytes: usize,
}

impl Pool {
    /// An empty pool. `next` is each origin's first undelivered sequence; `bytes_max` bounds the
    /// bytes kept of one origin without demand, besides the batch that is due.
    pub(crate) fn new(next: impl IntoIterator<Item = Sequence>, bytes_max: usize) -> Self {
        let origins = next.into_iter().map(|next| OriginPool { next, ..OriginPool::default() });
        let (waiting, liars) = (ServerSet::EMPTY, ServerSet::EMPTY);
        Self { origins: origins.collect(), bytes_max, waiting, liars, bugs: Bugs::NONE }
    }

    /// The same, with rules broken on purpose.
    pub(crate) fn planted(self, bugs: Bugs) -> Self {
        Self { bugs, ..self }
    }

    /// Takes in a batch.
    ///
    /// The one that is due next is kept however full its origin's quota is: others may hold it and
    /// wait for this server to order it. Nothing makes way for it. What is kept is written, and what
    /// is written stays: an origin that sent its batches in descending order could otherwise have
    /// this server write without end.
    pub(crate) fn add(&mut self, batch: HeldBatch, demand: Demand) -> Arrival {
        let reference = *batch.reference();
        let bytes_max = self.bytes_max;
        let Some(pool) = self.origins.get_mut(reference.origin.index()) else {
            return Arrival::Dropped;
        };
        let bytes = charged(reference.bytes as usize);
        let full = pool.bytes + bytes > bytes_max || pool.held.len() >= ORIGIN_BATCHES_MAX;
        let full = full && !self.bugs.has(Bug::PoolUnbounded);
        let due = reference.sequence == pool.next;
        if reference.sequence < pool.next || (full && !due && demand == Demand::Unasked) {
            return Arrival::Dropped;
        }
        let same_number = pool.held.entry(reference.sequence).or_default();
        if same_number.iter().any(|held| held.id() == batch.id()) {
            return Arrival::Dropped;
        }
        let other = same_number.first().map(HeldBatch::signed_reference);
        let this = batch.signed_reference();
        let kept = other.is_none()
            || demand == Demand::Wanted && same_number.len() < CONFLICTING_BATCHES_MAX
            || self.bugs.has(Bug::ConflictsUnbounded);
        if kept {
            pool.bytes += bytes;
            same_number.push(batch);
            if due {
                self.waiting.insert(reference.origin);
            }
        }
        match other {
            None => Arrival::Kept,
            Some(first) => {
                let news = self.liars.insert(reference.origin);
                let evidence = news.then_some(Evidence::Batches { first, second: this });
                Arrival::Conflict { kept, evidence }
            }
        }
    }

    /// The batch of this name, if held.
    pub(crate) fn find(&self, id: &BatchId) -> Option<&HeldBatch> {
        let held = self.origins.get(id.origin.index())?.held.get(&id.sequence)?;
        held.iter().find(|batch| batch.id() == *id)
    }

    /// The batch of this number, if held; the first that came if its origin signed several.
    pub(crate) fn at(&self, origin: ServerIndex, sequence: Sequence) -> Option<&HeldBatch> {
        self.origins.get(origin.index())?.held.get(&sequence)?.first()
    }

    /// The undelivered batches of an origin that follow each other without a gap.
    pub(crate) fn run(&self, origin: ServerIndex) -> impl Iterator<Item = &HeldBatch> {
        let next = self.origins.get(origin.index()).map_or(Sequence::ZERO, |pool| pool.next);
        std::iter::successors(Some(next), |sequence| Some(sequence.next()))
            .map_while(move |sequence| self.at(origin, sequence))
    }

    /// The origins whose next batch is held: work that a leader could order.
    pub(crate) fn waiting(&self) -> &ServerSet {
        &self.waiting
    }

    /// Drops everything of an origin below `next`: it is delivered.
    pub(crate) fn advance(&mut self, origin: ServerIndex, next: Sequence) {
        let Some(pool) = self.origins.get_mut(origin.index()) else { return };
        pool.next = pool.next.max(next);
        while let Some(lowest) = pool.held.first_entry()
            && *lowest.key() < pool.next
        {
            let gone = lowest.remove();
            let bytes = gone.iter().map(|held| charged(held.reference().bytes as usize));
            pool.bytes -= bytes.sum::<usize>();
        }
        match pool.held.contains_key(&pool.next) {
            true => self.waiting.insert(origin),
            false => self.waiting.remove(origin),
        };
    }

    /// Numbers under which batches are held, of the origin with the most, for status.
    pub(crate) fn most_batches(&self) -> usize {
        self.origins.iter().map(|pool| pool.held.len()).max().unwrap_or(0)
    }

    /// The most batches held under one number, for status.
    pub(crate) fn most_conflicting(&self) -> usize {
        let held = self.origins.iter().flat_map(|pool| pool.held.values());
        held.map(Vec::len).max().unwrap_or(0)
    }

    /// Bytes held, of all origins.
    pub(crate) fn bytes(&self) -> usize {
        self.origins.iter().map(|pool| pool.bytes).sum()
    }
}

#[cfg(test)]
#[path = "pool_tests.rs"]
mod tests;
