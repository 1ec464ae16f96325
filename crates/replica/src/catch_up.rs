//! Catching up: headers from one peer at a time, up to a certificate.
//!
//! Headers link each to its parent, so one certificate at the end vouches for all of them. Until it
//! has come nothing of what a peer says is believed; a peer that leads nowhere costs one timeout and
//! a bounded amount of memory. The batches follow as for any decided block: by digest, from anybody.

use crate::io::{Recipients, When};
use crate::outbox::Outbox;
use crate::peers::Peers;
use crate::wire::{PeerMessage, SyncBlocks};
use ally_consensus::{BlockRef, CheckpointCertificate, Micros, SyncedBlock};
use ally_policy::{ServerIndex, ServerSet};
use std::sync::Arc;

/// The most blocks held of one peer's answers before a certificate has to vouch for them. Servers
/// keep a certificate for each 1024 blocks at least: acceptors vote for no more without one.
pub(crate) const RANGE_BLOCKS_MAX: usize = 4096;

/// The most answers without a certificate that make up a range: a peer that answers in drips is
/// left.
const UNCERTIFIED_ANSWERS_MAX: u32 = 64;

/// Blocks that a certificate vouches for, the first the child of the block asked for.
#[derive(Debug, PartialEq)]
pub(crate) struct Range {
    /// Ascending, gap-free.
    pub(crate) blocks: Vec<SyncedBlock>,
    /// For the last of them.
    pub(crate) certificate: CheckpointCertificate,
}

/// What is being fetched, and from whom.
#[derive(Debug)]
pub(crate) struct CatchUp {
    timeout: Micros,
    /// The certified height to reach; none while this server is not behind.
    target: Option<Arc<CheckpointCertificate>>,
    /// The last decided block when the question was asked.
    base: BlockRef,
    asked: Option<ServerIndex>,
    due: Micros,
    range: Vec<SyncedBlock>,
    answers: u32,
    turn: u64,
    liars: ServerSet,
}

impl CatchUp {
    /// Not behind. One peer has `timeout` to answer.
    pub(crate) fn new(me: ServerIndex, base: BlockRef, timeout: Micros) -> Self {
        Self {
            timeout,
            target: None,
            base,
            asked: None,
            due: Micros::ZERO,
            range: Vec::new(),
            answers: 0,
            // Servers that restart together do not all ask the same one.
            turn: u64::from(me.0) + 1,
            liars: ServerSet::EMPTY,
        }
    }

    /// Whether something is being fetched.
    pub(crate) fn is_active(&self) -> bool {
        self.target.is_some()
    }

    /// Servers whose blocks led nowhere, for status.
    pub(crate) fn liars(&self) -> ServerSet {
        self.liars
    }

    /// A certified block is out of reach.
    pub(crate) fn behind(
        &mut self,
        decided: BlockRef,
        certificate: Arc<CheckpointCertificate>,
        now: Micros,
        peers: &Peers,
        out: &mut Outbox,
    ) {
        let higher =
            |target: &Arc<CheckpointCertificate>| certificate.block.height > target.block.height;
        let idle = !self.is_active();
        if self.target.as_ref().is_none_or(higher) {
            self.target = Some(certificate);
        }
        if idle {
            self.base = decided;
            self.ask_next(now, peers, out);
        }
    }

    /// This server has decided up to here, however that came about.
    pub(crate) fn decided(&mut self, decided: BlockRef) {
        let reached = |target: &Arc<CheckpointCertificate>| target.block.height <= decided.height;
        if self.target.as_ref().is_some_and(reached) {
            self.target = None;
            self.asked = None;
            self.range.clear();
        }
    }

    /// A link came up or went down: a question that waits for a peer can be asked now, one that a
    /// lost peer will not answer can be asked of another.
    pub(crate) fn links_changed(&mut self, now: Micros, peers: &Peers) {
        if !self.asked.is_some_and(|peer| peers.is_connected(peer)) {
            self.due = self.due.min(now);
        }
    }

    /// The next time that [`CatchUp::poll`] is due.
    pub(crate) fn deadline(&self) -> Option<Micros> {
        self.is_active().then_some(self.due)
    }

    /// Turns to another peer if the one asked does not answer. `decided` is this server's last
    /// decided block.
    pub(crate) fn poll(&mut self, decided: BlockRef, now: Micros, peers: &Peers, out: &mut Outbox) {
        if self.is_active() && self.due <= now {
            self.base = decided;
            self.ask_next(now, peers, out);
        }
    }

    /// Blocks that link among themselves, their certificate checked. Gives a range once one vouches
    /// for it; the caller then asks for more by [`CatchUp::go_on`].
    pub(crate) fn answer(
        &mut self,
        from: ServerIndex,
        answer: SyncBlocks,
        now: Micros,
        out: &mut Outbox,
    ) -> Option<Range> {
        if self.asked != Some(from) || answer.blocks.is_empty() {
            return None;
        }
        let links = answer.blocks.first().is_some_and(|block| {
            let last = self.last();
            block.header.parent == last.hash && block.header.height == last.height.next()
        });
        self.answers += 1;
        let bounded = self.answers <= UNCERTIFIED_ANSWERS_MAX
            && self.range.len() + answer.blocks.len() <= RANGE_BLOCKS_MAX;
        if !(links && bounded) {
            // It may be ahead of an answer to an older question: no proof of a lie, but no use.
            self.liars.insert(from);
            self.asked = None;
            self.due = now;
            return None;
        }
        self.range.extend(answer.blocks);
        match answer.certificate {
            Some(certificate) => {
                let blocks = std::mem::take(&mut self.range);
                self.answers = 0;
                self.asked = None;
                self.liars.remove(from);
                Some(Range { blocks, certificate })
            }
            None => {
                self.ask(from, now, out);
                None
            }
        }
    }

    /// After a range was taken in: asks the same peer for what follows, if there is more to reach.
    pub(crate) fn go_on(
        &mut self,
        from: ServerIndex,
        decided: BlockRef,
        now: Micros,
        out: &mut Outbox,
    ) {
        self.decided(decided);
        if self.is_active() {
            self.base = decided;
            self.range.clear();
            self.ask(from, now, out);
        }
    }

    fn last(&self) -> BlockRef {
        self.range.last().map_or(self.base, |block| block.header.block_ref())
    }

    fn ask_next(&mut self, now: Micros, peers: &Peers, out: &mut Outbox) {
        self.range.clear();
        self.answers = 0;
        self.turn += 1;
        match peers.turn(self.turn) {
            Some(peer) => self.ask(peer, now, out),
            None => {
                self.asked = None;
                self.due = Micros(now.0.saturating_add(self.timeout.0));
            }
        }
    }

    fn ask(&mut self, peer: ServerIndex, now: Micros, out: &mut Outbox) {
        self.asked = Some(peer);
        self.due = Micros(now.0.saturating_add(self.timeout.0));
        let question = PeerMessage::SyncRequest(self.last().height);
        out.send(When::AtOnce, Recipients::One(peer), question);
    }
}

#[cfg(test)]
#[path = "catch_up_tests.rs"]
mod tests;
