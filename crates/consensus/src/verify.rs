//! From bytes on the wire to a message that the engine may believe was said.
//!
//! Purpose: after this, the engine deals with what was said only, never with whether. Everything
//! that can be judged without the engine's state is judged here, so it can run in parallel.

use crate::remembered::Remembered;
use crate::{
    BlockHash, BlockHeader, BlockRef, Bounds, Branch, Bug, Bugs, CheckpointCertificate, Commit,
    CommitCertificate, Context, Equivocation, Evidence, Message, NewView, NewViewCertificate,
    NewViewShare, Proposal, Rotation, Signed, SignedHeader, Statement, Support, View, ViewChange,
    Vote, payload_digest, signing_bytes_of,
};
use ally_codec::Encode;
use ally_policy::ServerIndex;
use std::borrow::Borrow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use thiserror::Error;

/// The primitives behind [`Verified`]: whoever holds the public keys implements this. The engine
/// never sees a key.
///
/// An implementation may remember what it has checked; reports repeat headers and certificates.
pub trait Authenticator {
    /// Whether `signature` is the server's on `bytes` ([`crate::signing_bytes`]). False for a server
    /// that does not exist.
    fn signature(&self, signer: ServerIndex, bytes: &[u8], signature: &[u8; 64]) -> bool;

    /// Whether `signature` is the kernel key's (new view) or the quorum key's (commit) on it.
    fn statement(&self, context: &Context, statement: &Statement, signature: &[u8]) -> bool;

    /// Whether the alliance key signed the checkpoint statement of this block.
    fn checkpoint(&self, context: &Context, certificate: &CheckpointCertificate) -> bool;

    /// How many bytes a server's share on a statement has at most; 0 if it has no part in the key.
    /// A right share is no longer, and whether one is right shows only when it is combined: until
    /// then this is all that bounds what is kept of it.
    fn share_bytes_max(&self, signer: ServerIndex, statement: &Statement) -> usize;
}

impl<A: Authenticator + ?Sized> Authenticator for Arc<A> {
    fn signature(&self, signer: ServerIndex, bytes: &[u8], signature: &[u8; 64]) -> bool {
        (**self).signature(signer, bytes, signature)
    }

    fn statement(&self, context: &Context, statement: &Statement, signature: &[u8]) -> bool {
        (**self).statement(context, statement, signature)
    }

    fn checkpoint(&self, context: &Context, certificate: &CheckpointCertificate) -> bool {
        (**self).checkpoint(context, certificate)
    }

    fn share_bytes_max(&self, signer: ServerIndex, statement: &Statement) -> usize {
        (**self).share_bytes_max(signer, statement)
    }
}

impl<A: Authenticator + ?Sized> Authenticator for &A {
    fn signature(&self, signer: ServerIndex, bytes: &[u8], signature: &[u8; 64]) -> bool {
        (**self).signature(signer, bytes, signature)
    }

    fn statement(&self, context: &Context, statement: &Statement, signature: &[u8]) -> bool {
        (**self).statement(context, statement, signature)
    }

    fn checkpoint(&self, context: &Context, certificate: &CheckpointCertificate) -> bool {
        (**self).checkpoint(context, certificate)
    }

    fn share_bytes_max(&self, signer: ServerIndex, statement: &Statement) -> usize {
        (**self).share_bytes_max(signer, statement)
    }
}

/// Why a message is not believed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The outer signature is not the signer's: anybody may have made it up, so nobody is blamed.
    #[error("the signature is not that of {0}")]
    Signature(ServerIndex),
    /// The signer is a server that says something no correct server says.
    #[error("{0}: {1}")]
    Fault(ServerIndex, Misstatement),
    /// A report or choice of a server that has sent so many wrong ones that no more are looked at.
    #[error("{0} has sent so many wrong reports that no more are looked at")]
    Ignored(ServerIndex),
}

impl VerifyError {
    /// The server that is at fault, if it is certain.
    pub fn culprit(&self) -> Option<ServerIndex> {
        match self {
            Self::Signature(_) | Self::Ignored(_) => None,
            Self::Fault(culprit, _) => Some(*culprit),
        }
    }
}

/// What no correct server says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Misstatement {
    /// A header, or a choice of tip, of a view that its signer does not lead.
    #[error("it does not lead view {0}")]
    NotLeader(View),
    /// A header of another alliance or epoch.
    #[error("a header of another alliance or epoch")]
    ForeignHeader,
    /// A block at height 0.
    #[error("a block at the genesis block's height")]
    GenesisHeight,
    /// A nested signature does not verify.
    #[error("a nested signature of {0} does not verify")]
    NestedSignature(ServerIndex),
    /// A certificate does not verify.
    #[error("a certificate does not verify")]
    Certificate,
    /// The batches are not those whose digest the header carries.
    #[error("the payload does not match the header")]
    Payload,
    /// NV of another view than the header's or branch's, or none where there must be one.
    #[error("the new-view certificate is missing or of another view")]
    NewView,
    /// A share of a commit certificate where there is no slow path, or none where there is one.
    #[error("a commit share or commit that the policy has no use for, or lacks")]
    Commit,
    /// A share that is longer than any of its signer.
    #[error("a share of {bytes} bytes, at most {limit} are right")]
    ShareLength {
        /// Its length.
        bytes: usize,
        /// The longest that the signer's part of the key can give.
        limit: usize,
    },
    /// Headers that do not form one chain of one view from the right block, or too many.
    #[error("the reported headers do not form a branch")]
    Branch,
    /// A report of a view that is not below the one wanted.
    #[error("a report of view {0}, which is not below the view wanted")]
    ReportedView(View),
    /// Reports that are not sorted, distinct, or of the view to be opened.
    #[error("the reports are not sorted, distinct and of one view")]
    Reports,
    /// Two headers that do not show an equivocation.
    #[error("the headers show no equivocation")]
    NoEquivocation,
    /// Votes or commits, passed on, that are not sorted and distinct.
    #[error("the votes or commits that it passes on are not sorted and distinct")]
    Support,
}

/// A message of which every signature and certificate was checked, the nested ones too, and whose
/// shape is right: leaders sign their own views only, chains link, limits are kept. Whether it makes
/// sense *now* is the engine's business. Cheap to move and to clone.
#[derive(Debug, Clone)]
pub struct Verified(Arc<Signed<Message>>);

impl Verified {
    /// A message that this server has just signed itself: nothing to check.
    ///
    /// For messages on their way back to their sender only.
    pub fn own(message: Signed<Message>) -> Self {
        Self(Arc::new(message))
    }

    /// Who said it.
    pub fn sender(&self) -> ServerIndex {
        self.0.signer
    }

    /// What was said.
    pub fn message(&self) -> &Signed<Message> {
        &self.0
    }

    /// Takes it apart.
    pub fn into_inner(self) -> Signed<Message> {
        Arc::unwrap_or_clone(self.0)
    }
}

/// Checks messages. Any number of threads may share one.
///
/// It remembers, of each leader, the newest headers whose signature it has found right, so that the
/// reports of all servers together, however often they are sent, cost one check per header. And it
/// counts reports that are wrong: after sixteen of one server it looks at no more of them until a
/// view opens, or a thousand more blocks are certified.
#[derive(Debug)]
pub struct Verifier<A> {
    context: Context,
    rotation: Rotation,
    bounds: Bounds,
    authenticator: A,
    remembered: Mutex<Remembered>,
    bugs: Bugs,
}

impl<A: Authenticator> Verifier<A> {
    /// A verifier for one alliance and epoch; `bounds` are those of its policy.
    pub fn new(context: Context, rotation: Rotation, bounds: Bounds, authenticator: A) -> Self {
        let remembered = Mutex::new(Remembered::new(&bounds));
        Self { context, rotation, bounds, authenticator, remembered, bugs: Bugs::NONE }
    }

    /// The same, with rules broken on purpose.
    pub fn planted(self, bugs: Bugs) -> Self {
        Self { bugs, ..self }
    }

    /// Which rules are broken on purpose: none, but in tests.
    pub fn bugs(&self) -> Bugs {
        self.bugs
    }

    /// Whether the alliance key signed the checkpoint statement of this block, in this epoch.
    pub fn is_certified(&self, certificate: &CheckpointCertificate) -> bool {
        let certified = self.bugs.has(Bug::CheckpointUnchecked)
            || self.contexts().any(|context| self.authenticator.checkpoint(&context, certificate));
        if certified {
            self.remembered().note_certified(certificate.block.height);
        }
        certified
    }

    /// What a certificate may have been made under: this alliance's epoch and policy.
    fn contexts(&self) -> impl Iterator<Item = Context> {
        self.bugs.contexts(self.context)
    }

    /// The alliance, epoch and policy that it checks for.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// The primitives that it checks with.
    pub fn authenticator(&self) -> &A {
        &self.authenticator
    }

    /// Checks a message. One without a signature of its own ([`Message::signed_kind`] is none) must
    /// come over a link that authenticates `message.signer`.
    ///
    /// # Errors
    /// [`VerifyError`]; [`VerifyError::culprit`] says who is to blame, if somebody is.
    ///
    /// # Cost
    /// One signature check; one more for each nested report and certificate, and for each nested
    /// header that was not checked before. It ends at the first that is wrong. So what one server can
    /// cause by wrong reports is bounded by sixteen times the signatures in one, for each view that
    /// opens and each thousand blocks certified; what a lying leader can cause by new headers, by
    /// what it can send.
    pub fn check(&self, message: Signed<Message>) -> Result<Verified, VerifyError> {
        self.check_or_prove(message).map_err(|(error, _)| error)
    }

    /// As [`Verifier::check`]. With a fault comes its proof, if the sender has signed what is wrong.
    ///
    /// # Errors
    /// As [`Verifier::check`].
    pub fn check_or_prove(
        &self,
        message: Signed<Message>,
    ) -> Result<Verified, (VerifyError, Option<Arc<Evidence>>)> {
        match self.look_at(&message) {
            Ok(()) => Ok(Verified(Arc::new(message))),
            Err(error @ VerifyError::Fault(..)) => Err((error, self.proof_of_fault(message))),
            Err(error) => Err((error, None)),
        }
    }

    /// The rule that a message breaks by what its sender has signed of it; none if it breaks none.
    ///
    /// # Errors
    /// [`VerifyError::Signature`]: nothing follows about the sender.
    pub(crate) fn misstatement(
        &self,
        message: &Signed<Message>,
    ) -> Result<Option<Misstatement>, VerifyError> {
        if !self.is_signed(message) {
            return Err(VerifyError::Signature(message.signer));
        }
        let check = Check { verifier: self };
        Ok(match &message.body {
            // The header is what is signed; batches and certificate are whoever's who sent them.
            Message::Proposal(proposal) => check.header(message.signer, &proposal.header).err(),
            body if body.signed_kind().is_none() => None,
            _ => check.message(message.signer, message).err(),
        })
    }

    fn proof_of_fault(&self, message: Signed<Message>) -> Option<Arc<Evidence>> {
        let Signed { signer, signature, body } = message;
        let body = match body {
            Message::Proposal(proposal) => {
                let header = &proposal.header;
                Check { verifier: self }.header(signer, header).err()?;
                Message::Proposal(Proposal::header_only(header.clone()))
            }
            body => {
                let signed = body.signed_kind().is_some();
                if !signed && !self.bugs.has(Bug::UnsignedNonsenseKept) {
                    return None;
                }
                body
            }
        };
        Some(Arc::new(Evidence::Misstated(Box::new(Signed { signer, signature, body }))))
    }

    fn look_at(&self, message: &Signed<Message>) -> Result<(), VerifyError> {
        let sender = message.signer;
        let reports = matches!(message.body, Message::ViewChange(_) | Message::NewView(_));
        if reports && self.remembered().is_ignored(sender) {
            return Err(VerifyError::Ignored(sender));
        }
        if !self.is_signed(message) {
            return Err(VerifyError::Signature(sender));
        }
        let result = Check { verifier: self }.message(sender, message);
        if reports && result.is_err() {
            self.remembered().note_faulty_report(sender);
        }
        result.map_err(|fault| VerifyError::Fault(sender, fault))
    }

    /// Whether the outer signature is the signer's, if there has to be one.
    fn is_signed(&self, message: &Signed<Message>) -> bool {
        let Signed { signer, signature, body } = message;
        if let Message::Proposal(proposal) = body {
            let hash = proposal.block_ref().hash;
            return self.is_headers(*signer, *signature, &proposal.header, hash);
        }
        let bytes = body.signing_bytes(&self.context);
        bytes.is_none_or(|bytes| self.authenticator.signature(*signer, &bytes, signature))
    }

    /// Whether the signature of a header with this hash is the server's.
    fn is_headers(
        &self,
        signer: ServerIndex,
        signature: [u8; 64],
        header: &BlockHeader,
        hash: BlockHash,
    ) -> bool {
        if self.remembered().has(signer, hash, signature) {
            return true;
        }
        let bytes = signing_bytes_of(&self.context, "block", header);
        let right = self.authenticator.signature(signer, &bytes, &signature)
            || self.bugs.has(Bug::HeadersUnsigned);
        if right && self.rotation.leader(header.view) == signer {
            self.remembered().note(signer, hash, signature);
        }
        right
    }

    fn remembered(&self) -> MutexGuard<'_, Remembered> {
        // Each change is whole in itself, so a thread that panicked has left nothing half done.
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One message's check.
struct Check<'a, A> {
    verifier: &'a Verifier<A>,
}

impl<A: Authenticator> Check<'_, A> {
    fn message(&self, sender: ServerIndex, message: &Signed<Message>) -> Result<(), Misstatement> {
        match &message.body {
            Message::Proposal(proposal) => self.proposal(sender, proposal),
            Message::Vote(vote) => self.vote(sender, vote),
            Message::Commit(commit) => self.commit(commit),
            Message::NewViewShare(NewViewShare { view, tip, share }) => {
                self.share(sender, &Statement::NewView { view: *view, tip: *tip }, share)
            }
            Message::Fetch(_) => Ok(()),
            Message::ViewChange(report) => self.report(report),
            Message::NewView(choice) => self.choice(sender, choice),
            Message::EnterView(certificate) => self.new_view(certificate),
            Message::Equivocation(proof) => self.equivocation(proof),
            Message::Fetched(proposal) => {
                let Signed { signer, signature, body } = proposal;
                let hash = body.block_ref().hash;
                self.header_signature(*signer, *signature, &body.header, hash)?;
                self.proposal(*signer, body)
            }
            Message::Support(support) => self.support(support),
        }
    }

    fn vote(&self, sender: ServerIndex, vote: &Vote) -> Result<(), Misstatement> {
        match (&vote.share, self.verifier.bounds.has_slow_path()) {
            (None, false) => Ok(()),
            (Some(share), true) => {
                let statement = Statement::Commit { view: vote.view, block: vote.block };
                self.share(sender, &statement, share)
            }
            _ => Err(Misstatement::Commit),
        }
    }

    fn commit(&self, commit: &Commit) -> Result<(), Misstatement> {
        if !self.verifier.bounds.has_slow_path() {
            return Err(Misstatement::Commit);
        }
        self.commit_certificate(&commit.certificate)
    }

    /// Votes and commits that somebody passes on: each as if its own sender had sent it.
    fn support(&self, support: &Support) -> Result<(), Misstatement> {
        let Support { votes, commits } = support;
        if !(is_sorted(votes) && is_sorted(commits)) {
            return Err(Misstatement::Support);
        }
        for vote in votes {
            self.nested("vote", vote, Bug::SupportUnchecked)?;
            self.vote(vote.signer, &vote.body)?;
        }
        for commit in commits {
            self.nested("commit-vote", commit, Bug::SupportUnchecked)?;
            self.commit(&commit.body)?;
        }
        Ok(())
    }

    /// Whether something that another server shows bears the signature of whom it names.
    fn nested<T: Encode>(
        &self,
        kind: &str,
        said: &Signed<T>,
        unchecked: Bug,
    ) -> Result<(), Misstatement> {
        let Verifier { context, authenticator, bugs, .. } = self.verifier;
        let bytes = signing_bytes_of(context, kind, &said.body);
        let right = authenticator.signature(said.signer, &bytes, &said.signature);
        if right || bugs.has(unchecked) {
            Ok(())
        } else {
            Err(Misstatement::NestedSignature(said.signer))
        }
    }

    fn proposal(&self, signer: ServerIndex, proposal: &Proposal) -> Result<(), Misstatement> {
        let header = &proposal.header;
        self.header(signer, header)?;
        let matches = payload_digest(&proposal.batches) == header.payload_digest;
        if !matches && !self.verifier.bugs.has(Bug::PayloadUnmatched) {
            return Err(Misstatement::Payload);
        }
        match &proposal.new_view {
            Some(certificate) if certificate.view == header.view => self.new_view(certificate),
            Some(_) => Err(Misstatement::NewView),
            None => Ok(()),
        }
    }

    fn header(&self, signer: ServerIndex, header: &BlockHeader) -> Result<(), Misstatement> {
        if (header.alliance, header.epoch)
            != (self.verifier.context.alliance, self.verifier.context.epoch)
        {
            return Err(Misstatement::ForeignHeader);
        }
        if self.verifier.rotation.leader(header.view) != signer {
            return Err(Misstatement::NotLeader(header.view));
        }
        if header.height.0 == 0 {
            return Err(Misstatement::GenesisHeight);
        }
        Ok(())
    }

    fn signed_header(&self, header: &SignedHeader) -> Result<(), Misstatement> {
        self.header(header.signer, &header.body)?;
        self.header_signature(header.signer, header.signature, &header.body, header.body.hash())
    }

    fn header_signature(
        &self,
        signer: ServerIndex,
        signature: [u8; 64],
        header: &BlockHeader,
        hash: BlockHash,
    ) -> Result<(), Misstatement> {
        if self.verifier.rotation.leader(header.view) != signer {
            return Err(Misstatement::NotLeader(header.view));
        }
        if self.verifier.is_headers(signer, signature, header, hash) {
            Ok(())
        } else {
            Err(Misstatement::NestedSignature(signer))
        }
    }

    fn new_view(&self, certificate: &NewViewCertificate) -> Result<(), Misstatement> {
        if certificate.view == View::ZERO {
            return Err(Misstatement::NewView);
        }
        self.statement(&certificate.statement(), &certificate.signature, Bug::NewViewUnchecked)?;
        self.verifier.remembered().note_opened(certificate.view);
        Ok(())
    }

    /// Whether a share is right shows when it is combined; here only that it is no longer than that.
    fn share(
        &self,
        signer: ServerIndex,
        statement: &Statement,
        share: &[u8],
    ) -> Result<(), Misstatement> {
        let (bytes, limit) =
            (share.len(), self.verifier.authenticator.share_bytes_max(signer, statement));
        if bytes <= limit { Ok(()) } else { Err(Misstatement::ShareLength { bytes, limit }) }
    }

    fn commit_certificate(&self, certificate: &CommitCertificate) -> Result<(), Misstatement> {
        self.statement(&certificate.statement(), &certificate.signature, Bug::CommitUnchecked)
    }

    fn statement(
        &self,
        statement: &Statement,
        signature: &[u8],
        unchecked: Bug,
    ) -> Result<(), Misstatement> {
        let Verifier { authenticator, bugs, .. } = self.verifier;
        let mut contexts = self.verifier.contexts();
        if contexts.any(|context| authenticator.statement(&context, statement, signature))
            || bugs.has(unchecked)
        {
            Ok(())
        } else {
            Err(Misstatement::Certificate)
        }
    }

    fn report(&self, report: &ViewChange) -> Result<(), Misstatement> {
        let certified = report.certified.as_ref();
        if let Some(certificate) = certified
            && !self.verifier.is_certified(certificate)
        {
            return Err(Misstatement::Certificate);
        }
        let certified = certified.map(|certificate| certificate.block);
        if let Some(branch) = &report.voted {
            self.branch(branch, report.view, certified)?;
        }
        if let Some((certificate, branch)) = &report.committed {
            if !self.verifier.bounds.has_slow_path() {
                return Err(Misstatement::Commit);
            }
            self.commit_certificate(certificate)?;
            self.branch(branch, report.view, certified)?;
            let top = branch.headers.last().map(|header| header.body.block_ref());
            if branch.view != certificate.view || top != Some(certificate.block) {
                return Err(Misstatement::Branch);
            }
        }
        Ok(())
    }

    /// A branch starts at the later of its view's tip and the reporter's certified block; it is empty
    /// only where the certified block is the later.
    fn branch(
        &self,
        branch: &Branch,
        wanted: View,
        certified: Option<BlockRef>,
    ) -> Result<(), Misstatement> {
        if branch.view >= wanted {
            return Err(Misstatement::ReportedView(branch.view));
        }
        let tip = self.tip(branch)?;
        let above = certified.filter(|block| block.height > tip.height);
        let long = branch.headers.len() > self.verifier.bounds.branch_headers_max();
        if long || (branch.headers.is_empty() && above.is_none()) {
            return Err(Misstatement::Branch);
        }
        let mut below = above.unwrap_or(tip);
        for header in &branch.headers {
            let body = &header.body;
            let links =
                body.parent == below.hash && Some(body.height.0) == below.height.0.checked_add(1);
            let links = links || self.verifier.bugs.has(Bug::BranchUnlinked);
            if body.view != branch.view || !links {
                return Err(Misstatement::Branch);
            }
            self.signed_header(header)?;
            below = body.block_ref();
        }
        Ok(())
    }

    fn tip(&self, branch: &Branch) -> Result<BlockRef, Misstatement> {
        match &branch.new_view {
            None if branch.view == View::ZERO => {
                Ok(BlockRef::genesis(self.verifier.context.alliance, self.verifier.context.epoch))
            }
            Some(certificate) if certificate.view == branch.view => {
                self.new_view(certificate)?;
                Ok(certificate.tip)
            }
            _ => Err(Misstatement::NewView),
        }
    }

    fn choice(&self, sender: ServerIndex, choice: &NewView) -> Result<(), Misstatement> {
        if self.verifier.rotation.leader(choice.view) != sender {
            return Err(Misstatement::NotLeader(choice.view));
        }
        let another = choice.reports.iter().any(|report| report.body.view != choice.view);
        if !is_sorted(&choice.reports)
            || (another && !self.verifier.bugs.has(Bug::OldReportsCounted))
        {
            return Err(Misstatement::Reports);
        }
        for report in &choice.reports {
            self.nested("view-change", report, Bug::ReportsUnsigned)?;
            self.report(&report.body)?;
        }
        Ok(())
    }

    fn equivocation(&self, proof: &Equivocation) -> Result<(), Misstatement> {
        let (first, second) = (&proof.first.body, &proof.second.body);
        let (low, high) =
            if first.height <= second.height { (first, second) } else { (second, first) };
        let same = low.height == high.height && low != high;
        let adjacent =
            low.height.0.checked_add(1) == Some(high.height.0) && high.parent != low.hash();
        let shown = first.view == second.view && (same || adjacent);
        if !shown && !self.verifier.bugs.has(Bug::EquivocationUnproven) {
            return Err(Misstatement::NoEquivocation);
        }
        self.signed_header(&proof.first)?;
        self.signed_header(&proof.second)
    }
}

/// Whether no sender comes twice, and all are in order.
fn is_sorted<T>(said: &[impl Borrow<Signed<T>>]) -> bool {
    said.is_sorted_by(|one, next| one.borrow().signer < next.borrow().signer)
}
