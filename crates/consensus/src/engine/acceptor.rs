//! When this server votes.
//!
//! Invariant: in each view its votes lie on one chain, which starts where this server entered the view;
//! after leaving a view it never votes in it again. Every vote is journalled before it is sent.
//!
//! # Source
//! docs/protocol.md#common-case

use super::Engine;
use super::learner::{FUTURE_PROPOSALS_PER_SENDER, Word};
use super::tree::{Node, Payload};
use crate::{
    BlockHash, BlockRef, Bug, CommitCertificate, Height, JournalPosition, Message, Micros,
    NewViewCertificate, Output, PayloadVerdict, Proposal, Recipients, Record, Signed, View, Vote,
};

/// What an acceptor has said, and where it may go on.
#[derive(Clone, Hash)]
pub(super) struct Acceptor {
    /// The view it is in, or wants to enter.
    pub view: View,
    /// Whether the view is open: NV is known, or it is view 0.
    pub open: bool,
    /// NV of the open view; view 0 has none.
    pub new_view: Option<NewViewCertificate>,
    /// The last view that was open before this one.
    pub previous: Option<View>,
    /// The next vote's block must descend from this one, through blocks of the view only.
    pub head: BlockRef,
    /// Until when, in monotonic time, the next vote waits for this server's clock.
    pub withheld_until: Option<Micros>,
    /// The last vote.
    pub voted: Option<Voted>,
    /// Its last commit: its word, whatever it learns later.
    pub committed: Option<Committed>,
    /// The highest commit certificate that it knows, also if it has not committed to it; never lower
    /// than that of its last commit.
    pub learned: Option<Committed>,
    /// The one share of NV that it gave for a view.
    pub share: Option<SharedTip>,
    /// The record that says it has left the views below.
    pub left_at: JournalPosition,
}

/// The block that an acceptor voted for last.
#[derive(Clone, Hash)]
pub(super) struct Voted {
    pub view: View,
    pub block: BlockRef,
    pub new_view: Option<NewViewCertificate>,
    pub position: JournalPosition,
}

/// A commit certificate with the NV of its view.
#[derive(Clone, Hash)]
pub(super) struct Committed {
    pub certificate: CommitCertificate,
    pub new_view: Option<NewViewCertificate>,
    /// The record of this server's own commit; for a certificate only learned, 0.
    pub position: JournalPosition,
}

/// For which tip a share of NV(view) was given.
#[derive(Clone, Copy, Hash)]
pub(super) struct SharedTip {
    pub view: View,
    pub tip: BlockRef,
    pub position: JournalPosition,
}

impl Acceptor {
    pub fn new(origin: BlockRef) -> Self {
        Self {
            view: View::ZERO,
            open: true,
            new_view: None,
            previous: None,
            head: origin,
            withheld_until: None,
            voted: None,
            committed: None,
            learned: None,
            share: None,
            left_at: JournalPosition::ZERO,
        }
    }

    /// NV of a view, as far as this server still has a use for it.
    pub fn new_view_of(&self, view: View) -> Option<&NewViewCertificate> {
        let voted = self.voted.as_ref().and_then(|voted| voted.new_view.as_ref());
        let [learned, committed] = [&self.learned, &self.committed]
            .map(|known| known.as_ref().and_then(|known| known.new_view.as_ref()));
        let known = [self.new_view.as_ref(), voted, learned, committed];
        known.into_iter().flatten().find(|certificate| certificate.view == view)
    }
}

impl Engine {
    /// Takes a block from its leader.
    pub(super) fn on_proposal(&mut self, proposal: Signed<Proposal>, out: &mut Vec<Output>) {
        if let Some(certificate) = &proposal.body.new_view {
            self.enter(certificate.clone(), out);
        }
        let header = &proposal.body.header;
        let place = &self.acceptor;
        if header.view > place.view || (header.view == place.view && !place.open) {
            self.keep_for_later(proposal, out);
        } else if header.view == place.view || Some(header.view) == place.previous {
            // What the leader may propose now, and what it may once this server has caught up.
            let root = self.tree.root().block.height;
            let reach = self.height_limit().0.saturating_add(self.config.window_blocks);
            if header.height > root && header.height.0 <= reach {
                self.add_block(proposal, out);
            }
        }
    }

    /// Keeps a proposal of a view that is not open here yet, and asks its sender for NV.
    fn keep_for_later(&mut self, proposal: Signed<Proposal>, out: &mut Vec<Output>) {
        let sender = proposal.signer;
        let hash = proposal.body.block_ref().hash;
        let Some(kept) = self.learner.future.get_mut(sender.index()) else { return };
        if kept.is_empty() && sender != self.config.me {
            let message = Message::Fetch(hash);
            out.push(Output::Send { to: Recipients::One(sender), message });
        }
        let room = kept.len() < FUTURE_PROPOSALS_PER_SENDER;
        if room || self.config.bugs.has(Bug::FutureUnbounded) {
            kept.insert((proposal.body.header.view, proposal.body.header.height), proposal);
        }
    }

    /// Asks for the check of the children of a block, if they can be judged.
    pub(super) fn ask_children(&mut self, parent: BlockHash, out: &mut Vec<Output>) {
        if !self.tree.is_ready(&parent) {
            return;
        }
        for child in self.tree.children(&parent).to_vec() {
            self.ask(child, out);
        }
    }

    /// Asks for the check of a block whose parent is ready.
    pub(super) fn ask(&mut self, hash: BlockHash, out: &mut Vec<Output>) {
        let Some(node) = self.tree.node(&hash) else { return };
        if node.payload != Payload::Waiting || node.dead || !self.tree.is_ready(&node.parent().hash)
        {
            return;
        }
        let fits = self.fits_its_parent(node);
        let (block, proposal) = (node.block, node.proposal.clone());
        let payload = if fits { Payload::Asked } else { Payload::Invalid };
        if let Some(node) = self.tree.node_mut(&hash) {
            node.payload = payload;
        }
        if fits {
            out.push(Output::CheckPayload { block, proposal });
        } else {
            self.counters.invalid_blocks += 1;
        }
    }

    /// Asks again for the checks that there was no room for, lowest blocks first.
    pub(super) fn ask_postponed(&mut self, out: &mut Vec<Output>) {
        if std::mem::take(&mut self.postponed) {
            for hash in self.tree.waiting() {
                self.ask(hash, out);
            }
        }
    }

    /// What a header must keep to besides its payload: neither view nor time goes back.
    fn fits_its_parent(&self, node: &Node) -> bool {
        self.tree.parent(&node.header().parent).is_some_and(|parent| {
            parent.block == node.parent()
                && node.view() >= parent.view
                && (node.header().timestamp_us >= parent.timestamp_us
                    || self.config.bugs.has(Bug::TimeMayGoBack))
        })
    }

    /// Takes the answer to [`Output::CheckPayload`].
    pub(super) fn judge(
        &mut self,
        hash: BlockHash,
        verdict: PayloadVerdict,
        out: &mut Vec<Output>,
    ) {
        let Some(node) = self.tree.node_mut(&hash) else { return };
        let taken_back = node.payload == Payload::Valid && verdict == PayloadVerdict::Postponed;
        if node.payload != Payload::Asked && !taken_back {
            return;
        }
        self.change.stirred = true;
        match verdict {
            PayloadVerdict::Postponed => {
                node.payload = Payload::Waiting;
                self.postponed = true;
            }
            PayloadVerdict::Invalid => {
                node.payload = Payload::Invalid;
                self.counters.invalid_blocks += 1;
            }
            PayloadVerdict::Valid => {
                node.payload = Payload::Valid;
                self.ask_children(hash, out);
            }
        }
    }

    /// Votes as far along the leader's chain as it may, and as its clock lets it.
    pub(super) fn vote(&mut self, out: &mut Vec<Output>) {
        let waited = self.acceptor.withheld_until.take();
        if !self.acceptor.open && !self.config.bugs.has(Bug::VoteAfterLeaving) {
            return;
        }
        let start = self.acceptor.head;
        let mut head = start;
        while let Some(next) = self.votable_child(head) {
            if let Some(until) = self.withheld_until(next.header()) {
                self.acceptor.withheld_until = Some(until);
                self.counters.votes_withheld += u64::from(waited.is_none());
                break;
            }
            head = next.block;
        }
        if head != start {
            self.cast_votes(head, out);
        }
    }

    fn votable_child(&self, head: BlockRef) -> Option<&Node> {
        let height = head.height.next();
        let children = self.tree.children(&head.hash);
        if children.is_empty() || height > self.height_limit() {
            return None;
        }
        let mut nodes = children.iter().filter_map(|hash| self.tree.node(hash));
        let view = self.voting_view();
        let unchecked = self.config.bugs.has(Bug::VoteWithoutPayload);
        nodes.find(|node| {
            node.view() == view
                && node.signer == self.config.rotation.leader(view)
                && (node.payload == Payload::Valid || unchecked)
                && !node.dead
                && node.block.height == height
        })
    }

    /// The view that this server is in: it never votes in another.
    fn voting_view(&self) -> View {
        let left = self.acceptor.previous.filter(|_| !self.acceptor.open);
        let left = left.filter(|_| self.config.bugs.has(Bug::VoteAfterLeaving));
        left.unwrap_or(self.acceptor.view)
    }

    /// How high a block may be to be proposed and voted for: within the window above the last decided
    /// block, and within what a report can hold above the last certified one. The first block of a
    /// view is always within, because without it nothing below could be decided any more.
    pub(super) fn height_limit(&self) -> Height {
        let decided = self.tree.root().block.height.0;
        let window = decided.saturating_add(self.config.window_blocks);
        let certified = self.certified_height().0;
        let uncertified = certified.saturating_add(self.config.uncertified_blocks_max);
        Height(window.min(uncertified)).max(self.view_tip().height.next())
    }

    /// How high a block of the open view may be so that a report can hold the branch up to it.
    pub(super) fn report_limit(&self) -> Height {
        Height(self.branch_base().height.0.saturating_add(self.config.uncertified_blocks_max))
    }

    /// Journals every block that leads to `head`, decided ones that were passed over too, so that a
    /// report can show the whole branch; then votes.
    ///
    /// One vote stands for its ancestors. With a slow path each block gets its own, because commit
    /// shares only combine on the same block.
    fn cast_votes(&mut self, head: BlockRef, out: &mut Vec<Output>) {
        let Some(mut chain) = self.unjournalled(head.hash) else { return };
        if chain.is_empty() {
            chain.push(head);
        }
        self.hold_below(chain[0].hash, out);
        let view = self.voting_view();
        let slow_path = self.config.policy.has_slow_path();
        for block in chain {
            let Some(node) = self.tree.node_mut(&block.hash) else { return };
            node.journalled = true;
            let proposal = node.signed_proposal();
            let position = self.write(Record::Vote(proposal), out);
            let new_view = self.acceptor.new_view.clone();
            self.acceptor.voted = Some(Voted { view, block, new_view, position });
            if slow_path || block == head {
                self.send_vote(Recipients::All, out);
            }
        }
        self.acceptor.head = head;
        if self.config.bugs.has(Bug::OwnVoteCountedEarly) {
            self.count(head.hash, self.config.me, Word::Vote, out);
        }
    }

    /// The blocks of a branch, ascending, that no record holds yet; none if a report could not show the
    /// branch, because it has a hole or does not start where this server's branches do.
    ///
    /// After a restart the decided blocks that this server did not vote for are such a hole until they
    /// are certified. A leader that led two tips to certificates may go on above the other one.
    pub(super) fn unjournalled(&self, top: BlockHash) -> Option<Vec<BlockRef>> {
        let (view, base) = (self.voting_view(), self.branch_base());
        let anywhere = self.config.bugs.has(Bug::OtherTipFollowed);
        let shown = |node: &Node| node.journalled && (node.view() == view || anywhere);
        let nodes = self.tree.walk_down(top, base.height).take_while(|node| !node.journalled);
        let (mut chain, mut lowest) = (Vec::new(), None);
        for node in nodes {
            if node.view() != view && !anywhere {
                return None;
            }
            chain.push(node.block);
            lowest = Some(node.parent());
        }
        let whole = match lowest {
            None => anywhere || self.tree.node(&top).is_some_and(shown),
            Some(parent) => {
                parent == base
                    || self.tree.node(&parent.hash).is_some_and(shown)
                    || anywhere && parent.height <= base.height
            }
        };
        chain.reverse();
        whole.then_some(chain)
    }

    /// The block that branches of the open view start from in a report.
    fn branch_base(&self) -> BlockRef {
        let (tip, certified) = (self.view_tip(), self.certified.as_ref());
        let certified = certified.map(|certificate| certificate.block);
        certified.filter(|block| block.height > tip.height).unwrap_or(tip)
    }

    /// Journals the undecided blocks below `top` that no record holds yet: whoever builds on them
    /// answers for them, so they must not be lost with the memory of those who showed them.
    pub(super) fn hold_below(&mut self, top: BlockHash, out: &mut Vec<Output>) {
        let root = self.tree.root().block.height;
        let nodes = self.tree.walk_down(top, root).skip(1).take_while(|node| !node.journalled);
        let mut blocks: Vec<_> = nodes.map(|node| node.block.hash).collect();
        blocks.reverse();
        for hash in blocks {
            self.hold(hash, out);
        }
    }

    /// Journals a block without a vote for it.
    pub(super) fn hold(&mut self, hash: BlockHash, out: &mut Vec<Output>) {
        if let Some(node) = self.tree.node_mut(&hash).filter(|node| !node.journalled) {
            node.journalled = true;
            let proposal = node.signed_proposal();
            self.write(Record::Hold(proposal), out);
        }
    }

    /// The block that the open view starts from.
    fn view_tip(&self) -> BlockRef {
        self.acceptor.new_view.as_ref().map_or(self.origin, |certificate| certificate.tip)
    }

    /// Sends the last vote, again or for the first time.
    pub(super) fn send_vote(&mut self, to: Recipients, out: &mut Vec<Output>) {
        if let Some(Voted { view, block, position, .. }) = self.acceptor.voted {
            let message = Message::Vote(Vote { view, block, share: None });
            let after = self.durable_first(position, Bug::VoteSentEarly);
            out.push(Output::SendDurable { after, to, message });
            self.counters.votes_sent += 1;
        }
    }

    /// Moves the acceptor past a block that was decided without its vote, where the chain of its
    /// votes leads to it.
    pub(super) fn follow_decision(&mut self, block: BlockRef, parent: BlockHash, view: View) {
        if view == self.acceptor.view && self.acceptor.open && self.acceptor.head.hash == parent {
            self.acceptor.head = block;
        }
    }
}
