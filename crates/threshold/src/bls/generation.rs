//! A new key as the sum of what dealers contribute.

use ally_codec::{DecodeError, Writer};
use rand_core::CryptoRng;

use super::PublicKey;
use crate::access::{Access, Secret};
use crate::{DealError, PartFault, PlanError};

/// What a dealer commits to.
#[derive(Clone)]
pub(crate) struct Contribution;

impl Contribution {
    /// Appends the commitments.
    pub(crate) fn encode(&self, _writer: &mut Writer) {}

    /// Bytes that one leaf gets from this dealer.
    pub(crate) fn leaf_bytes(&self) -> usize {
        0
    }

    /// Checks what `leaf` got against the commitments; `secret` has `leaf_bytes`.
    pub(crate) fn check_leaf(&self, _leaf: usize, _secret: &[u8]) -> Result<(), PartFault> {
        Err(PartFault::OtherPlan)
    }
}

/// A fresh contribution with the secrets of all leaves, from left to right.
pub(crate) fn deal(
    _access: &Access,
    _rng: &mut dyn CryptoRng,
) -> Result<(Contribution, Vec<Secret>), DealError> {
    Err(DealError::Cancelled)
}

/// Reads a contribution and checks what is publicly visible.
pub(crate) fn read(_access: &Access, _bytes: &[u8]) -> Result<Contribution, DecodeError> {
    Err(DecodeError::Invalid("contribution"))
}

/// The key that the contributions come to.
pub(crate) fn public_key(
    _access: &Access,
    _contributions: &[&Contribution],
) -> Result<PublicKey, PlanError> {
    Err(PlanError::NoKey)
}

/// A leaf's secret out of what the dealers gave it.
pub(crate) fn secret(_parts: &[&[u8]]) -> Result<Secret, PlanError> {
    Err(PlanError::NoKey)
}
