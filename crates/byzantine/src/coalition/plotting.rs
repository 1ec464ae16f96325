//! The coalition's part in a plot ([`crate::plot`]): each camp sees its branch and our votes for it,
//! and nothing gives the other branch away.

use super::proposing::vote_on;
use super::{Coalition, Lie};
use ally_consensus::{Commit, Message, Signed, View};
use ally_policy::{ServerIndex, ServerSet};
use ally_replica::PeerMessage;

impl Coalition {
    /// Every member commits to what an honest server commits to, for those to whom the plot shows
    /// that block.
    pub(super) fn join_commit(&mut self, commit: &Commit) -> Vec<Lie> {
        let certificate = &commit.certificate;
        if !self.committed.insert(certificate.block.hash) {
            return Vec::new();
        }
        let twin = self.twins.values().any(|twin| *twin == certificate.block);
        let audience = self.audience(certificate.view, twin);
        self.all_say(&Message::Commit(commit.clone()), audience)
    }

    /// What every member says to everybody in a set.
    pub(super) fn all_say(&self, message: &Message, audience: ServerSet) -> Vec<Lie> {
        let mut lies = Vec::new();
        for from in self.signer.servers().iter() {
            let message = PeerMessage::Consensus(self.signed(from, message.clone()));
            let to = audience.iter().filter(|to| *to != from);
            lies.extend(to.map(|to| Lie { from, to, message: message.clone() }));
        }
        lies
    }

    /// To whom a plot shows votes for one of the two branches; everybody where there is none.
    pub(super) fn audience(&mut self, view: View, twin: bool) -> ServerSet {
        let all = self.all;
        let plot = self.plots.as_mut().and_then(|plots| plots.of(view));
        plot.map_or(all, |plot| match (twin, plot.open) {
            (true, _) => plot.second,
            (false, true) => plot.first,
            (false, false) => plot.witness.into_iter().collect(),
        })
    }

    /// Whether a message would give a plot away.
    pub(super) fn holds_back(&self, message: &Message) -> bool {
        match message {
            Message::Equivocation(_) | Message::Fetch(_) | Message::Support(_) => true,
            Message::ViewChange(report) => report.view > self.left,
            _ => false,
        }
    }

    /// Shows each camp its branch of a plot, and all our votes for it.
    pub(super) fn show_branches(
        &mut self,
        from: ServerIndex,
        to: &[ServerIndex],
        original: &Signed<Message>,
        twin: &Signed<Message>,
    ) -> Vec<Lie> {
        let Some(view) = vote_on(twin).map(|vote| vote.view) else { return Vec::new() };
        let [first, second] = [original, twin].map(|m| PeerMessage::Consensus(m.clone()));
        let Some(plot) = self.plots.as_mut().and_then(|plots| plots.of(view)).cloned() else {
            return self.for_some(to, &first);
        };
        let mut lies = Vec::new();
        for to in to.iter().copied() {
            if plot.second.contains(to) {
                lies.push(Lie { from, to, message: second.clone() });
            } else if plot.first.contains(to) || self.contains(to) {
                lies.push(Lie { from, to, message: first.clone() });
            }
        }
        if lies.is_empty() {
            return lies;
        }
        for (block, is_twin) in [(original, false), (twin, true)] {
            if let Some(vote) = vote_on(block) {
                let audience = self.audience(view, is_twin);
                lies.extend(self.all_say(&Message::Vote(vote), audience));
            }
        }
        lies
    }
}
