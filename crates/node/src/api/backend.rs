//! What the client API needs of the server behind it.

use crate::api::{StatusView, Submission};
use ally_alliance::keys::ClientPublic;
use ally_consensus::{BlockHeader, Digest, Height};
use ally_log::{Certificate, Frontier, Receipt};
use ally_proto::{Entry, ProposalId};
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// A server as the client API sees it; the driver implements it, tests fake it.
///
/// No method waits: [`submit`](Backend::submit) only hands over, and the reads may touch the disk, for
/// which reason the API calls them on threads where that is allowed.
pub trait Backend: Send + Sync + 'static {
    /// Hands proposals to the ordering service, all of them or none.
    ///
    /// The backend reports to `submission.replies` once for each entry, as runs, when its place in
    /// the log is final, or when it will not be ordered. Entries of one client are ordered in the
    /// order of its submissions, unless the server stops in between.
    ///
    /// # Errors
    /// [`Busy`] gives the submission back: as much as is allowed waits for a decision already.
    fn submit(&self, client: ClientPublic, submission: Submission) -> Result<(), Busy>;

    /// How far the log is decided and certified; changes with every decided block and certificate,
    /// after the blocks can be read.
    fn tip(&self) -> watch::Receiver<Tip>;

    /// Height of the block that holds the entry `index`, which is below the decided log size.
    ///
    /// # Errors
    /// [`ReadError`] if the store fails or no longer holds the block.
    fn height_of(&self, index: u64) -> Result<Height, ReadError>;

    /// Decided blocks in order, beginning with height `from`. Stops when the entries exceed
    /// `bytes_limit` (after at least one block) or at the tip; empty above the tip.
    ///
    /// # Errors
    /// [`ReadError`] if the store fails or no longer holds the block.
    fn blocks(&self, from: Height, bytes_limit: usize) -> Result<Vec<DecidedBlock>, ReadError>;

    /// The right edge of the log when it held `size` entries; `size` is the `first_index` of a block.
    ///
    /// # Errors
    /// As [`blocks`](Backend::blocks).
    fn frontier(&self, size: u64) -> Result<Frontier, ReadError>;

    /// The certificate of the lowest certified block whose height is `height` or more, and the
    /// headers of the blocks above `height` up to and with that block. `None` if there is none yet,
    /// or if more than `headers_max` headers lie between.
    ///
    /// # Errors
    /// As [`blocks`](Backend::blocks).
    fn anchor(&self, height: Height, headers_max: usize) -> Result<Option<AnchorProof>, ReadError>;

    /// The receipt of the entry at `index`, from any certificate that covers it, and the entry.
    /// `None` if it is not certified yet, or not ordered.
    ///
    /// # Errors
    /// As [`blocks`](Backend::blocks).
    fn receipt(&self, index: u64) -> Result<Option<(Receipt, Entry)>, ReadError>;

    /// Index of the newest entry with this id in the duplicate window.
    fn find(&self, id: &ProposalId) -> Option<u64>;

    /// The proofs of misbehaviour that are kept here.
    ///
    /// # Errors
    /// [`ReadError::Store`].
    fn all_evidence(&self) -> Result<Vec<EvidenceView>, ReadError>;

    /// The proof with this digest, if it is kept here.
    ///
    /// # Errors
    /// [`ReadError::Store`].
    fn evidence(&self, digest: Digest) -> Result<Option<Bytes>, ReadError>;

    /// What the server knows about itself and the alliance now.
    fn status(&self) -> StatusView;

    /// The alliance document in force, TOML text.
    fn document(&self) -> Arc<str>;
}

/// How far the log has come at this server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tip {
    /// Height of the newest decided block.
    pub height: Height,
    /// Entries up to and with that block.
    pub log_size: u64,
    /// Height of the newest certified block.
    pub certified_height: Height,
    /// Entries up to and with that one.
    pub certified_log_size: u64,
}

/// One decided block with its entries.
#[derive(Debug, Clone)]
pub struct DecidedBlock {
    /// What was voted for; `log_size` is that after the block.
    pub header: BlockHeader,
    /// Index of its first entry: the log size before it.
    pub first_index: u64,
    /// Its entries in log order, `log_size - first_index` of them.
    pub entries: Vec<Bytes>,
}

/// A certificate and the chain of headers that leads to its block.
#[derive(Debug, Clone)]
pub struct AnchorProof {
    /// The certificate.
    pub certificate: Certificate,
    /// Headers above the height asked for, ascending, up to and with the certified one.
    pub headers: Vec<BlockHeader>,
}

/// A proof of misbehaviour, named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvidenceView {
    /// Digest of the proof.
    pub digest: Digest,
    /// The accused server's name in the policy.
    pub server: String,
    /// The organisation that runs it.
    pub organisation: String,
    /// Which rule it broke.
    pub kind: &'static str,
    /// The proof's length in bytes.
    pub size: usize,
}

/// The ordering service takes no more at the moment.
pub struct Busy {
    /// What was not taken.
    pub submission: Submission,
    /// When another attempt makes sense.
    pub retry_after: Duration,
}

/// Why something could not be read. The client is not to blame.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The store failed; the server will stop.
    #[error("the store cannot be read: {0}")]
    Store(String),
    /// Removed by the configured retention.
    #[error("entries before {first_kept} are no longer kept here")]
    Pruned {
        /// Index of the oldest entry that is.
        first_kept: u64,
    },
}
