//! The coalition's part in a plot ([`crate::plot`]): each camp sees its branch and our votes for it,
//! and nothing gives the other branch away.

use super::{Coalition, Outgoing, vote_on};
use ally_consensus::{Commit, Message, Recipients, Signed, View};
use ally_policy::{ServerIndex, ServerSet};

impl Coalition {
    /// Every member commits to what an honest server commits to, for those to whom the plot shows
    /// that block.
    pub(super) fn join_commit(&mut self, commit: &Commit) -> Vec<Outgoing> {
        let certificate = &commit.certificate;
        if !self.committed.insert(certificate.block.hash) {
            return Vec::new();
        }
        let twin = self.twins.values().any(|twin| *twin == certificate.block);
        let audience = self.audience(certificate.view, twin);
        let message = Message::Commit(commit.clone());
        self.all_say(&message, audience)
    }

    /// What every member says to everybody in a set.
    fn all_say(&self, message: &Message, audience: ServerSet) -> Vec<Outgoing> {
        let mut outgoing = Vec::new();
        for member in self.signer.servers().iter() {
            let message = self.signed(member, message.clone());
            outgoing.extend(audience.iter().map(|server| (server, message.clone())));
        }
        outgoing
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
            Message::Equivocation(_) | Message::Fetch(_) => true,
            Message::ViewChange(report) => report.view > self.left,
            _ => false,
        }
    }

    /// Shows each camp its branch of a plot, and all our votes for it.
    pub(super) fn show_branches(
        &mut self,
        member: ServerIndex,
        to: Recipients,
        original: &Signed<Message>,
        twin: &Signed<Message>,
    ) -> Vec<Outgoing> {
        let Some(view) = vote_on(twin).map(|vote| vote.view) else { return Vec::new() };
        let Some(plot) = self.plots.as_mut().and_then(|plots| plots.of(view)).cloned() else {
            return self.for_some(to, original);
        };
        let mut outgoing = Vec::new();
        for server in self.recipients(to) {
            if plot.second.contains(server) {
                outgoing.push((server, twin.clone()));
            } else if plot.first.contains(server) || self.contains(server) {
                outgoing.push((server, original.clone()));
            }
        }
        for (block, is_twin) in [(original, false), (twin, true)] {
            if let Some(vote) =
                vote_on(block).filter(|_| outgoing.iter().any(|(s, _)| *s != member))
            {
                let audience = self.audience(view, is_twin);
                outgoing.extend(self.all_say(&Message::Vote(vote), audience));
            }
        }
        outgoing
    }
}
