//! Shares that are wrong, and shares of the alliance key that are given too early.

use super::{Coalition, Lie};
use ally_codec::Encode;
use ally_consensus::{
    BlockHash, BlockRef, Height, Message, NewViewShare, Proposal, Signed, Statement, View, Vote,
    signing_bytes,
};
use ally_log::Checkpoint;
use ally_policy::ServerIndex;
use ally_replica::{CERTIFY_SHARE_KIND, CertifyShare, PeerMessage};

impl Coalition {
    /// A vote or a share of a new view, now and then, with a share that is wrong.
    pub(super) fn with_bad_share(
        &mut self,
        member: ServerIndex,
        message: &Message,
    ) -> Option<Signed<Message>> {
        let carries = match message {
            Message::Vote(vote) => vote.share.is_some(),
            Message::NewViewShare(_) => true,
            _ => false,
        };
        if !carries || !self.draw.percent(self.treachery.spoil_statements) {
            return None;
        }
        self.tally.count("liar: bad share of a statement");
        let on_another = self.draw.percent(50).then(|| {
            let nowhere = BlockRef { height: Height(u64::MAX), hash: BlockHash([8; 32]) };
            let other = match message {
                Message::Vote(vote) => Statement::Commit { view: vote.view, block: nowhere },
                _ => Statement::NewView { view: View::ZERO, tip: nowhere },
            };
            self.signer.share(member, &self.context, &other)
        });
        let mut message = message.clone();
        match &mut message {
            Message::Vote(Vote { share: Some(share), .. })
            | Message::NewViewShare(NewViewShare { share, .. }) => match on_another {
                Some(other) => *share = other,
                None => spoil(share),
            },
            _ => {}
        }
        Some(self.sign_as_is(member, message))
    }

    /// Whether a member spoils the share that it is about to give.
    pub fn spoils(&mut self, server: ServerIndex) -> bool {
        let spoils = self.contains(server) && self.draw.percent(self.treachery.spoil);
        if spoils {
            self.tally.count("liar: bad share of the alliance key");
        }
        spoils
    }

    /// What a member gives in place of its share of the alliance key on a checkpoint: now and then
    /// one on something else, or what is no share at all.
    pub fn spoilt(
        &mut self,
        server: ServerIndex,
        checkpoint: &Checkpoint,
        mut share: Vec<u8>,
    ) -> Vec<u8> {
        if !self.spoils(server) {
            return share;
        }
        if self.draw.percent(50) {
            let other = Checkpoint { log_size: !checkpoint.log_size, ..checkpoint.clone() };
            return self.signer.certify_share(server, &other);
        }
        spoil(&mut share);
        share
    }

    /// A member's share for a block that it has only heard of.
    pub(super) fn certify_early(&mut self, from: ServerIndex, proposal: &Proposal) -> Vec<Lie> {
        if !self.draw.percent(self.treachery.forge) {
            return Vec::new();
        }
        self.tally.count("liar: share of the alliance key too early");
        let header = &proposal.header;
        let block = header.block_ref();
        let checkpoint = self.checkpoint(block, header.log_size, header.log_root, self.context);
        let body = CertifyShare {
            block,
            log_size: header.log_size,
            log_root: header.log_root,
            share: self.signer.certify_share(from, &checkpoint),
        };
        let bytes = signing_bytes(&self.context, CERTIFY_SHARE_KIND, &body.to_bytes());
        let signature = self.signer.sign(from, &bytes);
        let message = PeerMessage::CertifyShare(Signed { signer: from, signature, body });
        let to = self.others(from);
        self.for_some_of(from, &to, &message)
    }
}

/// Makes of a share what is none.
fn spoil(share: &mut [u8]) {
    if let Some(last) = share.last_mut() {
        *last ^= 1;
    }
}
