//! Proofs of misbehaviour that this crate adds to the engine's: about batches and certificates.
//!
//! What is said there holds here: see [`ally_consensus::Evidence`]. Not provable by messages alone,
//! and so nothing that is kept: a batch whose commands have the wrong length (it would take the batch,
//! not its reference), withheld batches, favouring some origins.

use crate::batch::batch_signing_bytes;
use crate::check::{CERTIFY_SHARE_KIND, SHARE_PROOF_KIND};
use crate::wire::{CertifyShare, ShareProof};
use ally_codec::{Decode, DecodeError, Encode, Reader, Writer};
use ally_consensus::{BatchRef, Context, Digest, Law, Signed, Unproven, signing_bytes};
use ally_policy::ServerIndex;
use sha2::{Digest as _, Sha256};

/// Proof of a server's misbehaviour. It verifies offline with the alliance document alone.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Evidence {
    /// About agreement.
    Consensus(ally_consensus::Evidence),
    /// An origin signed two batches under one number.
    ///
    /// Sound: a correct origin numbers its batches without a gap, and shows a batch to nobody before
    /// it is durable, so that a restart does not give its number to another.
    Batches {
        /// One reference.
        first: Signed<BatchRef>,
        /// The other: same origin and sequence, another digest.
        second: Signed<BatchRef>,
    },
    /// A share of a certificate that is wrong.
    ///
    /// Sound: a correct server computes it, and its proof, with its share of the key; the public key
    /// shows whether they belong together. A share that nothing was asked about proves nothing where
    /// the scheme needs a proof to judge.
    Share {
        /// The share.
        share: Signed<CertifyShare>,
        /// The proof its sender gave for it, if the scheme needs one to judge.
        proof: Option<Signed<ShareProof>>,
    },
    /// A server gave shares on two different blocks, or logs, of one height.
    ///
    /// Sound: a correct server gives shares on decided blocks only, and decides one block of a
    /// height.
    Statements {
        /// One share.
        first: Signed<CertifyShare>,
        /// The other.
        second: Signed<CertifyShare>,
    },
}

/// Which rule was broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EvidenceKind {
    /// One of the rules of agreement.
    Consensus(ally_consensus::EvidenceKind),
    /// [`Evidence::Batches`].
    Batches,
    /// [`Evidence::Share`].
    Share,
    /// [`Evidence::Statements`].
    Statements,
}

impl EvidenceKind {
    /// The kind with a [`EvidenceKind::code`]; none if there is none.
    pub fn of_code(code: u8) -> Option<Self> {
        let agreement = ally_consensus::EvidenceKind::ALL.into_iter().map(Self::Consensus);
        let all = agreement.chain([Self::Batches, Self::Share, Self::Statements]);
        all.into_iter().find(|kind| kind.code() == code)
    }

    /// What it is called in files and tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Consensus(kind) => kind.name(),
            Self::Batches => "two-batches",
            Self::Share => "wrong-share",
            Self::Statements => "two-statements",
        }
    }

    /// One byte for each kind.
    pub fn code(self) -> u8 {
        match self {
            Self::Consensus(kind) => kind.code(),
            Self::Batches => 128,
            Self::Share => 129,
            Self::Statements => 130,
        }
    }
}

/// Judges shares of the alliance key.
pub trait CertifyJudge {
    /// Whether a share is wrong beyond doubt, in the light of the proof that its sender gave for it,
    /// if it gave one.
    fn is_wrong(
        &self,
        context: &Context,
        server: ServerIndex,
        share: &CertifyShare,
        proof: Option<&[u8]>,
    ) -> bool;
}

impl Evidence {
    /// Who misbehaved.
    pub fn culprit(&self) -> ServerIndex {
        match self {
            Self::Consensus(evidence) => evidence.culprit(),
            Self::Batches { first, .. } => first.signer,
            Self::Share { share, .. } => share.signer,
            Self::Statements { first, .. } => first.signer,
        }
    }

    /// Which rule was broken.
    pub fn kind(&self) -> EvidenceKind {
        match self {
            Self::Consensus(evidence) => EvidenceKind::Consensus(evidence.kind()),
            Self::Batches { .. } => EvidenceKind::Batches,
            Self::Share { .. } => EvidenceKind::Share,
            Self::Statements { .. } => EvidenceKind::Statements,
        }
    }

    /// Checks that [`Evidence::culprit`] is guilty of what is claimed.
    ///
    /// # Errors
    /// [`Unproven`]: whoever presents it is wrong, or lies. Nothing follows about the accused.
    ///
    /// # Cost
    /// As [`ally_consensus::Evidence::verify`]; a share costs about its check.
    pub fn verify(&self, law: &Law<'_>, certify: &dyn CertifyJudge) -> Result<(), Unproven> {
        match self {
            Self::Consensus(evidence) => evidence.verify(law),
            Self::Batches { first, second } => {
                let (one, other) = (&first.body, &second.body);
                for signed in [first, second] {
                    let bytes = batch_signing_bytes(law.context, &signed.body);
                    is_signed(law, signed, &bytes)?;
                }
                same(first.signer, second.signer)?;
                same(first.signer, one.origin)?;
                same(second.signer, other.origin)?;
                guilty(one.sequence == other.sequence && one.digest != other.digest)
            }
            Self::Share { share, proof } => {
                signed(law, share, CERTIFY_SHARE_KIND)?;
                if let Some(proof) = proof {
                    signed(law, proof, SHARE_PROOF_KIND)?;
                    same(share.signer, proof.signer)?;
                    if proof.body.block != share.body.block {
                        return Err(Unproven::Innocent);
                    }
                }
                let proof = proof.as_ref().map(|proof| &*proof.body.proof);
                guilty(certify.is_wrong(law.context, share.signer, &share.body, proof))
            }
            Self::Statements { first, second } => {
                signed(law, first, CERTIFY_SHARE_KIND)?;
                signed(law, second, CERTIFY_SHARE_KIND)?;
                same(first.signer, second.signer)?;
                guilty(contradict(&first.body, &second.body))
            }
        }
    }

    /// SHA-256 of the encoding: its name in the store.
    ///
    /// # Cost
    /// Encodes it.
    pub fn digest(&self) -> Digest {
        Self::digest_of(&self.to_bytes())
    }

    /// As [`Evidence::digest`], for the encoding.
    pub fn digest_of(bytes: &[u8]) -> Digest {
        Digest(Sha256::digest(bytes).into())
    }
}

impl Encode for Evidence {
    fn encode(&self, writer: &mut Writer) {
        match self {
            Self::Consensus(evidence) => writer.u8(1).value(evidence),
            Self::Batches { first, second } => writer.u8(2).value(first).value(second),
            Self::Share { share, proof } => writer.u8(3).value(share).option(proof.as_ref()),
            Self::Statements { first, second } => writer.u8(4).value(first).value(second),
        };
    }
}

impl Decode for Evidence {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(match reader.u8()? {
            1 => Self::Consensus(reader.value()?),
            2 => Self::Batches { first: reader.value()?, second: reader.value()? },
            3 => Self::Share { share: reader.value()?, proof: reader.option()? },
            4 => Self::Statements { first: reader.value()?, second: reader.value()? },
            _ => return Err(DecodeError::Invalid("evidence kind")),
        })
    }
}

/// Whether two shares are on different statements about one height.
pub(crate) fn contradict(one: &CertifyShare, other: &CertifyShare) -> bool {
    let said = |share: &CertifyShare| (share.block.hash, share.log_size, share.log_root);
    one.block.height == other.block.height && said(one) != said(other)
}

fn signed<T: Encode>(law: &Law<'_>, what: &Signed<T>, kind: &str) -> Result<(), Unproven> {
    is_signed(law, what, &signing_bytes(law.context, kind, &what.body.to_bytes()))
}

fn is_signed<T>(law: &Law<'_>, what: &Signed<T>, bytes: &[u8]) -> Result<(), Unproven> {
    match law.judge.signature(what.signer, bytes, &what.signature) {
        true => Ok(()),
        false => Err(Unproven::Signature(what.signer)),
    }
}

fn same(one: ServerIndex, other: ServerIndex) -> Result<(), Unproven> {
    if one == other { Ok(()) } else { Err(Unproven::Signers) }
}

fn guilty(is: bool) -> Result<(), Unproven> {
    if is { Ok(()) } else { Err(Unproven::Innocent) }
}
