//! A dealer that makes a key alone.

use super::curve::G2;
use super::public_key::PublicKey;
use super::scalar::SecretScalar;
use super::sharing::share;
use crate::access::Secret;
use ally_policy::Formula;
use rand_core::CryptoRng;

/// A public key, and the secret of each leaf, from left to right.
pub(crate) type DealtLeaves = (PublicKey, Vec<Secret>);

/// Deals a fresh key over `formula`: a set of servers can sign iff the formula holds on it, and all
/// other sets together learn nothing.
///
/// # Cost
/// That of [`share`].
pub(crate) fn deal(formula: &Formula, rng: &mut impl CryptoRng) -> DealtLeaves {
    // A draw fails if some value comes out as 0, which has the chance of guessing a key.
    loop {
        if let Some(dealt) = deal_with(formula, &mut || SecretScalar::random(rng)) {
            return dealt;
        }
    }
}

/// Deals with the given source of coefficients: first the key, then as [`share`] takes them.
pub(super) fn deal_with(
    formula: &Formula,
    draw: &mut dyn FnMut() -> SecretScalar,
) -> Option<DealtLeaves> {
    let secret = draw();
    let root = G2::public_key(&secret);
    let (sharing, leaves) = share(formula, secret.into(), Some(root), draw)?;
    Some((PublicKey::new(sharing)?, leaves))
}
