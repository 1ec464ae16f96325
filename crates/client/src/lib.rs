//! What applications link: propose commands to an alliance, follow its log, verify its receipts.
//!
//! A [`Client`] talks to any of the alliance's servers and believes none of them: what it returns is
//! verified with the alliance's one public key, except where the documentation says "weak".
//!
//! - [`Client::propose`]: a command in, a [`Receipt`] out. Asks several servers if need be; the same
//!   [`Proposal`] may be proposed again at any time and is applied once.
//! - [`Client::listen`]: every decided block from an index on, in order and gap-free, across the
//!   failure of servers: what a replicated state machine runs on.
//! - [`ReceiptFile::verify`]: offline, by anyone who has the public key ([`AllianceKey`]).
//!
//! Owns: retries, verification, the order of what it hands out.
//! May not touch: the inside of consensus; it knows block headers and nothing more.

#![forbid(unsafe_code)]

mod alliance_key;
mod attempts;
mod client;
mod connect;
mod error;
mod evidence;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod in_flight;
mod link;
mod listen;
mod membership;
mod options;
mod proposal;
mod reading;
mod remembered;
mod session;
mod standings;

pub use alliance_key::AllianceKey;
pub use ally_log::{
    Certificate, CertificateVerifier, Checkpoint, Receipt, ReceiptError, ReceiptFile,
};
pub use ally_proto::v1::{EvidenceSummary, PeerStatus, Progress, StatusReply};
pub use ally_proto::{Entry, EntryError, Nonce, ProposalId};
pub use client::{Client, Placement, Until};
pub use error::{Attempt, Cause, Error};
pub use listen::{Command, Contact, Decided, ListenOptions, Listener};
pub use membership::{Membership, ServerEntry};
pub use options::Options;
pub use proposal::Proposal;
