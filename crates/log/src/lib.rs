//! The alliance's log: an RFC 6962 Merkle tree over all commands ever ordered, what the alliance
//! signs about it, and receipts that anyone can verify offline with one public key. A leaf of the
//! tree is an *entry*: the nonce of a proposal and its command.
//!
//! ```text
//! entry --leaf_hash--> leaf --InclusionProof--> log root --Checkpoint--> statement
//!                                                                           |
//!          Receipt = index, leaf, proof, Certificate             alliance's signature
//! ```
//!
//! - [`Frontier`]: size and root while the log grows, in a few hundred bytes. Servers recompute
//!   with it what a proposed block claims.
//! - [`Tile`], [`TileWriter`], [`TileReader`]: the whole log as tiles of 256 hashes for a store.
//! - [`Prover`]: proofs out of tiles. [`InclusionProof`], [`ConsistencyProof`]: checking them.
//! - [`Checkpoint`], [`Certificate`], [`Receipt`], [`ReceiptFile`]: what leaves the alliance.
//!
//! Owns: one value, one encoding; every error names what failed. May not touch: networking, async,
//! I/O, keys (a [`CertificateVerifier`] is handed in). Needs an allocator and no standard library,
//! so that it runs in a browser or on a small device.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod certificate;
mod checkpoint;
mod frontier;
mod hash;
mod memory;
mod origin;
mod proof;
mod prover;
mod receipt;
mod receipt_file;
mod text;
mod tile;
mod tile_writer;

#[cfg(test)]
mod oracle;
#[cfg(test)]
mod tests;

pub use certificate::{Certificate, CertificateError, CertificateVerifier, SIGNATURE_BYTES_MAX};
pub use checkpoint::{Checkpoint, STATEMENT_BYTES_MAX};
pub use frontier::{Frontier, LOG_SIZE_MAX};
pub use hash::{HASH_BYTES, Hash, leaf_hash, node_hash};
pub use memory::{MemoryTiles, NoTile};
pub use origin::{ORIGIN_BYTES_MAX, Origin, OriginError};
pub use proof::{ConsistencyProof, InclusionProof, PROOF_HASHES_MAX, ProofError};
pub use prover::{ProveError, Prover, consistency_proof, inclusion_proof};
pub use receipt::{Receipt, ReceiptError};
pub use receipt_file::{NONCE_BYTES, RECEIPT_FILE_BYTES_MAX, ReceiptFile};
pub use text::TextError;
pub use tile::{TILE_HEIGHT, TILE_LEVELS_MAX, TILE_WIDTH, Tile, TileReader};
pub use tile_writer::{CompleteTile, OpenError, TileWriter, WithEdge};
