//! Cryptography with private keys, and slow cryptography: done by the driver, on other threads.

use crate::batch::{Batch, HeldBatch};
use ally_consensus::{BlockRef, CheckpointCertificate, Statement};
use ally_log::Checkpoint;
use ally_policy::{ServerIndex, ServerSet};

/// Something to compute. At most a handful are under way at a time: one per kind, one share check
/// per server, and one combination per statement that the engine asks for.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Job {
    /// Sign [`batch_signing_bytes`](crate::batch_signing_bytes) of the batch's reference with the
    /// server's signing key; answer with [`HeldBatch::trusted`]. Cheap: may be done in place.
    SignBatch(Batch),
    /// Compute this server's share of the certify key on the checkpoint's statement.
    CertifyShare(Checkpoint),
    /// Combine shares of the certify key on the checkpoint's statement, and verify the result.
    CombineCertificate {
        /// What was signed.
        checkpoint: Checkpoint,
        /// Shares of a certify set at least.
        shares: Vec<(ServerIndex, Vec<u8>)>,
    },
    /// Prove the share that [`Job::CertifyShare`] gave for this checkpoint.
    ProveShare {
        /// What was signed.
        checkpoint: Checkpoint,
        /// The share to prove.
        share: Vec<u8>,
    },
    /// Check one share with its proof.
    CheckShare {
        /// What was signed.
        checkpoint: Checkpoint,
        /// Whose share.
        server: ServerIndex,
        /// The share.
        share: Vec<u8>,
        /// Its proof; empty if the scheme needs none.
        proof: Vec<u8>,
    },
    /// Combine shares for the engine: of the kernel key ([`Statement::NewView`]) or of the quorum
    /// key ([`Statement::Commit`]) on the statement's
    /// [`signing_bytes`](ally_consensus::signing_bytes).
    CombineStatement {
        /// What was signed.
        statement: Statement,
        /// Shares of a kernel or a quorum at least.
        shares: Vec<(ServerIndex, Vec<u8>)>,
    },
}

/// Why shares did not combine to a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CombineFailure {
    /// These servers' shares are wrong for sure (not empty).
    Culprits(ServerSet),
    /// The signature is wrong and nothing tells whose fault it is: proofs are needed.
    Inconsistent,
}

/// The answer to a [`Job`] of the same name.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Done {
    /// To [`Job::SignBatch`].
    SignBatch(HeldBatch),
    /// To [`Job::CertifyShare`].
    CertifyShare {
        /// The block.
        block: BlockRef,
        /// The share.
        share: Vec<u8>,
    },
    /// To [`Job::CombineCertificate`].
    CombineCertificate {
        /// The block.
        block: BlockRef,
        /// The certificate, verified; or who spoilt it.
        result: Result<CheckpointCertificate, CombineFailure>,
    },
    /// To [`Job::ProveShare`].
    ProveShare {
        /// The block.
        block: BlockRef,
        /// The proof; empty if the scheme needs none.
        proof: Vec<u8>,
    },
    /// To [`Job::CheckShare`].
    CheckShare {
        /// The block.
        block: BlockRef,
        /// Whose share.
        server: ServerIndex,
        /// Whether the share is right.
        valid: bool,
    },
    /// To [`Job::CombineStatement`].
    CombineStatement {
        /// What was signed.
        statement: Statement,
        /// The signature, verified; or the servers whose shares are bad (not empty). Shares of both
        /// keys are BLS and can be checked one by one.
        result: Result<Vec<u8>, ServerSet>,
    },
}
