//! Floods up to the limits: messages that are well formed and good for nothing, each of a kind that
//! a server has to remember or to answer.

use super::{Coalition, Lie};
use ally_consensus::{BlockHash, Digest, Height, Message, Sequence, Signed};
use ally_policy::ServerIndex;
use ally_replica::{
    Batch, BatchId, FETCH_BATCHES_MAX, PeerMessage, SignedBatch, batch_signing_bytes,
};
use bytes::Bytes;

/// Messages of one burst.
const BURST: u64 = 24;
/// Bursts of a whole run: more would show nothing new, and take long.
const BURSTS_MAX: u64 = 24;

impl Coalition {
    /// A burst from a member to one server, now and then.
    pub(super) fn flood(&mut self, member: ServerIndex) -> Vec<Lie> {
        if self.treachery.flood == 0
            || self.bursts >= BURSTS_MAX
            || !self.draw.permille(self.treachery.flood)
        {
            return Vec::new();
        }
        let to = self.others(member);
        let Some(to) = self.draw.pick(&to).copied() else { return Vec::new() };
        self.bursts += 1;
        self.tally.count("liar: flood");
        let kind = self.draw.below(6);
        (0..BURST).map(|_| Lie { from: member, to, message: self.junk(member, kind) }).collect()
    }

    fn junk(&mut self, member: ServerIndex, kind: u64) -> PeerMessage {
        match kind {
            0 => self.junk_vote(member),
            1 => self.far_batch(member),
            2 => PeerMessage::FetchBatches(
                (0..FETCH_BATCHES_MAX as u64).map(|number| self.some_batch(number)).collect(),
            ),
            3 => PeerMessage::SyncRequest(Height(self.draw.below(64))),
            4 => self.future_proposal(member),
            _ => {
                let hash = self.memory.any(&mut self.draw).unwrap_or(BlockHash([3; 32]));
                let body = Message::Fetch(hash);
                PeerMessage::Consensus(Signed { signer: member, signature: [0; 64], body })
            }
        }
    }

    /// A batch that will not be due for long.
    fn far_batch(&mut self, member: ServerIndex) -> PeerMessage {
        let sequence = Sequence(self.draw.below(1 << 16));
        let command = Bytes::from(vec![0; self.draw.below(256) as usize]);
        self.own_batch(member, sequence, &[command])
    }

    /// A batch of ours with these commands.
    pub(super) fn own_batch(
        &self,
        member: ServerIndex,
        sequence: Sequence,
        commands: &[Bytes],
    ) -> PeerMessage {
        PeerMessage::Batch(self.signed_batch(member, sequence, commands))
    }

    fn signed_batch(
        &self,
        member: ServerIndex,
        sequence: Sequence,
        commands: &[Bytes],
    ) -> SignedBatch {
        let batch = Batch::new(member, sequence, commands).expect("a small batch");
        let bytes = batch_signing_bytes(&self.context, &batch.reference());
        let signature = self.signer.sign(member, &bytes);
        SignedBatch { signature, batch }
    }

    /// A batch of a member that is due after many others.
    pub(super) fn early_batch(&mut self, member: ServerIndex) -> SignedBatch {
        let next = self.ledger.newest_of(member).map_or(0, |newest| newest.0);
        let sequence = Sequence(next + self.draw.between(2, 9));
        self.signed_batch(member, sequence, &[Bytes::from_static(b"early")])
    }

    fn some_batch(&mut self, number: u64) -> BatchId {
        let origin = ServerIndex(self.draw.below(self.all.len() as u64) as u16);
        BatchId { origin, sequence: Sequence(number), digest: Digest([number as u8; 32]) }
    }

    /// A proposal of a view that this member leads later.
    fn future_proposal(&mut self, member: ServerIndex) -> PeerMessage {
        let seen = self.memory.any(&mut self.draw);
        let seen = seen.and_then(|hash| self.memory.proposal(&hash)).cloned();
        let Some(seen) = seen else { return self.junk_vote(member) };
        let mut proposal = (*seen.body).clone();
        let (view, height) = (&mut proposal.header.view.0, &mut proposal.header.height.0);
        // What was seen may be another liar's.
        *view = self.left.0.saturating_add(self.draw.below(64));
        *height = height.saturating_add(self.draw.below(64));
        PeerMessage::Consensus(self.signed(member, Message::Proposal(proposal.into())))
    }
}
