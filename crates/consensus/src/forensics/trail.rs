//! Where blame ends: certificates that took part, and that nothing explains.

use super::decisions::{Conflict, Side};
use super::findings::TrailEnd;
use super::pool::Pool;
use crate::{BlockRef, DecisionPath, View};
use ally_policy::ServerSet;
use std::collections::BTreeMap;

impl Pool<'_> {
    /// The certificates between the decisions of a conflict that nobody who is named stands behind.
    ///
    /// Follows the proof in docs/concepts/evidence.md#after-a-violation: each step of it that does
    /// not convict enough rests on one of these.
    pub(super) fn trail_ends(&self, conflict: &Conflict) -> Vec<TrailEnd> {
        let mut ends = Vec::new();
        for side in &conflict.sides {
            if side.path == DecisionPath::Certificate {
                ends.push(TrailEnd::Checkpoint { block: side.decided });
            }
            ends.extend(self.unexplained_tips(side));
            ends.extend(self.unexplained_quorums(side));
            ends.extend(self.unexplained_checkpoints(side, conflict));
        }
        let mut once: Vec<TrailEnd> = Vec::with_capacity(ends.len());
        for end in ends {
            if !once.contains(&end) {
                once.push(end);
            }
        }
        once
    }

    /// NVs of views above that of a decision that pass over the decided block, or of several in its
    /// own view; and no choice that says why.
    fn unexplained_tips(&self, side: &Side) -> Vec<TrailEnd> {
        let Some(decided_in) = side.view else { return Vec::new() };
        let passing = self.new_views.iter().filter(|(view, tip)| {
            let beside = *view == decided_in && self.tips_of(*view) > 1;
            let above = *view > decided_in && self.extends(*tip, side.decided) != Some(true);
            beside || above
        });
        let unexplained = passing.filter(|(view, tip)| !self.is_explained(*view, *tip));
        unexplained.map(|(view, tip)| TrailEnd::NewView { view: *view, tip: *tip }).collect()
    }

    fn tips_of(&self, view: View) -> usize {
        self.new_views.iter().filter(|(other, _)| *other == view).count()
    }

    /// Whether a choice gives this tip.
    fn is_explained(&self, view: View, tip: BlockRef) -> bool {
        let mut choices = self.choices.iter();
        choices.any(|choice| {
            choice.body.view == view && choice.body.tip == tip && self.is_right(choice)
        })
    }

    /// Commit certificates for what conflicts with a decision, without the votes of a quorum.
    fn unexplained_quorums(&self, side: &Side) -> Vec<TrailEnd> {
        let votes = self.votes.values().flat_map(BTreeMap::values);
        let behind =
            self.standing(votes.map(|vote| (vote.signer, vote.body.view, vote.body.block)));
        let voters_of = |quorum| behind.get(quorum).copied().unwrap_or(ServerSet::EMPTY);
        let conflicting = self.quorums.iter().filter(|(_, b)| self.conflict_with(*b, side.decided));
        let ends = conflicting.map(|quorum| {
            let (voters, (view, block)) = (voters_of(quorum), *quorum);
            (voters, TrailEnd::Commit { view, block, voters })
        });
        ends.filter(|(voters, _)| !self.law.policy.is_quorum(voters)).map(|(_, end)| end).collect()
    }

    /// Certificates for what conflicts with a decision, where no votes or commits decided it.
    fn unexplained_checkpoints(&self, side: &Side, conflict: &Conflict) -> Vec<TrailEnd> {
        let explains = |other: &Side, block| {
            other.view.is_some() && self.extends(block, other.block) == Some(true)
        };
        let conflicting = self.certified.iter().filter(|b| self.conflict_with(**b, side.decided));
        let unexplained = conflicting
            .filter(|block| !conflict.sides.iter().any(|other| explains(other, **block)));
        unexplained.map(|block| TrailEnd::Checkpoint { block: *block }).collect()
    }

    /// Whether two blocks are not known to be on one chain.
    fn conflict_with(&self, one: BlockRef, other: BlockRef) -> bool {
        self.extends(one, other) != Some(true) && self.extends(other, one) != Some(true)
    }
}
