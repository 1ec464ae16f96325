//! Bounded memory: whatever peers send, an honest server holds no more than the limits say.
//!
//! Sampled, and with the limits of the pages, not of the code.
//!
//! Source: docs/protocol.md#limits.

use super::Invariant;
use crate::observation::Observation;
use ally_consensus::Micros;
use ally_replica::Status;

/// Blocks in the tree.
const BLOCKS: usize = 16_384;
/// Votes of one server for unknown blocks.
const PENDING_VOTES: usize = 128;
/// Proposals of one leader for views that are not open.
const FUTURE_PROPOSALS: usize = 64;
/// Blocks asked for at once.
const WANTED_BLOCKS: usize = 4_096;
/// Payload checks that wait.
const WAITING_CHECKS: usize = 512;

/// Nothing to remember.
pub(super) struct Memory;

impl Invariant for Memory {
    fn see(&mut self, _: Micros, what: &Observation<'_>) -> Result<(), String> {
        let Observation::Sampled { server, status } = what else { return Ok(()) };
        match excess(status) {
            None => Ok(()),
            Some((what, held, limit)) => {
                Err(format!("memory: {server} holds {held} {what}, at most {limit} are allowed"))
            }
        }
    }
}

fn excess(status: &Status) -> Option<(&'static str, usize, usize)> {
    let sizes = &status.sizes;
    let limits = [
        ("blocks", sizes.blocks, BLOCKS),
        ("votes of one server for unknown blocks", sizes.pending_votes, PENDING_VOTES),
        ("proposals of one leader for later views", sizes.future_proposals, FUTURE_PROPOSALS),
        ("blocks that it asks for", sizes.wanted_blocks, WANTED_BLOCKS),
        ("payloads that wait for a check", status.waiting_checks, WAITING_CHECKS),
    ];
    limits.into_iter().find(|(_, held, limit)| held > limit)
}
