//! A lying leader that opens one view twice: it shows some servers reports that give one tip, others
//! reports that give another, and makes a certificate of each with the coalition's own shares. Above each
//! tip it signs a branch.
//!
//! ```text
//!   reports of one quorum ──► choice, shares, NV: first tip  ──► blocks, to the first camp
//!   reports of another    ──► choice, shares, NV: second tip ──► blocks, to the second camp
//! ```
//!
//! A coalition that needs nobody else for a certificate opens a view with no choice at all.

use super::{Coalition, Lie, to_each};
use ally_consensus::{
    BlockHeader, BlockRef, Height, Message, Micros, NewView, NewViewCertificate, NewViewShare,
    Proposal, ProposalParts, Signed, Statement, View, ViewChange, Vote, payload_digest,
    selected_tip,
};
use ally_policy::{ServerIndex, ServerSet};
use ally_replica::PeerMessage;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Quorums of reports that are tried for another tip.
const QUORUMS_TRIED: u64 = 24;
/// How often a choice is held back, because no other tip can be had yet.
const HELD_BACK_MAX: u32 = 2;
/// The most views that are remembered: the newest.
const VIEWS_REMEMBERED: usize = 16;
/// The most batches of a block above the second tip.
const BATCHES_MAX: u64 = 2;
/// The most blocks that are signed above the second tip at once.
const BLOCKS_MAX: u64 = 4;
/// From how many blocks on a branch is a deep one.
pub(super) const DEEP: u64 = 3;

/// A view of ours: what became of opening it twice.
pub(super) enum Split {
    /// There was no other tip to be had, so many times.
    Sought(u32),
    /// It is opened as an honest leader would.
    Declined,
    /// The tip that our own code chose, and the other.
    Made(Box<[Side; 2]>),
}

/// One of the two tips of a view.
pub(super) struct Side {
    tip: BlockRef,
    /// The honest servers that are to believe it.
    camp: ServerSet,
    /// Those who are shown the blocks above it.
    shown: ServerSet,
    choice: Option<Signed<Message>>,
    shares: BTreeMap<ServerIndex, Vec<u8>>,
    certificate: Option<NewViewCertificate>,
    /// The last block of ours above the tip.
    head: BlockRef,
}

impl Side {
    fn new(tip: BlockRef, camp: ServerSet, choice: Option<Signed<Message>>) -> Self {
        Self {
            tip,
            camp,
            shown: camp,
            choice,
            shares: BTreeMap::new(),
            certificate: None,
            head: tip,
        }
    }
}

impl Coalition {
    /// Sends a leader's choice to one camp and another choice to the other; none if this view is to be
    /// opened once.
    pub(super) fn split(&mut self, leader: ServerIndex, choice: &NewView) -> Option<Vec<Lie>> {
        let (view, percent) = (choice.view, self.treachery.split);
        if percent == 0 {
            return None;
        }
        if !self.splits.contains_key(&view) {
            let declined = !self.draw.percent(percent);
            self.remember(view, if declined { Split::Declined } else { Split::Sought(0) });
        }
        if let Some(&Split::Sought(times)) = self.splits.get(&view) {
            let next = match self.another_side(leader, choice) {
                Some(sides) => Split::Made(Box::new(sides)),
                None if times < HELD_BACK_MAX => Split::Sought(times + 1),
                None => Split::Declined,
            };
            self.splits.insert(view, next);
        }
        match self.splits.get(&view)? {
            Split::Declined => None,
            Split::Sought(_) => Some(Vec::new()),
            Split::Made(sides) => Some(sides.iter().flat_map(|side| shown(leader, side)).collect()),
        }
    }

    fn remember(&mut self, view: View, split: Split) {
        self.splits.insert(view, split);
        if self.splits.len() > VIEWS_REMEMBERED {
            self.splits.pop_first();
        }
    }

    fn sides(&self, view: View) -> Option<&[Side; 2]> {
        match self.splits.get(&view)? {
            Split::Made(sides) => Some(sides),
            Split::Sought(_) | Split::Declined => None,
        }
    }

    fn second(&mut self, view: View) -> Option<&mut Side> {
        match self.splits.get_mut(&view)? {
            Split::Made(sides) => Some(&mut sides[1]),
            Split::Sought(_) | Split::Declined => None,
        }
    }

    fn another_side(&mut self, leader: ServerIndex, choice: &NewView) -> Option<[Side; 2]> {
        let camps = self.camps(choice.view)?;
        let other = self.another_choice(choice)?;
        let tips = [choice.tip, other.tip];
        let [first, second] =
            [choice.clone(), other].map(|choice| self.signed(leader, Message::NewView(choice)));
        let mut sides =
            [Side::new(tips[0], camps[0], Some(first)), Side::new(tips[1], camps[1], Some(second))];
        // Where there is no block above the first tip, nothing tells its camp that those above the
        // second are not for them.
        if self.draw.percent(40) {
            sides[0].shown = ServerSet::EMPTY;
            sides[1].shown = camps[0].union(&camps[1]);
            if self.draw.percent(50) {
                let [first, second] = &mut sides;
                std::mem::swap(&mut first.camp, &mut second.camp);
            }
        }
        Some(sides)
    }

    /// Honest servers in two camps, each enough, with us, for a certificate: those of the plot, if it
    /// has such.
    fn camps(&mut self, view: View) -> Option<[ServerSet; 2]> {
        let (own, all) = (*self.signer.servers(), self.all);
        let plot = self.plots.as_mut().and_then(|plots| plots.of(view)).cloned();
        let mut honest: Vec<_> = all.difference(&own).iter().collect();
        self.draw.shuffle(&mut honest);
        let cut = self.draw.between(1, (honest.len() as u64).saturating_sub(1)) as usize;
        let camp = |part: &[ServerIndex]| part.iter().copied().collect::<ServerSet>();
        let (first, second) = honest.split_at(cut.min(honest.len()));
        let by_plot = plot.map(|plot| [plot.first, plot.second]);
        let candidates = by_plot.into_iter().chain([[camp(first), camp(second)]]);
        let enough =
            |camp: &ServerSet| !camp.is_empty() && self.policy.is_kernel(&camp.union(&own));
        candidates.into_iter().find(|camps| camps.iter().all(enough))
    }

    /// A choice for the same view that gives another tip, of reports that were really sent, and of our
    /// own.
    fn another_choice(&mut self, choice: &NewView) -> Option<NewView> {
        let genesis = BlockRef::genesis(self.context.alliance, self.context.epoch);
        for _ in 0..QUORUMS_TRIED {
            let mut senders: Vec<_> = self.all.iter().collect();
            self.draw.shuffle(&mut senders);
            if self.draw.percent(50) {
                senders.sort_by_key(|sender| self.reach_of(*sender, choice));
            }
            let (mut used, mut reports) = (ServerSet::EMPTY, Vec::new());
            for sender in senders {
                if self.policy.is_quorum(&used) && self.draw.percent(70) {
                    break;
                }
                if let Some(report) = self.some_report(sender, choice) {
                    used.insert(sender);
                    reports.push(report);
                }
            }
            reports.sort_unstable_by_key(|report| report.signer);
            let tip = selected_tip(&reports, self.policy.as_ref(), &self.rotation, genesis);
            if let Some(tip) = tip.filter(|tip| *tip != choice.tip) {
                return Some(NewView { view: choice.view, reports, tip });
            }
        }
        None
    }

    /// How much a server reported for the view of a choice: of us nothing, which is ours to say.
    fn reach_of(&self, server: ServerIndex, choice: &NewView) -> Option<(View, Height)> {
        let report = self.memory.last_report(server).filter(|_| !self.contains(server))?;
        let branch = report.body.voted.as_ref().filter(|_| report.body.view == choice.view)?;
        Some((branch.view, branch.headers.last()?.body.height))
    }

    /// What a server reported for the view of a choice; of a member, what it may say as well.
    fn some_report(
        &mut self,
        server: ServerIndex,
        choice: &NewView,
    ) -> Option<Arc<Signed<ViewChange>>> {
        let in_choice = choice.reports.iter().find(|report| report.signer == server);
        let last = self.memory.last_report(server);
        let known = last.filter(|report| report.body.view == choice.view).or(in_choice).cloned();
        if !self.contains(server) || self.draw.percent(40) {
            return known;
        }
        let silent =
            ViewChange { view: choice.view, certified: None, voted: None, committed: None };
        let mut body = known.map_or(silent, |report| report.body.clone());
        (body.voted, body.committed) = match self.draw.percent(50) {
            true => (None, None),
            false => (self.other_branch(&body), None),
        };
        let Signed { signature, .. } =
            self.signed(server, Message::ViewChange(Box::new(body.clone())));
        Some(Arc::new(Signed { signer: server, signature, body }))
    }

    /// An honest server's share for one of two tips: with ours it may be enough.
    pub(super) fn take_share(&mut self, from: ServerIndex, share: &NewViewShare) -> Vec<Lie> {
        let view = share.view;
        let Some(Split::Made(sides)) = self.splits.get_mut(&view) else { return Vec::new() };
        let side = sides.iter_mut().position(|side| side.tip == share.tip);
        let Some(number) = side.filter(|number| sides[*number].certificate.is_none()) else {
            return Vec::new();
        };
        sides[number].shares.insert(from, share.share.clone());
        if !self.certify_side(view, number) {
            return Vec::new();
        }
        if self.sides(view).is_some_and(|sides| sides.iter().all(|s| s.certificate.is_some())) {
            self.tally.count("liar: two certificates for one view");
        }
        // Our own code opens the first, and proposes there.
        if number == 0 { Vec::new() } else { self.open_second(view) }
    }

    /// Makes the certificate of a tip, if there are shares enough.
    fn certify_side(&mut self, view: View, number: usize) -> bool {
        let Some(sides) = self.sides(view) else { return false };
        let (tip, given) = (sides[number].tip, sides[number].shares.clone());
        let own = *self.signer.servers();
        if !self.policy.is_kernel(&given.keys().copied().collect::<ServerSet>().union(&own)) {
            return false;
        }
        let statement = Statement::NewView { view, tip };
        let share = |server| (server, self.signer.share(server, &self.context, &statement));
        let shares: Vec<_> = own.iter().map(share).chain(given).collect();
        let Some(signature) = self.signer.combine(&self.context, &statement, &shares) else {
            return false;
        };
        self.combined.push(statement);
        if let Some(Split::Made(sides)) = self.splits.get_mut(&view) {
            sides[number].certificate = Some(NewViewCertificate { view, tip, signature });
        }
        true
    }

    /// Shows the second camp its certificate and a branch of ours.
    fn open_second(&mut self, view: View) -> Vec<Lie> {
        let leader = self.rotation.leader(view);
        let Some(side) = self.second(view) else { return Vec::new() };
        let (camp, shown) = (side.camp, side.shown);
        let certificate = side.certificate.clone();
        let Some(certificate) = certificate else { return Vec::new() };
        let body = Message::EnterView(certificate);
        let enter = PeerMessage::Consensus(Signed { signer: leader, signature: [0; 64], body });
        let to: Vec<_> = camp.iter().collect();
        let mut lies = to_each(leader, &to, &enter);
        for _ in 0..self.draw.between(1, BLOCKS_MAX) {
            let Some(block) = self.grow_second(view) else { break };
            lies.extend(self.show_second(leader, shown, &block));
        }
        lies
    }

    fn show_second(
        &self,
        leader: ServerIndex,
        shown: ServerSet,
        block: &Signed<Message>,
    ) -> Vec<Lie> {
        let to: Vec<_> = shown.iter().collect();
        let mut lies = to_each(leader, &to, &PeerMessage::Consensus(block.clone()));
        if let Message::Proposal(proposal) = &block.body {
            let (view, block) = (proposal.header.view, proposal.block_ref());
            let vote = Message::Vote(Vote { view, block, share: None });
            lies.extend(self.all_say(&vote, shown));
        }
        lies
    }

    /// One more block above the second tip.
    fn grow_second(&mut self, view: View) -> Option<Signed<Message>> {
        let leader = self.rotation.leader(view);
        let most = self.draw.below(BATCHES_MAX + 1) as usize;
        let side = self.second(view)?;
        let (parent, certificate) = (side.head, side.certificate.clone());
        let first = parent == side.tip;
        let deep = parent.height.0 + 1 == side.tip.height.0 + DEEP;
        let (batches, state) = self.ledger.due(&parent.hash, most)?;
        let batches: Vec<_> = batches.iter().map(|batch| *batch.reference()).collect();
        let time = self.memory.proposal(&parent.hash).map(|block| block.body.header.timestamp_us);
        let header = BlockHeader {
            alliance: self.context.alliance,
            epoch: self.context.epoch,
            height: parent.height.next(),
            view,
            parent: parent.hash,
            payload_digest: payload_digest(&batches),
            log_size: state.log_size(),
            log_root: state.log_root(),
            timestamp_us: Micros(time.map_or(0, |time| time.0) + 1),
        };
        let new_view = certificate.filter(|_| first);
        let body = Proposal::from(ProposalParts { header, batches: batches.into(), new_view });
        self.second(view)?.head = body.block_ref();
        self.ledger.block(&body);
        let message = self.signed(leader, Message::Proposal(body.clone()));
        self.memory.keep(Signed { signer: leader, signature: message.signature, body });
        if first {
            self.tally.count("liar: branches above two certificates");
        }
        if deep {
            self.tally.count("liar: branches of three blocks and more");
        }
        Some(message)
    }

    /// Shows a block of our own code to the first camp, and at times one more block to the second; none
    /// if its view does not start from two tips.
    pub(super) fn propose_twice(
        &mut self,
        to: &[ServerIndex],
        original: &Signed<Message>,
        proposal: &Proposal,
    ) -> Option<Vec<Lie>> {
        let (view, leader) = (proposal.header.view, original.signer);
        let sides = self.sides(view)?;
        let (first, second) = (sides[0].shown, sides[1].shown);
        let made = sides[1].certificate.is_some();
        let to: Vec<_> =
            to.iter().copied().filter(|to| first.contains(*to) || self.contains(*to)).collect();
        let mut lies = to_each(leader, &to, &PeerMessage::Consensus(original.clone()));
        let body = proposal.clone();
        self.memory.keep(Signed { signer: leader, signature: original.signature, body });
        let vote = Vote { view, block: proposal.block_ref(), share: None };
        let audience = self.audience(view, false).intersection(&first);
        lies.extend(self.all_say(&Message::Vote(vote), audience));
        if made
            && self.draw.percent(50)
            && let Some(block) = self.grow_second(view)
        {
            lies.extend(self.show_second(leader, second, &block));
        }
        Some(lies)
    }

    /// Those of `to` that are to believe a certificate.
    pub(super) fn entering(
        &self,
        certificate: &NewViewCertificate,
        to: &[ServerIndex],
    ) -> Vec<ServerIndex> {
        let other = self.sides(certificate.view).and_then(|sides| {
            sides.iter().find(|side| side.tip != certificate.tip).map(|side| side.camp)
        });
        let other = other.unwrap_or(ServerSet::EMPTY);
        to.iter().copied().filter(|to| !other.contains(*to)).collect()
    }

    /// Opens a view that honest servers want to enter, and one of us leads, with our own shares.
    pub(super) fn open_alone(&mut self, view: View) -> Vec<Lie> {
        let own = *self.signer.servers();
        let able = self.policy.is_kernel(&own) && self.contains(self.rotation.leader(view));
        if self.plots.is_none() || !able || self.splits.contains_key(&view) {
            return Vec::new();
        }
        if !self.draw.percent(self.treachery.split) {
            self.remember(view, Split::Declined);
            return Vec::new();
        }
        let tip = self.any_tip(view).and_then(|hash| self.memory.proposal(&hash));
        let Some(tip) = tip.map(|proposal| proposal.body.block_ref()) else { return Vec::new() };
        let nobody = Side::new(tip, ServerSet::EMPTY, None);
        let everybody = Side::new(tip, self.all.difference(&own), None);
        self.remember(view, Split::Made(Box::new([nobody, everybody])));
        if !self.certify_side(view, 1) {
            return Vec::new();
        }
        self.tally.count("liar: view opened with no honest share");
        self.open_second(view)
    }
}

/// A side's choice, for those who are to believe it.
fn shown(leader: ServerIndex, side: &Side) -> Vec<Lie> {
    let to: Vec<_> = side.camp.iter().collect();
    let choice = side.choice.iter();
    choice
        .flat_map(|choice| to_each(leader, &to, &PeerMessage::Consensus(choice.clone())))
        .collect()
}
