//! Which blocks are decided, by what was brought; and where that contradicts itself.

use super::pool::Pool;
use crate::{BlockHash, BlockRef, DecisionPath, Height, View};
use ally_policy::{ServerIndex, ServerSet};
use std::collections::{BTreeMap, BTreeSet};

/// Two or more blocks of one height that are all decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// The lowest height at which it shows.
    pub height: Height,
    /// The blocks, at least two, by the view that decided them.
    pub sides: Vec<Side>,
}

/// One of several blocks of a height that are decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Side {
    /// The block.
    pub block: BlockRef,
    /// Itself, or the descendant that was decided and this one with it: of the lowest view, and in
    /// it the lowest.
    pub decided: BlockRef,
    /// The view in which; none if only a certificate says so.
    pub view: Option<View>,
    /// How.
    pub path: DecisionPath,
    /// Whose votes or commits decided it, as far as they were brought.
    pub by: ServerSet,
}

/// A block that is decided by what was brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Decision {
    block: BlockRef,
    view: Option<View>,
    path: DecisionPath,
    by: ServerSet,
}

impl Pool<'_> {
    /// All blocks that have their votes, commits, or a certificate.
    pub(super) fn decided(&self) -> Vec<Decision> {
        let policy = self.law.policy;
        let votes = self.votes.values().flat_map(BTreeMap::values);
        let votes = votes.map(|vote| (vote.signer, vote.body.view, vote.body.block));
        let voted = self.standing(votes).into_iter();
        let voted = voted.filter(|(_, by)| policy.is_fast_quorum(by));
        let commits = self
            .commits
            .iter()
            .flat_map(|(signer, said)| said.keys().map(|(view, block)| (*signer, *view, *block)));
        let committed = self.standing(commits).into_iter();
        let slow = policy.has_slow_path();
        let committed = committed.filter(|(_, by)| slow && policy.is_quorum(by));
        let by_quorums = voted
            .map(|found| (found, DecisionPath::Fast))
            .chain(committed.map(|found| (found, DecisionPath::Slow)));
        let mut decided: Vec<_> = by_quorums
            .map(|(((view, block), by), path)| Decision { block, view: Some(view), path, by })
            .collect();
        decided.extend(self.certified.iter().map(|block| Decision {
            block: *block,
            view: None,
            path: DecisionPath::Certificate,
            by: ServerSet::EMPTY,
        }));
        decided
    }

    /// Who stands behind which block of which view: for a block and its ancestors of the view.
    pub(super) fn standing(
        &self,
        said: impl Iterator<Item = (ServerIndex, View, BlockRef)>,
    ) -> BTreeMap<(View, BlockRef), ServerSet> {
        let mut behind: BTreeMap<(View, BlockRef), ServerSet> = BTreeMap::new();
        for (server, view, block) in said {
            if self.view_of(block).is_some_and(|other| other != view) {
                continue;
            }
            let mut at = Some(block);
            while let Some(block) = at
                && behind.entry((view, block)).or_insert(ServerSet::EMPTY).insert(server)
            {
                at = self.parent(block).filter(|parent| self.view_of(*parent) == Some(view));
            }
        }
        behind
    }

    fn view_of(&self, block: BlockRef) -> Option<View> {
        self.headers.get(&block.hash).map(|known| known.header.view)
    }

    /// The lowest height with two decided blocks.
    pub(super) fn conflict(&self, decided: &[Decision]) -> Option<Conflict> {
        let mut heights: BTreeMap<Height, BTreeSet<BlockHash>> = BTreeMap::new();
        for decision in decided {
            for block in self.down(decision.block) {
                if !heights.entry(block.height).or_default().insert(block.hash) {
                    break;
                }
            }
        }
        let (height, blocks) = heights.into_iter().find(|(_, blocks)| blocks.len() > 1)?;
        let sides = blocks.into_iter().filter_map(|hash| {
            let block = BlockRef { height, hash };
            let on_it = decided.iter().filter(|d| self.extends(d.block, block) == Some(true));
            let first = on_it.min_by_key(|d| (d.view.is_none(), d.view, d.block))?;
            let Decision { block: decided, view, path, by } = *first;
            Some(Side { block, decided, view, path, by })
        });
        let mut sides: Vec<_> = sides.collect();
        sides.sort_by_key(|side| (side.view.is_none(), side.view, side.block));
        Some(Conflict { height, sides })
    }
}
