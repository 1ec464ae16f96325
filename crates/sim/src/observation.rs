//! What can be seen of a run from outside: what invariants judge and traces record.

use ally_consensus::{Breach, CheckpointCertificate, Height, Statement, View};
use ally_policy::ServerIndex;
use ally_replica::{CheckError, DeliveredBlock, Evidence, PeerMessage, Status, StoreOp};
use bytes::Bytes;
use std::fmt;
use std::sync::Arc;

/// Why a server does not hear a message that came to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deaf {
    /// It does not run.
    Down,
    /// The script of the twins puts it into the other camp.
    Camp,
    /// The network is on the liars' side.
    Plot,
}

impl fmt::Display for Deaf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Down => "it is down",
            Self::Camp => "kept from it: the other camp's",
            Self::Plot => "kept from it by the plot",
        })
    }
}

/// Something that happened. Where servers run twice, what is sent, and what happens inside them, is told of
/// copies: the second ones are numbered after the last server.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Observation<'a> {
    /// A client gave a command to a server.
    Submitted {
        /// To whom.
        server: ServerIndex,
        /// What.
        command: &'a Bytes,
    },
    /// A server said something, once per message however many hear it.
    Said {
        /// Who.
        server: ServerIndex,
        /// What.
        message: &'a PeerMessage,
    },
    /// A message left for one server.
    Sent {
        /// From whom.
        from: ServerIndex,
        /// To whom.
        to: ServerIndex,
        /// What.
        message: &'a PeerMessage,
        /// In how many microseconds it arrives; none if it is lost.
        delay: Option<u64>,
    },
    /// A message came to a server that did not hear it.
    Unheard {
        /// From whom.
        from: ServerIndex,
        /// To whom.
        to: ServerIndex,
        /// What.
        message: &'a PeerMessage,
        /// Why not.
        why: Deaf,
    },
    /// A write became durable.
    Durable {
        /// Whose disk.
        server: ServerIndex,
        /// What was written.
        op: &'a StoreOp,
    },
    /// A server delivered a decided block.
    Delivered {
        /// Who.
        server: ServerIndex,
        /// What.
        block: &'a Arc<DeliveredBlock>,
    },
    /// The checks on arrival refused a message.
    Refused {
        /// Where.
        server: ServerIndex,
        /// Whose link it came over.
        from: ServerIndex,
        /// Why.
        error: &'a CheckError,
    },
    /// Shares were combined to a new-view or commit certificate.
    Combined {
        /// On what.
        statement: &'a Statement,
    },
    /// Shares of the alliance key were combined.
    Certified {
        /// What came of it.
        certificate: &'a CheckpointCertificate,
    },
    /// A server began to leave for a view, or entered it.
    View {
        /// Who.
        server: ServerIndex,
        /// Which.
        view: View,
        /// Whether it is open.
        open: bool,
    },
    /// A server says that it can prove somebody's misbehaviour.
    Accused {
        /// Who says so.
        server: ServerIndex,
        /// The proof.
        evidence: &'a Evidence,
    },
    /// A server saw that the policy's assumption does not hold, and stopped.
    Halted {
        /// Who.
        server: ServerIndex,
        /// Why.
        breach: &'a Breach,
    },
    /// A look at a running server, now and then.
    Sampled {
        /// Whom.
        server: ServerIndex,
        /// What it shows.
        status: &'a Status,
    },
    /// A server crashed.
    Crashed {
        /// Who.
        server: ServerIndex,
        /// The last block that its disk still holds.
        height: Height,
    },
    /// A server came back.
    Restarted {
        /// Who.
        server: ServerIndex,
    },
    /// All faults ended.
    Healed,
}
