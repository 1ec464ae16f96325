//! Which blocks are decided.
//!
//! A vote counts for its block and for every ancestor of the same view; a server counts once per
//! block, whoever it belongs to. A block that a fast quorum stands behind is decided, and with it
//! all its ancestors, in chain order and without a gap.
//!
//! # Source
//! docs/protocol.md#common-case, step 3

use super::Engine;
use super::tree::{Lineage, Root};
use crate::{
    BlockHash, BlockRef, Breach, Bug, Bugs, CheckpointCertificate, Commit, Decided, DecisionPath,
    Height, Output, Proposal, ProposalParts, Record, Signed, SyncedBlock, View, Vote,
};
use ally_policy::{ServerIndex, ServerSet};
use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// The most votes of one server that wait for their block's header. Twice the default window: a
/// server votes no further ahead than that.
pub(super) const PENDING_VOTES_PER_SENDER: usize = 128;

/// The most proposals of one leader that wait for their view to open.
pub(super) const FUTURE_PROPOSALS_PER_SENDER: usize = 64;

/// What a server says for a block and its ancestors.
#[derive(Debug, Clone, Copy)]
pub(super) enum Word {
    /// A fast quorum of votes decides.
    Vote,
    /// A quorum of commits decides.
    Commit,
}

impl Word {
    fn path(self) -> DecisionPath {
        match self {
            Self::Vote => DecisionPath::Fast,
            Self::Commit => DecisionPath::Slow,
        }
    }
}

/// What servers said that does not stand in the tree.
#[derive(Clone)]
pub(super) struct Learner {
    /// Votes for blocks whose header is not known, by sender.
    pub pending: Vec<BTreeMap<BlockHash, Signed<Vote>>>,
    /// The highest commit of each server whose block is not known.
    pub pending_commits: Vec<Option<Signed<Commit>>>,
    /// Senders of votes above the decided height for unknown blocks.
    pub pending_senders: ServerSet,
    /// The newest vote of each server.
    pub latest: Vec<Option<Signed<Vote>>>,
    /// Proposals of views that are not open here, by sender.
    pub future: Vec<BTreeMap<(View, Height), Signed<Proposal>>>,
    /// The highest block with enough votes or commits that does not link to the root yet.
    pub quorate: Option<(BlockRef, DecisionPath)>,
}

impl Learner {
    pub fn new(servers: usize) -> Self {
        Self {
            pending: vec![BTreeMap::new(); servers],
            pending_commits: vec![None; servers],
            pending_senders: ServerSet::EMPTY,
            latest: vec![None; servers],
            future: vec![BTreeMap::new(); servers],
            quorate: None,
        }
    }

    /// Feeds what decisions can depend on into a hash: not the newest votes, which only show who
    /// voted twice.
    pub fn fingerprint(&self, hasher: &mut impl Hasher) {
        let Self { pending, pending_commits, pending_senders, latest: _, future, quorate } = self;
        (pending, pending_commits, pending_senders, future, quorate).hash(hasher);
    }

    /// Who voted for a block whose header is not known.
    pub fn pending_for(&self, hash: &BlockHash) -> ServerSet {
        let votes = self.pending.iter().enumerate();
        votes
            .filter(|(_, votes)| votes.contains_key(hash))
            .map(|(server, _)| ServerIndex(server as u16))
            .collect()
    }

    /// Forgets votes that can no longer matter: for blocks at or below the decided one, or of views
    /// before `view`.
    pub fn forget_below(&mut self, decided: Height, view: View) {
        if self.pending_senders.is_empty() {
            return;
        }
        let mut senders = ServerSet::EMPTY;
        for (server, votes) in self.pending.iter_mut().enumerate() {
            votes.retain(|_, vote| vote.body.block.height > decided && vote.body.view >= view);
            if !votes.is_empty() {
                senders.insert(ServerIndex(server as u16));
            }
        }
        self.pending_senders = senders;
    }

    fn keep_pending(&mut self, vote: Signed<Vote>, bugs: Bugs) {
        let (sender, block) = (vote.signer, vote.body.block);
        let votes = &mut self.pending[sender.index()];
        if votes.len() >= PENDING_VOTES_PER_SENDER && !bugs.has(Bug::PendingUnbounded) {
            let lowest = votes.values().map(|vote| vote.body.block).min();
            match lowest {
                Some(lowest) if lowest.height < block.height => votes.remove(&lowest.hash),
                _ => return,
            };
        }
        votes.insert(block.hash, vote);
        self.pending_senders.insert(sender);
    }
}

impl Engine {
    /// Counts a vote, or keeps it until its block is known.
    pub(super) fn on_vote(&mut self, vote: Signed<Vote>, out: &mut Vec<Output>) {
        let (sender, block, view) = (vote.signer, vote.body.block, vote.body.view);
        let previous = self.remember_latest(&vote);
        if block.height <= self.tree.root().block.height {
            return;
        }
        self.check_double_vote(previous.as_ref(), &vote, out);
        self.check_vote_by_report(&vote, out);
        match self.tree.node(&block.hash) {
            Some(node) if node.block == block && node.view() == view => {
                self.keep_vote(vote, out);
                self.count(block.hash, sender, Word::Vote, out);
            }
            Some(_) => {}
            None if view < self.oldest_live_view() => {}
            None => {
                self.learner.keep_pending(vote, self.config.bugs);
                let voters = self.learner.pending_for(&block.hash);
                if self.config.policy.is_fast_quorum(&voters) {
                    self.want(block, voters, out);
                }
            }
        }
    }

    /// The oldest view in which votes for unknown blocks are still worth waiting for. Once a view is
    /// open, whatever was decided before lies below its tip; while one is being left, the last open
    /// one may still decide.
    pub(super) fn oldest_live_view(&self) -> View {
        let place = &self.acceptor;
        if place.open { place.view } else { place.previous.unwrap_or(place.view) }
    }

    /// Keeps the newest vote of each server; returns the one before.
    fn remember_latest(&mut self, vote: &Signed<Vote>) -> Option<Signed<Vote>> {
        let order = |vote: &Signed<Vote>| (vote.body.view, vote.body.block.height);
        let latest = &mut self.learner.latest[vote.signer.index()];
        match latest {
            Some(newer) if order(newer) >= order(vote) => latest.clone(),
            _ => latest.replace(vote.clone()),
        }
    }

    /// Adds a server to those who stand behind a block and its ancestors of the same view, and
    /// decides what that completes.
    ///
    /// # Cost
    /// Ends at the first ancestor that the server stands behind already, so each (server, block) pair
    /// is visited once.
    pub(super) fn count(
        &mut self,
        hash: BlockHash,
        sender: ServerIndex,
        word: Word,
        out: &mut Vec<Output>,
    ) {
        let policy = &self.config.policy;
        let (mut view, mut highest) = (None, None);
        let mut cursor = hash;
        let (bugs, servers) = (self.config.bugs, policy.server_count());
        let all = bugs.has(Bug::OtherViewCounted);
        while let Some(node) = self.tree.node_mut(&cursor) {
            if *view.get_or_insert(node.view()) != node.view() && !all {
                break;
            }
            let behind = match word {
                Word::Vote => &mut node.voters,
                Word::Commit => &mut node.committers,
            };
            if !behind.insert(sender) {
                if !bugs.has(Bug::ServerCountedTwice) {
                    break;
                }
                *behind = bugs.one_more(Bug::ServerCountedTwice, behind, servers);
            }
            let counted = || bugs.one_more(Bug::VotesOneShort, behind, servers);
            let is_enough = || match word {
                Word::Vote => policy.is_fast_quorum(&counted()),
                Word::Commit if bugs.has(Bug::KernelOfCommits) => policy.is_kernel(behind),
                Word::Commit => policy.is_quorum(behind),
            };
            if highest.is_none() && is_enough() {
                highest = Some(node.block);
            }
            cursor = node.header().parent;
        }
        let root = self.tree.root().block.height;
        if let Some(block) = highest.filter(|block: &BlockRef| block.height > root) {
            self.decide(block, word.path(), out);
        }
    }

    /// Puts a block into the tree and lets everything that waited for it go on.
    pub(super) fn add_block(&mut self, proposal: Signed<Proposal>, out: &mut Vec<Output>) {
        let block = proposal.body.block_ref();
        if self.tree.node(&block.hash).is_some() {
            return;
        }
        let wanted = self.wants.remove(&block.hash);
        if self.accuse_of_equivocation(&proposal, block, out) && wanted.is_none() {
            return;
        }
        if !self.tree.insert(block, proposal) {
            self.counters.dropped += 1;
            return;
        }
        self.change.stirred = true;
        if let Some(found) = wanted {
            self.want_on(block.hash, found, out);
        }
        self.count_waiting_votes(block.hash, out);
        self.ask(block.hash, out);
        self.retry_decision(out);
        self.retry_ahead(out);
    }

    /// Counts for a new block what was said about it and about its descendants before it came.
    fn count_waiting_votes(&mut self, hash: BlockHash, out: &mut Vec<Output>) {
        let Some(node) = self.tree.node(&hash) else { return };
        let (block, view) = (node.block, node.view());
        let mut voters = ServerSet::EMPTY;
        let mut committers = ServerSet::EMPTY;
        for child in self.tree.children(&hash).iter().filter_map(|child| self.tree.node(child)) {
            if child.view() == view {
                voters = voters.union(&child.voters);
                committers = committers.union(&child.committers);
            }
        }
        for sender in self.learner.pending_for(&hash).iter() {
            let vote = self.learner.pending[sender.index()].remove(&hash);
            let is_it = |vote: &Signed<Vote>| (vote.body.block, vote.body.view) == (block, view);
            let Some(vote) = vote.filter(is_it) else {
                continue;
            };
            self.keep_vote(vote, out);
            voters.insert(sender);
        }
        for pending in &mut self.learner.pending_commits {
            let is_it = |commit: &mut Signed<Commit>| {
                let known = &commit.body.certificate;
                (known.view, known.block) == (view, block)
            };
            if let Some(commit) = pending.take_if(is_it) {
                committers.insert(commit.signer);
                if let Some(node) = self.tree.node_mut(&hash) {
                    node.heard.commit(commit);
                }
            }
        }
        self.learner.forget_below(self.tree.root().block.height, self.oldest_live_view());
        for voter in voters.iter() {
            self.count(hash, voter, Word::Vote, out);
        }
        for committer in committers.iter() {
            self.count(hash, committer, Word::Commit, out);
        }
    }

    /// Decides a block and its undecided ancestors; fetches those that are missing first.
    pub(super) fn decide(&mut self, block: BlockRef, path: DecisionPath, out: &mut Vec<Output>) {
        match self.tree.lineage(block) {
            Lineage::Linked(chain) => {
                let testimony = self.testify(block, out);
                for hash in chain {
                    self.settle_node(hash, path, out);
                }
                self.support = testimony;
                self.after_decisions(out);
            }
            Lineage::Missing(ancestor) => {
                if self.learner.quorate.is_none_or(|(other, _)| other.height < block.height) {
                    self.learner.quorate = Some((block, path));
                }
                let sources = self.voters_of(&block.hash);
                self.want(ancestor, sources, out);
            }
            Lineage::Conflicting => {
                self.testify(block, out);
                let decided = self.tree.root().block;
                self.halt(Breach::Decisions { decided, conflicting: block }, out);
            }
        }
    }

    fn voters_of(&self, hash: &BlockHash) -> ServerSet {
        self.tree.node(hash).map_or(ServerSet::EMPTY, |node| node.voters.union(&node.committers))
    }

    fn retry_decision(&mut self, out: &mut Vec<Output>) {
        let Some((block, path)) = self.learner.quorate else { return };
        if block.height <= self.tree.root().block.height {
            self.learner.quorate = None;
        } else if !matches!(self.tree.lineage(block), Lineage::Missing(_)) {
            self.learner.quorate = None;
            self.decide(block, path, out);
        }
    }

    fn settle_node(&mut self, hash: BlockHash, path: DecisionPath, out: &mut Vec<Output>) {
        let Some(node) = self.tree.node(&hash) else { return };
        let decided = Decided {
            block: node.block,
            proposal: node.proposal.clone(),
            signature: Some(node.signature),
            path,
        };
        self.settle(decided, out);
    }

    fn settle(&mut self, decided: Decided, out: &mut Vec<Output>) {
        let (block, header) = (decided.block, decided.header());
        debug_assert_eq!(header.parent, self.tree.root().block.hash, "decided in chain order");
        let root = Root { block, view: header.view, timestamp_us: header.timestamp_us };
        self.follow_decision(block, header.parent, header.view);
        self.counters.count_decision(decided.path);
        self.tree.settle(root);
        out.push(Output::Decided(Box::new(decided)));
    }

    fn after_decisions(&mut self, out: &mut Vec<Output>) {
        let root = self.tree.root().block;
        if !self.config.bugs.has(Bug::PatienceNeverShrinks) {
            self.timer.progress(self.now.monotonic);
        }
        self.change.stirred = true;
        self.learner.forget_below(root.height, self.oldest_live_view());
        self.wants.forget_below(root.height);
        self.ask_children(root.hash, out);
        self.ask_postponed(out);
        if let Some(ahead) = self.ahead.take_if(|ahead| ahead.block.height <= root.height) {
            self.note_certified(ahead, out);
        }
    }

    /// Takes a certificate for a decided block: it bounds what has to be kept and reported.
    pub(super) fn note_certified(
        &mut self,
        certificate: Arc<CheckpointCertificate>,
        out: &mut Vec<Output>,
    ) {
        let (block, root) = (certificate.block, self.tree.root().block);
        if block.height <= self.certified_height() {
            return;
        }
        if block.height > root.height {
            self.note_ahead(certificate, out);
        } else if self.tree.decided_at(block.height).is_some_and(|hash| hash != block.hash) {
            let certificate = Arc::unwrap_or_clone(certificate);
            self.halt(Breach::Certificate { decided: root, certificate }, out);
        } else {
            self.tree.prune(block.height);
            self.write(Record::Certified(Arc::clone(&certificate)), out);
            self.certified = Some(certificate);
            self.forget_support();
        }
    }

    /// The alliance is ahead of this server: catch up by what is here, or ask for the rest.
    fn note_ahead(&mut self, certificate: Arc<CheckpointCertificate>, out: &mut Vec<Output>) {
        let known = self.ahead.as_ref().map(|ahead| ahead.block.height);
        if known.is_some_and(|height| height >= certificate.block.height)
            || self.config.bugs.has(Bug::CertificateIgnored)
        {
            return;
        }
        self.timer.progress(self.now.monotonic);
        self.ahead = Some(certificate);
        self.retry_ahead(out);
        if known.is_none() {
            self.say_behind(out);
        }
    }

    fn retry_ahead(&mut self, out: &mut Vec<Output>) {
        let Some(ahead) = &self.ahead else { return };
        match self.tree.lineage(ahead.block) {
            Lineage::Linked(_) => self.decide(ahead.block, DecisionPath::Certificate, out),
            Lineage::Missing(_) => {}
            Lineage::Conflicting => {
                let breach = Breach::Certificate {
                    decided: self.tree.root().block,
                    certificate: (**ahead).clone(),
                };
                self.halt(breach, out);
            }
        }
    }

    /// Takes blocks that lead to a certified one.
    pub(super) fn synced(
        &mut self,
        blocks: Vec<SyncedBlock>,
        certificate: Arc<CheckpointCertificate>,
        out: &mut Vec<Output>,
    ) {
        let before = self.tree.root().block;
        for synced in blocks {
            let SyncedBlock { header, batches } = synced;
            let proposal = Proposal::from(ProposalParts { header, batches, new_view: None });
            let block = proposal.block_ref();
            let root = self.tree.root().block;
            if block.height <= root.height {
                continue;
            }
            if proposal.header.parent != root.hash || block.height != root.height.next() {
                break;
            }
            let path = DecisionPath::Certificate;
            let signature = self.tree.node(&block.hash).map(|node| node.signature);
            self.settle(Decided { block, proposal, signature, path }, out);
        }
        if self.tree.root().block != before {
            self.after_decisions(out);
        }
        self.note_certified(certificate, out);
        self.say_behind(out);
    }
}
