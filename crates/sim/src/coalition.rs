//! Byzantine servers: they run the real server code, and lie on the way out.
//!
//! A coalition holds the keys of its members only. What it sends is the protocol's own messages,
//! changed: a leader's second proposal for the same place, votes for both, reports that leave out or
//! replace what was voted for, choices of a wrong tip, silence towards some. So its lies fit the
//! moment, which random bytes would not.

mod plotting;

use crate::keys::Signer;
use crate::plot::Plots;
use crate::random::Stream;
use crate::scenario::Treachery;
use ally_consensus::{
    BlockHash, BlockRef, Branch, Context, Digest, Message, Micros, Proposal, Recipients, Signed,
    SignedHeader, View, ViewChange, Vote, signing_bytes,
};
use ally_policy::{ServerIndex, ServerSet};
use std::collections::{BTreeMap, BTreeSet};

/// The most proposals a coalition remembers.
const REMEMBERED: usize = 256;

/// What a coalition knows together, and how it lies.
pub struct Coalition {
    context: Context,
    signer: Signer,
    treachery: Treachery,
    slow_path: bool,
    all: ServerSet,
    draw: Stream,
    /// Proposals by block: what can be voted for and reported.
    seen: BTreeMap<BlockHash, Signed<Proposal>>,
    /// For a block of ours, the block that stands against it.
    twins: BTreeMap<BlockHash, BlockRef>,
    /// Set if the network is on our side.
    plots: Option<Plots>,
    /// The highest view that an honest server wants to enter.
    left: View,
    /// Blocks that we have committed to.
    committed: BTreeSet<BlockHash>,
}

/// How far ahead a forged clock is, µs: an hour.
const FORGED_CLOCK_US: u64 = 3_600_000_000;

/// A message on its way to one server.
pub type Outgoing = (ServerIndex, Signed<Message>);

impl Coalition {
    /// The coalition of the servers whose keys `signer` holds.
    pub fn new(
        context: Context,
        signer: Signer,
        treachery: Treachery,
        slow_path: bool,
        all: ServerSet,
        draw: Stream,
        plots: Option<Plots>,
    ) -> Self {
        Self {
            context,
            signer,
            treachery,
            slow_path,
            all,
            draw,
            seen: BTreeMap::new(),
            twins: BTreeMap::new(),
            plots,
            left: View::ZERO,
            committed: BTreeSet::new(),
        }
    }

    /// Whether a server belongs to it.
    pub fn contains(&self, server: ServerIndex) -> bool {
        self.signer.servers().contains(server)
    }

    /// Whether it keeps a batch from the next server.
    pub fn keeps_batch(&mut self) -> bool {
        self.draw.percent(self.treachery.withhold_batches)
    }

    /// Whether it gives its share of the alliance key for a block that nobody has decided.
    pub fn certifies_early(&mut self) -> bool {
        self.draw.percent(self.treachery.forge)
    }

    /// A member got a message; what it adds to what its honest code will do.
    pub fn overhear(&mut self, member: ServerIndex, message: &Signed<Message>) -> Vec<Outgoing> {
        match &message.body {
            Message::Proposal(proposal) => self.overhear_proposal(member, message, proposal),
            Message::Commit(commit) if self.plots.is_some() => self.join_commit(commit),
            Message::ViewChange(report) if !self.contains(message.signer) => {
                self.left = self.left.max(report.view);
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    fn overhear_proposal(
        &mut self,
        member: ServerIndex,
        message: &Signed<Message>,
        proposal: &Proposal,
    ) -> Vec<Outgoing> {
        let proposal =
            Signed { signer: message.signer, signature: message.signature, body: proposal.clone() };
        let block = proposal.body.header.block_ref();
        self.remember(block.hash, proposal.clone());
        if !self.draw.percent(self.treachery.vote_for_all) {
            return Vec::new();
        }
        let vote = Message::Vote(Vote { view: proposal.body.header.view, block, share: None });
        let message = self.signed(member, vote);
        self.for_some(Recipients::All, &message)
    }

    /// What a member's honest code wants to send; gives what is sent instead.
    pub fn send(
        &mut self,
        member: ServerIndex,
        to: Recipients,
        message: Signed<Message>,
        now: Micros,
    ) -> Vec<Outgoing> {
        if self.plots.is_some() && self.holds_back(&message.body) {
            return Vec::new();
        }
        match &message.body {
            Message::Proposal(proposal) => self.propose(member, to, &message, proposal, now),
            Message::Vote(Vote { view, .. }) if self.plots.is_some() => {
                let shown = self.audience(*view, false).union(self.signer.servers());
                let to = self.recipients(to).into_iter().filter(|to| shown.contains(*to));
                to.map(|to| (to, message.clone())).collect()
            }
            Message::ViewChange(report) if self.draw.percent(self.treachery.lie) => {
                self.report(member, to, report)
            }
            Message::NewView(choice) if self.draw.percent(self.treachery.choose_wrong) => {
                let mut choice = choice.clone();
                if let Some(block) = self.any_block() {
                    choice.tip = block;
                }
                let message = self.signed(member, Message::NewView(choice));
                self.for_some(to, &message)
            }
            _ => self.for_some(to, &message),
        }
    }

    /// Sends a proposal to some and, perhaps, one that conflicts with it to the others.
    fn propose(
        &mut self,
        member: ServerIndex,
        to: Recipients,
        original: &Signed<Message>,
        proposal: &Proposal,
        now: Micros,
    ) -> Vec<Outgoing> {
        let parent = proposal.header.parent;
        let twin_parent = self.twins.get(&parent).copied();
        if twin_parent.is_none() && !self.draw.percent(self.treachery.equivocate) {
            return self.for_some(to, original);
        }
        let mut twin = proposal.clone();
        if let Some(parent) = twin_parent {
            twin.header.parent = parent.hash;
        }
        twin.header.timestamp_us = Micros(now.0.max(twin.header.timestamp_us.0) + 1);
        self.forge(&mut twin);
        let block = twin.header.block_ref();
        self.twins.insert(proposal.header.hash(), block);
        let twin = self.signed(member, Message::Proposal(twin));
        if let Message::Proposal(body) = &twin.body {
            let remembered =
                Signed { signer: member, signature: twin.signature, body: body.clone() };
            self.remember(block.hash, remembered);
        }
        if self.plots.is_some() {
            return self.show_branches(member, to, original, &twin);
        }
        let mut outgoing = Vec::new();
        for server in self.recipients(to) {
            let choice = self.draw.below(10);
            if choice < 6 || server == member {
                outgoing.push((server, original.clone()));
            }
            if choice >= 5 && server != member {
                outgoing.push((server, twin.clone()));
            }
        }
        outgoing.extend(self.vote_for(member, vote_on(&twin)));
        outgoing
    }

    /// Lies about what the log or the clock says, now and then.
    fn forge(&mut self, proposal: &mut Proposal) {
        if !self.draw.percent(self.treachery.forge) {
            return;
        }
        let header = &mut proposal.header;
        match self.draw.below(4) {
            0 => header.log_root = Digest([13; 32]),
            1 => header.log_size += 1,
            2 => header.timestamp_us = Micros::ZERO,
            _ => header.timestamp_us = Micros(header.timestamp_us.0 + FORGED_CLOCK_US),
        }
    }

    /// A vote of ours for a twin, to some.
    fn vote_for(&mut self, member: ServerIndex, vote: Option<Vote>) -> Vec<Outgoing> {
        let Some(vote) = vote else { return Vec::new() };
        let message = self.signed(member, Message::Vote(vote));
        self.for_some(Recipients::All, &message)
    }

    /// Reports something else than the truth, and not the same to everybody.
    fn report(&mut self, member: ServerIndex, to: Recipients, truth: &ViewChange) -> Vec<Outgoing> {
        // In a plot all hear the same lie: two would give it away.
        let first = self.lie(truth);
        let second = if self.plots.is_some() { first.clone() } else { self.lie(truth) };
        let lies = [first, second];
        let lies = lies.map(|lie| self.signed(member, Message::ViewChange(lie)));
        let mut outgoing = Vec::new();
        for server in self.recipients(to) {
            let lie = &lies[self.draw.below(2) as usize];
            outgoing.push((server, lie.clone()));
        }
        outgoing
    }

    fn lie(&mut self, truth: &ViewChange) -> ViewChange {
        let mut lie = truth.clone();
        let kind = self.draw.below(if self.plots.is_some() { 12 } else { 6 });
        match kind {
            // "I never voted."
            0 => lie.voted = None,
            // "I voted for less."
            1 => {
                if let Some(branch) = &mut lie.voted {
                    branch.headers.pop();
                }
            }
            // "I have seen no certificate of a quorum."
            2 => lie.committed = None,
            // "I voted for another chain": any that was seen and hangs together.
            _ => {
                if let Some(branch) = self.other_branch(truth) {
                    lie.voted = Some(branch);
                }
            }
        }
        lie
    }

    /// A chain of seen headers of one view on top of what the report starts from.
    fn other_branch(&mut self, truth: &ViewChange) -> Option<Branch> {
        let tip = self.any_tip(truth.view)?;
        let view = self.seen.get(&tip)?.body.header.view;
        let mut headers: Vec<SignedHeader> = Vec::new();
        let mut at = tip;
        let mut new_view = None;
        while let Some(proposal) = self.seen.get(&at) {
            let header = &proposal.body.header;
            if header.view != view {
                break;
            }
            if truth.certified.as_ref().is_some_and(|c| header.height <= c.block.height) {
                break;
            }
            headers.push(Signed {
                signer: proposal.signer,
                signature: proposal.signature,
                body: header.clone(),
            });
            new_view = proposal.body.new_view.clone();
            at = header.parent;
        }
        headers.reverse();
        let known = truth.voted.as_ref().filter(|branch| branch.view == view);
        let new_view = known.and_then(|branch| branch.new_view.clone()).or(new_view);
        Some(Branch { view, new_view, headers })
    }

    /// A block that was seen; in a plot, mostly the highest of the newest second branch.
    fn any_tip(&mut self, before: View) -> Option<BlockHash> {
        if self.plots.is_some() && self.draw.percent(80) {
            let twins = self.twins.values().filter_map(|twin| self.seen.get(&twin.hash));
            let headers = twins.map(|proposal| &proposal.body.header).filter(|h| h.view < before);
            return headers.max_by_key(|h| (h.view, h.height)).map(|header| header.hash());
        }
        let blocks: Vec<_> = self.seen.keys().copied().collect();
        self.draw.pick(&blocks).copied()
    }

    fn any_block(&mut self) -> Option<BlockRef> {
        let blocks: Vec<_> = self.seen.values().map(|p| p.body.header.block_ref()).collect();
        self.draw.pick(&blocks).copied()
    }

    fn for_some(&mut self, to: Recipients, message: &Signed<Message>) -> Vec<Outgoing> {
        let mut outgoing = Vec::new();
        for server in self.recipients(to) {
            if server == message.signer || !self.draw.percent(self.treachery.withhold) {
                outgoing.push((server, message.clone()));
            }
        }
        outgoing
    }

    fn recipients(&self, to: Recipients) -> Vec<ServerIndex> {
        match to {
            Recipients::All => self.all.iter().collect(),
            Recipients::One(server) => vec![server],
        }
    }

    fn remember(&mut self, block: BlockHash, proposal: Signed<Proposal>) {
        if self.seen.len() < REMEMBERED {
            self.seen.insert(block, proposal);
        }
    }

    fn signed(&self, member: ServerIndex, mut message: Message) -> Signed<Message> {
        if let Some(statement) = message.share_statement(self.slow_path) {
            message.set_share(self.signer.share(member, &self.context, &statement));
        }
        let kind = message.signed_kind().expect("a coalition changes signed messages only");
        let bytes = signing_bytes(&self.context, kind, &message.signed_content());
        Signed { signer: member, signature: self.signer.sign(member, &bytes), body: message }
    }
}

fn vote_on(proposal: &Signed<Message>) -> Option<Vote> {
    let Message::Proposal(proposal) = &proposal.body else { return None };
    let block = proposal.header.block_ref();
    Some(Vote { view: proposal.header.view, block, share: None })
}
