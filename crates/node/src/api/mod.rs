//! The client API: gRPC over pinned TLS in front of a [`Backend`].
//!
//! The API knows no rule of the protocol. It bounds what clients may ask for, cuts streams into
//! [`Submission`]s, and turns what the backend tells into replies. Its costs are per message and per
//! block, never per command: a submission carries many entries, and a [`Notice`] speaks of a run.

mod backend;
mod clients;
mod connection;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
pub mod limits;
mod listen;
mod metered;
mod notices;
mod propose;
mod reads;
mod room;
mod runs;
mod sent;
mod serve;
mod service;
mod status;
mod submission;
mod undecided;

pub use backend::{AnchorProof, Backend, Busy, DecidedBlock, EvidenceView, ReadError, Tip};
pub use notices::{Notice, NoticeReader, Notices, Refusal};
pub use serve::serve;
pub use status::{PeerView, Progress, StatusView};
pub use submission::Submission;
pub use undecided::Undecided;
