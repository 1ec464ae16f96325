//! Batches that only some get, one of two under one number, or around a gap: the leader lacks what all
//! others have, and has what they lack.

use super::{Coalition, Lie};
use ally_consensus::Sequence;
use ally_log::NONCE_BYTES;
use ally_policy::ServerIndex;
use ally_replica::{PeerMessage, SignedBatch};
use bytes::Bytes;

/// The most gaps that are kept open.
const GAPS_MAX: usize = 256;

impl Coalition {
    pub(super) fn spread(
        &mut self,
        from: ServerIndex,
        to: &[ServerIndex],
        batch: &SignedBatch,
    ) -> Vec<Lie> {
        let kept = self.around_gap(from, to, batch);
        let to = kept.as_deref().unwrap_or(to);
        let first = PeerMessage::Batch(batch.clone());
        let own = batch.batch.origin() == from;
        let second = (own && self.draw.percent(self.treachery.two_batches)).then(|| {
            self.tally.count("liar: two batches under one number");
            // Real servers take entries only: what is shorter would be refused, and prove nothing.
            let commands = [Bytes::from_static(&[b'2'; NONCE_BYTES + 1])];
            self.own_batch(from, batch.batch.sequence(), &commands)
        });
        let mut lies = Vec::new();
        for to in to.iter().copied() {
            if self.draw.percent(self.treachery.withhold_batches) {
                self.tally.count("liar: batch withheld");
                continue;
            }
            let message = match &second {
                Some(second) if self.draw.percent(50) => second,
                _ => &first,
            };
            lies.push(Lie { from, to, message: message.clone() });
        }
        lies
    }

    /// Whether a batch is one that a leader did not get from its origin.
    pub fn is_in_gap(&self, batch: &SignedBatch) -> bool {
        self.gaps.contains(&(batch.batch.origin(), batch.batch.sequence()))
    }

    /// Who gets a batch of a member, if there is a gap at it or before it. Batches are sent again to
    /// whom they were not; so a gap stays one.
    fn around_gap(
        &mut self,
        from: ServerIndex,
        to: &[ServerIndex],
        batch: &SignedBatch,
    ) -> Option<Vec<ServerIndex>> {
        let (origin, sequence) = (batch.batch.origin(), batch.batch.sequence());
        if self.treachery.gap == 0 || origin != from {
            return None;
        }
        let leader = self.rotation.leader(self.newest_view());
        let below = sequence.0.checked_sub(1).map(|below| (origin, Sequence(below)));
        let follows = below.is_some_and(|below| self.gaps.contains(&below));
        if follows && to.contains(&leader) && !self.contains(leader) {
            self.tally.count("liar: gap in a leader's batches");
        }
        let opens = !follows && self.draw.percent(self.treachery.gap);
        if opens {
            self.gaps.insert((origin, sequence));
        }
        if self.gaps.len() > GAPS_MAX {
            self.gaps.pop_first();
        }
        let lacking = self.gaps.contains(&(origin, sequence));
        let hears = |to: &ServerIndex| (*to == leader) == follows;
        (follows || lacking).then(|| to.iter().copied().filter(hears).collect())
    }
}
