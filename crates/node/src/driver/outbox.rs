//! Messages that wait for the disk.

use ally_replica::{Outgoing, Recipients, WritePosition};
use std::collections::BTreeMap;

/// What leaves when a write is durable, and not before.
#[derive(Default)]
pub(super) struct Outbox {
    durable: WritePosition,
    waiting: BTreeMap<WritePosition, Vec<(Recipients, Outgoing)>>,
}

impl Outbox {
    /// Whether everything up to `position` is durable.
    pub(super) fn is_durable(&self, position: WritePosition) -> bool {
        position <= self.durable
    }

    /// Keeps a message back until `position` is durable.
    pub(super) fn hold(&mut self, position: WritePosition, to: Recipients, message: Outgoing) {
        self.waiting.entry(position).or_default().push((to, message));
    }

    /// Everything up to `position` is durable: the messages that may leave now, in order.
    pub(super) fn release(&mut self, position: WritePosition) -> Vec<(Recipients, Outgoing)> {
        self.durable = self.durable.max(position);
        let later = self.waiting.split_off(&WritePosition(self.durable.0 + 1));
        let ready = std::mem::replace(&mut self.waiting, later);
        ready.into_values().flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ally_consensus::Height;
    use ally_replica::PeerMessage;

    fn message(height: u64) -> Outgoing {
        Outgoing::Ready(Box::new(PeerMessage::SyncRequest(Height(height))))
    }

    fn heights(released: Vec<(Recipients, Outgoing)>) -> Vec<u64> {
        let height = |(_, message)| {
            let Outgoing::Ready(message) = message else { panic!("not sent here: {message:?}") };
            let PeerMessage::SyncRequest(height) = *message else { panic!("{message:?}") };
            height.0
        };
        released.into_iter().map(height).collect()
    }

    #[test]
    fn nothing_leaves_before_its_write_is_durable() {
        let mut outbox = Outbox::default();
        for (position, height) in [(3, 30), (1, 10), (3, 31), (5, 50)] {
            outbox.hold(WritePosition(position), Recipients::All, message(height));
        }
        assert_eq!(heights(outbox.release(WritePosition(2))), [10]);
        assert!(outbox.is_durable(WritePosition(2)) && !outbox.is_durable(WritePosition(3)));
        assert_eq!(heights(outbox.release(WritePosition(4))), [30, 31]);
        // An answer that comes late takes nothing back.
        assert!(heights(outbox.release(WritePosition(1))).is_empty());
        assert!(outbox.is_durable(WritePosition(4)));
        assert_eq!(heights(outbox.release(WritePosition(5))), [50]);
    }
}
