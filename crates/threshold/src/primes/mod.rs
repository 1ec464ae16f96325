//! Safe primes for the dealer: p = 2h + 1 with h prime as well.
//!
//! One in some hundred thousand numbers of the needed size is a safe prime. The search draws a
//! random starting point, strikes out every h near it for which h or 2h + 1 has a small factor,
//! and tests what is left, two candidates at a time (which AWS-LC does in little more than the time
//! of one), on all cores. It starts afresh after each find, so that two primes are never near each
//! other.
//!
//! The only module of this crate with threads; randomness is drawn from the caller's generator
//! before they start.
//!
//! Owns: that what it returns is a safe prime of exactly the wanted length. May not touch: keys.

mod search;
mod sieve;
mod small;
mod verdict;

pub(crate) use search::{Top, safe_primes};
pub(crate) use small::has_small_factor;
