//! What arrives, and what a plot keeps from arriving.

use super::World;
use super::letter::Letter;
use crate::observation::{Deaf, Observation};
use ally_byzantine::Lie;
use ally_policy::ServerIndex;
use ally_replica::{Input, PeerMessage};
use std::sync::Arc;

/// In a plot the certificate, which would end it, is mostly late: this many shares in a hundred are.
const PLOT_HIDES_SHARES: u64 = 85;

impl World {
    pub(super) fn lie(&mut self, lies: Vec<Lie>) {
        for statement in self.coalition.take_combined() {
            self.observe(Observation::Combined { statement: &statement });
        }
        for Lie { from, to, message } in lies {
            self.observe(Observation::Said { server: from, message: &message });
            self.transmit(from, to, &Letter::new(from, message));
        }
    }

    pub(super) fn deliver(&mut self, copy: ServerIndex, to: ServerIndex, letter: &Letter) {
        let (from, message) = (letter.from(), letter.message());
        let name = self.name(to);
        let unheard = |why| Observation::Unheard { from: copy, to, message, why };
        if !self.servers[to.index()].is_up() {
            return self.observe(unheard(Deaf::Down));
        }
        if !self.hears(copy, to) {
            let faces = self.has_two_faces(from) || self.has_two_faces(name);
            self.tally.count(if faces { "unheard between camps" } else { "kept apart" });
            return self.observe(unheard(Deaf::Camp));
        }
        if self.coalition.contains(name) && !self.has_two_faces(name) {
            let lies = self.coalition.overhear(name, from, message);
            self.lie(lies);
        }
        if self.is_hidden(from, to, message) {
            return self.observe(unheard(Deaf::Plot));
        }
        if let PeerMessage::Batch(batch) = message
            && self.coalition.is_in_gap(batch)
            && !self.coalition.contains(from)
            && !self.coalition.contains(name)
        {
            self.tally.count("gap filled by another");
        }
        match letter.checked(&self.checker) {
            Ok(message) => self.input(to, Input::Received { from, message }),
            Err(error) => {
                self.tally.count("refused by the checks");
                self.observe(Observation::Refused { server: name, from, error: &error });
                if let Some(proof) = error.proof() {
                    self.input(to, Input::Misstated(Arc::clone(proof)));
                }
            }
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

    /// Whether a plot keeps a certificate, or a share of one, from everybody.
    pub(super) fn is_kept_secret(&mut self, message: &PeerMessage) -> bool {
        self.plots.is_some()
            && matches!(message, PeerMessage::CertifyShare(_) | PeerMessage::Certificate(_))
            && self.network.percent(PLOT_HIDES_SHARES)
    }
}
