//! What a dealer gives: commitments for everybody, and a secret part for each server.
//!
//! The same two halves serve a new key (`generation`) and new shares of an old one (`refresh`).

use super::group::{Point, SCALAR_BYTES, SecretScalar};
use super::proof::Proof;
use super::sharing::{is_due, share_commitment};
use super::threshold::Threshold;
use crate::{PartFault, PlanError};
use ally_codec::{Encode, Writer};
use ally_policy::{ServerIndex, ServerSet};
use curve25519_dalek::EdwardsPoint;
use curve25519_dalek::traits::Identity;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// The public half of what one dealer gives. Its encoding has the length that the plan fixes. Read
/// back by the plan that it was made for, which checks all that is publicly visible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contribution {
    /// The digest of the plan it was read or made under.
    pub(super) plan: [u8; 32],
    pub(super) dealer: ServerIndex,
    /// A fresh value's commitment with the proof that the dealer knows it; `None` shares 0.
    pub(super) value: Option<(Point, Proof)>,
    /// The commitments to the other coefficients, ascending.
    pub(super) coefficients: Vec<Point>,
}

/// The secret half, for one server. Wiped when it goes; cannot be printed or copied.
pub struct SecretPart {
    plan: [u8; 32],
    dealer: ServerIndex,
    server: ServerIndex,
    secret: SecretScalar,
}

/// What one dealer gives: the public half, and a secret part for each server of the formula, in its
/// order.
pub type Dealing = (Contribution, Vec<SecretPart>);

impl Contribution {
    /// Who dealt.
    pub fn dealer(&self) -> ServerIndex {
        self.dealer
    }

    /// What the dealer shows before anybody shows a contribution: SHA-256 over `tag || plan (32) ||
    /// dealer (2, LE) || encoding`.
    pub fn digest(&self) -> [u8; 32] {
        digest(&self.plan, self.dealer, &self.to_bytes())
    }

    /// Reads the part for `server` and checks it against the commitments.
    pub(super) fn part(
        &self,
        plan: [u8; 32],
        threshold: &Threshold,
        server: ServerIndex,
        bytes: &[u8],
    ) -> Result<SecretPart, PartFault> {
        let Some(leaf) = threshold.leaf_of(server).filter(|_| self.plan == plan) else {
            return Err(PartFault::OtherPlan);
        };
        let length = PartFault::Length { expected: SCALAR_BYTES, actual: bytes.len() };
        let number: &[u8; SCALAR_BYTES] = bytes.try_into().map_err(|_| length)?;
        let secret = SecretScalar::decode(number).ok_or(PartFault::OutOfRange { leaf })?;
        let root = self.value.as_ref().map_or(EdwardsPoint::identity(), |(root, _)| *root.point());
        let due = share_commitment(&root, &self.coefficients, server);
        if !is_due(&secret, &due) {
            return Err(PartFault::Mismatch { leaf });
        }
        Ok(SecretPart { plan, dealer: self.dealer, server, secret })
    }
}

/// See [`Contribution::digest`].
pub(super) fn digest(plan: &[u8; 32], dealer: ServerIndex, encoded: &[u8]) -> [u8; 32] {
    Sha256::new_with_prefix(b"ally/v1/frost-contribution")
        .chain_update(plan)
        .chain_update(dealer.0.to_le_bytes())
        .chain_update(encoded)
        .finalize()
        .into()
}

/// A fresh value: `value's commitment (32) || other coefficients' (32 each) || proof (64)`. A sharing
/// of 0: `coefficients' (32 each)`.
impl Encode for Contribution {
    fn encode(&self, writer: &mut Writer) {
        if let Some((point, _)) = &self.value {
            writer.raw(point.bytes());
        }
        self.coefficients.iter().for_each(|point| {
            writer.raw(point.bytes());
        });
        if let Some((_, proof)) = &self.value {
            proof.encode(writer);
        }
    }
}

impl SecretPart {
    pub(super) fn new(
        plan: [u8; 32],
        dealer: ServerIndex,
        server: ServerIndex,
        secret: SecretScalar,
    ) -> Self {
        Self { plan, dealer, server, secret }
    }

    /// Who dealt.
    pub fn dealer(&self) -> ServerIndex {
        self.dealer
    }

    /// Whom the part is for: for that server alone.
    pub fn server(&self) -> ServerIndex {
        self.server
    }

    /// The server's value of the polynomial (32, LE). Keep it as secret as the share it becomes.
    pub fn encode(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(self.secret.encode().to_vec())
    }
}

/// The contributions of a plan, if they are of distinct dealers, and enough of them that one is
/// correct: as many as servers are needed to sign.
///
/// # Errors
/// [`PlanError`]: whoever brought them together is to blame.
pub(super) fn check_all(
    plan: &[u8; 32],
    threshold: &Threshold,
    contributions: &[&Contribution],
) -> Result<(), PlanError> {
    if contributions.iter().any(|given| given.plan != *plan) {
        return Err(PlanError::OtherPlan);
    }
    check_dealers(threshold, contributions.iter().map(|given| given.dealer))
}

/// The sum of what `parts` give their server, and `server` itself.
///
/// # Errors
/// As [`check_all`]; [`PlanError::OtherPlan`] also where parts are for different servers.
pub(super) fn sum_of_parts(
    plan: &[u8; 32],
    threshold: &Threshold,
    parts: &[SecretPart],
) -> Result<(ServerIndex, SecretScalar), PlanError> {
    let expected = threshold.needed();
    let first = parts.first().ok_or(PlanError::Count { expected, actual: 0 })?;
    let server = first.server;
    if parts.iter().any(|part| part.plan != *plan || part.server != server) {
        return Err(PlanError::OtherPlan);
    }
    check_dealers(threshold, parts.iter().map(|part| part.dealer))?;
    let sum = parts.iter().fold(SecretScalar::zero(), |sum, part| sum.plus(&part.secret));
    Ok((server, sum))
}

fn check_dealers(
    threshold: &Threshold,
    dealers: impl Iterator<Item = ServerIndex>,
) -> Result<(), PlanError> {
    let mut seen = ServerSet::EMPTY;
    for dealer in dealers {
        if !seen.insert(dealer) {
            return Err(PlanError::Duplicate { dealer });
        }
    }
    if seen.len() < threshold.needed() {
        return Err(PlanError::Count { expected: threshold.needed(), actual: seen.len() });
    }
    Ok(())
}
