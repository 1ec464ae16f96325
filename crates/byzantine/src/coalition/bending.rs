//! Honest traffic, bent: what a member hears, changed in one place and signed again with its own key,
//! or sent on as it is.

use super::{Coalition, Lie};
use ally_codec::Encode;
use ally_consensus::{
    BlockRef, CheckpointCertificate, Context, Digest, Sequence, Signed, View, signing_bytes,
};
use ally_log::Checkpoint;
use ally_policy::ServerIndex;
use ally_replica::{
    CERTIFY_SHARE_KIND, CertifyShare, PeerMessage, SHARE_PROOF_KIND, ShareProof, SyncBlocks,
    checkpoint,
};
use std::sync::Arc;

impl Coalition {
    /// What a member makes of a message that it heard, to one server.
    pub(super) fn mutate(&mut self, member: ServerIndex, message: &PeerMessage) -> Vec<Lie> {
        if !self.draw.percent(self.treachery.mutate) {
            return Vec::new();
        }
        let to = self.others(member);
        let Some(to) = self.draw.pick(&to).copied() else { return Vec::new() };
        // Else somebody else's word, over our own link.
        let bends = !self.draw.percent(20);
        let message = match message {
            PeerMessage::Consensus(signed) if bends => {
                let Some(body) = self.bent(&signed.body) else { return Vec::new() };
                self.tally.count("liar: message bent");
                PeerMessage::Consensus(self.signed_or_not(member, body))
            }
            other => match self.bent_data(member, other).filter(|_| bends) {
                Some(bent) => bent,
                None => {
                    self.tally.count("liar: message replayed");
                    other.clone()
                }
            },
        };
        vec![Lie { from: member, to, message }]
    }

    /// None for what is not bent here: agreement, and batches, which are their origins'.
    fn bent_data(&mut self, member: ServerIndex, message: &PeerMessage) -> Option<PeerMessage> {
        let (what, bent) = match message {
            PeerMessage::CertifyShare(share) => {
                let share = self.bent_share(member, share.body.clone());
                ("liar: share of the alliance key bent", PeerMessage::CertifyShare(share))
            }
            PeerMessage::ShareProof(proof) => {
                let proof = self.bent_proof(member, proof.body.clone());
                ("liar: proof of a share bent", PeerMessage::ShareProof(proof))
            }
            PeerMessage::ProofRequest(block) => {
                let mut block = *block;
                self.bend_block(&mut View(0), &mut block);
                ("liar: question bent", PeerMessage::ProofRequest(block))
            }
            PeerMessage::SyncRequest(after) => {
                let mut after = *after;
                self.bend_height(&mut after);
                ("liar: question bent", PeerMessage::SyncRequest(after))
            }
            PeerMessage::FetchBatches(ids) => {
                let mut ids = ids.clone();
                for id in &mut ids {
                    match self.draw.below(3) {
                        0 => id.sequence = Sequence(self.bent_number(id.sequence.0)),
                        1 => id.origin = ServerIndex(self.draw.below(1 << 10) as u16),
                        _ => id.digest = Digest([5; 32]),
                    }
                }
                ("liar: question bent", PeerMessage::FetchBatches(ids))
            }
            PeerMessage::Certificate(certificate) => {
                let mut certificate = (**certificate).clone();
                self.bend_certificate(&mut certificate);
                ("liar: answer bent", PeerMessage::Certificate(Arc::new(certificate)))
            }
            PeerMessage::SyncBlocks(blocks) => {
                let mut blocks = blocks.clone();
                self.bend_blocks(&mut blocks);
                ("liar: answer bent", PeerMessage::SyncBlocks(blocks))
            }
            _ => return None,
        };
        self.tally.count(what);
        Some(bent)
    }

    /// A share on something else, with the share that belongs to it or without.
    fn bent_share(&mut self, member: ServerIndex, mut body: CertifyShare) -> Signed<CertifyShare> {
        match self.draw.below(4) {
            0 => self.bend_block(&mut View(0), &mut body.block),
            1 => body.log_size = self.bent_number(body.log_size),
            2 => body.log_root = Digest([5; 32]),
            _ => {}
        }
        match self.draw.below(4) {
            0 => body.share.clear(),
            // As somebody else gave it.
            1 => {}
            _ => {
                body.share = self.signer.certify_share(member, &self.checkpoint_shared(&body));
            }
        }
        let bytes = signing_bytes(&self.context, CERTIFY_SHARE_KIND, &body.to_bytes());
        let signature = self.signer.sign(member, &bytes);
        Signed { signer: member, signature, body }
    }

    fn checkpoint_shared(&self, share: &CertifyShare) -> Checkpoint {
        let CertifyShare { block, log_size, log_root, .. } = share;
        self.checkpoint(*block, *log_size, *log_root, self.context)
    }

    fn bent_proof(&mut self, member: ServerIndex, mut body: ShareProof) -> Signed<ShareProof> {
        match self.draw.below(4) {
            0 => self.bend_block(&mut View(0), &mut body.block),
            1 => body.proof.clear(),
            2 => body.proof.push(self.draw.below(256) as u8),
            // As somebody else gave it.
            _ => {}
        }
        let bytes = signing_bytes(&self.context, SHARE_PROOF_KIND, &body.to_bytes());
        let signature = self.signer.sign(member, &bytes);
        Signed { signer: member, signature, body }
    }

    fn bend_certificate(&mut self, certificate: &mut CheckpointCertificate) {
        match self.draw.below(4) {
            0 => self.bend_block(&mut View(0), &mut certificate.block),
            1 => certificate.log_size = self.bent_number(certificate.log_size),
            2 => certificate.log_root = Digest([5; 32]),
            _ => certificate.signature.reverse(),
        }
    }

    fn bend_blocks(&mut self, answer: &mut SyncBlocks) {
        let last = answer.blocks.len().saturating_sub(1);
        match (self.draw.below(4), &mut answer.certificate) {
            (0, Some(certificate)) => self.bend_certificate(certificate),
            (1, _) => answer.blocks.reverse(),
            (2, _) => answer.blocks.truncate(last),
            _ => {
                let place = self.draw.below(last as u64 + 1) as usize;
                if let Some(block) = answer.blocks.get_mut(place) {
                    self.bend_height(&mut block.header.height);
                }
            }
        }
    }

    /// The statement about a block and its log that the alliance key signs.
    pub(super) fn checkpoint(
        &self,
        block: BlockRef,
        log_size: u64,
        log_root: Digest,
        context: Context,
    ) -> Checkpoint {
        checkpoint(&self.origin, context.epoch, block, log_size, log_root)
    }
}
