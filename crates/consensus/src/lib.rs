//! The agreement engine: Fast Byzantine Paxos over any quorum policy, as a pure state machine.
//!
//! Owns: the safety of docs/protocol.md sections 1 to 7, 10 and 11. "Persist before send" stands in
//! the output type ([`Output::SendDurable`]).
//! May not touch: keys, storage, sockets, clocks, randomness, services, what goes into a block.

#![forbid(unsafe_code)]

mod block;
mod bounds;
mod bugs;
mod certificate;
mod config;
mod context;
mod engine;
mod evidence;
mod forensics;
mod ids;
mod io;
mod journal;
mod message;
mod now;
mod quorums;
mod remembered;
mod rotation;
mod verify;

pub use block::{BLOCK_BATCHES_MAX, BatchRef, BlockHeader, BlockRef, payload_digest};
pub use bounds::{Bounds, NEW_VIEW_BYTES_MAX};
pub use bugs::{Bug, Bugs};
pub use certificate::{
    CheckpointCertificate, CommitCertificate, NewViewCertificate, SIGNATURE_BYTES_MAX, Statement,
};
pub use config::{CLOCK_TOLERANCE, Config, WINDOW_BLOCKS};
pub use context::{Context, signing_bytes, signing_bytes_of};
pub use engine::{Base, Counters, Engine, Phase, RestoreError, Sizes, Status, selected_tip};
pub use evidence::{Evidence, EvidenceKind, Judge, Law, Unproven};
pub use forensics::{Backing, Conflict, Findings, Pool, Side, Testimony, TestimonyKind, TrailEnd};
pub use ids::{
    AllianceId, BlockHash, Digest, Epoch, Height, JournalPosition, Micros, PolicyDigest, Sequence,
    View,
};
pub use io::{
    Breach, Decided, DecisionPath, Draft, Input, Output, PayloadVerdict, Recipients, Slot,
    SyncedBlock,
};
pub use journal::Record;
pub use message::{
    BRANCH_HEADERS_MAX, Branch, Commit, Equivocation, Message, NewView, NewViewShare, Proposal,
    ProposalParts, SHARE_BYTES_MAX, Signed, SignedHeader, Support, ViewChange, Vote,
};
pub use now::{Now, earlier};
pub use quorums::Quorums;
pub use rotation::Rotation;
pub use verify::{Authenticator, Misstatement, Verified, Verifier, VerifyError};
