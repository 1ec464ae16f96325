//! From a frame to something that [`crate::Replica`] may believe was said.
//!
//! The driver runs this where the frame arrives, outside the replica and in parallel if it likes:
//! signatures and hashes are most of a server's work.

use crate::batch::{BatchId, HeldBatch};
use crate::wire::{CertifyShare, ShareProof, SyncBlocks};
use ally_consensus::{BlockRef, CheckpointCertificate, Height, Signed, Verified};

/// The name of a [`CertifyShare`] inside [`signing_bytes`].
pub const CERTIFY_SHARE_KIND: &str = "certify-share";

/// The name of a [`ShareProof`] inside [`signing_bytes`].
pub const SHARE_PROOF_KIND: &str = "share-proof";

/// A message of which every signature and certificate was checked.
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
    CertifyShare(Signed<CertifyShare>),
    /// Asks for the proof of a share.
    ProofRequest(BlockRef),
    /// A proof that its sender signed; whether it is right is a job of its own.
    ShareProof(Signed<ShareProof>),
    /// A certificate with a good signature.
    Certificate(CheckpointCertificate),
    /// Asks for blocks.
    SyncRequest(Height),
    /// Blocks that link; the certificate's signature is good and it names the last of them.
    SyncBlocks(SyncBlocks),
}
