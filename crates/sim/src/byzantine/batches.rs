//! Batches that only some get.

use super::{Coalition, Lie};
use ally_policy::ServerIndex;
use ally_replica::PeerMessage;

impl Coalition {
    pub(super) fn spread(
        &mut self,
        from: ServerIndex,
        to: &[ServerIndex],
        batch: &PeerMessage,
    ) -> Vec<Lie> {
        let heard = to.iter().filter(|_| !self.draw.percent(self.treachery.withhold_batches));
        heard.map(|to| Lie { from, to: *to, message: batch.clone() }).collect()
    }
}
