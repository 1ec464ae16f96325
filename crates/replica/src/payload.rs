//! Whether what a leader put into a block may be voted for.

use crate::batch::BatchId;
use crate::chain::CheckedBlock;
use crate::chain_state::ChainState;
use crate::config::Limits;
use crate::pool::Pool;
use ally_consensus::{Bug, Bugs, Proposal};

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

#[cfg(test)]
#[path = "payload_tests.rs"]
mod tests;
