//! What is kept of what others have signed: who stood behind a block, and why a view starts where it
//! does.
//!
//! Nothing here decides anything, and nothing waits for it: it is written beside what is written
//! anyway. See [`crate::Pool`] for what it is good for.

use super::Engine;
use super::tree::Node;
use crate::forensics::BACKING_HEADERS_MAX;
use crate::{
    Backing, BlockRef, Commit, CommitCertificate, Output, Signed, SignedHeader, Testimony, Vote,
};
use ally_policy::{ServerIndex, ServerSet};
use std::collections::{BTreeMap, VecDeque};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// Votes that room is set aside for at once: those of a small alliance.
const VOTES_ROOM: usize = 8;

/// What servers said for one very block, as far as its signature goes.
#[derive(Clone, Default)]
pub(crate) struct Heard {
    /// By ascending server.
    votes: Vec<(ServerIndex, GivenVote)>,
    commits: BTreeMap<ServerIndex, (CommitCertificate, [u8; 64])>,
}

/// A vote without what the block says itself.
#[derive(Clone)]
struct GivenVote {
    share: Option<Vec<u8>>,
    signature: [u8; 64],
}

/// What the engine will say depends on shares of commit certificates only: signatures are kept to be
/// shown.
impl Hash for Heard {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for (server, share) in self.shares() {
            (server, share).hash(state);
        }
    }
}

impl Heard {
    /// Keeps a server's first vote for the block; whether it is the first.
    pub fn vote(&mut self, vote: Signed<Vote>) -> bool {
        let Signed { signer, signature, body } = vote;
        match self.place_of(signer) {
            Ok(_) => false,
            Err(place) => {
                let given = GivenVote { share: body.share, signature };
                if self.votes.is_empty() {
                    self.votes.reserve(VOTES_ROOM);
                }
                self.votes.insert(place, (signer, given));
                true
            }
        }
    }

    /// Where a server's vote is, or where it would go.
    fn place_of(&self, server: ServerIndex) -> Result<usize, usize> {
        self.votes.binary_search_by_key(&server, |(voter, _)| *voter)
    }

    /// Keeps a server's commit to the block.
    pub fn commit(&mut self, commit: Signed<Commit>) {
        let Signed { signer, signature, body } = commit;
        self.commits.entry(signer).or_insert((body.certificate, signature));
    }

    /// The shares of the commit certificate that came with votes.
    pub fn shares(&self) -> impl Iterator<Item = (ServerIndex, &Vec<u8>)> {
        self.votes.iter().filter_map(|(server, vote)| Some((*server, vote.share.as_ref()?)))
    }

    /// A server's vote for this block.
    pub fn vote_of(&self, server: ServerIndex, node: &Node) -> Option<Signed<Vote>> {
        let (_, GivenVote { share, signature }) = self.votes[self.place_of(server).ok()?].clone();
        let body = Vote { view: node.view(), block: node.block, share };
        Some(Signed { signer: server, signature, body })
    }

    fn commit_of(&self, server: ServerIndex) -> Option<Signed<Commit>> {
        let (certificate, signature) = self.commits.get(&server)?.clone();
        Some(Signed { signer: server, signature, body: Commit { certificate } })
    }
}

impl Engine {
    /// Gives out who stands behind a block of the tree, and returns it.
    ///
    /// # Cost
    /// One step for each block from the last decided one up to it, and for each descendant that votes
    /// for it are for.
    pub(super) fn testify(&self, block: BlockRef, out: &mut Vec<Output>) -> Option<Arc<Testimony>> {
        let testimony = Arc::new(Testimony::Backing(self.backing(block)?));
        out.push(Output::Testimony(Arc::clone(&testimony)));
        Some(testimony)
    }

    fn backing(&self, block: BlockRef) -> Option<Backing> {
        let node = self.tree.node(&block.hash)?;
        let root = self.tree.root().block.height;
        let below = self.tree.walk_down(block.hash, root).skip(1).map(Node::signed_header);
        // Most often one: that of the block itself.
        let mut headers: Vec<SignedHeader> = Vec::with_capacity(1);
        headers.extend(below.take(BACKING_HEADERS_MAX / 2));
        headers.reverse();
        let (mut votes, mut commits) = (Vec::with_capacity(node.voters.len()), Vec::new());
        let (mut voters, mut committers) = (ServerSet::EMPTY, ServerSet::EMPTY);
        let mut open = VecDeque::from([node]);
        while let Some(next) = open.pop_front().filter(|_| headers.len() < BACKING_HEADERS_MAX) {
            headers.push(next.signed_header());
            for server in node.voters.difference(&voters).iter() {
                let vote = next.heard.vote_of(server, next);
                votes.extend(vote.filter(|_| voters.insert(server)));
            }
            for server in node.committers.difference(&committers).iter() {
                let commit = next.heard.commit_of(server);
                commits.extend(commit.filter(|_| committers.insert(server)));
            }
            if voters == node.voters && committers == node.committers {
                break;
            }
            let children = self.tree.children(&next.block.hash).iter();
            let children = children.filter_map(|child| self.tree.node(child));
            open.extend(children.filter(|child| child.view() == node.view()));
        }
        let new_view = self.acceptor.new_view_of(node.view()).cloned();
        votes.sort_unstable_by_key(|vote| vote.signer);
        commits.sort_unstable_by_key(|commit| commit.signer);
        Some(Backing { new_view, headers, votes, commits })
    }
}
