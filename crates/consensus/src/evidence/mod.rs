//! Proofs that a server lied about agreement: what they are made of, and why each convicts.
//!
//! A proof consists of messages that the accused has signed, and contradicts what the protocol lets
//! a correct server sign, whatever others do and however late messages are. So it holds also where
//! more servers misbehave than the policy tolerates, and nobody but the accused could have made it.
//! [`Evidence::verify`] needs public keys, the policy and the rotation: the alliance document.
//!
//! What is *not* here, because no signed message shows it: silence, slowness, batches that do not match
//! their header (the header is signed, not what comes with it), a block whose log size
//! or root is wrong (that takes the log up to it), commits that contradict each other (they rest on
//! certificates, which a quorum made: its members' votes convict them one by one, where they were
//! kept: [`crate::Pool`]).
//!
//! # Source
//! docs/concepts/evidence.md

mod claims;
mod law;

pub use law::{Judge, Law, Unproven};

use crate::{
    BRANCH_HEADERS_MAX, BlockHeader, Commit, Equivocation, Message, NewView, NewViewShare, Signed,
    SignedHeader, ViewChange, Vote,
};
use ally_codec::{Decode, DecodeError, Encode, Reader, Writer};
use ally_policy::ServerIndex;
use std::sync::Arc;

/// The most headers that show where a block lies.
const HEADERS_MAX: usize = 2 * BRANCH_HEADERS_MAX;

/// Proof of a server's misbehaviour. It verifies offline with the alliance document alone.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Evidence {
    /// A leader signed two headers of one view, neither an ancestor of the other.
    ///
    /// Sound: a correct leader extends its own last block only, and after a restart leads no view
    /// that it may have led before.
    Headers(Equivocation),
    /// A server voted for two blocks of one view, neither an ancestor of the other, as the headers
    /// show.
    ///
    /// Sound: in one view a correct acceptor votes along one chain, and journals each vote before it
    /// is sent, so that it goes on along that chain after a crash.
    Votes {
        /// One vote.
        first: Signed<Vote>,
        /// The other.
        second: Signed<Vote>,
        /// Headers from the higher block down to the one above the lower block's height; none where
        /// both have one height.
        headers: Vec<SignedHeader>,
    },
    /// A new leader's choice that its own reports do not give.
    ///
    /// Sound: the tip is a pure function of the reports, and a correct leader sends what it gives.
    Selection(Signed<NewView>),
    /// A server left a view with a report that conceals or contradicts one of its votes.
    ///
    /// Sound: a correct server stops voting in all views below the one it wants before it reports,
    /// and a report names its last vote. Votes sent late are of that block's ancestors. So each vote
    /// of a lower view that it has ever signed is of a lower view than that last one, or on its chain.
    /// The branch of a report may be cut at a certificate; what lies below the cut is not held
    /// against anybody.
    Concealed {
        /// The vote.
        vote: Signed<Vote>,
        /// The report, for a view above the vote's.
        report: Arc<Signed<ViewChange>>,
    },
    /// Two reports of one server that name different last votes.
    ///
    /// Sound: after its report for view v a correct server votes in v or above only. So a later
    /// report, whether for v again or for a higher view, names the same last vote, or one of v or
    /// above. Certificates may come in between and cut the branch; a cut branch contradicts nothing.
    Reports {
        /// The report for the lower view, or one of two for the same.
        first: Arc<Signed<ViewChange>>,
        /// The other.
        second: Arc<Signed<ViewChange>>,
    },
    /// A new leader sent two choices of different tips for one view.
    ///
    /// Sound: a correct leader chooses once in a view and gives the view up when it restarts.
    Choices {
        /// One choice.
        first: Signed<NewView>,
        /// The other.
        second: Signed<NewView>,
    },
    /// A server gave shares of NV for two tips of one view.
    ///
    /// Sound: a correct acceptor gives one share per view, and journals it before it is sent.
    Tips {
        /// One.
        first: Signed<NewViewShare>,
        /// The other.
        second: Signed<NewViewShare>,
    },
    /// A share of NV that is not one.
    ///
    /// Sound: a correct server computes it with its key share, and whoever has the alliance's public
    /// key can check it alone.
    NewViewShare(Signed<NewViewShare>),
    /// A vote whose share of CC is not one.
    ///
    /// Sound: as for [`Evidence::NewViewShare`].
    CommitShare(Signed<Vote>),
    /// A server left a view with a report that conceals one of its commits.
    ///
    /// Sound: a correct server stops committing in all views below the one it wants before it reports,
    /// and a report names the highest commit certificate that it knows: of the same block, of a higher
    /// one, or of a later view. It may leave certificates out only up to the certified block that it
    /// reports, and where the block lies on another chain than that one; the headers show that it is
    /// above it and on the same.
    ConcealedCommit {
        /// The commit.
        commit: Signed<Commit>,
        /// The report, for a view above the commit's.
        report: Arc<Signed<ViewChange>>,
        /// The headers from the block down to the one above the report's certified block; none where
        /// it has none.
        headers: Vec<BlockHeader>,
    },
    /// A message that is wrong in itself, as [`crate::Misstatement`] lists: a block of a view that
    /// its signer does not lead, a branch with a gap, a certificate that is none.
    ///
    /// Sound: the rules depend on the alliance document alone and on nothing that a server remembers,
    /// and a correct server puts into a message only what it has found right by the same rules. Of a
    /// proposal the header alone is signed, so the proof holds nothing else, and batches that do not
    /// match it convict nobody. Nor do messages that are not signed.
    Misstated(Box<Signed<Message>>),
}

/// Which rule was broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EvidenceKind {
    /// [`Evidence::Headers`].
    Headers,
    /// [`Evidence::Votes`].
    Votes,
    /// [`Evidence::Selection`].
    Selection,
    /// [`Evidence::Concealed`].
    Concealed,
    /// [`Evidence::Reports`].
    Reports,
    /// [`Evidence::Choices`].
    Choices,
    /// [`Evidence::Tips`].
    Tips,
    /// [`Evidence::NewViewShare`].
    NewViewShare,
    /// [`Evidence::CommitShare`].
    CommitShare,
    /// [`Evidence::ConcealedCommit`].
    ConcealedCommit,
    /// [`Evidence::Misstated`].
    Misstated,
}

impl EvidenceKind {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Headers,
        Self::Votes,
        Self::Selection,
        Self::Concealed,
        Self::Reports,
        Self::Choices,
        Self::Tips,
        Self::NewViewShare,
        Self::CommitShare,
        Self::ConcealedCommit,
        Self::Misstated,
    ];

    /// What it is called in files and tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Headers => "two-blocks",
            Self::Votes => "two-votes",
            Self::Selection => "wrong-choice",
            Self::Concealed => "concealed-vote",
            Self::Reports => "two-reports",
            Self::Choices => "two-choices",
            Self::Tips => "two-tips",
            Self::NewViewShare => "wrong-new-view-share",
            Self::CommitShare => "wrong-commit-share",
            Self::ConcealedCommit => "concealed-commit",
            Self::Misstated => "misstatement",
        }
    }

    /// The first byte of the encoding; never 0, and less than 128.
    pub fn code(self) -> u8 {
        self as u8 + 1
    }
}

impl Evidence {
    /// Who misbehaved.
    pub fn culprit(&self) -> ServerIndex {
        match self {
            Self::Headers(proof) => proof.first.signer,
            Self::Votes { first, .. } => first.signer,
            Self::Selection(choice) => choice.signer,
            Self::Concealed { vote, .. } => vote.signer,
            Self::Reports { first, .. } => first.signer,
            Self::Choices { first, .. } => first.signer,
            Self::Tips { first, .. } => first.signer,
            Self::NewViewShare(share) => share.signer,
            Self::CommitShare(vote) => vote.signer,
            Self::ConcealedCommit { commit, .. } => commit.signer,
            Self::Misstated(message) => message.signer,
        }
    }

    /// Which rule was broken.
    pub fn kind(&self) -> EvidenceKind {
        match self {
            Self::Headers(_) => EvidenceKind::Headers,
            Self::Votes { .. } => EvidenceKind::Votes,
            Self::Selection(_) => EvidenceKind::Selection,
            Self::Concealed { .. } => EvidenceKind::Concealed,
            Self::Reports { .. } => EvidenceKind::Reports,
            Self::Choices { .. } => EvidenceKind::Choices,
            Self::Tips { .. } => EvidenceKind::Tips,
            Self::NewViewShare(_) => EvidenceKind::NewViewShare,
            Self::CommitShare(_) => EvidenceKind::CommitShare,
            Self::ConcealedCommit { .. } => EvidenceKind::ConcealedCommit,
            Self::Misstated(_) => EvidenceKind::Misstated,
        }
    }
}

impl Encode for Evidence {
    fn encode(&self, writer: &mut Writer) {
        writer.u8(self.kind().code());
        match self {
            Self::Headers(proof) => writer.value(proof),
            Self::Votes { first, second, headers } => {
                writer.value(first).value(second).list(headers)
            }
            Self::Selection(choice) => writer.value(choice),
            Self::Concealed { vote, report } => writer.value(vote).value(report),
            Self::Reports { first, second } => writer.value(first).value(second),
            Self::Choices { first, second } => writer.value(first).value(second),
            Self::Tips { first, second } => writer.value(first).value(second),
            Self::NewViewShare(share) => writer.value(share),
            Self::CommitShare(vote) => writer.value(vote),
            Self::ConcealedCommit { commit, report, headers } => {
                writer.value(commit).value(report).list(headers)
            }
            Self::Misstated(message) => writer.value(&**message),
        };
    }
}

impl Decode for Evidence {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(match reader.u8()? {
            1 => Self::Headers(reader.value()?),
            2 => Self::Votes {
                first: reader.value()?,
                second: reader.value()?,
                headers: reader.list(HEADERS_MAX)?,
            },
            3 => Self::Selection(reader.value()?),
            4 => Self::Concealed { vote: reader.value()?, report: reader.value()? },
            5 => Self::Reports { first: reader.value()?, second: reader.value()? },
            6 => Self::Choices { first: reader.value()?, second: reader.value()? },
            7 => Self::Tips { first: reader.value()?, second: reader.value()? },
            8 => Self::NewViewShare(reader.value()?),
            9 => Self::CommitShare(reader.value()?),
            10 => Self::ConcealedCommit {
                commit: reader.value()?,
                report: reader.value()?,
                headers: reader.list(HEADERS_MAX)?,
            },
            11 => Self::Misstated(Box::new(reader.value()?)),
            _ => return Err(DecodeError::Invalid("evidence kind")),
        })
    }
}
