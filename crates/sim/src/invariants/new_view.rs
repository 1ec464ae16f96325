//! Every block that could have been decided before a view is below the tip that the view starts from.
//!
//! "Could have been decided" is counted from the outside: whose votes or commits for the block, or
//! for its descendants in the same view, were ever sent, by whomever and whenever.
//!
//! Source: docs/protocol.md#selection.

use crate::policy::Policy;
use ally_consensus::{BlockHash, BlockHeader, BlockRef, Message, Quorums, View};
use ally_policy::{ServerIndex, ServerSet};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// All headers, votes and commits that were sent, and the tips that honest servers went on from.
pub(super) struct NewViewSoundness {
    policy: Arc<Policy>,
    headers: BTreeMap<BlockHash, BlockHeader>,
    votes: BTreeMap<BlockHash, ServerSet>,
    commits: BTreeMap<BlockHash, ServerSet>,
    tips: BTreeSet<(View, BlockRef)>,
}

impl NewViewSoundness {
    pub(super) fn new(policy: Arc<Policy>) -> Self {
        Self {
            policy,
            headers: BTreeMap::new(),
            votes: BTreeMap::new(),
            commits: BTreeMap::new(),
            tips: BTreeSet::new(),
        }
    }

    pub(super) fn sent(&mut self, from: ServerIndex, message: &Message) {
        match message {
            Message::Proposal(proposal) => {
                self.headers.insert(proposal.header.hash(), proposal.header.clone());
            }
            Message::Vote(vote) => {
                self.votes.entry(vote.block.hash).or_default().insert(from);
            }
            Message::Commit(commit) => {
                self.commits.entry(commit.certificate.block.hash).or_default().insert(from);
            }
            _ => {}
        }
    }

    pub(super) fn entered(&mut self, view: View, tip: Option<BlockRef>) {
        self.tips.extend(tip.map(|tip| (view, tip)));
    }

    pub(super) fn finish(&self) -> Result<(), String> {
        let votes = self.with_ancestors(&self.votes);
        let commits = self.with_ancestors(&self.commits);
        for (hash, header) in &self.headers {
            let fast = votes.get(hash).is_some_and(|set| self.policy.is_fast_quorum(set));
            let slow = commits.get(hash).is_some_and(|set| self.policy.is_quorum(set));
            if !fast && !slow {
                continue;
            }
            for (view, tip) in &self.tips {
                if *view > header.view && !self.is_below(*hash, header, *tip) {
                    return Err(format!(
                        "new view: height {} of view {} could have been decided, and view {view} \
                         starts from height {} beside it",
                        header.height, header.view, tip.height
                    ));
                }
            }
        }
        Ok(())
    }

    /// Each block's set together with those of its descendants in the same view.
    fn with_ancestors(
        &self,
        sets: &BTreeMap<BlockHash, ServerSet>,
    ) -> BTreeMap<BlockHash, ServerSet> {
        let mut total: BTreeMap<BlockHash, ServerSet> = BTreeMap::new();
        for (hash, set) in sets {
            let view = self.headers.get(hash).map(|header| header.view);
            let mut at = *hash;
            while let Some(header) = self.headers.get(&at).filter(|h| Some(h.view) == view) {
                let known = total.entry(at).or_default();
                *known = known.union(set);
                at = header.parent;
            }
        }
        total
    }

    fn is_below(&self, hash: BlockHash, header: &BlockHeader, tip: BlockRef) -> bool {
        let mut at = tip.hash;
        while at != hash {
            match self.headers.get(&at) {
                Some(above) if above.height > header.height => at = above.parent,
                _ => return false,
            }
        }
        true
    }
}
