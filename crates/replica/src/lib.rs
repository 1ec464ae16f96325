//! A whole server without I/O: agreement, ordering service, certifier and catch-up.
//!
//! [`Input`]s go in, [`Output`]s come out; the driver performs them with disk, network and keys. The
//! simulator performs them with modelled ones.
//!
//! Owns: what goes into a batch and a block, what a payload must be to be voted for, when shares are
//! given, in which order things are written, sent and delivered ([`When`]).
//! May not touch: keys, storage, sockets, clocks, randomness; the rules of agreement, which are the
//! engine's.

#![forbid(unsafe_code)]
// Messages are moved a few thousand times a second: boxing each would cost more than it saves.
#![allow(clippy::large_enum_variant)]

mod batch;
mod catch_up;
mod certifier;
mod chain;
mod chain_state;
mod check;
mod checkpoint;
mod checks;
mod config;
mod evidence;
mod fair_share;
mod fetch;
mod intake;
mod io;
mod job;
mod journal;
mod outbox;
mod passed_over;
mod payload;
mod peers;
mod pool;
mod replica;
mod wire;

#[cfg(test)]
mod testing;

pub use batch::{
    BATCH_BYTES_MAX, BATCH_COMMANDS_MAX, BATCH_OVERHEAD, Batch, BatchId, COMMAND_OVERHEAD,
    HeldBatch, SignedBatch, batch_signing_bytes,
};
pub use chain_state::ChainState;
pub use check::{CERTIFY_SHARE_KIND, CheckError, Checked, Checker, SHARE_PROOF_KIND};
pub use checkpoint::checkpoint;
pub use config::{Config, LimitError, Limits};
pub use evidence::{CertifyJudge, Evidence, EvidenceKind};
pub use io::{
    DeliveredBlock, Input, Outgoing, Output, Recipients, Refusal, Serve, StoreOp, Unsigned, When,
    WritePosition,
};
pub use job::{CombineFailure, Done, Job};
pub use replica::{RECOVERED_HEADERS, Recovered, Replica, RestoreError, Status};
pub use wire::{
    CertifyShare, FETCH_BATCHES_MAX, FRAME_BYTES_MAX, Link, PeerMessage, SHARE_PROOF_BYTES_MAX,
    SYNC_BLOCKS_MAX, SYNC_BYTES_MAX, ShareProof, SyncBlocks, frame_bytes_max, synced_block_bytes,
};
