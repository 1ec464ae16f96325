//! What a person may want to know about agreement on this server.

use super::Engine;
use crate::{BlockRef, DecisionPath, Height, Micros, View};
use ally_policy::{ServerIndex, ServerSet};

/// Whether the server is in its view or on the way to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The view is open: blocks may be proposed and voted for.
    Open,
    /// The view before was left; the new one has no NV yet.
    Changing,
}

/// A picture of the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The view that the server is in or on the way to.
    pub view: View,
    /// Its leader.
    pub leader: ServerIndex,
    /// Which of both.
    pub phase: Phase,
    /// The last decided block.
    pub decided: BlockRef,
    /// The height of the last certified block that is decided here.
    pub certified: Height,
    /// How many blocks above the decided one are known in this view.
    pub undecided: u64,
    /// The newest vote of each server, in server order.
    pub votes: Vec<Option<(View, BlockRef)>>,
    /// Who is being waited for: servers without a report while the view changes, without a vote for
    /// the lowest undecided block of this view while one waits, and nobody while the server is idle.
    pub missing: ServerSet,
    /// How long this view may go without a decision, in microseconds.
    pub patience: Micros,
    /// Views that failed in a row.
    pub failed_views: u32,
}

/// How often things happened since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Blocks decided in two steps.
    pub decided_fast: u64,
    /// Blocks decided in three steps.
    pub decided_slow: u64,
    /// Blocks taken from certificates.
    pub decided_by_certificate: u64,
    /// Votes sent, repeated ones included.
    pub votes_sent: u64,
    /// Times that a vote began to wait for this server's clock: the leader's, or this one, is wrong.
    pub votes_withheld: u64,
    /// Times that patience ended.
    pub timeouts: u64,
    /// Views left, for whatever reason.
    pub views_left: u64,
    /// Blocks that broke a rule.
    pub invalid_blocks: u64,
    /// Messages and drafts dropped because a limit was reached or their time had passed.
    pub dropped: u64,
}

/// How much is held that peers determine, against the limits that bound it (docs/protocol.md#limits).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sizes {
    /// Blocks in the tree.
    pub blocks: usize,
    /// Votes for unknown blocks, of the server with the most.
    pub pending_votes: usize,
    /// Proposals for views that are not open, of the server with the most.
    pub future_proposals: usize,
    /// Blocks that are asked for.
    pub wanted_blocks: usize,
    /// Blocks that are asked for because of what one server said, of the server with the most.
    pub wanted_of_one: usize,
}

impl Counters {
    pub(super) fn count_decision(&mut self, path: DecisionPath) {
        match path {
            DecisionPath::Fast => self.decided_fast += 1,
            DecisionPath::Slow => self.decided_slow += 1,
            DecisionPath::Certificate => self.decided_by_certificate += 1,
        }
    }
}

impl Engine {
    /// A picture for people and monitors.
    pub fn status(&self) -> Status {
        let (view, decided) = (self.acceptor.view, self.tree.root().block);
        let latest = self.learner.latest.iter();
        Status {
            view,
            leader: self.config.rotation.leader(view),
            phase: if self.acceptor.open { Phase::Open } else { Phase::Changing },
            decided,
            certified: self.certified_height(),
            undecided: self.tree.highest(view).0.saturating_sub(decided.height.0),
            votes: latest.map(|vote| vote.as_ref().map(|v| (v.body.view, v.body.block))).collect(),
            missing: self.missing(),
            patience: self.timer.patience(),
            failed_views: self.timer.failures(),
        }
    }

    /// What happened since the start.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// How much is held.
    pub fn sizes(&self) -> Sizes {
        let pending = self.learner.pending.iter().map(std::collections::BTreeMap::len);
        let future = self.learner.future.iter().map(std::collections::BTreeMap::len);
        Sizes {
            blocks: self.tree.len(),
            pending_votes: pending.max().unwrap_or(0),
            future_proposals: future.max().unwrap_or(0),
            wanted_blocks: self.wants.len(),
            wanted_of_one: self.wants.most_taken(),
        }
    }

    fn missing(&self) -> ServerSet {
        let (view, root) = (self.acceptor.view, self.tree.root().block);
        if !self.acceptor.open {
            return self.everyone().difference(&self.change.reached(view));
        }
        let children = self.tree.children(&root.hash).iter();
        let lowest = children.filter_map(|hash| self.tree.node(hash)).find(|n| n.view() == view);
        lowest.map_or(ServerSet::EMPTY, |node| self.everyone().difference(&node.voters))
    }
}
