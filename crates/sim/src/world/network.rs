//! The network between servers: what it loses, delays, repeats, and, in a plot, hides.

use super::{Event, World};
use ally_consensus::{Message, Recipients, Signed};
use ally_policy::ServerIndex;

/// What becomes of a message.
pub(super) enum Fate {
    Lost,
    Once,
    Twice,
}

impl World {
    pub(super) fn send(&mut self, from: ServerIndex, to: Recipients, message: Signed<Message>) {
        if self.coalition.contains(from) {
            let now = self.queue.now();
            for (to, message) in self.coalition.send(from, to, message, now) {
                self.lie(from, to, message);
            }
            return;
        }
        let durable = self.servers[from.index()].durable_records();
        self.invariants.sent(from, &message, Some(durable), self.queue.now());
        match to {
            Recipients::One(to) => self.transmit(from, to, message),
            Recipients::All => {
                for to in self.everyone().iter() {
                    self.transmit(from, to, message.clone());
                }
            }
        }
    }

    pub(super) fn lie(&mut self, from: ServerIndex, to: ServerIndex, message: Signed<Message>) {
        self.invariants.sent(from, &message, None, self.queue.now());
        self.transmit(from, to, message);
    }

    /// Puts a message on the network, which may lose, delay, reorder or repeat it.
    pub(super) fn transmit(
        &mut self,
        from: ServerIndex,
        to: ServerIndex,
        message: Signed<Message>,
    ) {
        if from == to {
            self.queue.after(1, Event::Deliver { to, message });
            return;
        }
        let copies = match self.fate(from, to) {
            Fate::Lost => 0,
            Fate::Once => 1,
            Fate::Twice => 2,
        };
        for _ in 0..copies {
            let delay = self.delay();
            self.queue.after(delay, Event::Deliver { to, message: message.clone() });
        }
    }

    /// Whether a plot keeps a message from its recipient, for as long as the faults last.
    pub(super) fn is_hidden(&mut self, message: &Signed<Message>, to: ServerIndex) -> bool {
        let from = message.signer;
        let honest = from != to && !self.coalition.contains(from);
        match &mut self.plots {
            Some(plots) if honest && !self.healed => plots.hides(from, to, &message.body),
            _ => false,
        }
    }

    pub(super) fn fate(&mut self, from: ServerIndex, to: ServerIndex) -> Fate {
        if self.healed {
            return Fate::Once;
        }
        let now = self.queue.now().0;
        let cut = self.scenario.partitions.iter().any(|partition| {
            (partition.from..partition.to).contains(&now)
                && partition.side.contains(from) != partition.side.contains(to)
        });
        if cut || self.network.permille(self.scenario.loss_permille) {
            Fate::Lost
        } else if self.network.permille(self.scenario.duplicate_permille) {
            Fate::Twice
        } else {
            Fate::Once
        }
    }

    pub(super) fn delay(&mut self) -> u64 {
        let slow = !self.healed && self.network.permille(self.scenario.slow_permille);
        let longest = if slow { self.scenario.slow_delay } else { self.scenario.delay.1 };
        self.network.between(self.scenario.delay.0.min(longest), longest)
    }
}
