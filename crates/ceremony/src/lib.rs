//! Keys that servers make together, so that none of them ever holds one: new keys, and new shares of
//! old ones.
//!
//! ```text
//!   Proposal ── agreed on beforehand: keys, formulas, dealers, participants
//!      │
//!      ▼            everybody publishes at most one signed Record in each stage
//!   hello ───────► a key to seal secrets to; dealers commit to what they will deal
//!   dealing ─────► dealers: commitments for all to see, a sealed letter to each server
//!   verdict ─────► everybody: which letters held rubbish, opened for all to see
//!   confirmation ► everybody: a share of a test signature by each new key, with its proof
//!      │
//!      ▼
//!   Outcome: public keys that are tested, or the name of who is to blame
//! ```
//!
//! [`Board`] holds what was published, whoever brought it and in which order. [`Secrets`] is one
//! participant: what it says next is a function of its secrets and the board ([`Secrets::step`]). All
//! judgements follow from the records, so that an outsider who has them comes to the same ones, years
//! later: a ceremony is audited by doing it again, without secrets.
//!
//! What holds, if the dealers of a key satisfy the proposal's condition on them:
//!
//! - **Secrecy.** Nobody, and no unqualified set of servers, learns anything about the key but the
//!   public half.
//! - **Blame.** A dealer that lies is found out by everybody and left out, with the lie open to see; a
//!   complaint without cause is seen to be that. Honest participants are never blamed.
//! - **Agreement.** Everybody answers to a hash of all that it has seen: whoever tells different people
//!   different things makes the ceremony fail, and the records put together name it.
//!
//! It waits for everybody: whoever is silent stops it, is seen to be silent, and is left out of the next
//! proposal. The last dealer to open could choose not to; that it cannot choose *what* to deal after
//! seeing the others is why dealers commit first.
//!
//! Owns: what is sealed to whom, what is published when, who is to blame.
//! May not touch: files, the network, clocks, randomness other than what it is given; how keys are dealt
//! is `ally-threshold`'s.
//!
//! # Source
//! Pedersen 1991 and Feldman 1987 (joint sharing); Gennaro, Jarecki, Krawczyk & Rabin 1999 and 2007 (what
//! rushing dealers can do); Schindler et al. 2019 (complaints that need no answer).

#![forbid(unsafe_code)]

mod board;
mod founding;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod judgement;
mod participant;
mod proposal;
mod record;
mod sealing;
mod status;
mod task;

pub use board::{Board, RecordFault};
pub use founding::{FoundingError, found, founded};
pub use judgement::DealerFault;
pub use participant::{Secrets, Shares, Step, abort};
pub use proposal::{CeremonyId, KeyTask, Participant, Proposal, ProposalError};
pub use record::{RECORD_BYTES_MAX, Record, Stage};
pub use sealing::Opening;
pub use status::{Failure, Outcome, Status};
pub use task::{OwnDealError, Task};

#[cfg(test)]
mod tests;
