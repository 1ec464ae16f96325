//! Getting blocks that others have and this server lacks, and giving them to others.

use super::Engine;
use super::tree::Lineage;
use crate::{BlockHash, BlockRef, Bug, Height, Message, Output, Proposal, Recipients, Signed};
use ally_policy::{ServerIndex, ServerSet};
use std::collections::BTreeMap;

/// The most blocks that are asked for at once because of what one server said. Who speaks of blocks
/// that nobody has takes up its own places only.
pub(super) const WANTS_PER_SERVER_MAX: usize = 128;

/// A block that is asked for.
#[derive(Clone, Hash)]
struct Want {
    height: Height,
    sources: ServerSet,
    /// Who spoke of it, and whose place it takes.
    claimant: ServerIndex,
    /// Who was asked last.
    asked: ServerIndex,
}

/// Blocks that are asked for, each from one server at a time.
#[derive(Clone, Default, Hash)]
pub(super) struct Wants {
    blocks: BTreeMap<BlockHash, Want>,
    /// How many places each server takes; none stands for 0.
    taken: BTreeMap<ServerIndex, usize>,
}

/// A block that was asked for is here.
pub(super) struct Found {
    /// Who spoke of it.
    pub claimant: ServerIndex,
    /// Who was asked last, and so most likely gave it.
    pub asked: ServerIndex,
    /// Who was thought to have it.
    pub sources: ServerSet,
}

impl Wants {
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    pub fn len(&self) -> usize {
        self.blocks.len()
    }

    pub fn contains(&self, hash: &BlockHash) -> bool {
        self.blocks.contains_key(hash)
    }

    /// How many blocks are asked for because of what this server said.
    pub fn taken(&self, claimant: ServerIndex) -> usize {
        self.taken.get(&claimant).copied().unwrap_or(0)
    }

    /// Stops asking.
    pub fn remove(&mut self, hash: &BlockHash) -> Option<Found> {
        let Want { sources, claimant, asked, .. } = self.blocks.remove(hash)?;
        free(&mut self.taken, claimant);
        Some(Found { claimant, asked, sources })
    }

    pub fn forget_below(&mut self, decided: Height) {
        let taken = &mut self.taken;
        self.blocks.retain(|_, want| {
            let open = want.height > decided;
            if !open {
                free(taken, want.claimant);
            }
            open
        });
    }

    pub fn clear(&mut self) {
        self.blocks.clear();
        self.taken.clear();
    }

    /// The first of these, in turn after `me`, that has a place left.
    fn with_place(&self, claimants: &ServerSet, me: ServerIndex) -> Option<ServerIndex> {
        let (before, after): (Vec<_>, Vec<_>) = claimants.iter().partition(|other| *other <= me);
        let mut turn = after.into_iter().chain(before);
        turn.find(|claimant| self.taken(*claimant) < WANTS_PER_SERVER_MAX)
    }

    /// The most blocks that are asked for because of one server.
    pub fn most_taken(&self) -> usize {
        self.taken.values().copied().max().unwrap_or(0)
    }

    fn insert(&mut self, block: BlockRef, claimant: ServerIndex, sources: ServerSet) {
        *self.taken.entry(claimant).or_default() += 1;
        let want = Want { height: block.height, sources, claimant, asked: claimant };
        self.blocks.insert(block.hash, want);
    }
}

fn free(taken: &mut BTreeMap<ServerIndex, usize>, claimant: ServerIndex) {
    if let Some(count) = taken.get_mut(&claimant) {
        *count -= 1;
        if *count == 0 {
            taken.remove(&claimant);
        }
    }
}

/// The member of `sources` that follows `after`, in turn.
fn next_source(sources: &ServerSet, after: ServerIndex) -> Option<ServerIndex> {
    sources.iter().find(|source| *source > after).or_else(|| sources.iter().next())
}

impl Engine {
    /// Asks for a block above the root that is not known, from one of `sources`, who speak of it.
    pub(super) fn want(&mut self, block: BlockRef, sources: ServerSet, out: &mut Vec<Output>) {
        self.want_claimed(block, sources, sources, out);
    }

    /// As [`Engine::want`], where more may have the block than speak of it. `claimants` are asked
    /// first, and one of them must have a place left.
    fn want_claimed(
        &mut self,
        block: BlockRef,
        mut claimants: ServerSet,
        mut sources: ServerSet,
        out: &mut Vec<Output>,
    ) {
        claimants.remove(self.config.me);
        sources.remove(self.config.me);
        let settled = block.height <= self.tree.root().block.height;
        if settled || sources.is_empty() || self.tree.node(&block.hash).is_some() {
            return;
        }
        if let Some(want) = self.wants.blocks.get_mut(&block.hash) {
            want.sources = want.sources.union(&sources);
            return;
        }
        let unbounded = self.config.bugs.has(Bug::WantsUnbounded);
        let anybody = claimants.iter().next().filter(|_| unbounded);
        let claimant = self.wants.with_place(&claimants, self.config.me).or(anybody);
        let Some(claimant) = claimant else {
            self.counters.dropped += 1;
            return;
        };
        self.wants.insert(block, claimant, sources);
        let message = Message::Fetch(block.hash);
        out.push(Output::Send { to: Recipients::One(claimant), message });
    }

    /// As [`Engine::want_chain`]; asks `first` first, if it has a place left.
    pub(super) fn want_chain_of(
        &mut self,
        block: BlockRef,
        first: ServerIndex,
        sources: ServerSet,
        out: &mut Vec<Output>,
    ) {
        let Lineage::Missing(ancestor) = self.tree.lineage(block) else { return };
        let place = first != self.config.me && self.wants.taken(first) < WANTS_PER_SERVER_MAX;
        let claimants = if place { ServerSet::from_iter([first]) } else { sources };
        self.want_claimed(ancestor, claimants, sources.union(&claimants), out);
    }

    /// Asks for a block and whatever lies between it and the root, as far as it is not known.
    pub(super) fn want_chain(
        &mut self,
        block: BlockRef,
        sources: ServerSet,
        out: &mut Vec<Output>,
    ) {
        if let Lineage::Missing(ancestor) = self.tree.lineage(block) {
            self.want(ancestor, sources, out);
        }
    }

    /// Asks for what others speak of and this server has not seen: blocks with a kernel of votes, and
    /// the parents of blocks of the current view.
    pub(super) fn want_missing(&mut self, out: &mut Vec<Output>) {
        let known: BTreeMap<_, _> = self
            .learner
            .pending
            .iter()
            .flat_map(|votes| votes.values().map(|vote| (vote.body.block.hash, vote.body.block)))
            .collect();
        for block in known.into_values() {
            let voters = self.learner.pending_for(&block.hash);
            if self.config.policy.is_kernel(&voters) {
                self.want(block, voters, out);
            }
        }
        let view = self.acceptor.view;
        let leader = self.config.rotation.leader(view);
        for orphan in self.tree.orphans(view) {
            self.want_claimed(orphan, ServerSet::from_iter([leader]), self.everyone(), out);
        }
    }

    /// Asks the next source for each block that has not come.
    pub(super) fn repeat_wants(&mut self, out: &mut Vec<Output>) {
        for (hash, want) in &mut self.wants.blocks {
            if let Some(next) = next_source(&want.sources, want.asked) {
                want.asked = next;
                let message = Message::Fetch(*hash);
                out.push(Output::Send { to: Recipients::One(next), message });
            }
        }
    }

    /// Gives a block, with NV of its view, so that the asker can enter that view.
    pub(super) fn on_fetch(&self, from: ServerIndex, hash: BlockHash, out: &mut Vec<Output>) {
        if let Some(node) = self.tree.node(&hash) {
            let mut proposal = node.signed_proposal();
            if let Some(certificate) = self.acceptor.new_view_of(node.view()) {
                proposal.body = proposal.body.with_new_view(Some(certificate.clone()));
            }
            let message = Message::Fetched(proposal);
            out.push(Output::Send { to: Recipients::One(from), message });
        }
    }

    /// Takes a block that was asked for; one that was not is as good as its leader sending it.
    pub(super) fn on_fetched(&mut self, proposal: Signed<Proposal>, out: &mut Vec<Output>) {
        if let Some(certificate) = &proposal.body.new_view {
            self.enter(certificate.clone(), out);
        }
        if self.wants.contains(&proposal.body.block_ref().hash) {
            self.add_block(proposal, out);
        } else {
            self.on_proposal(proposal, out);
        }
    }

    /// A block that was asked for is here: asks for what it lacks below, and, where that was all that
    /// its claimant had places for, for the rest of the claimant's report.
    pub(super) fn want_on(&mut self, hash: BlockHash, found: Found, out: &mut Vec<Output>) {
        if let Some(block) = self.tree.node(&hash).map(|node| node.block) {
            self.want_chain_of(block, found.asked, found.sources, out);
        }
        if self.wants.taken(found.claimant) == 0 {
            self.want_reported(found.claimant, out);
        }
    }

    pub(super) fn everyone(&self) -> ServerSet {
        ServerSet::first(self.config.policy.server_count())
    }
}
