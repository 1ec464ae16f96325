//! A dealer: makes a FROST key and splits it.

use super::group::SecretScalar;
use super::key_share::KeyShare;
use super::public_key::PublicKey;
use super::sharing::Polynomial;
use super::threshold::Threshold;
use crate::PlanError;
use ally_policy::Formula;
use rand_core::CryptoRng;

/// A fresh FROST key: the public half, and each server's share.
pub struct Dealt {
    /// For everybody.
    pub public: PublicKey,
    /// One for each server that the formula names, in its order; each for that server alone.
    pub shares: Vec<KeyShare>,
}

/// Makes an Ed25519 key and deals it over `formula`, which is `k of` distinct servers: any `k` of
/// them can sign with it, fewer cannot. Whatever the dealer knew is wiped before it returns.
///
/// `epoch` is bound into commitments and shares: those of another epoch are refused. `rng` is the
/// only source of randomness.
///
/// # Errors
/// [`PlanError::NotPlain`] where the formula is anything else than one gate over distinct servers;
/// the caller is to blame.
///
/// # Panics
/// If a fresh share is not what is committed to. That would be an error in this crate or in the
/// machine, and such a key must not be used.
///
/// # Cost
/// A multiplication of the base point for each coefficient and each server.
///
/// # Source
/// RFC 9591, appendix C.
pub fn deal(formula: &Formula, epoch: u64, rng: &mut impl CryptoRng) -> Result<Dealt, PlanError> {
    let threshold = Threshold::new(formula)?;
    // A draw fails if some server gets 0, which has the chance of guessing a key.
    loop {
        let mut draw = || SecretScalar::random(rng);
        let polynomial = Polynomial::new(draw(), threshold.needed(), &mut draw);
        if let Some(dealt) = deal_with(&threshold, epoch, &polynomial) {
            return Ok(dealt);
        }
    }
}

/// Deals with the given polynomial; `None` if a coefficient or a share is 0.
pub(super) fn deal_with(
    threshold: &Threshold,
    epoch: u64,
    polynomial: &Polynomial,
) -> Option<Dealt> {
    let public = PublicKey::new(epoch, threshold.clone(), polynomial.commitments()?)?;
    let share = |server| KeyShare::checked(&public, server, polynomial.share(server)).ok();
    let shares = threshold.servers().iter().copied().map(share).collect::<Option<_>>();
    Some(Dealt { shares: shares.expect("a fresh share is what is committed to"), public })
}
