//! The protocol as plain sets and rules, written from its text and from nothing else.
//!
//! One file per section. Nothing here is clever: quorums come from a list of sets, "possibly decided"
//! tries every set of liars, a chain is walked block by block. So it is slow, and easy to hold
//! against the text. It shares no code with the engine, and knows none of its types.

pub mod blocks;
pub mod common;
pub mod entering;
pub mod leaving;
pub mod policy;
pub mod selection;
pub mod slow;

pub use blocks::{Block, Blocks, GENESIS, Id};
pub use common::{Deed, Place, Said, decided, may_vote, place};
pub use entering::{may_enter, may_share, unsound_tip};
pub use leaving::report;
pub use policy::{Policy, Server, Servers};
pub use selection::{Line, Report, Undecided, select};
pub use slow::{commit_certificate_exists, may_commit};
