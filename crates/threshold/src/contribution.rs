//! What a dealer gives: commitments for everybody, and a secret part for each server.
//!
//! The same two halves serve a new key (`generation`) and new shares of an old one (`handover`).

use ally_codec::{Encode, Writer};
use ally_policy::ServerIndex;
use zeroize::Zeroizing;

use crate::access::{Access, Secret};
use crate::{PartFault, PlanError, bls, rsa};

/// The public half of what one dealer gives: commitments to everything that it shares out. Its
/// encoding has the length that the plan fixes. Read back by the plan that it was made for, which
/// checks all that is publicly visible.
#[derive(Clone)]
pub struct Contribution {
    /// The digest of the plan it was read or made under.
    plan: [u8; 32],
    /// Who handed over; nobody in particular for a new key.
    dealer: Option<ServerIndex>,
    kind: Kind,
}

/// The part that differs from scheme to scheme.
#[derive(Clone)]
pub(crate) enum Kind {
    /// Shoup's RSA.
    Rsa(rsa::Contribution),
    /// BLS.
    Bls(bls::Contribution),
}

/// The secret half, for one server: what each of its leaves gets. Wiped when it goes; cannot be
/// printed or copied.
pub struct SecretPart {
    plan: [u8; 32],
    server: ServerIndex,
    leaves: Vec<Secret>,
}

/// What one dealer gives: the public half, and a secret part for each server of the formula, in
/// ascending order.
pub type Dealing = (Contribution, Vec<SecretPart>);

impl Contribution {
    pub(crate) fn new(plan: [u8; 32], dealer: Option<ServerIndex>, kind: Kind) -> Self {
        Self { plan, dealer, kind }
    }

    /// Who handed over.
    pub(crate) fn dealer(&self) -> Option<ServerIndex> {
        self.dealer
    }

    /// The RSA contributions among those of one plan.
    ///
    /// # Errors
    /// [`PlanError::OtherPlan`] where one was made for another plan.
    pub(crate) fn all_rsa<'a>(
        all: &[&'a Self],
        plan: [u8; 32],
    ) -> Result<Vec<&'a rsa::Contribution>, PlanError> {
        let one = |contribution: &&'a Self| match &contribution.kind {
            Kind::Rsa(kind) if contribution.plan == plan => Ok(kind),
            _ => Err(PlanError::OtherPlan),
        };
        all.iter().map(one).collect()
    }

    /// The BLS contributions among those of one plan.
    ///
    /// # Errors
    /// [`PlanError::OtherPlan`] where one was made for another plan.
    pub(crate) fn all_bls<'a>(
        all: &[&'a Self],
        plan: [u8; 32],
    ) -> Result<Vec<&'a bls::Contribution>, PlanError> {
        let one = |contribution: &&'a Self| match &contribution.kind {
            Kind::Bls(kind) if contribution.plan == plan => Ok(kind),
            _ => Err(PlanError::OtherPlan),
        };
        all.iter().map(one).collect()
    }

    /// Reads the part for `server` and checks it against the commitments. Deterministic.
    ///
    /// # Errors
    /// [`PartFault`]: the dealer is to blame, except for [`PartFault::OtherPlan`].
    pub(crate) fn part(
        &self,
        plan: [u8; 32],
        access: &Access,
        server: ServerIndex,
        bytes: &[u8],
    ) -> Result<SecretPart, PartFault> {
        if self.plan != plan {
            return Err(PartFault::OtherPlan);
        }
        let width = match &self.kind {
            Kind::Rsa(kind) => kind.leaf_bytes(),
            Kind::Bls(kind) => kind.leaf_bytes(),
        };
        let expected = access.leaves_of(server).count() * width;
        if bytes.len() != expected {
            return Err(PartFault::Length { expected, actual: bytes.len() });
        }
        let mut leaves = Vec::new();
        // A width of 0 has no chunks; no scheme has one.
        for (leaf, secret) in access.leaves_of(server).zip(bytes.chunks(width.max(1))) {
            match &self.kind {
                Kind::Rsa(kind) => kind.check_leaf(leaf, secret)?,
                Kind::Bls(kind) => kind.check_leaf(leaf, secret)?,
            }
            leaves.push(Zeroizing::new(secret.to_vec()));
        }
        Ok(SecretPart { plan, server, leaves })
    }
}

/// For RSA all numbers are big-endian and as long as the modulus they are below. A new key:
/// `N || v^d || coefficients`; refreshed shares: for each modulus `coefficients`; reshared shares:
/// for each leaf of the dealer and each modulus `coefficients`. The coefficients are v^a for those
/// of all gates, from the root down, from left to right (a gate k of m has k - 1). For BLS points of
/// 96 bytes in the same order.
impl Encode for Contribution {
    fn encode(&self, writer: &mut Writer) {
        match &self.kind {
            Kind::Rsa(kind) => kind.encode(writer),
            Kind::Bls(kind) => kind.encode(writer),
        }
    }
}

impl SecretPart {
    /// The parts of all servers, out of the secrets of all leaves in their order.
    pub(crate) fn all(plan: [u8; 32], access: &Access, secrets: Vec<Secret>) -> Vec<Self> {
        let by_server = access.by_server(secrets).into_iter();
        by_server.map(|(server, leaves)| Self { plan, server, leaves }).collect()
    }

    /// Whom the part is for: for that server alone.
    pub fn server(&self) -> ServerIndex {
        self.server
    }

    /// The secrets of the server's leaves one after the other; the plan fixes the length. Keep it
    /// as secret as the share it becomes.
    pub fn encode(&self) -> Zeroizing<Vec<u8>> {
        let length = self.leaves.iter().map(|leaf| leaf.len()).sum();
        // Of the final size at once: a buffer that grows leaves copies of secrets behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(length));
        self.leaves.iter().for_each(|leaf| bytes.extend_from_slice(leaf));
        bytes
    }

    /// What each of the server's leaves gets, if this was made under `plan` for `server`.
    ///
    /// # Errors
    /// [`PlanError::OtherPlan`].
    pub(crate) fn leaves(
        &self,
        plan: [u8; 32],
        server: ServerIndex,
    ) -> Result<&[Secret], PlanError> {
        let fits = self.plan == plan && self.server == server;
        if fits { Ok(&self.leaves) } else { Err(PlanError::OtherPlan) }
    }
}
