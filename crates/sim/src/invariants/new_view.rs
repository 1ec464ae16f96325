//! Every block that could have been decided before a view is below the tip that the view starts from.
//!
//! "Could have been decided" is counted from the outside: whose votes or commits for the block, or
//! for its descendants in the same view, were ever sent, by whomever and whenever. Views start from
//! whatever a kernel's shares were combined for, whether anybody honest has heard of it or not. What
//! honest servers choose and endorse is held to the same, also where no view comes of it: selection
//! is sound.
//!
//! Source: docs/protocol.md#selection.

use super::quorums::Quorums;
use super::{Invariant, Kind};
use crate::observation::Observation;
use ally_consensus::{
    BlockHash, BlockHeader, BlockRef, Message, Micros, Proposal, Statement, View,
};
use ally_policy::{ServerIndex, ServerSet, TrustPolicy};
use ally_replica::PeerMessage;
use std::collections::{BTreeMap, BTreeSet};

/// Heights below the newest at which headers are forgotten in long runs, where no view can start.
const HEIGHTS_KEPT: u64 = 2048;

/// All headers, votes and commits that were sent, and the tips that views start from.
pub(super) struct NewViewSoundness {
    honest: ServerSet,
    quorums: Quorums,
    /// As they were proposed.
    headers: BTreeMap<BlockHash, Proposal>,
    heights: BTreeSet<(u64, BlockHash)>,
    /// By height first, so that what is said now lies together.
    votes: BTreeMap<BlockRef, ServerSet>,
    commits: BTreeMap<BlockRef, ServerSet>,
    tips: BTreeSet<(View, BlockRef)>,
    /// What honest leaders chose and honest servers endorsed, whether it opened a view or not.
    chosen: BTreeSet<(View, BlockRef)>,
}

impl NewViewSoundness {
    pub(super) fn new(policy: &TrustPolicy, honest: ServerSet) -> Self {
        Self {
            honest,
            quorums: Quorums::of(policy),
            headers: BTreeMap::new(),
            heights: BTreeSet::new(),
            votes: BTreeMap::new(),
            commits: BTreeMap::new(),
            tips: BTreeSet::new(),
            chosen: BTreeSet::new(),
        }
    }
}

impl Invariant for NewViewSoundness {
    fn looks_at(&self) -> &'static [Kind] {
        &[Kind::Said, Kind::Delivered, Kind::Combined]
    }

    fn see(&mut self, _: Micros, what: &Observation<'_>) -> Result<(), String> {
        match what {
            Observation::Said { server, message: PeerMessage::Consensus(signed) } => {
                self.said(*server, &signed.body);
            }
            // Not by what anybody says: a liar's block may claim any height.
            Observation::Delivered { block, .. } => self.forget(block.block.height.0),
            Observation::Combined { statement: Statement::NewView { view, tip } } => {
                self.tips.insert((*view, *tip));
            }
            _ => {}
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), String> {
        let votes = self.with_ancestors(&self.votes);
        let commits = self.with_ancestors(&self.commits);
        for (hash, proposal) in &self.headers {
            let header = &proposal.header;
            let fast = votes.get(hash).is_some_and(|set| self.quorums.votes_decide(set));
            let slow = commits.get(hash).is_some_and(|set| self.quorums.commits_decide(set));
            if !fast && !slow {
                continue;
            }
            let beside = |tips: &BTreeSet<(View, BlockRef)>| {
                let mut later = tips.iter().filter(|(view, _)| *view > header.view);
                later.find(|(_, tip)| !self.is_below(*hash, header, *tip)).copied()
            };
            let (height, view) = (header.height, header.view);
            if let Some((later, tip)) = beside(&self.tips) {
                return Err(format!(
                    "new view: height {height} of view {view} could have been decided, and view \
                     {later} starts from height {} beside it",
                    tip.height
                ));
            }
            if let Some((later, tip)) = beside(&self.chosen) {
                return Err(format!(
                    "selection: height {height} of view {view} could have been decided, and honest \
                     servers would start view {later} from height {} beside it",
                    tip.height
                ));
            }
        }
        Ok(())
    }
}

impl NewViewSoundness {
    fn said(&mut self, from: ServerIndex, message: &Message) {
        match message {
            Message::Proposal(proposal) => self.learn(proposal),
            // A liar may show one block to its own code, another to all others, and report the first.
            Message::Fetched(proposal) => self.learn(&proposal.body),
            Message::Vote(vote) => {
                self.votes.entry(vote.block).or_default().insert(from);
            }
            Message::Commit(commit) => {
                self.commits.entry(commit.certificate.block).or_default().insert(from);
            }
            Message::NewView(choice) if self.honest.contains(from) => {
                self.chosen.insert((choice.view, choice.tip));
            }
            Message::NewViewShare(share) if self.honest.contains(from) => {
                self.chosen.insert((share.view, share.tip));
            }
            _ => {}
        }
    }

    fn learn(&mut self, proposal: &Proposal) {
        let block = proposal.block_ref();
        self.headers.insert(block.hash, proposal.clone());
        self.heights.insert((block.height.0, block.hash));
    }

    fn header(&self, hash: &BlockHash) -> Option<&BlockHeader> {
        self.headers.get(hash).map(|proposal| &proposal.header)
    }

    fn forget(&mut self, newest: u64) {
        while let Some((height, hash)) = self.heights.first().copied()
            && height + HEIGHTS_KEPT < newest
        {
            self.heights.pop_first();
            self.headers.remove(&hash);
        }
        for sets in [&mut self.votes, &mut self.commits] {
            while let Some(lowest) = sets.first_entry()
                && lowest.key().height.0 + HEIGHTS_KEPT < newest
            {
                lowest.remove();
            }
        }
    }

    /// Each block's set together with those of its descendants in the same view.
    fn with_ancestors(
        &self,
        sets: &BTreeMap<BlockRef, ServerSet>,
    ) -> BTreeMap<BlockHash, ServerSet> {
        let mut total: BTreeMap<BlockHash, ServerSet> = BTreeMap::new();
        for (block, set) in sets {
            let view = self.header(&block.hash).map(|header| header.view);
            let mut at = block.hash;
            while let Some(header) = self.header(&at).filter(|h| Some(h.view) == view) {
                let known = total.entry(at).or_default();
                if set.is_subset(known) {
                    // So its ancestors have it too.
                    break;
                }
                *known = known.union(set);
                at = header.parent;
            }
        }
        total
    }

    fn is_below(&self, hash: BlockHash, header: &BlockHeader, tip: BlockRef) -> bool {
        let mut at = tip.hash;
        while at != hash {
            match self.header(&at) {
                Some(above) if above.height > header.height => at = above.parent,
                _ => return false,
            }
        }
        true
    }
}
