//! A new FROST key that its holders make together, so that none of them ever knows it.
//!
//! ```text
//! Plan --- deal ---> Contribution::digest (everybody), when all digests are there:
//!             |----> Contribution (everybody) ------- contribution -----.
//!             `----> SecretPart (one server each) ---- part ----.        |
//!                                                               v        v
//!                                     key_share <--------- of all dealers: public_key
//! ```
//!
//! Each dealer shares a value of its own; the key is the sum of the values, a server's share the sum
//! of what it got. Whoever dealt wrongly to somebody is convicted by the bytes it sent, and left
//! out.
//!
//! # Security
//! One correct dealer is enough for a key that nobody knows, so there are at least as many dealers
//! as servers that sign. Each proves that it knows its value: nobody can take the others' out of the
//! sum. Contributions are shown only after all dealers have committed to theirs; all that is left to
//! the last one is to withhold its own and to be named for it, which biases the key by a choice
//! between two (Gennaro, Jarecki, Krawczyk & Rabin 1999; 2007 on why Schnorr signatures stay
//! unforgeable under such keys).
//!
//! # Deviations from the paper
//! A dealer that cheats or is silent does not end the ceremony: the caller goes on without it, and
//! everybody has to go on with the same dealers. Proofs cover all commitments. Dealers commit to a
//! hash first.
//!
//! # Source
//! Komlo & Goldberg, "FROST: Flexible round-optimized Schnorr threshold signatures" (SAC 2020),
//! figure 1; Pedersen 1991; Feldman 1987.

use super::contribution::{self, Contribution, Dealing, SecretPart};
use super::group::{Point, SecretScalar};
use super::key_share::KeyShare;
use super::proof::Proof;
use super::public_key::PublicKey;
use super::sharing::{Polynomial, sum_of_commitments};
use super::threshold::Threshold;
use super::{SUITE, VERSION};
use crate::{PartFault, PlanError};
use ally_codec::{DecodeError, Reader};
use ally_policy::{Formula, ServerIndex};
use rand_core::CryptoRng;
use sha2::{Digest, Sha256};

/// What a FROST key is going to be: its ceremony, its formula and its epoch. All dealers and
/// servers hold the same plan; compare [`Plan::digest`].
#[derive(Clone)]
pub struct Plan {
    ceremony: [u8; 32],
    epoch: u64,
    threshold: Threshold,
}

impl Plan {
    /// A plan for a key over `formula`, which is `k of` distinct servers.
    ///
    /// `ceremony` names this attempt to make a key and is never used again, so that nothing of one
    /// attempt is taken for a part of another. `epoch` is bound into commitments and shares.
    ///
    /// # Errors
    /// [`PlanError::NotPlain`].
    pub fn new(ceremony: [u8; 32], formula: &Formula, epoch: u64) -> Result<Self, PlanError> {
        Ok(Self { ceremony, epoch, threshold: Threshold::new(formula)? })
    }

    /// The formula over which the key is dealt; its servers are the dealers.
    pub fn formula(&self) -> &Formula {
        self.threshold.formula()
    }

    /// SHA-256 of everything the plan says: two plans are the same exactly if their digests are.
    ///
    /// `tag || version (1) || suite (1) || ceremony (32) || epoch (8, LE) || formula`.
    pub fn digest(&self) -> [u8; 32] {
        Sha256::new_with_prefix(b"ally/v1/frost-plan")
            .chain_update([VERSION, SUITE])
            .chain_update(self.ceremony)
            .chain_update(self.epoch.to_le_bytes())
            .chain_update(self.threshold.formula().to_bytes())
            .finalize()
            .into()
    }

    /// One dealer's work. Whatever it knew besides what it returns is wiped. `rng` is the only
    /// source of randomness.
    ///
    /// # Errors
    /// [`PlanError::OtherPlan`] unless `dealer` is one of the formula's servers.
    ///
    /// # Cost
    /// One multiplication of the base point for each server that signs, in constant time.
    pub fn deal(
        &self,
        dealer: ServerIndex,
        rng: &mut impl CryptoRng,
    ) -> Result<Dealing, PlanError> {
        let mut draw = || SecretScalar::random(rng);
        let polynomial = Polynomial::new(draw(), self.threshold.needed(), &mut draw);
        self.deal_with(dealer, &polynomial, &draw())
    }

    /// Deals with the given polynomial, of which no coefficient is 0, and the proof's nonce.
    pub(super) fn deal_with(
        &self,
        dealer: ServerIndex,
        polynomial: &Polynomial,
        nonce: &SecretScalar,
    ) -> Result<Dealing, PlanError> {
        self.threshold.leaf_of(dealer).ok_or(PlanError::OtherPlan)?;
        let plan = self.digest();
        let points = polynomial.commitments().ok_or(PlanError::NoKey)?;
        let proof = Proof::new(&plan, dealer, &points, polynomial.value(), nonce);
        let (value, coefficients) = points.split_first().ok_or(PlanError::NoKey)?;
        let value = Some((*value, proof));
        let contribution =
            Contribution { plan, dealer, value, coefficients: coefficients.to_vec() };
        let part = |server: &ServerIndex| {
            SecretPart::new(plan, dealer, *server, polynomial.share(*server))
        };
        Ok((contribution, self.threshold.servers().iter().map(part).collect()))
    }

    /// Reads the contribution of `dealer`: that it is the one the dealer committed to with
    /// [`Contribution::digest`], that all points are in the group, and that the dealer knows its
    /// value.
    ///
    /// # Errors
    /// [`DecodeError`]: the dealer is to blame.
    ///
    /// # Cost
    /// For each point a multiplication by the order of the group, and one verification.
    pub fn contribution(
        &self,
        dealer: ServerIndex,
        committed: &[u8; 32],
        bytes: &[u8],
    ) -> Result<Contribution, DecodeError> {
        if self.threshold.leaf_of(dealer).is_none() {
            return Err(DecodeError::Invalid("dealer: the formula does not name it"));
        }
        let plan = self.digest();
        if contribution::digest(&plan, dealer, bytes) != *committed {
            return Err(DecodeError::Invalid("contribution: not the one committed to"));
        }
        let mut reader = Reader::new(bytes);
        let points = Point::read_all(&mut reader, self.threshold.needed())?;
        let proof = Proof::decode(&mut reader)?;
        reader.finish()?;
        if !proof.holds(&plan, dealer, &points) {
            return Err(DecodeError::Invalid("contribution: the dealer does not know its value"));
        }
        let (value, coefficients) =
            points.split_first().ok_or(DecodeError::Invalid("contribution: empty"))?;
        let value = Some((*value, proof));
        Ok(Contribution { plan, dealer, value, coefficients: coefficients.to_vec() })
    }

    /// Reads what the dealer of `contribution` gave `server` and checks it against the commitments.
    /// Deterministic: whoever is shown the bytes comes to the same verdict.
    ///
    /// # Errors
    /// [`PartFault`]: the dealer is to blame, but for [`PartFault::OtherPlan`].
    ///
    /// # Cost
    /// One multiplication of the base point, in constant time, and a dozen additions for each
    /// commitment.
    pub fn part(
        &self,
        contribution: &Contribution,
        server: ServerIndex,
        bytes: &[u8],
    ) -> Result<SecretPart, PartFault> {
        contribution.part(self.digest(), &self.threshold, server, bytes)
    }

    /// The key that the dealers make together: at least as many as sign, in any order. All have to
    /// come to the same set of dealers.
    ///
    /// # Errors
    /// [`PlanError`]: contributions of another plan, two of one dealer, too few, or such that add
    /// up to a key or a share of 0.
    pub fn public_key(&self, contributions: &[&Contribution]) -> Result<PublicKey, PlanError> {
        contribution::check_all(&self.digest(), &self.threshold, contributions)?;
        let points = |given: &&Contribution| {
            let (value, _) = given.value.as_ref()?;
            Some([&[*value][..], &given.coefficients].concat())
        };
        let points: Option<Vec<_>> = contributions.iter().map(points).collect();
        let points = points.ok_or(PlanError::OtherPlan)?;
        let points: Vec<&[_]> = points.iter().map(Vec::as_slice).collect();
        let sum = sum_of_commitments(self.threshold.needed(), &points);
        sum.and_then(|sum| PublicKey::new(self.epoch, self.threshold.clone(), sum))
            .ok_or(PlanError::NoKey)
    }

    /// A server's share of the key: `parts` are what it got with each of the contributions that
    /// made `public`. Passes [`KeyShare::check`].
    ///
    /// # Errors
    /// [`PlanError`]: parts of another plan or server, or such that do not fit the key.
    pub fn key_share(
        &self,
        public: &PublicKey,
        parts: &[SecretPart],
    ) -> Result<KeyShare, PlanError> {
        let (server, secret) = contribution::sum_of_parts(&self.digest(), &self.threshold, parts)?;
        KeyShare::checked(public, server, secret)
    }
}
