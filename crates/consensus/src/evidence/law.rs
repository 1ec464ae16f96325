//! Whether a proof proves what it says.

use super::Evidence;
use crate::engine::selected_tip;
use crate::{
    Authenticator, BlockHeader, BlockRef, Bounds, Commit, Context, Height, Message, Misstatement,
    NewView, NewViewShare, Proposal, Quorums, Rotation, Signed, SignedHeader, Statement, Verifier,
    VerifyError, ViewChange, Vote, signing_bytes,
};
use ally_codec::Encode;
use ally_policy::ServerIndex;
use thiserror::Error;

/// An [`Authenticator`] that can also check one server's share alone.
pub trait Judge: Authenticator {
    /// Whether `share` is the server's, of the kernel key (new view) or of the quorum key (commit),
    /// on the statement.
    fn statement_share(
        &self,
        context: &Context,
        statement: &Statement,
        server: ServerIndex,
        share: &[u8],
    ) -> bool;
}

/// What proofs are held against: all of it follows from the alliance document.
#[derive(Clone, Copy)]
pub struct Law<'a> {
    /// The alliance, epoch and policy that the accused signed under.
    pub context: &'a Context,
    /// Who leads which view.
    pub rotation: &'a Rotation,
    /// Who has to agree.
    pub policy: &'a dyn Quorums,
    /// Everybody's public keys.
    pub judge: &'a dyn Judge,
}

/// Why a proof proves nothing against the server that it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Unproven {
    /// The accused did not sign all of it, at least not in this alliance, epoch and policy.
    #[error("the signature is not that of {0}")]
    Signature(ServerIndex),
    /// Its parts are signed by different servers.
    #[error("its parts are signed by different servers")]
    Signers,
    /// Some part of it is not what a server could have found in a message.
    #[error("a part of it is no message of this alliance")]
    Part,
    /// Correct servers say that too.
    #[error("what was signed contradicts no rule")]
    Innocent,
}

impl Evidence {
    /// Checks that [`Evidence::culprit`] is guilty of what is claimed.
    ///
    /// # Errors
    /// [`Unproven`]: whoever presents it is wrong, or lies. Nothing follows about the accused.
    ///
    /// # Cost
    /// One signature check for each message and each header in it; for a choice also one selection.
    pub fn verify(&self, law: &Law<'_>) -> Result<(), Unproven> {
        match self {
            Self::Headers(proof) => {
                same(proof.first.signer, proof.second.signer)?;
                let (signer, signature) = (proof.first.signer, [0; 64]);
                let body = Message::Equivocation(Box::new(proof.clone()));
                law.message(Signed { signer, signature, body })
            }
            Self::Votes { first, second, headers } => law.votes(first, second, headers),
            Self::Selection(choice) => {
                law.choice(choice)?;
                guilty(law.selected(&choice.body) != Some(choice.body.tip))
            }
            Self::Concealed { vote, report } => {
                same(vote.signer, report.signer)?;
                law.vote(vote)?;
                law.report(report)?;
                guilty(report.body.conceals(&vote.body))
            }
            Self::Reports { first, second } => {
                same(first.signer, second.signer)?;
                law.report(first)?;
                law.report(second)?;
                guilty(first.body.is_contradicted_by(&second.body))
            }
            Self::Choices { first, second } => {
                same(first.signer, second.signer)?;
                law.choice(first)?;
                law.choice(second)?;
                let (one, other) = (&first.body, &second.body);
                guilty(one.view == other.view && one.tip != other.tip)
            }
            Self::Tips { first, second } => {
                same(first.signer, second.signer)?;
                law.share(first)?;
                law.share(second)?;
                let (one, other) = (&first.body, &second.body);
                guilty(one.view == other.view && one.tip != other.tip)
            }
            Self::NewViewShare(given) => {
                law.share(given)?;
                let NewViewShare { view, tip, share } = &given.body;
                let statement = Statement::NewView { view: *view, tip: *tip };
                guilty(!law.judge.statement_share(law.context, &statement, given.signer, share))
            }
            Self::CommitShare(vote) => {
                law.vote(vote)?;
                let Vote { view, block, share } = &vote.body;
                let statement = Statement::Commit { view: *view, block: *block };
                let share = share.as_deref().ok_or(Unproven::Innocent)?;
                guilty(!law.judge.statement_share(law.context, &statement, vote.signer, share))
            }
            Self::ConcealedCommit { commit, report, headers } => {
                same(commit.signer, report.signer)?;
                law.commit(commit)?;
                law.report(report)?;
                let certificate = &commit.body.certificate;
                let shown = report.body.certified.as_ref().map(|shown| shown.block);
                let below = headers.iter().try_fold(certificate.block, descend_one);
                let linked = shown.is_none_or(|shown| below == Some(shown));
                guilty(linked && report.body.conceals_commit(certificate))
            }
            Self::Misstated(message) => law.misstatement(message).map(|_| ()),
        }
    }
}

impl Law<'_> {
    /// The rule that a message breaks by what its signer has signed of it.
    ///
    /// # Errors
    /// [`Unproven`] if that is not shown: no rule is broken, or the signature is not the signer's, or
    /// there is more than is signed, and so more than one way to write the same down.
    pub fn misstatement(&self, message: &Signed<Message>) -> Result<Misstatement, Unproven> {
        let more = match &message.body {
            Message::Proposal(proposal) => {
                *proposal != Proposal::header_only(proposal.header.clone())
            }
            body => body.signed_kind().is_none(),
        };
        if more {
            return Err(Unproven::Part);
        }
        let misstatement = self.verifier().misstatement(message).map_err(unproven)?;
        misstatement.ok_or(Unproven::Innocent)
    }

    /// Whether a message could have come from its signer.
    pub(crate) fn message(&self, message: Signed<Message>) -> Result<(), Unproven> {
        self.verifier().check(message).map(|_| ()).map_err(unproven)
    }

    fn verifier(&self) -> Verifier<&dyn Judge> {
        let (rotation, bounds) = (self.rotation.clone(), Bounds::of(self.policy));
        Verifier::new(*self.context, rotation, bounds, self.judge)
    }

    /// As [`Law::message`].
    pub(crate) fn vote(&self, vote: &Signed<Vote>) -> Result<(), Unproven> {
        self.message(message(vote, Message::Vote))
    }

    /// As [`Law::message`].
    pub(crate) fn report(&self, report: &Signed<ViewChange>) -> Result<(), Unproven> {
        self.message(message(report, |report| Message::ViewChange(Box::new(report))))
    }

    /// As [`Law::message`]; checks all its reports.
    pub(crate) fn choice(&self, choice: &Signed<NewView>) -> Result<(), Unproven> {
        self.message(message(choice, Message::NewView))
    }

    /// As [`Law::message`].
    pub(crate) fn commit(&self, commit: &Signed<Commit>) -> Result<(), Unproven> {
        self.message(message(commit, Message::Commit))
    }

    fn share(&self, share: &Signed<NewViewShare>) -> Result<(), Unproven> {
        self.message(message(share, Message::NewViewShare))
    }

    /// Whether its view's leader signed a header.
    pub(crate) fn header(&self, header: &SignedHeader) -> Result<(), Unproven> {
        let leader = self.rotation.leader(header.body.view);
        let bytes = signing_bytes(self.context, "block", &header.body.to_bytes());
        let signed = self.judge.signature(leader, &bytes, &header.signature);
        if leader == header.signer && signed { Ok(()) } else { Err(Unproven::Part) }
    }

    fn votes(
        &self,
        first: &Signed<Vote>,
        second: &Signed<Vote>,
        headers: &[SignedHeader],
    ) -> Result<(), Unproven> {
        same(first.signer, second.signer)?;
        self.vote(first)?;
        self.vote(second)?;
        headers.iter().try_for_each(|header| self.header(header))?;
        let (one, other) = (&first.body, &second.body);
        let (low, high) = if one.block.height <= other.block.height {
            (one.block, other.block)
        } else {
            (other.block, one.block)
        };
        let ancestor = descend(high, headers).ok_or(Unproven::Part)?;
        let apart = ancestor.height == low.height && ancestor.hash != low.hash;
        guilty(one.view == other.view && apart)
    }

    /// The tip that the reports of a choice give, if they give one.
    pub(crate) fn selected(&self, choice: &NewView) -> Option<BlockRef> {
        let origin = BlockRef::genesis(self.context.alliance, self.context.epoch);
        selected_tip(&choice.reports, self.policy, self.rotation, origin)
    }
}

/// The block below `headers`, which lead down from `high` without a gap; none if they do not.
fn descend(high: BlockRef, headers: &[SignedHeader]) -> Option<BlockRef> {
    headers.iter().try_fold(high, |block, header| descend_one(block, &header.body))
}

/// The block below one with this header; none if it has another.
fn descend_one(block: BlockRef, header: &BlockHeader) -> Option<BlockRef> {
    let height = Height(header.height.0.checked_sub(1)?);
    (header.block_ref() == block).then_some(BlockRef { height, hash: header.parent })
}

fn message<T: Clone>(signed: &Signed<T>, wrap: impl FnOnce(T) -> Message) -> Signed<Message> {
    let Signed { signer, signature, body } = signed;
    Signed { signer: *signer, signature: *signature, body: wrap(body.clone()) }
}

fn unproven(error: VerifyError) -> Unproven {
    match error {
        VerifyError::Signature(signer) => Unproven::Signature(signer),
        VerifyError::Fault(..) | VerifyError::Ignored(_) => Unproven::Part,
    }
}

fn same(one: ServerIndex, other: ServerIndex) -> Result<(), Unproven> {
    if one == other { Ok(()) } else { Err(Unproven::Signers) }
}

fn guilty(is: bool) -> Result<(), Unproven> {
    if is { Ok(()) } else { Err(Unproven::Innocent) }
}
