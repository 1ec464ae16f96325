//! The data directory of one server: what it must not forget, and what it can hand out again.
//!
//! ```text
//!   driver --submit(WriteBatch)--> queue --> writer thread --> one atomic commit, one sync
//!                                                 |
//!   driver <------- on_durable (in order) --------+          readers: any thread, any time
//! ```
//!
//! # What is kept
//! | what | key | life |
//! |---|---|---|
//! | journal records | position, contiguous | until [`WriteBatch::trim_journal`] |
//! | batches | origin, sequence, digest | for ever: they are the log |
//! | testimony | kind, number | while it is among the newest of its kind, long ones apart |
//! | decided blocks | height; found by log index too | for ever |
//! | certificates | log size, height | for ever |
//! | log tiles | level, index | for ever, written once each |
//! | evidence | culprit, kind, digest | for ever |
//!
//! To this module all of them are bytes.
//!
//! Which database and why: docs/adr/0001-store.md.
//!
//! # Rules
//! - **Durable before acknowledged.** A callback given to [`Store::submit`] runs after its batch and
//!   all batches before it are on the disk ([`Durability::Fsync`]), in the order of submission.
//!   Everything that waits while one sync is under way shares the next one.
//! - **All or nothing.** A [`WriteBatch`] is there as a whole after a crash, or not at all.
//! - **A failed write ends writing.** After an error of the disk nobody knows what is on it, and a
//!   second sync that succeeds proves nothing (Rebello et al., "Can applications recover from fsync
//!   failures?", USENIX ATC 2020). The store goes read-only, says so to every waiting and later
//!   writer, and only a restart, which reads the disk again, brings it back.
//! - **Amnesia is refused.** A directory is made once, by [`Store::create`]; [`Store::open`] never
//!   makes one. A directory that has lost records which were acknowledged does not open:
//!   see watermark.rs and docs/protocol.md#durability.
//! - **An idle store writes nothing**: every thread here sleeps until it is given work.
//!
//! # Not protected against
//! A whole directory put back to an older copy of itself (a restored backup, a disk snapshot rolled
//! back) is consistent and cannot be told from the newest one by looking at it. A restored server
//! is a faulty one.

mod error;
mod escape;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod identity;
mod keys;
mod manifests;
mod open;
mod read;
mod records;
mod tables;
mod wal;
mod watermark;
mod write_batch;
mod writer;

pub use error::StoreError;
pub use identity::{DATA_DIRECTORY_VERSION, Identity};
pub use open::{Durability, Recovered, Store};
pub use read::{Batches, Blocks, JournalRecords};
pub use records::{BatchKey, EvidenceKey, StoredBlock, TestimonyKey};
pub use write_batch::WriteBatch;
pub use writer::QUEUE_BYTES_MAX;

#[cfg(test)]
mod tests;
