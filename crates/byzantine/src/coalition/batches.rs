//! Batches that only some get, or one of two under one number.

use super::{Coalition, Lie};
use ally_log::NONCE_BYTES;
use ally_policy::ServerIndex;
use ally_replica::{PeerMessage, SignedBatch};
use bytes::Bytes;

impl Coalition {
    pub(super) fn spread(
        &mut self,
        from: ServerIndex,
        to: &[ServerIndex],
        batch: &SignedBatch,
    ) -> Vec<Lie> {
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
}
