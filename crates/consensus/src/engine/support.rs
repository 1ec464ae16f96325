//! Passing on what made a block decided to a server that does not know it.
//!
//! Servers repeat what they said themselves. That is not enough for a server that left a view in which
//! the others, with the votes of liars that are silent by now, went on deciding: of the votes for the
//! last block it hears those of the correct servers only, and where all work is done nobody leaves that
//! view any more. A certificate would tell it; but where certify sets are large there is none without
//! its own share. So what is kept anyway ([`Testimony`]) is passed on: every word in it is signed by
//! whoever said it, and counts as if that server had sent it.
//!
//! # Source
//! docs/protocol.md#certificates

use super::Engine;
use crate::{Backing, BlockRef, Bug, Message, Output, Recipients, Support, Testimony};
use ally_policy::{ServerIndex, ServerSet};
use std::sync::Arc;

impl Engine {
    /// What the store kept of the last decided block, after a restart.
    pub(super) fn restore_support(&mut self, backing: Option<Backing>) {
        self.support = backing.map(|backing| Arc::new(Testimony::Backing(backing)));
        self.forget_support();
    }

    /// Forgets what is not needed once the last decided block has a certificate, which says it all.
    pub(super) fn forget_support(&mut self) {
        if self.tree.root().block.height <= self.certified_height() {
            self.support = None;
        }
    }

    /// Tells a server what made the last decided block one, if that block has no certificate.
    pub(super) fn pass_on_support(&self, to: ServerIndex, out: &mut Vec<Output>) {
        let kept = self.support.as_deref().and_then(Testimony::backing);
        let kept = kept.filter(|_| !self.config.bugs.has(Bug::DecisionNotPassedOn));
        let Some(Backing { votes, commits, .. }) = kept.cloned() else { return };
        let message = Message::Support(Box::new(Support { votes, commits }));
        out.push(Output::Send { to: Recipients::One(to), message });
    }

    /// Takes what others said as if they had sent it; whoever passes it on has the blocks.
    pub(super) fn on_support(
        &mut self,
        from: ServerIndex,
        support: Support,
        out: &mut Vec<Output>,
    ) {
        let Support { votes, commits } = support;
        for vote in votes {
            self.want_supported(from, vote.signer, vote.body.block, out);
            self.on_vote(vote, out);
        }
        for commit in commits {
            self.want_supported(from, commit.signer, commit.body.certificate.block, out);
            self.on_commit(commit, out);
        }
    }

    fn want_supported(
        &mut self,
        from: ServerIndex,
        signer: ServerIndex,
        block: BlockRef,
        out: &mut Vec<Output>,
    ) {
        self.want_chain_of(block, from, ServerSet::from_iter([from, signer]), out);
    }
}
