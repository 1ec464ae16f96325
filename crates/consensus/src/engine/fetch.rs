//! Getting blocks that others have and this server lacks, and giving them to others.

use super::Engine;
use super::tree::Lineage;
use crate::{BlockHash, BlockRef, Height, Message, Output, Proposal, Recipients, Signed};
use ally_policy::{ServerIndex, ServerSet};
use std::collections::BTreeMap;

/// The most blocks that are asked for at once.
pub(super) const WANTS_MAX: usize = 4_096;

/// A block that is asked for.
struct Want {
    height: Height,
    sources: ServerSet,
    /// Who was asked last.
    asked: ServerIndex,
}

/// Blocks that are asked for, each from one server at a time.
#[derive(Default)]
pub(super) struct Wants {
    blocks: BTreeMap<BlockHash, Want>,
}

impl Wants {
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.blocks.len()
    }

    pub fn contains(&self, hash: &BlockHash) -> bool {
        self.blocks.contains_key(hash)
    }

    /// Stops asking; says who was thought to have it.
    pub fn remove(&mut self, hash: &BlockHash) -> Option<ServerSet> {
        self.blocks.remove(hash).map(|want| want.sources)
    }

    pub fn forget_below(&mut self, decided: Height) {
        self.blocks.retain(|_, want| want.height > decided);
    }

    pub fn clear(&mut self) {
        self.blocks.clear();
    }
}

/// The member of `sources` that follows `after`, in turn.
fn next_source(sources: &ServerSet, after: ServerIndex) -> Option<ServerIndex> {
    sources.iter().find(|source| *source > after).or_else(|| sources.iter().next())
}

impl Engine {
    /// Asks for a block above the root that is not known, from one of `sources`.
    pub(super) fn want(&mut self, block: BlockRef, sources: ServerSet, out: &mut Vec<Output>) {
        let mut sources = sources;
        sources.remove(self.config.me);
        let settled = block.height <= self.tree.root().block.height;
        if settled || sources.is_empty() || self.tree.node(&block.hash).is_some() {
            return;
        }
        if let Some(want) = self.wants.blocks.get_mut(&block.hash) {
            want.sources = want.sources.union(&sources);
            return;
        }
        let Some(asked) = next_source(&sources, self.config.me) else { return };
        if self.wants.blocks.len() >= WANTS_MAX {
            self.counters.dropped += 1;
            return;
        }
        let want = Want { height: block.height, sources, asked };
        self.wants.blocks.insert(block.hash, want);
        let message = Message::Fetch(block.hash);
        out.push(Output::Send { to: Recipients::One(asked), message });
    }

    /// Asks for the lowest missing ancestor of a block that is known.
    pub(super) fn want_parent(
        &mut self,
        hash: BlockHash,
        sources: ServerSet,
        out: &mut Vec<Output>,
    ) {
        let Some(node) = self.tree.node(&hash) else { return };
        if let Lineage::Missing(ancestor) = self.tree.lineage(node.block) {
            self.want(ancestor, sources, out);
        }
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
            .flat_map(|votes| votes.values().map(|vote| (vote.block.hash, vote.block)))
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
            let sources = ServerSet::from_iter([leader]).union(&self.everyone());
            self.want(orphan, sources, out);
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
                proposal.body.new_view = Some(certificate.clone());
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
        if self.wants.contains(&proposal.body.header.hash()) {
            self.add_block(proposal, out);
        } else {
            self.on_proposal(proposal, out);
        }
    }

    pub(super) fn everyone(&self) -> ServerSet {
        ServerSet::first(self.config.policy.server_count())
    }
}
