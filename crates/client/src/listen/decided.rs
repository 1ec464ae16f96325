//! What a listener hands out.

use ally_log::Certificate;
use ally_proto::{Nonce, ProposalId};
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;

/// A decided block.
#[derive(Debug, Clone)]
pub struct Decided {
    /// Its distance from the genesis block.
    pub height: u64,
    /// The configuration that decided it.
    pub epoch: u64,
    /// Microseconds since 1970-01-01 UTC: the same for everybody, and never falling.
    pub timestamp_us: u64,
    /// Index of the entry that comes after the block: where to listen from to go on.
    pub next_index: u64,
    /// Its commands, from the first index asked for; none is left out.
    pub commands: Vec<Command>,
    /// The certificate that proves it, shared with the blocks below; `None` only for listeners that
    /// asked for unverified blocks.
    pub certificate: Option<Arc<Certificate>>,
}

/// One command of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// Its place in the log.
    pub index: u64,
    /// The proposal's name.
    pub id: ProposalId,
    /// What makes it differ from other proposals of the same bytes.
    pub nonce: Nonce,
    /// The command.
    pub bytes: Bytes,
    /// The log holds the same proposal at this earlier place: state machines skip this copy.
    pub duplicate_of: Option<u64>,
}

/// What a listener wants.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct ListenOptions {
    /// Whether blocks are handed out before a certificate proves them. They come a signature's time
    /// earlier, and a faulty server can make them up. Default: no.
    pub unverified: bool,
    /// Whether duplicates are marked. A listener that begins in the middle of the log then reads the
    /// leaf hashes of the last million entries before (32 MB). Default: yes.
    pub mark_duplicates: bool,
    /// After how long without any server the listener ends, with [`crate::Error::Unreachable`] or
    /// [`crate::Error::NotAdmitted`]. Default: never; it keeps asking.
    pub give_up_after: Option<Duration>,
}

impl Default for ListenOptions {
    fn default() -> Self {
        Self { unverified: false, mark_duplicates: true, give_up_after: None }
    }
}

impl ListenOptions {
    /// Hands out blocks before they are proven. Weak.
    #[must_use]
    pub fn unverified(mut self) -> Self {
        self.unverified = true;
        self
    }

    /// Ends the listener when no server has been heard of for so long.
    #[must_use]
    pub fn give_up_after(mut self, limit: Duration) -> Self {
        self.give_up_after = Some(limit);
        self
    }

    /// Leaves duplicates unmarked.
    #[must_use]
    pub fn without_duplicates(mut self) -> Self {
        self.mark_duplicates = false;
        self
    }
}
