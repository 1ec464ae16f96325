//! Threshold BLS signatures on BLS12-381, dealt over a trust formula.
//!
//! ```text
//!             secret s, public key s*G2
//!                      | 2 of 3: f(x) = s + a*x, committed to as s*G2, a*G2
//!        f(1)          f(2)          f(3)
//!         |             |             | 2 of 2: g(x) = f(3) + b*x, committed to as b*G2
//!       leaf          leaf         g(1)   g(2)
//!                                  leaf   leaf
//! ```
//!
//! - Signatures are points of G1 (48 bytes), public keys points of G2 (96 bytes). A signature is
//!   unique, so it serves as a coin as well.
//! - Whoever deals commits to every polynomial, so receivers check their shares of the key, and
//!   everyone checks signature shares without a proof from the sender.
//! - A key comes from one dealer (`deal`) or is the sum of what several contribute (`generation`), and
//!   gets new shares, over the same or another formula, from those who hold the old ones
//!   (`handover`). All of it is one operation: to share a value over a formula (`sharing`).
//! - No server brings a verification key of its own, so there is no rogue key to fear and no proof of
//!   possession to ask for: what a dealer contributes is tied to it by the shares that the others got.
//! - A signature opens what was sealed to the message it signs (`ephemeral`).
//!
//! Unforgeable while no set on which the formula holds is corrupt, under the co-CDH assumption in the
//! random oracle model (Boldyreva 2003, static corruption).
//!
//! Not protected against: a single dealer, who knows the key; side channels other than time.
//!
//! # Source
//! Boneh, Lynn & Shacham 2001; Boldyreva 2003; Benaloh & Leichter 1988; Feldman 1987.

mod commitments;
mod contribution;
mod curve;
mod deal;
mod ephemeral;
pub(crate) mod generation;
pub(crate) mod handover;
mod interpolation;
mod public_key;
mod scalar;
mod scheme;
mod sharing;
mod verifying_key;

#[cfg(test)]
mod tests;

pub(crate) use contribution::Contribution;
pub(crate) use curve::{G1_BYTES, G2_BYTES};
pub(crate) use deal::deal;
pub(crate) use ephemeral::{Ephemeral, SharedSecret, unlock};
pub(crate) use public_key::PublicKey;
pub(crate) use verifying_key::{Prepared, VerifyingKey};
