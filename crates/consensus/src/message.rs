//! What servers say to each other about agreement.
//!
//! A message is signed by its sender over [`Message::signed_content`]; a proposal's signature is the
//! leader's signature on the header, so that the header alone can be shown to others. The sender's
//! signature is what accuses it if it lies: threshold shares cannot.

use crate::block::BLOCK_BATCHES_MAX;
use crate::certificate::SIGNATURE_BYTES_MAX;
use crate::{
    BatchRef, BlockHash, BlockHeader, BlockRef, CheckpointCertificate, CommitCertificate, Context,
    NewViewCertificate, Statement, View, signing_bytes, signing_bytes_of,
};
use ally_codec::{Decode, DecodeError, Encode, Reader, Writer};
use ally_policy::{SERVERS_MAX, ServerIndex};
use std::ops::Deref;
use std::sync::Arc;

/// The most headers a report of one branch may hold, however few servers there are
/// ([`crate::Bounds::branch_headers_max`]).
pub const BRANCH_HEADERS_MAX: usize = 1024;

/// Something with its sender's Ed25519 signature.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Signed<T> {
    /// Who signed.
    pub signer: ServerIndex,
    /// The signature.
    pub signature: [u8; 64],
    /// What was signed.
    pub body: T,
}

impl<T: Encode> Encode for Signed<T> {
    fn encode(&self, writer: &mut Writer) {
        writer.u16(self.signer.0).raw(&self.signature).value(&self.body);
    }
}

impl<T: Decode> Decode for Signed<T> {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            signer: ServerIndex(reader.u16()?),
            signature: reader.array()?,
            body: reader.value()?,
        })
    }
}

/// A header with the signature of its view's leader.
pub type SignedHeader = Signed<BlockHeader>;

/// A block as its leader proposes it; its sender's signature covers the header only, which covers
/// the payload by its digest. The certificate stands for itself.
///
/// Its parts are read through it and never change, so that the header is hashed once and a clone is
/// cheap.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Proposal(Arc<Hashed>);

/// What a [`Proposal`] consists of.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ProposalParts {
    /// What is voted on.
    pub header: BlockHeader,
    /// The ordered batch references whose digest the header carries.
    pub batches: Arc<[BatchRef]>,
    /// NV of the header's view, on the first block of a view above 0.
    pub new_view: Option<NewViewCertificate>,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Hashed {
    parts: ProposalParts,
    block: BlockRef,
}

impl Proposal {
    /// Height and hash of the header. Computes nothing.
    pub fn block_ref(&self) -> BlockRef {
        self.0.block
    }

    /// The same block with another certificate of its view, or none.
    #[must_use]
    pub fn with_new_view(&self, new_view: Option<NewViewCertificate>) -> Self {
        let Hashed { parts, block } = &*self.0;
        let parts = ProposalParts { new_view, ..parts.clone() };
        Self(Arc::new(Hashed { parts, block: *block }))
    }

    /// What its leader signs of a proposal: no batches, no certificate. Hashes the header.
    pub fn header_only(header: BlockHeader) -> Self {
        Self::from(ProposalParts { header, batches: Arc::new([]), new_view: None })
    }
}

/// Whether the parts fit together is not checked here. Hashes the header.
impl From<ProposalParts> for Proposal {
    fn from(parts: ProposalParts) -> Self {
        let block = parts.header.block_ref();
        Self(Arc::new(Hashed { parts, block }))
    }
}

impl Deref for Proposal {
    type Target = ProposalParts;

    fn deref(&self) -> &ProposalParts {
        &self.0.parts
    }
}

/// A vote for a block and for its ancestors in the same view.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Vote {
    /// The block's view.
    pub view: View,
    /// The block.
    pub block: BlockRef,
    /// A share of CC(view, block), only where the policy has a slow path.
    pub share: Option<Vec<u8>>,
}

/// "A quorum voted for this block": the slow path's third step.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Commit {
    /// The proof.
    pub certificate: CommitCertificate,
}

/// A chain of headers of one view: from the later of the view's tip and the reporter's highest
/// certified block (exclusive) up to the block reported.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Branch {
    /// The view of all headers.
    pub view: View,
    /// NV(view); none for view 0.
    pub new_view: Option<NewViewCertificate>,
    /// Ascending, each the parent of the next; empty if the reported block is at or below the
    /// reporter's certified block.
    pub headers: Vec<SignedHeader>,
}

/// A server's report on leaving its view: what it has voted for, as far as it is not certified.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ViewChange {
    /// The view it wants to enter.
    pub view: View,
    /// The highest certified block it knows; none before the first one.
    pub certified: Option<CheckpointCertificate>,
    /// The branch that ends in the block it voted for last; none if it never voted in this epoch.
    pub voted: Option<Branch>,
    /// The highest CC it knows, and the branch that ends in its block.
    pub committed: Option<(CommitCertificate, Branch)>,
}

/// The new leader's choice, with all that others need to recompute it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NewView {
    /// The view that is opened.
    pub view: View,
    /// The reports used, by ascending sender; shared, because each may be long.
    pub reports: Vec<Arc<Signed<ViewChange>>>,
    /// The block that selection gives.
    pub tip: BlockRef,
}

/// A share of NV(view).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NewViewShare {
    /// The view that is opened.
    pub view: View,
    /// The tip that the sender recomputed.
    pub tip: BlockRef,
    /// Share of the kernel key.
    pub share: Vec<u8>,
}

/// Two headers of one leader and view, neither an ancestor of the other.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Equivocation {
    /// One header.
    pub first: SignedHeader,
    /// The other.
    pub second: SignedHeader,
}

/// What others have said for a block and its descendants, passed on: what made it decided for who
/// passes it on, and makes it decided for whoever takes it in.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Support {
    /// Votes, by ascending sender, one of each at most.
    pub votes: Vec<Signed<Vote>>,
    /// Commits, likewise.
    pub commits: Vec<Signed<Commit>>,
}

/// Every message of the agreement protocol.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Message {
    /// Step one of the common case.
    Proposal(Proposal),
    /// Step two.
    Vote(Vote),
    /// Step three of the slow path.
    Commit(Commit),
    /// Leaving a view.
    ViewChange(Box<ViewChange>),
    /// The new leader's selection.
    NewView(NewView),
    /// An acceptor's share of NV.
    NewViewShare(NewViewShare),
    /// NV by itself, so that a view opens without a block.
    EnterView(NewViewCertificate),
    /// Proof that a leader equivocated.
    Equivocation(Box<Equivocation>),
    /// Asks for the proposal of a block.
    Fetch(BlockHash),
    /// Answers [`Message::Fetch`] with the proposal and its leader's signature.
    Fetched(Signed<Proposal>),
    /// Tells a server that seems to have missed a decision what made it one.
    Support(Box<Support>),
}

impl Message {
    /// The kind's name inside [`crate::signing_bytes`]; none for messages that stand for themselves
    /// (certificates, proofs and what others have signed) or that need no proof (questions).
    pub fn signed_kind(&self) -> Option<&'static str> {
        match self {
            Self::Proposal(_) => Some("block"),
            Self::Vote(_) => Some("vote"),
            Self::Commit(_) => Some("commit-vote"),
            Self::ViewChange(_) => Some("view-change"),
            Self::NewView(_) => Some("new-view-choice"),
            Self::NewViewShare(_) => Some("new-view-share"),
            Self::EnterView(_)
            | Self::Equivocation(_)
            | Self::Fetch(_)
            | Self::Fetched(_)
            | Self::Support(_) => None,
        }
    }

    /// The content inside [`crate::signing_bytes`] that the sender signs.
    pub fn signed_content(&self) -> Vec<u8> {
        match self {
            Self::Proposal(proposal) => proposal.header.to_bytes(),
            Self::Vote(vote) => vote.to_bytes(),
            Self::Commit(commit) => commit.to_bytes(),
            Self::ViewChange(report) => report.to_bytes(),
            Self::NewView(choice) => choice.to_bytes(),
            Self::NewViewShare(share) => share.to_bytes(),
            Self::EnterView(_)
            | Self::Equivocation(_)
            | Self::Fetch(_)
            | Self::Fetched(_)
            | Self::Support(_) => Vec::new(),
        }
    }

    /// What the sender signs, if anything: [`crate::signing_bytes`] of kind and content.
    pub fn signing_bytes(&self, context: &Context) -> Option<Vec<u8>> {
        let kind = self.signed_kind()?;
        Some(match self {
            Self::Proposal(proposal) => signing_bytes_of(context, kind, &proposal.header),
            Self::Vote(vote) => signing_bytes_of(context, kind, vote),
            Self::Commit(commit) => signing_bytes_of(context, kind, commit),
            _ => signing_bytes(context, kind, &self.signed_content()),
        })
    }

    /// The statement whose threshold share this message must carry, if any. The engine holds no key:
    /// it leaves the share empty, and whoever sends the message fills it with
    /// [`Message::set_share`] before signing. A vote carries one only if `slow_path`.
    pub fn share_statement(&self, slow_path: bool) -> Option<Statement> {
        match self {
            Self::Vote(vote) if slow_path => {
                Some(Statement::Commit { view: vote.view, block: vote.block })
            }
            Self::NewViewShare(share) => {
                Some(Statement::NewView { view: share.view, tip: share.tip })
            }
            _ => None,
        }
    }

    /// Puts in the share that [`Message::share_statement`] asks for; other messages stay as they are.
    pub fn set_share(&mut self, bytes: Vec<u8>) {
        match self {
            Self::Vote(vote) => vote.share = Some(bytes),
            Self::NewViewShare(share) => share.share = bytes,
            _ => {}
        }
    }
}

impl Encode for Proposal {
    fn encode(&self, writer: &mut Writer) {
        writer.value(&self.header).list(&self.batches).option(self.new_view.as_ref());
    }
}

impl Decode for Proposal {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self::from(ProposalParts {
            header: reader.value()?,
            batches: reader.list(BLOCK_BATCHES_MAX)?.into(),
            new_view: reader.option()?,
        }))
    }
}

impl Encode for Vote {
    fn encode(&self, writer: &mut Writer) {
        writer.value(&self.view).value(&self.block);
        match &self.share {
            None => writer.u8(0),
            Some(share) => writer.u8(1).bytes(share),
        };
    }
}

impl Decode for Vote {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (view, block) = (reader.value()?, reader.value()?);
        let share = match reader.u8()? {
            0 => None,
            1 => Some(reader.bytes(SHARE_BYTES_MAX)?.to_vec()),
            _ => return Err(DecodeError::Invalid("option tag")),
        };
        Ok(Self { view, block, share })
    }
}

/// The longest share of any server under any key, in bytes: what is read at all. How long a share of
/// this server under this key may be, [`crate::Authenticator::share_bytes_max`] says.
pub const SHARE_BYTES_MAX: usize = 64 * SIGNATURE_BYTES_MAX;

impl Encode for Commit {
    fn encode(&self, writer: &mut Writer) {
        writer.value(&self.certificate);
    }
}

impl Decode for Commit {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { certificate: reader.value()? })
    }
}

impl Encode for Branch {
    fn encode(&self, writer: &mut Writer) {
        writer.value(&self.view).option(self.new_view.as_ref()).list(&self.headers);
    }
}

impl Decode for Branch {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            view: reader.value()?,
            new_view: reader.option()?,
            headers: reader.list(BRANCH_HEADERS_MAX)?,
        })
    }
}

impl Encode for ViewChange {
    fn encode(&self, writer: &mut Writer) {
        writer.value(&self.view).option(self.certified.as_ref()).option(self.voted.as_ref());
        match &self.committed {
            None => writer.u8(0),
            Some((certificate, branch)) => writer.u8(1).value(certificate).value(branch),
        };
    }
}

impl Decode for ViewChange {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            view: reader.value()?,
            certified: reader.option()?,
            voted: reader.option()?,
            committed: match reader.u8()? {
                0 => None,
                1 => Some((reader.value()?, reader.value()?)),
                _ => return Err(DecodeError::Invalid("option tag")),
            },
        })
    }
}

impl Encode for NewView {
    fn encode(&self, writer: &mut Writer) {
        writer.value(&self.view).list(&self.reports).value(&self.tip);
    }
}

impl Decode for NewView {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { view: reader.value()?, reports: reader.list(SERVERS_MAX)?, tip: reader.value()? })
    }
}

impl Encode for NewViewShare {
    fn encode(&self, writer: &mut Writer) {
        writer.value(&self.view).value(&self.tip).bytes(&self.share);
    }
}

impl Decode for NewViewShare {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            view: reader.value()?,
            tip: reader.value()?,
            share: reader.bytes(SHARE_BYTES_MAX)?.to_vec(),
        })
    }
}

impl Encode for Equivocation {
    fn encode(&self, writer: &mut Writer) {
        writer.value(&self.first).value(&self.second);
    }
}

impl Decode for Equivocation {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { first: reader.value()?, second: reader.value()? })
    }
}

impl Encode for Support {
    fn encode(&self, writer: &mut Writer) {
        writer.list(&self.votes).list(&self.commits);
    }
}

impl Decode for Support {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { votes: reader.list(SERVERS_MAX)?, commits: reader.list(SERVERS_MAX)? })
    }
}

impl Encode for Message {
    fn encode(&self, writer: &mut Writer) {
        match self {
            Self::Proposal(body) => writer.u8(1).value(body),
            Self::Vote(body) => writer.u8(2).value(body),
            Self::Commit(body) => writer.u8(3).value(body),
            Self::ViewChange(body) => writer.u8(4).value(&**body),
            Self::NewView(body) => writer.u8(5).value(body),
            Self::NewViewShare(body) => writer.u8(6).value(body),
            Self::EnterView(body) => writer.u8(7).value(body),
            Self::Equivocation(body) => writer.u8(8).value(&**body),
            Self::Fetch(body) => writer.u8(9).value(body),
            Self::Fetched(body) => writer.u8(10).value(body),
            Self::Support(body) => writer.u8(11).value(&**body),
        };
    }
}

impl Decode for Message {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(match reader.u8()? {
            1 => Self::Proposal(reader.value()?),
            2 => Self::Vote(reader.value()?),
            3 => Self::Commit(reader.value()?),
            4 => Self::ViewChange(Box::new(reader.value()?)),
            5 => Self::NewView(reader.value()?),
            6 => Self::NewViewShare(reader.value()?),
            7 => Self::EnterView(reader.value()?),
            8 => Self::Equivocation(Box::new(reader.value()?)),
            9 => Self::Fetch(reader.value()?),
            10 => Self::Fetched(reader.value()?),
            11 => Self::Support(Box::new(reader.value()?)),
            _ => return Err(DecodeError::Invalid("message kind")),
        })
    }
}
