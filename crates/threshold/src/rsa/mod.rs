//! Shoup's threshold RSA over a tree of gates.
//!
//! V. Shoup, "Practical Threshold Signatures" (Eurocrypt 2000), Protocol 1, generalised from one
//! polynomial to a tree of them (Benaloh & Leichter 1988; Damgard & Thorbek 2006).
//!
//! | symbol | here | meaning |
//! |---|---|---|
//! | e | `EXPONENT` | 65537, prime and above every gate's fan-in |
//! | N = N_1 N_2 .. | [`VerifyingKey`] | modulus of exactly the wanted length; 1 to 4 factors |
//! | N_i = pq | `Group` | one dealer's modulus, p and q safe primes |
//! | v | `Group` | a square that nobody chose: a hash of N_i, squared |
//! | m = p'q' | dealer only | order of the squares modulo N_i |
//! | d | dealer only | e^-1 mod m |
//! | D | `Denominator` | clears the denominators of all Lagrange coefficients of the tree |
//! | M | `Component` | 1 for a fresh key; grows when shares are handed to another formula |
//! | s' | [`KeyShare`](crate::KeyShare) | the leaf's part of D M d, an integer |
//! | v_leaf | `Component` | v^s' |
//! | x | `Prepared` | the encoded message |
//!
//! Everything is done modulo each N_i alone, up to the end. A leaf's share is (x^2)^s'. With integer
//! coefficients c = D * (Lagrange along the path), w = product of share^2c satisfies
//! w^e = x^(4 D^2 M), and as e is prime to 4 D^2 M the extended Euclidean algorithm gives the e-th
//! root of x. The roots modulo all N_i come together to one modulo N: an ordinary RSA signature.
//!
//! | module | does |
//! |---|---|
//! | `sharing` | splits an integer down the tree, and why over the integers |
//! | `width` | how long everything is |
//! | `generation` | a new key by one dealer or by several |
//! | `handover` | new shares of an old key: refresh and reshare |
//! | `combine`, `crt` | shares to a signature |
//! | `proof` | that a share is right |
//!
//! Deviations from the paper: secrets are shared over the integers and not modulo m, because modulo
//! m a tree of gates gives m away (`sharing` says how); the common divisor of D and the coefficients
//! is divided out before shares are raised to them (see `Coefficients`); proofs of correctness are
//! made and checked on demand only, since the combined signature is always verified.
//!
//! Unforgeable while under one N_i at least neither the dealer nor a qualified set is corrupt, under
//! the RSA assumption, for each encoding as far as it is unforgeable with ordinary RSA keys (static
//! corruption): shares, verification keys and commitments of such a component can be simulated from
//! the signatures, with the sweeping coefficients of `sharing` and a programmed hash for v.
//!
//! Not protected against: a dealer that keeps what it knew (use several); adaptive corruption; side
//! channels other than time.

mod coefficients;
mod combine;
mod component;
mod contribution;
mod crt;
mod denominator;
mod der;
mod encoding;
pub(crate) mod generation;
mod group;
pub(crate) mod handover;
mod integer;
mod proof;
mod public_key;
mod sharing;
mod verifying_key;
mod width;

use coefficients::Coefficients;
use component::Component;
pub(crate) use contribution::Contribution;
use denominator::{DENOMINATOR_BITS_MAX, Denominator};
pub(crate) use generation::Shape;
use group::{Group, to_bytes};
use integer::Integer;
pub(crate) use public_key::PublicKey;
pub(crate) use verifying_key::VerifyingKey;

/// The public exponent. It has to be prime and above every gate's fan-in.
const EXPONENT: u64 = 65_537;

#[cfg(test)]
mod tests;
