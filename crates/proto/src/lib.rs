//! The client API: messages and service of `proto/ally/v1/client.proto`, and what both of its ends
//! must agree on beyond them.
//!
//! - [`v1`]: generated messages, the client and the server of the service.
//! - [`Entry`], [`ProposalId`], [`Nonce`]: what the log holds for one proposal.
//! - [`DuplicateWindow`]: which entries of the log are repetitions.
//! - [`limits`]: how large messages and entries may be.

#![forbid(unsafe_code)]

mod duplicates;
mod entry;
pub mod limits;

pub use duplicates::{DUPLICATE_WINDOW, DuplicateWindow};
pub use entry::{Entry, EntryError, Nonce, ProposalId};

/// Generated from `proto/ally/v1/client.proto`, which documents every message and field.
#[allow(missing_docs, clippy::all)]
pub mod v1 {
    tonic::include_proto!("ally.v1");
}
