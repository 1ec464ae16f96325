//! Shoup's threshold RSA over a tree of gates.
//!
//! V. Shoup, "Practical Threshold Signatures" (Eurocrypt 2000), Protocol 1, generalised from one
//! polynomial to a tree of them (Benaloh & Leichter 1988; Damgard & Thorbek 2006).
//!
//! | symbol | here | meaning |
//! |---|---|---|
//! | N = pq | [`VerifyingKey`] | modulus of exactly the wanted length, p and q safe primes |
//! | e | `EXPONENT` | 65537, prime and above every gate's fan-in |
//! | m = p'q' | dealer only | order of the squares modulo N |
//! | d | dealer only | e^-1 mod m |
//! | D | `Denominator` | clears the denominators of all Lagrange coefficients of the tree |
//! | s' | [`KeyShare`](crate::KeyShare) | D * s mod m, where s is the leaf's part of d |
//! | v, v_leaf | [`PublicKey`](crate::PublicKey) | a random square, and v^s' of each leaf |
//! | x | `Prepared` | the encoded message |
//!
//! A leaf's share is (x^2)^s'. With integer coefficients c = D * (Lagrange along the path),
//! w = product of share^2c satisfies w^e = x^(4 D^2), and as e is prime to 4 D^2 the extended
//! Euclidean algorithm gives the e-th root of x: an ordinary RSA signature.
//!
//! Deviations from the paper: the common divisor of D and the coefficients is divided out before
//! shares are raised to them (see `Coefficients`); proofs of correctness are made and checked on
//! demand only, since the combined signature is always verified.
//!
//! Not protected against: a dealer that keeps what it knew, or deals inconsistently (servers check
//! their own shares against the public key; a test signature closes the dealing).

mod coefficients;
mod combine;
mod deal;
mod denominator;
mod der;
mod encoding;
pub(crate) mod generation;
pub(crate) mod handover;
mod integer;
mod proof;
mod public_key;
mod sharing;
mod verifying_key;

use coefficients::Coefficients;
pub(crate) use deal::deal;
use denominator::{DENOMINATOR_BITS_MAX, Denominator};
pub(crate) use generation::{Contribution, Shape};
use integer::Integer;
pub(crate) use public_key::PublicKey;
pub(crate) use verifying_key::VerifyingKey;

/// The public exponent. It has to be prime and above every gate's fan-in.
const EXPONENT: u64 = 65_537;

#[cfg(test)]
mod tests;
