//! The network between servers: what it loses, delays, repeats, and, in a plot, hides.

use super::{Event, World};
use crate::byzantine::Lie;
use crate::observation::Observation;
use ally_policy::ServerIndex;
use ally_replica::{Input, PeerMessage};

/// In a plot the certificate, which would end it, is mostly late: this many shares in a hundred are.
const PLOT_HIDES_SHARES: u64 = 85;

impl World {
    pub(super) fn lie(&mut self, lies: Vec<Lie>) {
        for Lie { from, to, message } in lies {
            self.observe(Observation::Said { server: from, message: &message });
            self.transmit(from, to, message);
        }
    }

    /// Puts a message on the network, which may lose, delay, reorder or repeat it.
    pub(super) fn transmit(&mut self, from: ServerIndex, to: ServerIndex, message: PeerMessage) {
        let copies = self.copies(from, to, &message);
        if copies == 0 {
            self.observe(Observation::Sent { from, to, message: &message, delay: None });
        }
        for _ in 0..copies {
            let delay = self.delay();
            self.observe(Observation::Sent { from, to, message: &message, delay: Some(delay) });
            self.queue.after(delay, Event::Deliver { from, to, message: message.clone() });
        }
    }

    pub(super) fn deliver(&mut self, from: ServerIndex, to: ServerIndex, message: PeerMessage) {
        if !self.servers[to.index()].is_up() {
            return;
        }
        if self.coalition.contains(to) {
            let lies = self.coalition.overhear(to, from, &message);
            self.lie(lies);
        }
        if self.is_hidden(from, to, &message) {
            return;
        }
        if let Ok(message) = self.checker.check(from, message) {
            self.input(to, Input::Received { from, message });
        }
    }

    /// Whether a plot keeps a message from its recipient, for as long as the faults last.
    fn is_hidden(&mut self, from: ServerIndex, to: ServerIndex, message: &PeerMessage) -> bool {
        let PeerMessage::Consensus(signed) = message else { return false };
        match &mut self.plots {
            Some(plots) if !self.healed && !self.coalition.contains(from) => {
                plots.hides(from, to, &signed.body)
            }
            _ => false,
        }
    }

    fn copies(&mut self, from: ServerIndex, to: ServerIndex, message: &PeerMessage) -> usize {
        if self.healed {
            return 1;
        }
        let hidden = self.plots.is_some()
            && matches!(message, PeerMessage::CertifyShare(_) | PeerMessage::Certificate(_))
            && self.network.percent(PLOT_HIDES_SHARES);
        let network = &self.scenario.network;
        if hidden || self.is_cut(from, to) || self.network.permille(network.loss_permille) {
            return 0;
        }
        1 + usize::from(self.network.permille(network.duplicate_permille))
    }

    fn is_cut(&self, from: ServerIndex, to: ServerIndex) -> bool {
        let now = self.queue.now().0;
        self.scenario.network.partitions.iter().any(|partition| {
            (partition.from..partition.to).contains(&now)
                && partition.side.contains(from) != partition.side.contains(to)
        })
    }

    fn delay(&mut self) -> u64 {
        let network = &self.scenario.network;
        let slow = !self.healed && self.network.permille(network.slow_permille);
        let longest = if slow { network.slow_delay } else { network.delay.1 };
        self.network.between(network.delay.0.min(longest), longest)
    }
}
