//! A key that several dealers make together, so that none of them ever knows it.
//!
//! Each dealer shares a value of its own as [`deal`](super::deal()) shares a key; the key is the sum
//! of the values, and a leaf's secret the sum of what it got. Whoever dealt wrongly to somebody is
//! convicted by the bytes it sent and left out before the sum is formed.
//!
//! # Security
//! One dealer that keeps its value to itself is enough for a key that nobody knows.
//!
//! The dealer that speaks last can choose its value after it has seen the others' commitments, and
//! so bias the key (Gennaro, Jarecki, Krawczyk & Rabin 1999): make, say, the last bits of the public
//! key what it likes. Where a key has to be uniform this is a flaw; here it gains nothing. What it
//! adds, `b`, it has to share among the correct servers, who hold enough of it to know it: so a
//! forgery `(x + b) * H(m)` under the biased key, less `b * H(m)`, is a forgery under the uniform key
//! `x` of a correct dealer, in the random oracle model and without loss; with sealing keys likewise.
//! Gurkan et al. 2021 argue so for BLS and ElGamal, GJKR 2007 for Schnorr signatures; Bacho & Loss
//! 2022 treat threshold BLS with adaptive corruption, in the algebraic group model. The
//! ceremony takes most of the choice away as well: dealers commit to a hash of their contribution
//! before any is opened, so that all that is left is to withhold one and to be named for it.
//!
//! Distinct contributions are demanded: a dealer that repeats another's bytes (without knowing the
//! secret) would otherwise count as one of its own.
//!
//! # Source
//! Pedersen 1991; Gennaro, Jarecki, Krawczyk & Rabin, "Secure distributed key generation for
//! discrete-log based cryptosystems" (1999, J. Cryptology 2007); Gurkan, Jovanovic, Maller,
//! Meiklejohn, Stern & Tomescu, "Aggregatable distributed key generation" (2021, on keys that can be
//! expressed by a uniform one); Bacho & Loss, "On the adaptive security of the threshold BLS
//! signature scheme" (2022).

use super::contribution::{Contribution, Dealing};
use super::curve::{G2, G2_BYTES};
use super::public_key::PublicKey;
use super::scalar::{Scalar, SecretScalar};
use super::sharing::{Sharing, share, sum_of_coefficients, weighted_sum};
use crate::access::{Access, Secret};
use crate::{DealError, PlanError};
use ally_codec::{DecodeError, Reader};
use rand_core::CryptoRng;
use std::collections::BTreeSet;

/// Shares a fresh value over the formula of `access`.
///
/// # Errors
/// None: the other scheme's dealers can be stopped.
///
/// # Cost
/// That of [`share`].
pub(crate) fn deal(access: &Access, rng: &mut dyn CryptoRng) -> Result<Dealing, DealError> {
    // A draw fails if some node gets 0, which has the chance of guessing a key.
    loop {
        if let Some(dealing) = deal_with(access, &mut || SecretScalar::random(rng)) {
            return Ok(dealing);
        }
    }
}

/// Deals with the given source of coefficients: first the value, then as [`share`] takes them.
pub(super) fn deal_with(
    access: &Access,
    draw: &mut dyn FnMut() -> SecretScalar,
) -> Option<Dealing> {
    let value = draw();
    let root = G2::public_key(&value);
    let (sharing, leaves) = share(access.formula(), value.into(), Some(root), draw)?;
    Some((Contribution::of_fresh(sharing), leaves))
}

/// Reads a contribution: the commitments (96 bytes each), as many as a key over this formula has.
///
/// # Errors
/// [`DecodeError`]; its dealer is to blame: a wrong number of bytes, a point that is not in the group
/// or infinite, a node that would get 0.
pub(crate) fn read(access: &Access, bytes: &[u8]) -> Result<Contribution, DecodeError> {
    let mut reader = Reader::new(bytes);
    let sharing = Sharing::decode(&mut reader, access.formula())?;
    reader.finish()?;
    Ok(Contribution::of_fresh(sharing))
}

/// The key that all contributions make together.
///
/// # Errors
/// [`PlanError::Count`] where there are none of them; [`PlanError::NoKey`] if two commit to one
/// value, or if their sum has an infinite commitment (then fewer servers than the formula demands
/// could open it, and somebody meant it to be so).
///
/// # Cost
/// An addition in G2 per commitment, and that of the leaves' keys.
pub(crate) fn public_key(
    access: &Access,
    contributions: &[&Contribution],
) -> Result<PublicKey, PlanError> {
    if contributions.is_empty() {
        return Err(PlanError::Count { expected: 1, actual: 0 });
    }
    let roots = contributions.iter().map(|given| given.fresh_root().copied());
    let roots: Vec<G2> = roots.collect::<Option<_>>().ok_or(PlanError::OtherPlan)?;
    let distinct: BTreeSet<[u8; G2_BYTES]> = roots.iter().map(G2::encode).collect();
    if distinct.len() != roots.len() {
        return Err(PlanError::NoKey);
    }
    let sharings = contributions.iter().flat_map(|given| given.sharings());
    let sharings: Vec<&[G2]> = sharings.map(Sharing::coefficients).collect();
    let key =
        G2::sum(&roots).zip(sum_of_coefficients(&sharings)).and_then(|(root, coefficients)| {
            PublicKey::from_commitments(access.formula(), root, coefficients)
        });
    key.ok_or(PlanError::NoKey)
}

/// A leaf's secret: the sum of what it got from each dealer.
///
/// # Errors
/// [`PlanError::NoKey`] if something is no secret, or if the sum is 0.
pub(crate) fn secret(parts: &[&[u8]]) -> Result<Secret, PlanError> {
    let one = Scalar::small(1);
    weighted_sum(parts.iter().map(|part| (one, *part))).ok_or(PlanError::NoKey)
}
