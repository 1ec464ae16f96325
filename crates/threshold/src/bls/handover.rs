//! New shares of an old key. The key stays what it is, and with it every signature.
//!
//! *Refresh.* Each dealer shares 0 over the formula, and everybody adds what it gets to what it has.
//! The commitment to the constant is not sent, so nothing else than 0 can be shared. One dealer that
//! forgets its polynomials is enough, as long as it is not left out. A gate of which one child is
//! enough gives every child what it has itself, so below such gates alone (a single server, `any
//! of`) there is nothing to refresh, and secrets stay what they were.
//!
//! *Reshare.* Who holds a secret of the old sharing shares that secret over the new formula. Out of
//! a set of dealers that satisfies the old formula, a smallest one is selected; a new leaf's secret is
//! what it got for each selected old leaf, weighted as that leaf's value goes into the key:
//!
//! ```text
//!    key          =  sum of w_l * s_l        s_l shared by its holder as f_l, f_l(root) = s_l
//!    leaf j gets     sum of w_l * f_l(j)     a sharing of the key, over the new formula
//! ```
//!
//! The commitment to what a dealer shares is the verification key of its old leaf, which everybody
//! knows, so it is not sent either. The old formula holds on the selected dealers, so one of them is
//! correct as long as that formula is to be trusted, and its coefficients hide the key from everybody
//! else.
//!
//! # Source
//! Herzberg, Jarecki, Krawczyk & Yung, "Proactive secret sharing" (1995); Desmedt & Jajodia 1997 and
//! Wong, Wang & Wing, "Verifiable secret redistribution" (2002), here along the tree.

use super::commitments::coefficient_count;
use super::contribution::{Contribution, Dealing, leaf_by_leaf};
use super::curve::G2;
use super::interpolation::weights;
use super::public_key::PublicKey;
use super::scalar::{SCALAR_BYTES, Scalar, SecretScalar, SecretValue};
use super::sharing::{Sharing, share, sum_of_coefficients, weighted_sum};
use crate::access::{Access, Secret, Selection};
use crate::{DealError, PlanError};
use ally_codec::{DecodeError, Reader};
use rand_core::CryptoRng;
use std::iter;

/// Refresh: shares 0 over the formula of `access`.
///
/// # Cost
/// That of [`share`].
pub(crate) fn deal_zero(access: &Access, rng: &mut dyn CryptoRng) -> Dealing {
    deal_zero_with(access, &mut || SecretScalar::random(rng))
}

/// Deals with the given source of coefficients, as [`share`] takes them.
pub(super) fn deal_zero_with(access: &Access, draw: &mut dyn FnMut() -> SecretScalar) -> Dealing {
    let shared = share(access.formula(), SecretValue::default(), None, draw);
    let (sharing, leaves) = shared.expect("any node of a sharing of 0 may get 0");
    (Contribution::of_known(vec![sharing]), leaves)
}

/// Reads what [`deal_zero`] committed to: all coefficients (96 bytes each) but the root's constant.
///
/// # Errors
/// [`DecodeError`]; the dealer is to blame: a wrong number of bytes, or a point that is not in the
/// group or infinite.
pub(crate) fn read_zero(access: &Access, bytes: &[u8]) -> Result<Contribution, DecodeError> {
    let mut reader = Reader::new(bytes);
    let sharing = Sharing::decode_coefficients(&mut reader, access.formula(), None)?;
    reader.finish()?;
    Ok(Contribution::of_known(vec![sharing]))
}

/// The key with all contributions added; one at least.
///
/// # Errors
/// [`PlanError::NoKey`] if a commitment of the sum is infinite.
///
/// # Cost
/// An addition in G2 per commitment, and that of the leaves' keys.
pub(crate) fn refreshed_key(
    key: &PublicKey,
    access: &Access,
    contributions: &[&Contribution],
) -> Result<PublicKey, PlanError> {
    let zeros: Vec<&Sharing> = contributions.iter().flat_map(|given| given.sharings()).collect();
    if zeros.iter().any(|sharing| sharing.root().is_some()) {
        return Err(PlanError::OtherPlan);
    }
    let zeros = zeros.into_iter().map(Sharing::coefficients);
    let all: Vec<&[G2]> = iter::once(key.coefficients()).chain(zeros).collect();
    let coefficients = sum_of_coefficients(&all).ok_or(PlanError::NoKey)?;
    let refreshed = PublicKey::from_commitments(access.formula(), *key.root(), coefficients);
    refreshed.ok_or(PlanError::NoKey)
}

/// A leaf's old secret with what the dealers gave it.
///
/// # Errors
/// [`PlanError::NoKey`] if something is no secret, or if the sum is 0.
pub(crate) fn refreshed_secret(own: &[u8], given: &[&[u8]]) -> Result<Secret, PlanError> {
    let one = Scalar::small(1);
    let terms = iter::once(own).chain(given.iter().copied()).map(|secret| (one, secret));
    weighted_sum(terms).ok_or(PlanError::NoKey)
}

/// Reshare: shares each of the dealer's secrets (`own`: leaf of the old formula by number, and its
/// secret) over the formula of `to`. What a new leaf gets: 32 bytes for each of them.
///
/// # Errors
/// [`DealError::OtherKey`] if a secret is not what `key` commits to: what came of it would be blamed
/// on this dealer.
///
/// # Cost
/// For each secret that of [`share`].
pub(crate) fn deal_leaves(
    key: &PublicKey,
    own: &[(usize, &[u8])],
    to: &Access,
    rng: &mut dyn CryptoRng,
) -> Result<Dealing, DealError> {
    deal_leaves_with(key, own, to, &mut || SecretScalar::random(rng))
}

/// Deals with the given source of coefficients: leaf by leaf, as [`share`] takes them.
pub(super) fn deal_leaves_with(
    key: &PublicKey,
    own: &[(usize, &[u8])],
    to: &Access,
    draw: &mut dyn FnMut() -> SecretScalar,
) -> Result<Dealing, DealError> {
    let mut sharings = Vec::with_capacity(own.len());
    let mut values = Vec::with_capacity(own.len());
    for (leaf, secret) in own {
        let secret = <&[u8; SCALAR_BYTES]>::try_from(*secret).map_err(|_| DealError::OtherKey)?;
        if !key.is_secret(*leaf, secret) {
            return Err(DealError::OtherKey);
        }
        let (sharing, leaves) = share_again(secret, key.leaf(*leaf), to, draw);
        sharings.push(sharing);
        values.push(leaves);
    }
    let leaves = leaf_by_leaf(to.leaves().len(), &values);
    Ok((Contribution::of_known(sharings), leaves))
}

/// Shares a secret that `commitment` commits to.
fn share_again(
    secret: &[u8; SCALAR_BYTES],
    commitment: Option<&G2>,
    to: &Access,
    draw: &mut dyn FnMut() -> SecretScalar,
) -> (Sharing, Vec<Secret>) {
    // A draw fails if some node gets 0, which has the chance of guessing a key.
    loop {
        let value = SecretValue::decode(secret).expect("checked against the commitment");
        if let Some(shared) = share(to.formula(), value, commitment.copied(), draw) {
            return shared;
        }
    }
}

/// Reads what [`deal_leaves`] committed to, for each of the dealer's `leaves` of the old formula: all
/// coefficients (96 bytes each) but the root's constant.
///
/// # Errors
/// [`DecodeError`]; the dealer is to blame: a wrong number of bytes, a point that is not in the group
/// or infinite, a node that would get 0.
pub(crate) fn read_leaves(
    key: &PublicKey,
    leaves: &[usize],
    to: &Access,
    bytes: &[u8],
) -> Result<Contribution, DecodeError> {
    let mut reader = Reader::new(bytes);
    let read = |leaf: &usize| {
        let root = key.leaf(*leaf).ok_or(DecodeError::Invalid("leaf of the old key"))?;
        Sharing::decode_coefficients(&mut reader, to.formula(), Some(*root))
    };
    let sharings = leaves.iter().map(read).collect::<Result<_, _>>()?;
    reader.finish()?;
    Ok(Contribution::of_known(sharings))
}

/// The key over the formula of `to`. `trees`: for each leaf of the selection, in order, its owner's
/// contribution, and its position among the owner's leaves.
///
/// # Errors
/// [`PlanError::OtherPlan`] if a contribution is not about these leaves; [`PlanError::NoKey`] if a
/// commitment of the sum is infinite.
///
/// # Cost
/// For each coefficient a multiplication in G2 per selected leaf, done jointly; and that of the
/// leaves' keys.
pub(crate) fn reshared_key(
    key: &PublicKey,
    selection: &Selection,
    trees: &[(&Contribution, usize)],
    to: &Access,
) -> Result<PublicKey, PlanError> {
    let count = coefficient_count(to.formula());
    let leaves = selection.leaves();
    let mut sharings = Vec::with_capacity(leaves.len());
    for ((given, position), leaf) in trees.iter().zip(&leaves) {
        let sharing = given.sharings().get(*position).ok_or(PlanError::OtherPlan)?;
        if sharing.root() != key.leaf(*leaf) || sharing.coefficients().len() != count {
            return Err(PlanError::OtherPlan);
        }
        sharings.push(sharing);
    }
    if sharings.len() != leaves.len() {
        return Err(PlanError::OtherPlan);
    }
    let weights = weights(selection);
    let coefficient = |at: usize| {
        let points = sharings.iter().map(|sharing| sharing.coefficients()[at]);
        G2::linear_combination(&points.zip(weights.iter().copied()).collect::<Vec<_>>())
    };
    let coefficients: Option<Vec<G2>> = (0..count).map(coefficient).collect();
    // The weighted sum of the roots is the old key: interpolation takes back what sharing did.
    let reshared = coefficients.and_then(|coefficients| {
        PublicKey::from_commitments(to.formula(), *key.root(), coefficients)
    });
    reshared.ok_or(PlanError::NoKey)
}

/// A new leaf's secret out of the pieces for it, one (32 bytes, LE) for each leaf of the selection,
/// in order.
///
/// # Errors
/// [`PlanError::OtherPlan`] if there is another number of pieces; [`PlanError::NoKey`] if one is no
/// secret, or if the sum is 0.
pub(crate) fn reshared_secret(
    selection: &Selection,
    pieces: &[&[u8]],
) -> Result<Secret, PlanError> {
    let weights = weights(selection);
    if weights.len() != pieces.len() {
        return Err(PlanError::OtherPlan);
    }
    weighted_sum(weights.into_iter().zip(pieces.iter().copied())).ok_or(PlanError::NoKey)
}
