//! Coming back after a crash: the journal gives the acceptor as it was.
//!
//! A server that forgets what it said is a faulty server. So the journal is replayed as it stands,
//! and whatever does not fit is an error and not skipped.
//!
//! # Source
//! docs/protocol.md#durability

use super::Engine;
use super::acceptor::{Committed, SharedTip, Voted};
use super::tree::Root;
use crate::{
    Backing, BlockHeader, BlockRef, Bug, Bugs, CheckpointCertificate, Config, JournalPosition,
    Micros, NewViewCertificate, Proposal, Record, Signed, View,
};
use std::sync::Arc;
use thiserror::Error;

/// What the stores of blocks and certificates know, beside the journal.
#[derive(Debug, Clone, Default)]
pub struct Base {
    /// The last blocks that were decided and delivered, ascending and gap-free; none before the
    /// first. Only the last is needed; those since this server's last vote let it see that the last
    /// one extends that vote, so that it can go on voting in the same view.
    pub decided: Vec<BlockHeader>,
    /// The newest certificate for a block at or below it.
    pub certified: Option<Arc<CheckpointCertificate>>,
    /// The position of the last record in the journal; the next one gets the position after it.
    pub position: JournalPosition,
    /// The newest [`Testimony::Backing`](crate::Testimony) kept, if any is: it is passed on to those who
    /// missed what it made decided.
    pub backing: Option<Backing>,
}

impl Base {
    pub(super) fn root(&self, origin: BlockRef) -> Root {
        match self.decided.last() {
            None => Root { block: origin, view: View::ZERO, timestamp_us: Micros::ZERO },
            Some(header) => Root {
                block: header.block_ref(),
                view: header.view,
                timestamp_us: header.timestamp_us,
            },
        }
    }
}

/// Why a journal cannot be this server's. The disk, or whoever changed the files, is to blame; the
/// server must not take part with it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// A record is of another alliance or epoch.
    #[error("journal record {index} is of another alliance or epoch")]
    Foreign {
        /// Which record, from 0.
        index: usize,
    },
    /// A record goes back to a view that was left.
    #[error("journal record {index} is of view {found}, but view {reached} was reached before it")]
    WentBack {
        /// Which record, from 0.
        index: usize,
        /// Its view.
        found: View,
        /// The view reached before.
        reached: View,
    },
    /// A vote does not extend the vote before it, in the same view.
    #[error("journal record {index} votes for {block:?}, which does not extend the vote before it")]
    BrokenChain {
        /// Which record, from 0.
        index: usize,
        /// The block.
        block: BlockRef,
    },
}

impl Engine {
    /// A server that has run before.
    ///
    /// # Errors
    /// [`RestoreError`] if the records are not a journal that this engine wrote.
    ///
    /// # Panics
    /// As [`Engine::new`].
    pub fn restore(
        config: Config,
        base: Base,
        records: impl IntoIterator<Item = Record>,
    ) -> Result<Self, RestoreError> {
        let bugs = config.bugs;
        let mut engine = Self::empty(config, &base);
        engine.certified = base.certified.clone();
        for (index, record) in damaged(bugs, records).enumerate() {
            engine.restored = true;
            engine.replay(index, record)?;
        }
        engine.finish_restore(&base.decided, base.position);
        engine.restore_support(base.backing);
        Ok(engine)
    }

    fn replay(&mut self, index: usize, record: Record) -> Result<(), RestoreError> {
        match record {
            Record::Vote(proposal) => self.replay_vote(index, proposal)?,
            Record::Hold(proposal) => {
                self.replay_block(index, proposal)?;
            }
            Record::Voted { view, block } => {
                self.reach(index, view)?;
                self.replay_voted(view, block);
            }
            Record::Commit(certificate) => {
                self.reach(index, certificate.view)?;
                let new_view = self.acceptor.new_view.clone();
                let position = JournalPosition::ZERO;
                let commit = Committed { certificate, new_view, position };
                self.acceptor.learned = Some(commit.clone());
                self.acceptor.committed = Some(commit);
            }
            Record::Leave(_) if self.config.bugs.has(Bug::LeaveForgotten) => {}
            Record::Leave(view) => {
                self.reach(index, view)?;
                self.replay_leave(view);
            }
            Record::NewViewShare { view, tip } => {
                self.reach(index, view)?;
                let position = JournalPosition::ZERO;
                self.acceptor.share = Some(SharedTip { view, tip, position });
            }
            Record::Enter(certificate) => {
                self.reach(index, certificate.view)?;
                self.replay_enter(certificate);
            }
            Record::Certified(certificate) => {
                let known = self.certified.as_ref().map(|known| known.block.height);
                if known.is_none_or(|height| height < certificate.block.height) {
                    self.certified = Some(certificate);
                }
            }
        }
        Ok(())
    }

    /// A journal only ever goes to higher views.
    fn reach(&self, index: usize, found: View) -> Result<(), RestoreError> {
        let reached = self.acceptor.view;
        if found < reached {
            return Err(RestoreError::WentBack { index, found, reached });
        }
        Ok(())
    }

    fn replay_leave(&mut self, view: View) {
        if view > self.acceptor.view {
            self.acceptor.view = view;
            self.acceptor.open = false;
            self.acceptor.new_view = None;
        }
    }

    fn replay_enter(&mut self, certificate: NewViewCertificate) {
        if certificate.view == self.acceptor.view && self.acceptor.open {
            return;
        }
        self.acceptor.view = certificate.view;
        self.acceptor.open = true;
        self.acceptor.head = certificate.tip;
        self.acceptor.new_view = Some(certificate);
    }

    fn replay_block(
        &mut self,
        index: usize,
        proposal: Signed<Proposal>,
    ) -> Result<BlockRef, RestoreError> {
        let header = &proposal.body.header;
        let context = &self.config.context;
        if header.alliance != context.alliance || header.epoch != context.epoch {
            return Err(RestoreError::Foreign { index });
        }
        let block = proposal.body.block_ref();
        self.tree.insert(block, proposal);
        if let Some(node) = self.tree.node_mut(&block.hash) {
            node.journalled = true;
        }
        Ok(block)
    }

    fn replay_vote(
        &mut self,
        index: usize,
        proposal: Signed<Proposal>,
    ) -> Result<(), RestoreError> {
        let view = proposal.body.header.view;
        self.reach(index, view)?;
        let block = self.replay_block(index, proposal)?;
        let previous = self.acceptor.voted.as_ref().filter(|voted| voted.view == view);
        let extends = previous.is_none_or(|voted| self.leads_down_to(block, voted.block));
        if view != self.acceptor.view || !self.acceptor.open || !extends {
            return Err(RestoreError::BrokenChain { index, block });
        }
        self.replay_voted(view, block);
        Ok(())
    }

    /// Whether the records so far lead from `block` down to `below`, or to blocks that were certified
    /// and so were not journalled.
    fn leads_down_to(&self, block: BlockRef, below: BlockRef) -> bool {
        let lowest = self.tree.walk_down(block.hash, below.height).last();
        lowest.is_some_and(|node| {
            let parent = node.parent();
            parent == below || parent.height <= self.certified_height()
        })
    }

    fn replay_voted(&mut self, view: View, block: BlockRef) {
        let new_view = self.acceptor.new_view.clone();
        let position = JournalPosition::ZERO;
        self.acceptor.head = block;
        self.acceptor.voted = Some(Voted { view, block, new_view, position });
    }

    /// Everything replayed is durable, so what waits for it need not wait any more.
    fn finish_restore(&mut self, decided: &[BlockHeader], position: JournalPosition) {
        let root = self.tree.root().block;
        self.ahead = self.certified.take_if(|certificate| certificate.block.height > root.height);
        let decided: Vec<_> = decided.iter().map(BlockHeader::block_ref).collect();
        self.tree.regrow_trunk(&decided);
        self.acceptor.head = self.head_after(&decided);
        self.tree.prune(self.certified_height());
        self.leader.ready_after = position;
        self.acceptor.left_at = position;
    }

    /// Where the acceptor may go on: at the last decided block, if that is of its view and extends
    /// its last vote for all that is known.
    fn head_after(&self, decided: &[BlockRef]) -> BlockRef {
        let (place, root) = (&self.acceptor, self.tree.root());
        let ahead = place.open && root.view == place.view && root.block.height > place.head.height;
        let voted = place.voted.as_ref().filter(|voted| voted.view == place.view);
        let extends = voted.is_none_or(|voted| decided.contains(&voted.block));
        if ahead && extends { root.block } else { place.head }
    }

    /// The shortest journal that restores this engine: a store may write it and then drop what came
    /// before.
    ///
    /// # Cost
    /// One record per uncertified block held, and a few more.
    pub fn snapshot(&self) -> Vec<Record> {
        let place = &self.acceptor;
        let mut records = vec![Record::Leave(View::ZERO)];
        records.extend(self.certified.clone().map(Record::Certified));
        records.extend(self.tree.journalled().into_iter().map(Record::Hold));
        let mut spoken: Vec<(View, Option<&NewViewCertificate>)> = Vec::new();
        let voted = place.voted.as_ref().map(|voted| (voted.view, voted.new_view.as_ref()));
        let known = place.committed.as_ref();
        let known = known.map(|known| (known.certificate.view, known.new_view.as_ref()));
        spoken.extend(voted);
        spoken.extend(known.filter(|(view, _)| voted.is_none_or(|(other, _)| other != *view)));
        spoken.sort_by_key(|(view, _)| *view);
        for (view, new_view) in spoken {
            records.extend(new_view.cloned().map(Record::Enter));
            let voted = place.voted.as_ref().filter(|voted| voted.view == view);
            let voted = voted.filter(|_| !self.config.bugs.has(Bug::SnapshotWithoutVote));
            records.extend(voted.map(|voted| Record::Voted { view, block: voted.block }));
            self.snapshot_commit(view, &mut records);
        }
        if let Some(certificate) = place.new_view.clone() {
            records.push(Record::Enter(certificate));
        } else if !place.open {
            records.push(Record::Leave(place.view));
        }
        let share = place.share.filter(|share| share.view == place.view);
        records
            .extend(share.map(|share| Record::NewViewShare { view: share.view, tip: share.tip }));
        records
    }

    fn snapshot_commit(&self, view: View, records: &mut Vec<Record>) {
        let known = self.acceptor.committed.as_ref().filter(|known| known.certificate.view == view);
        records.extend(known.map(|known| Record::Commit(known.certificate.clone())));
    }
}

/// The records as they stand, unless a mistake changes them.
fn damaged(bugs: Bugs, records: impl IntoIterator<Item = Record>) -> std::vec::IntoIter<Record> {
    let mut records: Vec<_> = records.into_iter().collect();
    if bugs.has(Bug::LastRecordForgotten) {
        records.pop();
    }
    if bugs.has(Bug::ReplayedBackwards) {
        records.reverse();
    }
    records.into_iter()
}
