//! What only the checks on arrival refuse: signatures that are not those of whom a message names,
//! certificates that nobody signed or that were made under another epoch or policy, and things that
//! do not belong together.

use super::{Coalition, Lie};
use ally_codec::Encode;
use ally_consensus::{
    BlockHash, BlockRef, CheckpointCertificate, Commit, CommitCertificate, Context, Epoch,
    Equivocation, Message, NewViewCertificate, PolicyDigest, Proposal, Signed, SignedHeader,
    Statement, Support, View, Vote, signing_bytes,
};
use ally_policy::ServerIndex;
use ally_replica::{Batch, CERTIFY_SHARE_KIND, CertifyShare, PeerMessage, SignedBatch};
use bytes::Bytes;
use std::sync::Arc;

/// A signature that is nobody's.
pub(super) const FORGED: [u8; 64] = [7; 64];

impl Coalition {
    /// A counterfeit from a member, now and then.
    pub(super) fn counterfeit(&mut self, member: ServerIndex) -> Vec<Lie> {
        let often = self.treachery.counterfeit;
        if often == 0 || !self.draw.permille(often) {
            return Vec::new();
        }
        let Some(message) = self.some_counterfeit(member) else { return Vec::new() };
        self.tally.count("liar: counterfeit");
        let others = self.others(member);
        let one = self.draw.pick(&others).copied();
        let to = if self.draw.percent(50) { others } else { one.into_iter().collect() };
        super::to_each(member, &to, &message)
    }

    fn some_counterfeit(&mut self, member: ServerIndex) -> Option<PeerMessage> {
        match self.draw.below(10) {
            0 | 9 => self.false_new_view(member),
            1 => self.false_commit(member),
            2 => self.false_checkpoint(),
            3 => self.batch_of_another(member),
            4 => self.in_anothers_name(member),
            5 => self.false_equivocation(member),
            6 => self.block_of_another(member),
            7 => self.block_with_another_payload(member),
            _ => self.share_of_something_else(member),
        }
    }

    /// A certificate on a statement that nobody signed in this epoch under this policy.
    fn false_certificate(&mut self, statement: &Statement) -> Vec<u8> {
        match self.draw.below(3) {
            0 => FORGED[..16].to_vec(),
            1 => self.signer.foreign_certificate(&self.next_epoch(), statement),
            _ => {
                let context = Context { policy: PolicyDigest([0; 32]), ..self.context };
                self.signer.foreign_certificate(&context, statement)
            }
        }
    }

    fn next_epoch(&self) -> Context {
        Context { epoch: Epoch(self.context.epoch.0 + 1), ..self.context }
    }

    /// A block that was seen, or the one before the first.
    fn block_or_genesis(&mut self) -> BlockRef {
        let genesis = BlockRef::genesis(self.context.alliance, self.context.epoch);
        match self.draw.percent(30) {
            true => genesis,
            false => self.memory.any_block(&mut self.draw).unwrap_or(genesis),
        }
    }

    fn false_new_view(&mut self, member: ServerIndex) -> Option<PeerMessage> {
        let view = View(self.left.0 + self.draw.between(1, 2));
        let tip = self.block_or_genesis();
        let signature = self.false_certificate(&Statement::NewView { view, tip });
        let certificate = NewViewCertificate { view, tip, signature };
        Some(self.unsigned(member, Message::EnterView(certificate)))
    }

    fn false_commit(&mut self, member: ServerIndex) -> Option<PeerMessage> {
        let seen = self.some_proposal()?;
        let (view, block) = (seen.body.header.view, seen.body.block_ref());
        let signature = self.false_certificate(&Statement::Commit { view, block });
        let certificate = CommitCertificate { view, block, signature };
        Some(PeerMessage::Consensus(self.signed(member, Message::Commit(Commit { certificate }))))
    }

    fn false_checkpoint(&mut self) -> Option<PeerMessage> {
        let proposal = self.some_proposal()?.body;
        let (block, header) = (proposal.block_ref(), &proposal.header);
        let mut log_size = header.log_size;
        log_size += self.draw.below(2);
        let checkpoint = self.checkpoint(block, log_size, header.log_root, self.next_epoch());
        let signature = match self.draw.percent(50) {
            true => FORGED[..16].to_vec(),
            false => self.signer.foreign_checkpoint(&checkpoint),
        };
        let log_root = header.log_root;
        let certificate = CheckpointCertificate { block, log_size, log_root, signature };
        Some(PeerMessage::Certificate(Arc::new(certificate)))
    }

    /// A batch that names another server as its origin.
    fn batch_of_another(&mut self, member: ServerIndex) -> Option<PeerMessage> {
        let others = self.others(member);
        let origin = *self.draw.pick(&others)?;
        let sequence = self.ledger.newest_of(origin)?;
        let command = Bytes::from_static(b"never submitted");
        let batch = Batch::new(origin, sequence, &[command]).ok()?;
        Some(PeerMessage::Batch(SignedBatch { signature: FORGED, batch }))
    }

    /// What needs no signature, and is wrong, in the name of another server.
    fn in_anothers_name(&mut self, member: ServerIndex) -> Option<PeerMessage> {
        let others = self.others(member);
        let named = *self.draw.pick(&others)?;
        self.false_new_view(named)
    }

    /// A block and its child, as proof that their leader equivocated.
    fn false_equivocation(&mut self, member: ServerIndex) -> Option<PeerMessage> {
        let second = self.some_proposal()?;
        let first = self.memory.proposal(&second.body.header.parent)?.clone();
        let [first, second] = [first, second].map(header_of);
        let proof = Equivocation { first, second };
        Some(self.unsigned(member, Message::Equivocation(Box::new(proof))))
    }

    /// A block that its leader has not signed, or the support of one by servers that have not signed.
    fn block_of_another(&mut self, member: ServerIndex) -> Option<PeerMessage> {
        let mut seen = self.some_proposal()?;
        let (view, block) = (seen.body.header.view, seen.body.block_ref());
        if block.height.0 % 2 == 1 {
            return Some(self.false_support(member, view, block));
        }
        let mut parts = (*seen.body).clone();
        parts.header.timestamp_us.0 += 1;
        seen.body = parts.into();
        Some(self.unsigned(member, Message::Fetched(seen)))
    }

    /// Votes for a block in the names of all the others.
    fn false_support(&self, member: ServerIndex, view: View, block: BlockRef) -> PeerMessage {
        let share = self.policy.has_slow_path().then(|| FORGED[..16].to_vec());
        let body = Vote { view, block, share };
        let vote = |signer| Signed { signer, signature: FORGED, body: body.clone() };
        let votes = self.others(member).into_iter().map(vote).collect();
        let support = Support { votes, commits: Vec::new() };
        self.unsigned(member, Message::Support(Box::new(support)))
    }

    /// A block with other batches than those that its leader named.
    fn block_with_another_payload(&mut self, member: ServerIndex) -> Option<PeerMessage> {
        let mut seen = self.some_proposal()?;
        let mut parts = (*seen.body).clone();
        parts.batches = parts.batches.iter().skip(1).copied().collect();
        seen.body = parts.into();
        Some(self.unsigned(member, Message::Fetched(seen)))
    }

    /// A share of the alliance key, given in another epoch, or on another log.
    fn share_of_something_else(&mut self, member: ServerIndex) -> Option<PeerMessage> {
        let proposal = self.some_proposal()?.body;
        let (block, header) = (proposal.block_ref(), &proposal.header);
        let log_root = header.log_root;
        let (context, log_size) = match self.draw.percent(50) {
            true => (self.next_epoch(), header.log_size),
            false => (self.context, header.log_size + 1),
        };
        let checkpoint = self.checkpoint(block, log_size, log_root, context);
        let share = self.signer.certify_share(member, &checkpoint);
        let body = CertifyShare { block, log_size, log_root, share };
        let bytes = signing_bytes(&context, CERTIFY_SHARE_KIND, &body.to_bytes());
        let signature = self.signer.sign(member, &bytes);
        Some(PeerMessage::CertifyShare(Signed { signer: member, signature, body }))
    }

    fn unsigned(&self, signer: ServerIndex, body: Message) -> PeerMessage {
        PeerMessage::Consensus(Signed { signer, signature: [0; 64], body })
    }

    /// A proposal that was seen.
    pub(super) fn some_proposal(&mut self) -> Option<Signed<Proposal>> {
        let hash: BlockHash = self.memory.any(&mut self.draw)?;
        self.memory.proposal(&hash).cloned()
    }
}

/// The signed header of a proposal.
pub(super) fn header_of(proposal: Signed<Proposal>) -> SignedHeader {
    let Signed { signer, signature, body } = proposal;
    Signed { signer, signature, body: body.header.clone() }
}
