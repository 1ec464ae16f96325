//! After agreement broke: from what several servers kept to who is guilty.
//!
//! Where more servers misbehave than the policy tolerates, two honest servers may decide differently,
//! and neither need see why: who votes on two chains shows each server one of them. So every server
//! keeps what it has acted on ([`Testimony`]), and whoever has the testimony of several holds one
//! against the other ([`Pool`]). What comes out is [`Evidence`](crate::Evidence) of the usual kinds,
//! each proof convicting by itself; no proof rests on who brought what.
//!
//! It names enough: if two honest servers decided differently, the testimony of the honest servers
//! convicts servers that no fail-prone set holds, **or** it ends at a certificate that liars made
//! alone ([`TrailEnd`]). A threshold signature does not say who gave it, so there the protocol cannot
//! name them.
//!
//! # Source
//! docs/concepts/evidence.md#after-a-violation has the theorem and its proof. After Sheng, Wang, Nayak,
//! Kannan and Viswanath, "BFT Protocol Forensics" (CCS 2021), for arbitrary trust policies and chains.

mod charges;
mod decisions;
mod findings;
mod pool;
mod testimony;
mod trail;

pub use decisions::{Conflict, Side};
pub use findings::{Findings, TrailEnd};
pub use pool::Pool;
pub(crate) use testimony::BACKING_HEADERS_MAX;
pub use testimony::{Backing, Testimony, TestimonyKind};
