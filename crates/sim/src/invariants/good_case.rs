//! Two message delays in the good case: where nothing fails and nobody lies, every decision takes at
//! most two of the longest message delays and two writes, the one that a vote waits for and one that
//! was under way.
//!
//! Source: docs/protocol.md#common-case.

use super::{Invariant, Kind};
use crate::ascending::Ascending;
use crate::observation::Observation;
use crate::scenario::Scenario;
use ally_consensus::{BlockHash, Message, Micros};
use ally_replica::PeerMessage;

/// Proposals whose time is remembered: the highest.
const PROPOSALS_MAX: usize = 256;

/// When blocks were proposed.
pub(super) struct GoodCase {
    longest: u64,
    proposed: Ascending<(u64, BlockHash), Micros, PROPOSALS_MAX>,
}

impl GoodCase {
    /// None where something may fail.
    pub(super) fn new(scenario: &Scenario) -> Option<Self> {
        let network = &scenario.network;
        // Who is caught in the tail takes longer than any ordinary message.
        let tail = network.wide_area.as_ref().map_or(0, |area| area.tail_permille);
        let calm = scenario.coalition.is_empty()
            && scenario.crashes.is_empty()
            && scenario.clocks.set_back.is_none()
            // Votes wait for a block from ahead of its time.
            && scenario.clocks.faults.is_empty()
            && tail == 0
            && network.partitions.is_empty()
            && network.loss_permille == 0
            && network.slow_permille == 0
            && network.bytes_per_ms == 0
            && network.cuts.is_empty()
            && scenario.pauses.is_empty()
            && scenario.disk_faults.is_empty();
        let longest = 2 * (network.longest_delay() + scenario.disks.sync.1);
        calm.then(|| Self { longest, proposed: Ascending::default() })
    }
}

impl Invariant for GoodCase {
    fn looks_at(&self) -> &'static [Kind] {
        &[Kind::Said, Kind::Delivered]
    }

    fn see(&mut self, now: Micros, what: &Observation<'_>) -> Result<(), String> {
        match what {
            Observation::Said { message: PeerMessage::Consensus(signed), .. } => {
                let Message::Proposal(proposal) = &signed.body else { return Ok(()) };
                let block = proposal.block_ref();
                self.proposed.or_insert((block.height.0, block.hash), now);
            }
            Observation::Delivered { server, block } => {
                let place = (block.block.height.0, block.block.hash);
                let Some(proposed) = self.proposed.get(&place) else { return Ok(()) };
                let took = now.0 - proposed.0;
                if took > self.longest {
                    return Err(format!(
                        "good case: {server} decided height {} after {took} us; two steps take {}",
                        place.0, self.longest
                    ));
                }
            }
            _ => {}
        }
        Ok(())
    }
}
