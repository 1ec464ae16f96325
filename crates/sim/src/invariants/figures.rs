//! What is counted in a run: blocks, paths, and how long decisions take.
//!
//! No invariant by itself: with a fixed message delay it counts steps, and tests hold it against
//! docs/protocol.md#common-case.

use crate::ascending::Ascending;
use crate::observation::Observation;
use ally_consensus::{BlockHash, DecisionPath, Message, Micros};
use ally_policy::ServerSet;
use ally_replica::{DeliveredBlock, PeerMessage};

/// Proposals whose time is remembered: the newest views' and heights'.
const PROPOSALS_MAX: usize = 4096;

/// Counts over a run.
#[derive(Debug, Clone, Default)]
pub struct Figures {
    /// Blocks that some honest server delivered.
    pub blocks: u64,
    /// Deliveries at honest servers of blocks decided in two steps, in three, and by a certificate.
    pub paths: [u64; 3],
    /// For each path the shortest and longest time from proposal to delivery, µs.
    pub delays: [Option<(u64, u64)>; 3],
    /// Servers that some honest server can prove to have lied.
    pub proven: ServerSet,
    proposed: Ascending<(u64, BlockHash), Micros, PROPOSALS_MAX>,
}

impl Figures {
    pub(super) fn see(&mut self, now: Micros, what: &Observation<'_>) {
        match what {
            Observation::Said { message: PeerMessage::Consensus(signed), .. } => {
                if let Message::Proposal(proposal) = &signed.body {
                    let block = proposal.block_ref();
                    self.proposed.or_insert((block.height.0, block.hash), now);
                }
            }
            Observation::Accused { evidence, .. } => {
                self.proven.insert(evidence.culprit());
            }
            Observation::Delivered { block, .. } => self.delivered(now, block),
            _ => {}
        }
    }

    fn delivered(&mut self, now: Micros, block: &DeliveredBlock) {
        self.blocks = self.blocks.max(block.block.height.0);
        let path = match block.path {
            DecisionPath::Fast => 0,
            DecisionPath::Slow => 1,
            DecisionPath::Certificate => 2,
        };
        self.paths[path] += 1;
        if let Some(proposed) = self.proposed.get(&(block.block.height.0, block.block.hash)) {
            let delay = now.0 - proposed.0;
            let range = self.delays[path].get_or_insert((delay, delay));
            *range = (range.0.min(delay), range.1.max(delay));
        }
    }
}
