//! New shares of an old key.

use ally_codec::DecodeError;
use ally_policy::Formula;
use rand_core::CryptoRng;
use std::sync::Arc;

use super::{Contribution, PublicKey};
use crate::access::{Access, Secret, Selection};
use crate::{DealError, PlanError};

/// Refresh: a sharing of zero over the formula.
pub(crate) fn deal_zero(
    _key: &PublicKey,
    _access: &Access,
    _rng: &mut dyn CryptoRng,
) -> Result<(Contribution, Vec<Secret>), DealError> {
    Err(DealError::Cancelled)
}

/// Reads what [`deal_zero`] committed to.
pub(crate) fn read_zero(
    _key: &PublicKey,
    _access: &Access,
    _bytes: &[u8],
) -> Result<Contribution, DecodeError> {
    Err(DecodeError::Invalid("contribution"))
}

/// The key with all contributions added; one at least.
pub(crate) fn refreshed_key(
    _key: &PublicKey,
    _epoch: u64,
    _contributions: &[&Contribution],
) -> Result<PublicKey, PlanError> {
    Err(PlanError::NoKey)
}

/// A leaf's old secret with what the dealers gave it.
pub(crate) fn refreshed_secret(
    _key: &PublicKey,
    _own: &[u8],
    _given: &[&[u8]],
) -> Result<Secret, PlanError> {
    Err(PlanError::NoKey)
}

/// Reshare: a sharing over the new formula of each of the dealer's leaves (`own`: leaf of the old
/// formula by number, and its secret). What a new leaf gets: the pieces of the dealer's leaves one
/// after the other, of equal length.
pub(crate) fn deal_leaves(
    _key: &PublicKey,
    _own: &[(usize, &[u8])],
    _to: &Access,
    _rng: &mut dyn CryptoRng,
) -> Result<(Contribution, Vec<Secret>), DealError> {
    Err(DealError::Cancelled)
}

/// Reads what [`deal_leaves`] committed to; `leaves` are the dealer's, of the old formula.
pub(crate) fn read_leaves(
    _key: &PublicKey,
    _leaves: &[usize],
    _to: &Access,
    _bytes: &[u8],
) -> Result<Contribution, DecodeError> {
    Err(DecodeError::Invalid("contribution"))
}

/// The key over the new formula. `trees`: for each leaf of the selection, in order, its owner's
/// contribution, and its position among the owner's leaves.
pub(crate) fn reshared_key(
    _key: &PublicKey,
    _selection: &Selection,
    _trees: &[(&Contribution, usize)],
    _epoch: u64,
    _to: Arc<Access>,
) -> Result<PublicKey, PlanError> {
    Err(PlanError::NoKey)
}

/// A new leaf's secret out of the pieces for it, one for each leaf of the selection, in order.
pub(crate) fn reshared_secret(
    _key: &PublicKey,
    _selection: &Selection,
    _pieces: &[&[u8]],
    _to: &Access,
    _leaf: usize,
) -> Result<Secret, PlanError> {
    Err(PlanError::NoKey)
}

pub(crate) fn check_refresh(_key: &PublicKey) -> Result<(), PlanError> {
    Ok(())
}
pub(crate) fn check_reshare(_key: &PublicKey, _to: &Formula) -> Result<(), PlanError> {
    Ok(())
}
