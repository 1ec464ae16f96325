//! What goes into a block, and whether what a leader put in may be voted for.

use crate::batch::{BatchId, HeldBatch};
use crate::chain::CheckedBlock;
use crate::chain_state::ChainState;
use crate::config::Limits;
use crate::pool::Pool;
use ally_consensus::{Bug, Bugs, Proposal, Sequence};
use ally_policy::ServerIndex;

/// What a check of a payload found.
#[derive(Debug)]
pub(crate) enum PayloadCheck {
    /// All is held and right.
    Valid(CheckedBlock),
    /// It breaks a rule that its leader could check.
    Invalid,
    /// These batches are not held.
    Missing(Vec<BatchId>),
}

/// Checks a proposal's payload against the log after its parent.
///
/// Whatever can be refused without its batches is refused first, so that a bad leader cannot make
/// this server fetch for nothing.
///
/// # Source
/// docs/protocol.md#common-case
///
/// # Cost
/// One hash per command.
pub(crate) fn check(
    proposal: &Proposal,
    parent: &ChainState,
    pool: &Pool,
    limits: &Limits,
    bugs: Bugs,
) -> PayloadCheck {
    let log_unchecked = bugs.has(Bug::LogUnchecked);
    let references = &proposal.batches;
    let bytes: u64 = references.iter().map(|batch| u64::from(batch.bytes)).sum();
    let commands: u64 = references.iter().map(|batch| u64::from(batch.commands)).sum();
    let within_budget =
        references.len() <= limits.block_batches_max && bytes <= limits.block_bytes_max as u64;
    let longest = references.iter().map(|batch| batch.bytes as usize).max().unwrap_or(0);
    let within_budget = within_budget && longest <= limits.batch_bytes_max;
    let size_is_right = parent.log_size().checked_add(commands) == Some(proposal.header.log_size);
    let within_budget = within_budget || bugs.has(Bug::BudgetUnchecked);
    let in_order = parent.admits(references) || bugs.has(Bug::SequenceUnchecked);
    if !(within_budget && (size_is_right || log_unchecked) && in_order) {
        return PayloadCheck::Invalid;
    }
    let (mut batches, mut missing) = (Vec::with_capacity(references.len()), Vec::new());
    for reference in references.iter() {
        match pool.find(&BatchId::from(reference)) {
            Some(held) if held.reference() != reference => return PayloadCheck::Invalid,
            Some(held) => batches.push(held.clone()),
            None => missing.push(BatchId::from(reference)),
        }
    }
    if !missing.is_empty() {
        return PayloadCheck::Missing(missing);
    }
    let state = parent.extend(&batches);
    if state.log_root() == proposal.header.log_root || log_unchecked {
        PayloadCheck::Valid(CheckedBlock { state, batches })
    } else {
        PayloadCheck::Invalid
    }
}

/// Chooses batches for a block after `parent`: again and again the next batch of the organisation
/// that has got the fewest bytes of this block so far, `turn` deciding between equals, until nothing
/// more fits. Inside an organisation its servers take turns the same way.
///
/// # Source
/// docs/protocol.md#ordering, fair share. Ours: by bytes rather than by batches, so that an
/// organisation gains nothing by larger batches.
///
/// # Cost
/// Batches chosen times servers.
pub(crate) fn choose(
    parent: &ChainState,
    pool: &Pool,
    limits: &Limits,
    organisations: &[Vec<ServerIndex>],
    turn: u64,
) -> Vec<HeldBatch> {
    let mut queues = Queues::new(parent, organisations, turn);
    let (mut chosen, mut left) = (Vec::new(), limits.block_bytes_max);
    while chosen.len() < limits.block_batches_max {
        let Some(batch) = queues.take_next(pool, left) else { break };
        left -= batch.reference().bytes as usize;
        chosen.push(batch);
    }
    chosen
}

/// Whose turn it is, while a payload is put together.
struct Queues {
    organisations: Vec<Queue>,
}

struct Queue {
    /// Bytes of this block so far.
    bytes: usize,
    servers: Vec<(ServerIndex, Sequence)>,
    /// Index of the server whose turn it is.
    turn: usize,
}

impl Queues {
    fn new(parent: &ChainState, organisations: &[Vec<ServerIndex>], turn: u64) -> Self {
        let first = (turn % organisations.len().max(1) as u64) as usize;
        let rotated = organisations.iter().cycle().skip(first).take(organisations.len());
        let organisations = rotated.map(|servers| {
            let next = |server: &ServerIndex| Some((*server, parent.next(*server)?));
            let servers: Vec<_> = servers.iter().filter_map(next).collect();
            let turn = (turn % servers.len().max(1) as u64) as usize;
            Queue { bytes: 0, servers, turn }
        });
        Self { organisations: organisations.collect() }
    }

    fn take_next(&mut self, pool: &Pool, left: usize) -> Option<HeldBatch> {
        let candidate = |queue: &Queue| Some((queue.bytes, queue.next(pool, left)?.0));
        let (queue, (_, server)) = self
            .organisations
            .iter_mut()
            .filter_map(|queue| candidate(queue).map(|candidate| (queue, candidate)))
            .min_by_key(|(_, (bytes, _))| *bytes)?;
        let batch = queue.next(pool, left)?.1.clone();
        queue.take(server, &batch);
        Some(batch)
    }
}

impl Queue {
    /// The first server from the turn on whose next batch is held and fits.
    fn next<'a>(&self, pool: &'a Pool, left: usize) -> Option<(usize, &'a HeldBatch)> {
        (0..self.servers.len()).find_map(|step| {
            let index = (self.turn + step) % self.servers.len();
            let (server, sequence) = self.servers[index];
            let batch = pool.at(server, sequence)?;
            (batch.reference().bytes as usize <= left).then_some((index, batch))
        })
    }

    fn take(&mut self, index: usize, batch: &HeldBatch) {
        self.bytes += batch.reference().bytes as usize;
        self.servers[index].1 = batch.reference().sequence.next();
        self.turn = (index + 1) % self.servers.len();
    }
}

#[cfg(test)]
#[path = "payload_tests.rs"]
mod tests;
