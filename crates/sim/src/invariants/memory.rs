//! Bounded memory: whatever peers send, an honest server holds no more than the limits say.
//!
//! Sampled, and with the limits of the pages, not of the code.
//!
//! Source: docs/protocol.md#limits.

use super::{Invariant, Kind};
use crate::observation::Observation;
use ally_consensus::Micros;
use ally_policy::ServerIndex;
use ally_replica::Status;
use std::collections::BTreeMap;

/// Blocks in the tree.
const BLOCKS: usize = 16_384;
/// Votes of one server for unknown blocks.
const PENDING_VOTES: usize = 128;
/// Proposals of one leader for views that are not open.
const FUTURE_PROPOSALS: usize = 64;
/// Blocks asked for at once because of one server.
const WANTED_BLOCKS: usize = 128;
/// Payload checks that wait.
const WAITING_CHECKS: usize = 512;

/// Batches of one origin that are not ordered, and some that blocks refer to.
const POOL_BATCHES: usize = 1_024 + 64;
/// Batches under one number.
const CONFLICTING_BATCHES: usize = 8;
/// Batches that are asked for.
const WANTED_BATCHES: usize = 8_192;
/// Decided blocks that wait for their batches.
const UNDELIVERED_BLOCKS: usize = 4_096;
/// Proofs against one server between two starts: those about agreement, and one each of the kinds
/// about batches and certificates, and of what is wrong in itself.
const PROOFS: usize = 16 + 3 + 1;
/// Bytes of own clients' commands that are not ordered, in the simulator.
pub(crate) const UNDECIDED_BYTES: usize = 8 << 10;

/// How many proofs each server has given out against each other since its last start.
#[derive(Default)]
pub(super) struct Memory {
    proofs: BTreeMap<(ServerIndex, ServerIndex), usize>,
}

impl Invariant for Memory {
    fn looks_at(&self) -> &'static [Kind] {
        &[Kind::Sampled, Kind::Accused, Kind::Restarted]
    }

    fn see(&mut self, _: Micros, what: &Observation<'_>) -> Result<(), String> {
        let (server, excess) = match what {
            Observation::Sampled { server, status } => (server, excess(status)),
            Observation::Accused { server, evidence } => {
                let proofs = self.proofs.entry((*server, evidence.culprit())).or_default();
                *proofs += 1;
                (server, (*proofs > PROOFS).then_some(("proofs against one", *proofs, PROOFS)))
            }
            Observation::Restarted { server } => {
                self.proofs.retain(|(accuser, _), _| accuser != server);
                return Ok(());
            }
            _ => return Ok(()),
        };
        match excess {
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
        ("blocks that it asks for because of one", sizes.wanted_of_one, WANTED_BLOCKS),
        ("payloads that wait for a check", status.waiting_checks, WAITING_CHECKS),
        ("batches of one origin", status.pool_batches, POOL_BATCHES),
        ("batches under one number", status.pool_conflicts, CONFLICTING_BATCHES),
        ("batches that it asks for", status.wanted_batches, WANTED_BATCHES),
        ("decided blocks without batches", status.undelivered_blocks, UNDELIVERED_BLOCKS),
        ("bytes of clients' commands", status.own_undecided_bytes, UNDECIDED_BYTES),
    ];
    limits.into_iter().find(|(_, held, limit)| held > limit)
}
