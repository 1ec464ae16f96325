//! Honest traffic about agreement, bent: what a member hears, changed in one place and signed again
//! with the member's own key.

use super::Coalition;
use ally_consensus::{
    BlockHash, BlockRef, Height, Message, NewViewCertificate, NewViewShare, Proposal, Signed,
    Support, View, Vote,
};
use ally_policy::ServerIndex;
use ally_replica::PeerMessage;

impl Coalition {
    /// A message about agreement, changed in one place.
    pub(super) fn bent(&mut self, message: &Message) -> Option<Message> {
        let mut message = message.clone();
        match &mut message {
            Message::Proposal(proposal) => self.bend_proposal(proposal),
            Message::Vote(vote) => self.bend_block(&mut vote.view, &mut vote.block),
            Message::Commit(commit) => {
                let certificate = &mut commit.certificate;
                self.bend_block(&mut certificate.view, &mut certificate.block);
            }
            Message::ViewChange(report) => match self.draw.below(4) {
                0 => self.bend_view(&mut report.view),
                1 => report.certified = None,
                2 => report.committed = None,
                _ => std::mem::swap(&mut report.voted, &mut self.last_branch),
            },
            Message::NewView(choice) => match self.draw.below(3) {
                0 => self.bend_hash(&mut choice.tip.hash),
                1 => {
                    choice.reports.pop();
                }
                _ => self.bend_view(&mut choice.view),
            },
            Message::NewViewShare(NewViewShare { view, tip, .. }) => self.bend_block(view, tip),
            Message::EnterView(certificate) => *certificate = self.forged_new_view()?,
            Message::Equivocation(proof) => std::mem::swap(&mut proof.first, &mut proof.second),
            Message::Fetch(hash) => self.bend_hash(hash),
            Message::Fetched(proposal) => {
                let mut parts = (*proposal.body).clone();
                self.bend_view(&mut parts.header.view);
                proposal.body = parts.into();
            }
            Message::Support(support) => self.bend_support(support)?,
            _ => return None,
        }
        Some(message)
    }

    /// A word of another server's changed, which its signature does not cover then; or two of one.
    fn bend_support(&mut self, support: &mut Support) -> Option<()> {
        let vote = support.votes.last_mut()?;
        match self.draw.percent(50) {
            true => self.bend_block(&mut vote.body.view, &mut vote.body.block),
            false => {
                let twice = vote.clone();
                support.votes.push(twice);
            }
        }
        Some(())
    }

    fn bend_proposal(&mut self, proposal: &mut Proposal) {
        let mut parts = (**proposal).clone();
        match self.draw.below(5) {
            0 => self.bend_view(&mut parts.header.view),
            1 => self.bend_height(&mut parts.header.height),
            2 => self.bend_hash(&mut parts.header.parent),
            3 => parts.new_view = self.forged_new_view(),
            _ => parts.batches = parts.batches.iter().skip(1).copied().collect(),
        }
        *proposal = parts.into();
    }

    pub(super) fn bend_block(&mut self, view: &mut View, block: &mut BlockRef) {
        match self.draw.below(4) {
            0 => self.bend_view(view),
            1 => self.bend_height(&mut block.height),
            2 => self.bend_hash(&mut block.hash),
            _ => {
                if let Some(other) = self.memory.any_block(&mut self.draw) {
                    *block = other;
                }
            }
        }
    }

    fn bend_view(&mut self, view: &mut View) {
        *view = View(self.bent_number(view.0));
    }

    pub(super) fn bend_height(&mut self, height: &mut Height) {
        *height = Height(self.bent_number(height.0));
    }

    fn bend_hash(&mut self, hash: &mut BlockHash) {
        *hash = match self.draw.percent(50) {
            true => self.memory.any(&mut self.draw).unwrap_or(*hash),
            false => BlockHash([self.draw.below(256) as u8; 32]),
        };
    }

    /// One more or less, or one at the ends of the range.
    pub(super) fn bent_number(&mut self, number: u64) -> u64 {
        match self.draw.below(5) {
            0 => number.saturating_sub(1),
            1 => u64::MAX,
            2 => 0,
            3 => number.saturating_add(self.draw.below(1 << 10)),
            _ => number.saturating_add(1),
        }
    }

    /// A certificate that was seen, for another view; or one that nobody signed.
    fn forged_new_view(&mut self) -> Option<NewViewCertificate> {
        self.tally.count("liar: certificate forged");
        let mut certificate = match self.memory.certificate(&mut self.draw) {
            Some(seen) => seen,
            None => NewViewCertificate {
                view: View(1),
                tip: self.memory.any_block(&mut self.draw)?,
                signature: vec![7; 16],
            },
        };
        match self.draw.below(4) {
            0 => certificate.view = certificate.view.next(),
            1 => certificate.tip = self.memory.any_block(&mut self.draw)?,
            2 => certificate.signature.reverse(),
            // As it was: replayed.
            _ => {}
        }
        Some(certificate)
    }

    /// Signs what is signed; certificates and questions are not.
    pub(super) fn signed_or_not(&self, member: ServerIndex, message: Message) -> Signed<Message> {
        match message.signed_kind() {
            Some(_) => self.signed(member, message),
            None => Signed { signer: member, signature: [0; 64], body: message },
        }
    }

    /// Keeps what may be of use for a lie.
    pub(super) fn learn(&mut self, message: &Message) {
        match message {
            Message::EnterView(certificate) => self.memory.keep_certificate(certificate),
            Message::Proposal(proposal) => {
                if let Some(certificate) = &proposal.new_view {
                    self.memory.keep_certificate(certificate);
                }
            }
            Message::ViewChange(report) if self.last_branch.is_none() => {
                self.last_branch = report.voted.clone();
            }
            _ => {}
        }
    }

    /// A vote for a block that nobody has seen, or for one of another view.
    pub(super) fn junk_vote(&mut self, member: ServerIndex) -> PeerMessage {
        let (mut view, mut block) = (
            self.left,
            BlockRef { height: Height(self.draw.below(1 << 20)), hash: BlockHash([9; 32]) },
        );
        self.bend_block(&mut view, &mut block);
        let vote = Message::Vote(Vote { view, block, share: None });
        PeerMessage::Consensus(self.signed(member, vote))
    }
}
