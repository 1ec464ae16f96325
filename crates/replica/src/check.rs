//! From a frame to something that [`crate::Replica`] may believe was said.
//!
//! The driver runs this where the frame arrives, outside the replica and in parallel if it likes:
//! signatures and hashes are most of a server's work.

use crate::batch::{BatchId, HeldBatch, SignedBatch};
use crate::wire::{CertifyShare, PeerMessage, ShareProof, SyncBlocks};
use ally_codec::{DecodeError, Encode};
use ally_consensus::{
    Authenticator, BlockRef, Bounds, Bug, Bugs, CheckpointCertificate, Context, Epoch, Evidence,
    Height, Rotation, Signed, Verified, Verifier, VerifyError, signing_bytes_of,
};
use ally_policy::ServerIndex;
use bytes::Bytes;
use std::ops::RangeInclusive;
use std::sync::Arc;

/// The name of a [`CertifyShare`] inside [`signing_bytes_of`].
pub const CERTIFY_SHARE_KIND: &str = "certify-share";

/// The name of a [`ShareProof`] inside [`signing_bytes_of`].
pub const SHARE_PROOF_KIND: &str = "share-proof";

/// A message of which every signature and certificate was checked. Cheap to move and to clone.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Checked {
    /// For the engine.
    Consensus(Verified),
    /// A batch whose origin signed it.
    Batch(HeldBatch),
    /// Asks for batches.
    FetchBatches(Vec<BatchId>),
    /// A share that its sender signed; whether the share is right shows when it is combined.
    CertifyShare(Arc<Signed<CertifyShare>>),
    /// Asks for the proof of a share.
    ProofRequest(BlockRef),
    /// A proof that its sender signed; whether it is right is a job of its own.
    ShareProof(Arc<Signed<ShareProof>>),
    /// A certificate with a good signature.
    Certificate(Arc<CheckpointCertificate>),
    /// Asks for blocks.
    SyncRequest(Height),
    /// Blocks that link; the certificate's signature is good and it names the last of them.
    SyncBlocks(Arc<SyncBlocks>),
}

impl Checked {
    /// A message that this server has just signed itself, on its way back to it: nothing to check.
    pub fn own(message: PeerMessage) -> Self {
        match message {
            PeerMessage::Consensus(message) => Self::Consensus(Verified::own(message)),
            PeerMessage::Batch(signed) => Self::Batch(HeldBatch::trusted(signed)),
            PeerMessage::FetchBatches(ids) => Self::FetchBatches(ids),
            PeerMessage::CertifyShare(share) => Self::CertifyShare(Arc::new(share)),
            PeerMessage::ProofRequest(block) => Self::ProofRequest(block),
            PeerMessage::ShareProof(proof) => Self::ShareProof(Arc::new(proof)),
            PeerMessage::Certificate(certificate) => Self::Certificate(certificate),
            PeerMessage::SyncRequest(after) => Self::SyncRequest(after),
            PeerMessage::SyncBlocks(answer) => Self::SyncBlocks(Arc::new(answer)),
        }
    }
}

/// Why a frame is not passed on. The sender is to blame in every case but
/// [`CheckError::Consensus`], which tells itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckError {
    /// Not the encoding of a message.
    #[error("{from} sent a frame that cannot be read: {error}")]
    Malformed {
        /// Who sent it.
        from: ServerIndex,
        /// What is wrong.
        error: DecodeError,
    },
    /// A signed message of one server came over another's link.
    #[error("{from} sent a message that claims to be from {signer}")]
    Impersonation {
        /// Whose link it came over.
        from: ServerIndex,
        /// Whom it names.
        signer: ServerIndex,
    },
    /// A signature or certificate is wrong.
    #[error("{from} sent {what} with a wrong signature")]
    Signature {
        /// Who sent it.
        from: ServerIndex,
        /// What it was.
        what: &'static str,
    },
    /// A batch with a command that no reader of the log could take for one. Its origin signed it.
    #[error(
        "{from} sent a batch of {origin} with a command of {bytes} bytes; a command has {min} to {max}"
    )]
    Command {
        /// Who sent it.
        from: ServerIndex,
        /// Who signed it.
        origin: ServerIndex,
        /// The command's length.
        bytes: usize,
        /// The shortest that is taken.
        min: usize,
        /// The longest.
        max: usize,
    },
    /// A batch that is longer than this alliance allows. Its origin signed it.
    #[error("{from} sent a batch of {origin} with {bytes} bytes; a batch has at most {max}")]
    BatchLength {
        /// Who sent it.
        from: ServerIndex,
        /// Who signed it.
        origin: ServerIndex,
        /// The length of its content.
        bytes: usize,
        /// The longest that is taken.
        max: usize,
    },
    /// Blocks that do not follow each other, or not the certificate.
    #[error("{from} sent blocks that do not link")]
    Unlinked {
        /// Who sent them.
        from: ServerIndex,
    },
    /// A message about agreement that does not verify.
    #[error("{from} sent a message about agreement that does not verify: {error}")]
    Consensus {
        /// Who sent it.
        from: ServerIndex,
        /// What is wrong, and whose fault that is.
        error: VerifyError,
        /// That it is the sender's fault, for all to see: for
        /// [`Input::Misstated`](crate::Input::Misstated). None for what it has not signed.
        proof: Option<Arc<Evidence>>,
    },
}

impl CheckError {
    /// The proof of what is wrong, if there is one.
    pub fn proof(&self) -> Option<&Arc<Evidence>> {
        match self {
            Self::Consensus { proof, .. } => proof.as_ref(),
            _ => None,
        }
    }
}

/// Checks what peers send. Holds public keys only (in the [`Authenticator`]).
#[derive(Debug)]
pub struct Checker<A> {
    verifier: Verifier<A>,
    command_bytes: RangeInclusive<usize>,
    batch_bytes_max: usize,
}

impl<A: Authenticator> Checker<A> {
    /// A checker for one alliance and epoch; `bounds` as its policy gives them.
    ///
    /// `command_bytes` is how long a command may be, `batch_bytes_max` how long a batch's content
    /// ([`Limits::batch_bytes_max`](crate::Limits::batch_bytes_max)); all servers of an alliance must
    /// say the same. A batch with any other command is nobody's to vote for: once ordered, it could
    /// not be taken out of the log again, and whoever reads the log would stumble over it. A longer
    /// batch may fit no block: it would wait for ever, and no leader could do anything about it.
    pub fn new(
        context: Context,
        rotation: Rotation,
        bounds: Bounds,
        command_bytes: RangeInclusive<usize>,
        batch_bytes_max: usize,
        authenticator: A,
    ) -> Self {
        let verifier = Verifier::new(context, rotation, bounds, authenticator);
        Self { verifier, command_bytes, batch_bytes_max }
    }

    /// The same, with rules broken on purpose.
    pub fn planted(self, bugs: Bugs) -> Self {
        Self { verifier: self.verifier.planted(bugs), ..self }
    }

    /// Reads and checks a frame that came over the link to `from`.
    ///
    /// # Errors
    /// [`CheckError`]; the frame is dropped. Never panics.
    pub fn check_frame(&self, from: ServerIndex, frame: Bytes) -> Result<Checked, CheckError> {
        let message = PeerMessage::from_frame(frame)
            .map_err(|error| CheckError::Malformed { from, error })?;
        self.check(from, message)
    }

    /// Checks a message that came over the link to `from`.
    ///
    /// # Errors
    /// [`CheckError`]; the message is dropped. Never panics.
    ///
    /// # Cost
    /// About one Ed25519 verification; a view change one per header, a certificate one verification
    /// under the alliance key.
    pub fn check(&self, from: ServerIndex, message: PeerMessage) -> Result<Checked, CheckError> {
        Ok(match message {
            PeerMessage::Consensus(message) => self.consensus(from, message)?,
            PeerMessage::Batch(signed) => {
                let origin = signed.batch.origin();
                self.sizes(from, &signed)?;
                let verify = |bytes: &[u8], signature: &[u8; 64]| {
                    self.verifier.authenticator().signature(origin, bytes, signature)
                        || self.verifier.bugs().has(Bug::BatchesUnsigned)
                };
                let held = HeldBatch::check(signed, self.verifier.context(), verify);
                Checked::Batch(held.ok_or(CheckError::Signature { from, what: "a batch" })?)
            }
            PeerMessage::CertifyShare(share) => {
                self.signed(from, &share, CERTIFY_SHARE_KIND)?;
                Checked::CertifyShare(Arc::new(share))
            }
            PeerMessage::ShareProof(proof) => {
                self.signed(from, &proof, SHARE_PROOF_KIND)?;
                Checked::ShareProof(Arc::new(proof))
            }
            PeerMessage::Certificate(certificate) => {
                self.certificate(from, &certificate)?;
                Checked::Certificate(certificate)
            }
            PeerMessage::SyncBlocks(answer) => {
                self.linked(from, &answer)?;
                Checked::SyncBlocks(Arc::new(answer))
            }
            PeerMessage::FetchBatches(ids) => Checked::FetchBatches(ids),
            PeerMessage::ProofRequest(block) => Checked::ProofRequest(block),
            PeerMessage::SyncRequest(after) => Checked::SyncRequest(after),
        })
    }

    fn consensus(
        &self,
        from: ServerIndex,
        message: Signed<ally_consensus::Message>,
    ) -> Result<Checked, CheckError> {
        if message.signer != from && !self.verifier.bugs().has(Bug::SenderUnchecked) {
            return Err(CheckError::Impersonation { from, signer: message.signer });
        }
        self.verifier
            .check_or_prove(message)
            .map(Checked::Consensus)
            .map_err(|(error, proof)| CheckError::Consensus { from, error, proof })
    }

    fn sizes(&self, from: ServerIndex, signed: &SignedBatch) -> Result<(), CheckError> {
        let (origin, bytes) = (signed.batch.origin(), signed.batch.content().len());
        if bytes > self.batch_bytes_max {
            return Err(CheckError::BatchLength { from, origin, bytes, max: self.batch_bytes_max });
        }
        let (min, max) = (*self.command_bytes.start(), *self.command_bytes.end());
        let mut lengths = signed.batch.commands().map(|command| command.len());
        match lengths.find(|length| !self.command_bytes.contains(length)) {
            Some(bytes) => Err(CheckError::Command { from, origin, bytes, min, max }),
            None => Ok(()),
        }
    }

    fn signed<T: Encode>(
        &self,
        from: ServerIndex,
        message: &Signed<T>,
        kind: &'static str,
    ) -> Result<(), CheckError> {
        let signer = message.signer;
        if signer != from {
            return Err(CheckError::Impersonation { from, signer });
        }
        let is_signed_in = |context: Context| {
            let bytes = signing_bytes_of(&context, kind, &message.body);
            self.verifier.authenticator().signature(signer, &bytes, &message.signature)
        };
        match self.contexts().any(is_signed_in) {
            true => Ok(()),
            false => Err(CheckError::Signature { from, what: kind }),
        }
    }

    /// In which epoch shares and proofs may have been signed: this one.
    fn contexts(&self) -> impl Iterator<Item = Context> + use<A> {
        let own = *self.verifier.context();
        let epoch = Epoch(own.epoch.0.wrapping_add(1));
        let taken = self.verifier.bugs().has(Bug::OtherEpochShared);
        [Some(own), taken.then_some(Context { epoch, ..own })].into_iter().flatten()
    }

    fn certificate(
        &self,
        from: ServerIndex,
        certificate: &CheckpointCertificate,
    ) -> Result<(), CheckError> {
        match self.verifier.is_certified(certificate) {
            true => Ok(()),
            false => Err(CheckError::Signature { from, what: "a certificate" }),
        }
    }

    /// Each block is the parent of the next, payloads match headers, the certificate names the last.
    fn linked(&self, from: ServerIndex, answer: &SyncBlocks) -> Result<(), CheckError> {
        let mut parent = None;
        for block in &answer.blocks {
            let header = &block.header;
            let follows = parent.is_none_or(|parent: BlockRef| {
                parent.hash == header.parent && parent.height.next() == header.height
            });
            let payload = ally_consensus::payload_digest(&block.batches) == header.payload_digest;
            let ours = header.alliance == self.verifier.context().alliance
                && header.epoch == self.verifier.context().epoch;
            let follows = follows || self.verifier.bugs().has(Bug::BlocksUnlinked);
            if !(follows && payload && ours) {
                return Err(CheckError::Unlinked { from });
            }
            parent = Some(header.block_ref());
        }
        match &answer.certificate {
            Some(certificate) if Some(certificate.block) != parent => {
                Err(CheckError::Unlinked { from })
            }
            Some(certificate) => self.certificate(from, certificate),
            None => Ok(()),
        }
    }
}
