//! What a replica is built from.

use crate::batch::{BATCH_BYTES_MAX, BATCH_COMMANDS_MAX, BATCH_OVERHEAD, COMMAND_OVERHEAD};
use ally_consensus::{BLOCK_BATCHES_MAX, Micros};
use ally_log::Origin;
use ally_policy::TrustPolicy;
use std::sync::Arc;

/// What a replica is told once, at its start.
#[derive(Clone)]
pub struct Config {
    /// For the engine; its policy must be the same as below.
    pub engine: ally_consensus::Config,
    /// Who may certify, and which organisations share a block.
    pub policy: Arc<TrustPolicy>,
    /// The name in checkpoint statements.
    pub origin: Origin,
    /// Sizes and paces.
    pub limits: Limits,
}

/// Sizes and paces. All servers of an alliance must agree on those of blocks and batches, or they
/// refuse each other's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The most bytes of one batch's content.
    pub batch_bytes_max: usize,
    /// The most commands of one batch.
    pub batch_commands_max: usize,
    /// The most bytes of batches in one block.
    pub block_bytes_max: usize,
    /// The most batches in one block.
    pub block_batches_max: usize,
    /// The most bytes of one origin's batches that are not ordered yet, commands that wait for a
    /// batch included.
    pub undecided_bytes_max: usize,
    /// How many batches of this server may be on their way before commands wait to fill one up.
    pub batches_in_flight_max: usize,
    /// How many blocks a leader may have in flight.
    pub blocks_in_flight_max: usize,
    /// Bytes that must wait before a leader proposes while a block is in flight.
    pub pipelined_block_bytes_min: usize,
    /// How much of one core this server may spend on certificates under load, in thousandths. While
    /// there is little to do they are begun at once.
    pub certify_cpu_permille: u32,
    /// The least time from the start of one certificate to the start of the next under load, in
    /// microseconds: what sending, storing and verifying them may cost.
    pub certify_interval_min: Micros,
    /// Records after which the journal is rewritten, at the next certificate.
    pub journal_records: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            batch_bytes_max: 1 << 20,
            batch_commands_max: 16_384,
            block_bytes_max: 4 << 20,
            block_batches_max: 256,
            undecided_bytes_max: 16 << 20,
            batches_in_flight_max: 2,
            blocks_in_flight_max: 3,
            pipelined_block_bytes_min: 64 << 10,
            certify_cpu_permille: 50,
            certify_interval_min: Micros(10_000),
            journal_records: 2048,
        }
    }
}

/// Limits that cannot work together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{name} = {value}: {rule}")]
pub struct LimitError {
    /// Which limit.
    pub name: &'static str,
    /// Its value.
    pub value: usize,
    /// What it must be.
    pub rule: &'static str,
}

impl Limits {
    /// The longest command that can be taken, in bytes.
    pub fn command_bytes_max(&self) -> usize {
        self.batch_bytes_max - BATCH_OVERHEAD - COMMAND_OVERHEAD
    }

    /// Whether the limits can work together.
    ///
    /// # Errors
    /// [`LimitError`] with the first that cannot; whoever wrote the configuration is to blame.
    pub fn check(&self) -> Result<(), LimitError> {
        let rule = |holds: bool, name, value, rule| {
            if holds { Ok(()) } else { Err(LimitError { name, value, rule }) }
        };
        let batch = self.batch_bytes_max;
        rule((1024..=BATCH_BYTES_MAX).contains(&batch), "batch bytes", batch, "1 KiB to 4 MiB")?;
        let commands = self.batch_commands_max;
        rule(
            (1..=BATCH_COMMANDS_MAX).contains(&commands),
            "batch commands",
            commands,
            "1 to 65536",
        )?;
        let block = self.block_bytes_max;
        rule(block >= batch, "block bytes", block, "at least the bytes of a batch")?;
        let batches = self.block_batches_max;
        rule((1..=BLOCK_BATCHES_MAX).contains(&batches), "block batches", batches, "1 to 1024")?;
        let undecided = self.undecided_bytes_max;
        rule(undecided >= 2 * batch, "undecided bytes", undecided, "at least two batches' bytes")?;
        let flight = self.batches_in_flight_max;
        rule(flight >= 1, "batches in flight", flight, "at least 1")?;
        let flight = self.blocks_in_flight_max;
        rule(flight >= 1, "blocks in flight", flight, "at least 1")?;
        let permille = self.certify_cpu_permille;
        let rule_text = "1 to 1000 thousandths of a core";
        rule((1..=1000).contains(&permille), "certify cpu", permille as usize, rule_text)
    }
}
