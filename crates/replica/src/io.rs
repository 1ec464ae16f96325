//! What goes into the replica and what comes out of it.
//!
//! The driver performs outputs in order. "Persist before send" stands in [`When`]: everything that
//! must not be forgotten after a crash is an [`Output::Write`], and what depends on it names the
//! write that it waits for.

use crate::batch::{BatchId, HeldBatch};
use crate::chain_state::ChainState;
use crate::check::{CERTIFY_SHARE_KIND, Checked, SHARE_PROOF_KIND};
use crate::evidence::Evidence;
use crate::job::{Done, Job};
use crate::wire::{CertifyShare, PeerMessage, ShareProof};
use ally_consensus::{
    BlockHeader, BlockRef, Breach, CheckpointCertificate, Context, DecisionPath, Height,
    JournalPosition, Message, Micros, Proposal, Record, Signed, Statement, Testimony, View,
    signing_bytes_of,
};
use ally_policy::ServerIndex;
use bytes::Bytes;
use std::sync::Arc;

/// A write's place among all writes since the start, from 1. Writes become durable in this order:
/// "durable up to 7" includes 1 to 6. 0 is always durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct WritePosition(pub u64);

/// One thing that happened to this server.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Input {
    /// A checked message that came over the link to `from`, or this server's own, back from
    /// [`Recipients::All`].
    Received {
        /// Whose link it came over.
        from: ServerIndex,
        /// The message.
        message: Checked,
    },
    /// A message that was refused proves that its sender is at fault ([`CheckError::proof`]).
    ///
    /// [`CheckError::proof`]: crate::CheckError::proof
    Misstated(Arc<ally_consensus::Evidence>),
    /// Commands of this server's clients, to be ordered in this order; all or none are taken.
    /// Nothing is answered if they are; [`Output::Refused`] if not. This server's commands are
    /// delivered in the order in which they were taken, except those lost in a crash.
    Submit {
        /// The driver's name for these commands.
        ticket: u64,
        /// The commands, opaque; at least one.
        commands: Vec<Bytes>,
    },
    /// All writes up to this one are durable.
    Durable(WritePosition),
    /// A job is done.
    Done {
        /// What came of it.
        done: Box<Done>,
        /// The processor time that it took, in microseconds; not the time that it waited.
        cost: Micros,
    },
    /// The links to a server came up.
    Connected(ServerIndex),
    /// The links to a server went down.
    Disconnected(ServerIndex),
    /// The server is about to stop: it gives up leading.
    Stopping,
    /// The time that [`crate::Replica::deadline`] showed has come.
    Tick,
}

/// When a message may leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// At once.
    AtOnce,
    /// When all writes up to this one are durable, and never before: not on a retry, not on a
    /// reconnect, not to this server itself.
    Durable(WritePosition),
}

/// To whom a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recipients {
    /// Every server, this one included: its own copy comes back as [`Input::Received`], under the
    /// same [`When`].
    All,
    /// Every server but this one.
    Others,
    /// One server; it may be this one.
    One(ServerIndex),
}

/// A message on its way out.
#[derive(Debug, Clone)]
pub enum Outgoing {
    /// Ready as it is.
    Ready(Box<PeerMessage>),
    /// Needs this server's signature, and perhaps a threshold share, first.
    ToSign(Unsigned),
}

/// A message without its sender's signature.
///
/// To sign: where [`Unsigned::share_statement`] names a statement, compute the share and
/// [`Unsigned::set_share`]; then sign [`Unsigned::signing_bytes`], if there are any, with the
/// server's signing key; then [`Unsigned::signed`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unsigned {
    /// About agreement.
    Consensus(Message),
    /// A share of a certificate.
    CertifyShare(CertifyShare),
    /// The proof of one.
    ShareProof(ShareProof),
}

impl Unsigned {
    /// The statement whose threshold share has to go in first, if any.
    pub fn share_statement(&self, slow_path: bool) -> Option<Statement> {
        match self {
            Self::Consensus(message) => message.share_statement(slow_path),
            Self::CertifyShare(_) | Self::ShareProof(_) => None,
        }
    }

    /// Puts in that share.
    pub fn set_share(&mut self, share: Vec<u8>) {
        if let Self::Consensus(message) = self {
            message.set_share(share);
        }
    }

    /// The bytes to sign; none for messages that need no signature: 64 zeros stand in its place.
    pub fn signing_bytes(&self, context: &Context) -> Option<Vec<u8>> {
        match self {
            Self::Consensus(message) => message.signing_bytes(context),
            Self::CertifyShare(share) => Some(signing_bytes_of(context, CERTIFY_SHARE_KIND, share)),
            Self::ShareProof(proof) => Some(signing_bytes_of(context, SHARE_PROOF_KIND, proof)),
        }
    }

    /// The message as it travels.
    pub fn signed(self, signer: ServerIndex, signature: [u8; 64]) -> PeerMessage {
        match self {
            Self::Consensus(body) => PeerMessage::Consensus(Signed { signer, signature, body }),
            Self::CertifyShare(body) => {
                PeerMessage::CertifyShare(Signed { signer, signature, body })
            }
            Self::ShareProof(body) => PeerMessage::ShareProof(Signed { signer, signature, body }),
        }
    }
}

/// One change to the store. Applied in order; a crash loses a suffix and nothing else.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum StoreOp {
    /// Append to the journal.
    Journal {
        /// One above the last.
        position: JournalPosition,
        /// The record.
        record: Record,
    },
    /// Append these records and forget everything before them, **in one atomic change**: they stand
    /// for what is forgotten.
    RewriteJournal {
        /// The place of the first of them, one above the last in use; the others follow.
        first: JournalPosition,
        /// The records.
        records: Vec<Record>,
    },
    /// Keep a batch, under origin, sequence **and digest**: an origin that lies may have signed two.
    Batch(HeldBatch),
    /// Append a block, its commands to the log, and replace the state to recover from.
    Block(Arc<DeliveredBlock>),
    /// Keep a certificate, by height.
    Certificate(Arc<CheckpointCertificate>),
    /// Keep a proof of misbehaviour.
    Evidence(Box<Evidence>),
    /// Keep what others have signed, under a limit: the newest.
    Testimony(Arc<Testimony>),
}

/// A decided block whose batches are held; delivered in order, gap-free.
#[derive(Debug, Clone)]
pub struct DeliveredBlock {
    /// Height and hash.
    pub block: BlockRef,
    /// Its header and the names of its batches.
    pub proposal: Proposal,
    /// Its leader's signature, unless it came by a certificate.
    pub signature: Option<[u8; 64]>,
    /// Its batches, in order.
    pub batches: Vec<HeldBatch>,
    /// The position in the log of its first command; its last is `header.log_size - 1`.
    pub first_index: u64,
    /// How it was decided.
    pub path: DecisionPath,
    /// The log after it.
    pub state: ChainState,
}

impl DeliveredBlock {
    /// What was decided.
    pub fn header(&self) -> &BlockHeader {
        &self.proposal.header
    }
}

/// Something to read from the store and to send to a peer, without coming back to the replica. Send
/// on the bulk link; drop what does not fit into its queue, the peer asks again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Serve {
    /// Each as [`PeerMessage::Batch`], those that are stored.
    Batches(Vec<BatchId>),
    /// One [`PeerMessage::SyncBlocks`] with the blocks after this height: at most
    /// [`SYNC_BLOCKS_MAX`](crate::SYNC_BLOCKS_MAX) of them and
    /// [`SYNC_BYTES_MAX`](crate::SYNC_BYTES_MAX) bytes
    /// ([`synced_block_bytes`](crate::synced_block_bytes)), cut back to the last that has a
    /// certificate stored, and that certificate with them; without one if none of them has. Nothing
    /// is sent if no block follows.
    Blocks {
        /// The first block sent is the one above.
        after: Height,
    },
}

/// Why commands were not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// As many bytes wait to be ordered as this server may have outstanding: try again later.
    #[error("busy: {undecided_bytes} bytes wait to be ordered, at most {limit} may")]
    Busy {
        /// Bytes taken and not yet ordered.
        undecided_bytes: usize,
        /// [`crate::Limits::undecided_bytes_max`].
        limit: usize,
    },
    /// One command is longer than a batch may be: it can never be taken.
    #[error("a command of {bytes} bytes is too long, at most {limit} are allowed")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// [`crate::Limits::command_bytes_max`].
        limit: usize,
    },
    /// The server is about to stop.
    #[error("this server is stopping")]
    Stopping,
}

/// One thing to do, in order; a message that waits for a write does not hold up what follows.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Output {
    /// Hand to the store; say [`Input::Durable`] when it is durable (one answer may cover many).
    Write {
        /// One above the last.
        position: WritePosition,
        /// What to write.
        op: StoreOp,
    },
    /// Send, signed where needed, on the link that [`PeerMessage::link`] names.
    Send {
        /// Not before this.
        when: When,
        /// To whom.
        to: Recipients,
        /// What.
        message: Outgoing,
    },
    /// Do this on another thread and answer with [`Input::Done`].
    Run(Box<Job>),
    /// Read and send, on another thread; no answer.
    Serve {
        /// To whom.
        to: ServerIndex,
        /// What.
        what: Serve,
    },
    /// A decided block with its batches: tell the clients. A [`StoreOp::Block`] precedes it; no need
    /// to wait until that is durable, since a quorum's journals hold the decision.
    Delivered(Arc<DeliveredBlock>),
    /// A new highest certificate: tell the clients. A [`StoreOp::Certificate`] precedes it. The
    /// block may not be delivered here yet.
    Certified(Arc<CheckpointCertificate>),
    /// The answer to [`Input::Submit`] if the commands were not taken.
    Refused {
        /// Which commands.
        ticket: u64,
        /// Why.
        reason: Refusal,
    },
    /// For the log and for status: this server entered a view, or began to leave for one.
    View {
        /// The view.
        view: View,
        /// Whether it is open.
        open: bool,
    },
    /// More servers misbehave than the policy tolerates, and it shows: stop the server and say so.
    /// The replica does nothing any more.
    Halt(Box<Breach>),
}
