//! Lies to servers that catch up: blocks that do not follow, that nobody decided, or none.

use super::{Coalition, Lie};
use ally_consensus::{BlockHash, Digest};
use ally_policy::ServerIndex;
use ally_replica::{PeerMessage, SyncBlocks};

impl Coalition {
    pub(super) fn mislead(
        &mut self,
        from: ServerIndex,
        to: &[ServerIndex],
        truth: &SyncBlocks,
    ) -> Vec<Lie> {
        if !self.draw.percent(self.treachery.missync) {
            return self.for_some_of(from, to, &PeerMessage::SyncBlocks(truth.clone()));
        }
        self.tally.count("liar: blocks to catch up with");
        let mut lie = truth.clone();
        let index = self.draw.below(lie.blocks.len() as u64) as usize;
        match self.draw.below(7) {
            0 => lie.blocks.clear(),
            1 => {
                lie.blocks.remove(index);
            }
            // Without the certificate one has to ask for more and more.
            2 => lie.certificate = None,
            3 => lie.blocks[index].batches = Vec::new().into(),
            4 => lie.blocks[index].header.log_root = Digest([5; 32]),
            // A chain of ours, which hangs together, and no certificate for it.
            5 => {
                lie.certificate = None;
                for index in 0..lie.blocks.len() {
                    let below = index.checked_sub(1).map(|below| lie.blocks[below].header.hash());
                    let header = &mut lie.blocks[index].header;
                    header.parent = below.unwrap_or(header.parent);
                    header.timestamp_us.0 += 1;
                }
            }
            _ => lie.blocks[index].header.parent = BlockHash([6; 32]),
        }
        self.for_some_of(from, to, &PeerMessage::SyncBlocks(lie))
    }
}
