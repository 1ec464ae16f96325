//! What goes into the engine and what comes out of it.

use crate::{
    BatchRef, BlockHash, BlockHeader, BlockRef, CheckpointCertificate, Digest, Evidence,
    JournalPosition, Message, NewViewCertificate, Proposal, Record, Statement, Testimony, Verified,
    View,
};
use ally_policy::{ServerIndex, ServerSet};
use std::sync::Arc;

/// Where the next block of this server goes, if it leads and may propose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    /// The view it leads.
    pub view: View,
    /// The block to extend.
    pub parent: BlockRef,
    /// Blocks proposed and not yet decided, for the batching policy: 0 means the pipe is empty.
    pub in_flight: usize,
    /// A block of an earlier view waits below: propose now, if need be an empty block, because only
    /// votes for a block of this view can decide it.
    pub pressing: bool,
}

/// A payload for a [`Slot`], ready to become a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// The slot it was made for; the engine ignores a draft for a slot that has passed.
    pub parent: BlockRef,
    /// The batches, in order.
    pub batches: Arc<[BatchRef]>,
    /// The log's size after them.
    pub log_size: u64,
    /// The log's root after them.
    pub log_root: Digest,
}

/// What became of a check that [`Output::CheckPayload`] asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PayloadVerdict {
    /// All batches are held, each the next of its origin; log size and root are right; the budget is
    /// kept.
    Valid,
    /// The payload breaks a rule that the leader could check: it will never be voted for.
    Invalid,
    /// There is no room to check it, or to keep what a check found: the engine asks again, later.
    /// May also take back [`PayloadVerdict::Valid`].
    Postponed,
}

/// A decided block on the way in, when this server is behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncedBlock {
    /// The header; its leader's signature is not needed below a certificate.
    pub header: BlockHeader,
    /// Its batch references.
    pub batches: Arc<[BatchRef]>,
}

/// One thing that happened to this server.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Input {
    /// A message whose signatures and certificates were checked, also this server's own: every
    /// message sent to all comes back to its sender this way, a vote only once it is durable.
    Received(Verified),
    /// A payload for the slot that [`crate::Engine::slot`] showed.
    Propose(Draft),
    /// The answer to [`Output::CheckPayload`].
    Payload {
        /// The block.
        block: BlockHash,
        /// What became of it.
        verdict: PayloadVerdict,
    },
    /// The answer to [`Output::Combine`]: the certificate's signature, or who spoilt it.
    Combined {
        /// What was combined.
        statement: Statement,
        /// The signature, or the servers whose shares are bad (not empty).
        result: Result<Vec<u8>, ServerSet>,
    },
    /// A checked certificate for a block: this server's certifier made it, or a peer sent it.
    Certified(Arc<CheckpointCertificate>),
    /// Blocks that follow this server's last decided one and end in a certified block. The sender of
    /// this input has checked that each is the parent of the next, that the last is the certified
    /// one, and their payloads.
    Synced {
        /// Ascending, gap-free.
        blocks: Vec<SyncedBlock>,
        /// For the last of them.
        certificate: Arc<CheckpointCertificate>,
    },
    /// Whether batches wait that no decided block holds. Work without progress starts the timer.
    Work {
        /// True while some wait.
        waiting: bool,
    },
    /// The ordering service holds that the leader passes over batches that others have ordered past:
    /// leave its view.
    Starved,
    /// A link to a server came up: tell it what it may have missed.
    Connected(ServerIndex),
    /// A server does not say what is due once a block is decided: it may not know that it is. Tell it
    /// what it may have missed, of others too.
    Unheard(ServerIndex),
    /// The server is about to stop: a leader gives up its view, so that nobody has to time out.
    Stopping,
    /// The time that [`crate::Engine::deadline`] showed has come.
    Tick,
}

/// To whom a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recipients {
    /// Every server, this one included.
    All,
    /// One server; it may be this one.
    One(ServerIndex),
}

/// How a block came to be decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DecisionPath {
    /// A fast quorum of votes: two steps.
    Fast,
    /// A quorum of commits: three steps.
    Slow,
    /// A certificate from others: this server was behind.
    Certificate,
}

/// A decided block, in chain order, each exactly once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// Height and hash.
    pub block: BlockRef,
    /// Its header and batches. The engine does not know whether these are held.
    pub proposal: Proposal,
    /// Its leader's signature, unless it came by a certificate.
    pub signature: Option<[u8; 64]>,
    /// How.
    pub path: DecisionPath,
}

impl Decided {
    /// The block's header.
    pub fn header(&self) -> &BlockHeader {
        &self.proposal.header
    }
}

/// One thing to do. They are to be done in order, but a message that waits for the journal does not
/// hold up what follows it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Output {
    /// Append to the journal; `position` is one above the last.
    Journal {
        /// The record's place.
        position: JournalPosition,
        /// The record.
        record: Record,
    },
    /// Sign (see [`Message::share_statement`]) and send at once.
    Send {
        /// To whom.
        to: Recipients,
        /// What.
        message: Message,
    },
    /// Sign and send as soon as the journal is durable up to `after`, and never before: not on a
    /// retry, not on a reconnect, not to oneself.
    SendDurable {
        /// The record that must not be lost.
        after: JournalPosition,
        /// To whom.
        to: Recipients,
        /// What.
        message: Message,
    },
    /// Check this proposal's payload; its parent's was checked or is decided. Answer with
    /// [`Input::Payload`], at once or when missing batches have come.
    CheckPayload {
        /// The block.
        block: BlockRef,
        /// The proposal.
        proposal: Proposal,
    },
    /// Combine shares into the statement's signature; answer with [`Input::Combined`].
    Combine {
        /// What the shares are on.
        statement: Statement,
        /// At least a kernel's or a quorum's.
        shares: Vec<(ServerIndex, Vec<u8>)>,
    },
    /// Decided; next in the chain.
    Decided(Box<Decided>),
    /// This server entered a view, or began to leave one (`open` is none until NV is known).
    View {
        /// The view.
        view: View,
        /// Its NV, once open; view 0 has none and is open from the start.
        open: Option<NewViewCertificate>,
    },
    /// A certified block is out of reach: fetch what lies between and answer with
    /// [`Input::Synced`].
    Behind {
        /// The last block this server has decided.
        decided: BlockRef,
        /// The certified block ahead.
        certificate: Arc<CheckpointCertificate>,
    },
    /// Keep this and show it.
    Evidence(Box<Evidence>),
    /// Keep this, under a limit, for whoever asks who is to blame: no later than the record or the
    /// decision that follows it. Nothing waits for it.
    Testimony(Arc<Testimony>),
    /// More servers misbehave than the policy tolerates, and it shows: stop, and say so. The engine
    /// does nothing any more.
    Halt(Box<Breach>),
}

/// What shows that the policy's assumption does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Breach {
    /// Enough servers stand behind a block that conflicts with a decided one.
    Decisions {
        /// The last block that this server has decided.
        decided: BlockRef,
        /// The other.
        conflicting: BlockRef,
    },
    /// The alliance certified a block that conflicts with a decided one.
    Certificate {
        /// The last block that this server has decided.
        decided: BlockRef,
        /// The certificate.
        certificate: CheckpointCertificate,
    },
}
