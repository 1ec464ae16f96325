//! The slow path: where fast quorums are stronger than quorums, a quorum of votes makes a commit
//! certificate, and a quorum of commits decides.
//!
//! Invariant: this server commits only in the open view that it is in, upwards along one chain, which
//! starts where it entered the view, so that its report can show every commit; and it journals each
//! commit before it is sent.
//!
//! # Source
//! docs/protocol.md#slow-path

use super::Engine;
use super::acceptor::Committed;
use super::learner::Word;
use super::tree::Payload;
use crate::{
    BlockHash, BlockRef, Bug, Commit, CommitCertificate, JournalPosition, Message, Output,
    Recipients, Record, Signed, Statement, View, Vote,
};
use ally_policy::ServerSet;

impl Engine {
    /// Keeps a vote, and has the shares that came with votes combined once a quorum gave one.
    pub(super) fn keep_vote(&mut self, vote: Signed<Vote>, out: &mut Vec<Output>) {
        let (block, view) = (vote.body.block, vote.body.view);
        let Some(node) = self.tree.node_mut(&block.hash) else { return };
        if node.heard.vote(vote) && self.config.policy.has_slow_path() {
            self.combine_commit(block, view, out);
        }
    }

    /// Asks for the commit certificate of a block, if that could still help.
    ///
    /// One at a time: what becomes ready meanwhile is higher, and stands for what is below.
    fn combine_commit(&mut self, block: BlockRef, view: View, out: &mut Vec<Output>) {
        let useful = view == self.acceptor.view
            && self.acceptor.open
            && block.height > self.tree.root().block.height
            && self.highest_commit(view).is_none_or(|highest| block.height > highest.height);
        if !useful || self.change.combining_commit.is_some() {
            return;
        }
        let Some(node) = self.tree.node(&block.hash) else { return };
        let senders: ServerSet = node.shares().map(|(sender, _)| sender).collect();
        if self.config.policy.is_quorum(&senders) {
            let shares = node.shares().map(|(sender, share)| (sender, share.clone()));
            let statement = Statement::Commit { view, block };
            self.change.combining_commit = Some(statement);
            out.push(Output::Combine { statement, shares: shares.collect() });
        }
    }

    /// Takes the answer to [`Output::Combine`] for a commit certificate.
    pub(super) fn combined_commit(
        &mut self,
        view: View,
        block: BlockRef,
        result: Result<Vec<u8>, ServerSet>,
        out: &mut Vec<Output>,
    ) {
        if self.change.combining_commit != Some(Statement::Commit { view, block }) {
            return;
        }
        self.change.combining_commit = None;
        match result {
            Ok(signature) => self.learn_commit(CommitCertificate { view, block, signature }),
            Err(spoilers) => {
                if let Some(node) = self.tree.node_mut(&block.hash) {
                    let news = spoilers.difference(&node.spoilers);
                    node.spoilers = node.spoilers.union(&spoilers);
                    let bad = news.iter().filter_map(|sender| node.heard.vote_of(sender, node));
                    let bad: Vec<_> = bad.collect();
                    self.accuse_of_commit_shares(view, bad, out);
                }
            }
        }
        let highest = self.tree.walk_down(self.highest_voted(), self.tree.root().block.height);
        let candidates: Vec<_> = highest.map(|node| (node.block, node.view())).collect();
        for (block, view) in candidates {
            self.combine_commit(block, view, out);
        }
    }

    fn highest_voted(&self) -> BlockHash {
        self.acceptor.voted.as_ref().map_or(self.acceptor.head.hash, |voted| voted.block.hash)
    }

    /// Counts a commit, and takes over its certificate.
    pub(super) fn on_commit(&mut self, commit: Signed<Commit>, out: &mut Vec<Output>) {
        let sender = commit.signer;
        let CommitCertificate { view, block, .. } = commit.body.certificate;
        if !self.config.policy.has_slow_path() || block.height <= self.tree.root().block.height {
            return;
        }
        self.learn_commit(commit.body.certificate.clone());
        match self.tree.node_mut(&block.hash) {
            Some(node) if node.block == block && node.view() == view => {
                node.heard.commit(commit);
                self.count(block.hash, sender, Word::Commit, out);
            }
            Some(_) => {}
            // The certificate proves that a quorum voted for it: whoever committed can show it.
            None => {
                // The highest stands for those below it, in whatever order they come.
                let pending = &mut self.learner.pending_commits[sender.index()];
                let rank = |known: &Signed<Commit>| {
                    let known = &known.body.certificate;
                    (known.view, known.block.height)
                };
                if pending.as_ref().is_none_or(|known| rank(known) < (view, block.height)) {
                    *pending = Some(commit);
                }
                self.want(block, ServerSet::from_iter([sender]), out);
            }
        }
    }

    /// Keeps the highest commit certificate, if it is of the view that this server is in: of that
    /// view it can show the NV that a report needs.
    fn learn_commit(&mut self, certificate: CommitCertificate) {
        let place = &mut self.acceptor;
        let higher = place.learned.as_ref().is_none_or(|known| {
            let known = &known.certificate;
            (known.view, known.block.height) < (certificate.view, certificate.block.height)
        });
        if higher && place.open && certificate.view == place.view {
            let new_view = place.new_view.clone();
            let position = JournalPosition::ZERO;
            place.learned = Some(Committed { certificate, new_view, position });
        }
    }

    fn highest_commit(&self, view: View) -> Option<BlockRef> {
        let known = self.acceptor.learned.as_ref().map(|known| &known.certificate);
        known.filter(|certificate| certificate.view == view).map(|certificate| certificate.block)
    }

    /// Commits to the highest certificate of the view, once its block is held and undecided.
    pub(super) fn commit(&mut self, out: &mut Vec<Output>) {
        let place = &self.acceptor;
        let Some(known) = &place.learned else { return };
        let (view, block) = (known.certificate.view, known.certificate.block);
        let last = place.committed.as_ref().map(|known| known.certificate.block);
        let due = last != Some(block) && place.open && view == place.view;
        let held = self.tree.node(&block.hash).is_some_and(|node| {
            node.block == block && node.payload == Payload::Valid && !node.dead
        });
        if !due
            || !held
            || block.height <= self.tree.root().block.height
            || block.height > self.report_limit()
        {
            return;
        }
        // What leads to a block that it did not vote for, so that a report can show it.
        let Some(branch) = self.unjournalled(block.hash) else { return };
        self.hold_below(branch.first().map_or(block.hash, |lowest| lowest.hash), out);
        for block in branch {
            self.hold(block.hash, out);
        }
        let Some(known) = self.acceptor.learned.clone() else { return };
        // Before the record, so that whatever disk holds the commit holds this too.
        self.testify(block, out);
        let position = self.write(Record::Commit(known.certificate.clone()), out);
        self.acceptor.committed = Some(Committed { position, ..known });
        self.send_commit(Recipients::All, out);
    }

    /// Sends the last commit, again or for the first time.
    pub(super) fn send_commit(&mut self, to: Recipients, out: &mut Vec<Output>) {
        let Some(Committed { certificate, position, .. }) = &self.acceptor.committed else {
            return;
        };
        let message = Message::Commit(Commit { certificate: certificate.clone() });
        let after = self.durable_first(*position, Bug::CommitSentEarly);
        out.push(Output::SendDurable { after, to, message });
    }
}
