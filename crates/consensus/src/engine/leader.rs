//! Proposing: the leader of an open view puts payloads into blocks, one after the other.
//!
//! Invariant: a leader signs one block per height and view. It proposes in a view only once the
//! record that says it entered the view is durable, and never in a view that it may have led before
//! a restart; so it can send a block before its own disk knows of it.
//!
//! # Source
//! docs/protocol.md#common-case, step 1; docs/protocol.md#entering

use super::Engine;
use super::timer::Cause;
use super::tree::Payload;
use crate::{
    BlockHeader, BlockRef, Draft, JournalPosition, Message, Micros, Output, Proposal,
    ProposalParts, Recipients, Slot, payload_digest,
};

/// How many undecided blocks a leader sends again at once.
const REPEATED_BLOCKS_MAX: usize = 8;

/// Where a leader's chain ends.
#[derive(Clone, Hash)]
pub(super) struct Leader {
    /// The last block proposed, or the view's tip.
    head: BlockRef,
    timestamp_us: Micros,
    /// Whether `head` was set for the view that is open.
    begun: bool,
    /// The record that must be durable before anything is proposed.
    pub ready_after: JournalPosition,
}

impl Leader {
    pub fn new(head: BlockRef, timestamp_us: Micros) -> Self {
        Self { head, timestamp_us, begun: false, ready_after: JournalPosition::ZERO }
    }

    /// A view opened: its blocks extend the acceptor's head, not the last view's.
    pub fn begin_view(&mut self, ready_after: JournalPosition) {
        self.begun = false;
        self.ready_after = ready_after;
    }
}

impl Engine {
    pub(super) fn leader_slot(&self) -> Option<Slot> {
        let view = self.acceptor.view;
        if !self.acceptor.open || !self.leads(view) {
            return None;
        }
        let root = self.tree.root();
        let parent = self.leader_head();
        let known = parent.hash == root.block.hash
            || self.leader.begun
            || self.tree.node(&parent.hash).is_some_and(|node| node.payload == Payload::Valid);
        let height = parent.height.next();
        if !known || parent.height < root.block.height || height > self.height_limit() {
            return None;
        }
        let undecided = (parent.height.0 - root.block.height.0) as usize;
        let in_flight = if self.leader.begun { undecided } else { 0 };
        Some(Slot { view, parent, in_flight, pressing: undecided > in_flight })
    }

    /// The last block proposed in this view; before the first, where the acceptor stands. A decision
    /// can only be ahead of it where the leader's own proposals came back to it decided.
    fn leader_head(&self) -> BlockRef {
        if self.leader.begun { self.leader.head } else { self.acceptor.head }
    }

    /// Makes a block of a draft and sends it.
    pub(super) fn propose(&mut self, draft: Draft, out: &mut Vec<Output>) {
        let Some(slot) = self.leader_slot().filter(|slot| slot.parent == draft.parent) else {
            self.counters.dropped += 1;
            return;
        };
        let header = BlockHeader {
            alliance: self.config.context.alliance,
            epoch: self.config.context.epoch,
            height: slot.parent.height.next(),
            view: slot.view,
            parent: slot.parent.hash,
            payload_digest: payload_digest(&draft.batches),
            log_size: draft.log_size,
            log_root: draft.log_root,
            timestamp_us: self.now.unix.max(self.parent_time(slot.parent)),
        };
        let first = !std::mem::replace(&mut self.leader.begun, true);
        let new_view = self.acceptor.new_view.clone().filter(|_| first);
        let batches = draft.batches;
        let proposal = Proposal::from(ProposalParts { header, batches, new_view });
        self.leader.head = proposal.block_ref();
        self.leader.timestamp_us = proposal.header.timestamp_us;
        let message = Message::Proposal(proposal);
        let (after, to) = (self.leader.ready_after, Recipients::All);
        out.push(Output::SendDurable { after, to, message });
    }

    fn parent_time(&self, parent: BlockRef) -> Micros {
        let known = self.tree.parent(&parent.hash).map(|parent| parent.timestamp_us);
        if self.leader.begun { self.leader.timestamp_us } else { known.unwrap_or_default() }
    }

    /// Sends the lowest undecided blocks of this view again, each with NV.
    pub(super) fn repeat_proposals(&self, to: Recipients, out: &mut Vec<Output>) {
        let view = self.acceptor.view;
        if !self.acceptor.open || !self.leads(view) || !self.leader.begun {
            return;
        }
        let root = self.tree.root().block.height;
        let mut undecided: Vec<_> =
            self.tree.walk_down(self.leader.head.hash, root).filter(|n| n.view() == view).collect();
        undecided.reverse();
        for node in undecided.into_iter().take(REPEATED_BLOCKS_MAX) {
            let new_view = self.acceptor.new_view.clone();
            let message = Message::Proposal(node.proposal.with_new_view(new_view));
            out.push(Output::SendDurable { after: self.leader.ready_after, to, message });
        }
    }

    /// Gives up the view that this server leads or is about to lead.
    pub(super) fn abdicate(&mut self, out: &mut Vec<Output>) {
        if self.leads(self.acceptor.view) {
            self.leave(self.acceptor.view.next(), Cause::Abdication, out);
        }
    }
}
