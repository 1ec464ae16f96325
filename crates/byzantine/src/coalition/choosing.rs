//! A lying leader's choice of where its view starts: another block than the reports say, or the block
//! that other reports would say.

use super::counterfeiting::FORGED;
use super::{Coalition, Lie};
use ally_consensus::{BlockRef, Message, NewView, Signed, ViewChange};
use ally_policy::ServerIndex;
use ally_replica::PeerMessage;
use std::sync::Arc;

/// A report as it stands in a choice.
type Report = Arc<Signed<ViewChange>>;

impl Coalition {
    /// Sends a leader's choice, or a wrong one in its place.
    pub(super) fn choose(
        &mut self,
        member: ServerIndex,
        to: &[ServerIndex],
        honest: &Signed<Message>,
        choice: &NewView,
    ) -> Vec<Lie> {
        let mut choice = choice.clone();
        let often = self.treachery.counterfeit;
        if self.draw.percent(self.treachery.choose_wrong) {
            self.tally.count("liar: wrong choice");
            if let Some(block) = self.memory.any_block(&mut self.draw) {
                choice.tip = block;
            }
        } else if often > 0 && self.draw.percent(often) {
            self.tally.count("liar: reports in a choice");
            let reports = choice.reports.iter().cloned();
            choice.reports = match self.draw.percent(50) {
                true => reports.map(|report| self.made_up(&report)).collect(),
                false => reports.map(|report| self.older(report)).collect(),
            };
            choice.tip = self.tip_of(&choice.reports);
        } else {
            return self.for_some(to, &PeerMessage::Consensus(honest.clone()));
        }
        let message = self.signed(member, Message::NewView(choice));
        self.for_some(to, &PeerMessage::Consensus(message))
    }

    /// "I never voted", in the name of whoever reported.
    fn made_up(&self, report: &Report) -> Report {
        let Signed { signer, ref body, .. } = **report;
        let body = ViewChange { voted: None, committed: None, certified: None, view: body.view };
        Arc::new(Signed { signer, signature: FORGED, body })
    }

    /// What the same server reported first, for an earlier view; of a member, that it never voted.
    fn older(&self, report: Report) -> Report {
        if self.contains(report.signer) {
            let made_up = Message::ViewChange(Box::new(self.made_up(&report).body.clone()));
            let signature = self.signed(report.signer, made_up).signature;
            return Arc::new(Signed { signature, ..(*self.made_up(&report)).clone() });
        }
        self.memory.first_report(report.signer).cloned().unwrap_or(report)
    }

    /// The tip that follows from reports that do not conflict.
    fn tip_of(&self, reports: &[Report]) -> BlockRef {
        let certified = reports.iter().filter_map(|report| report.body.certified.as_ref());
        let certified = certified.map(|certificate| certificate.block).max();
        let voted = || reports.iter().filter_map(|report| report.body.voted.as_ref());
        let view = voted().map(|branch| branch.view).max();
        let newest = voted().filter(|branch| Some(branch.view) == view);
        let tops = newest.filter_map(|branch| branch.headers.last());
        let top = tops.map(|header| header.body.block_ref()).max();
        let genesis = BlockRef::genesis(self.context.alliance, self.context.epoch);
        top.max(certified).unwrap_or(genesis)
    }
}
