//! New shares of an old FROST key, over the same formula. The key stays what it is.
//!
//! Each dealer shares 0, and everybody adds what it gets to the share it has. The commitment to the
//! constant is not sent, so nothing else than 0 can be shared. One correct dealer that forgets its
//! polynomial is enough to make what was stolen before worthless, so there are at least as many
//! dealers as servers that sign. It holds as far as old shares are erased: `k` of them, however old,
//! are the key. `1 of` shares are the key itself, and there is nothing to refresh.
//!
//! Nonces belong to an epoch: batches of the old one are to be dropped, and sign nothing any more.
//!
//! # Source
//! Herzberg, Jarecki, Krawczyk & Yung, "Proactive secret sharing" (1995).

use super::contribution::{self, Contribution, Dealing, SecretPart};
use super::group::{Point, SecretScalar};
use super::key_share::KeyShare;
use super::public_key::PublicKey;
use super::sharing::{Polynomial, sum_of_commitments};
use super::{SUITE, VERSION};
use crate::{PartFault, PlanError};
use ally_codec::{DecodeError, Reader};
use ally_policy::ServerIndex;
use rand_core::CryptoRng;
use sha2::{Digest, Sha256};

/// Which FROST key gets new shares, in which epoch. All dealers and holders hold the same one;
/// compare [`Refresh::digest`]. Cheap to clone.
#[derive(Clone)]
pub struct Refresh {
    from: PublicKey,
    epoch: u64,
}

impl Refresh {
    /// New shares of `from` in `epoch`.
    ///
    /// # Errors
    /// [`PlanError::Epoch`] unless `epoch` is above the key's.
    pub fn new(from: &PublicKey, epoch: u64) -> Result<Self, PlanError> {
        if epoch <= from.epoch() {
            return Err(PlanError::Epoch { from: from.epoch(), epoch });
        }
        Ok(Self { from: from.clone(), epoch })
    }

    /// SHA-256 over `tag || version (1) || suite (1) || id of the old key (32) || epoch (8, LE)`.
    pub fn digest(&self) -> [u8; 32] {
        Sha256::new_with_prefix(b"ally/v1/frost-refresh")
            .chain_update([VERSION, SUITE])
            .chain_update(self.from.id().0)
            .chain_update(self.epoch.to_le_bytes())
            .finalize()
            .into()
    }

    /// One dealer's work. Whatever it knew besides what it returns is wiped. `rng` is the only
    /// source of randomness.
    ///
    /// # Errors
    /// [`PlanError::OtherPlan`] unless `dealer` holds a share of the key.
    pub fn deal(
        &self,
        dealer: ServerIndex,
        rng: &mut impl CryptoRng,
    ) -> Result<Dealing, PlanError> {
        let needed = self.from.threshold().needed();
        let mut draw = || SecretScalar::random(rng);
        self.deal_with(dealer, &Polynomial::new(SecretScalar::zero(), needed, &mut draw))
    }

    /// Deals with the given polynomial, of which only the value is 0.
    pub(super) fn deal_with(
        &self,
        dealer: ServerIndex,
        polynomial: &Polynomial,
    ) -> Result<Dealing, PlanError> {
        let threshold = self.from.threshold();
        threshold.leaf_of(dealer).ok_or(PlanError::OtherPlan)?;
        let plan = self.digest();
        let coefficients = polynomial.commitments_but_value().ok_or(PlanError::NoKey)?;
        let part = |server: &ServerIndex| {
            SecretPart::new(plan, dealer, *server, polynomial.share(*server))
        };
        let parts = threshold.servers().iter().map(part).collect();
        Ok((Contribution { plan, dealer, value: None, coefficients }, parts))
    }

    /// Reads the contribution of `dealer`: that all points are in the group. That 0 is shared is in
    /// its form.
    ///
    /// # Errors
    /// [`DecodeError`]: the dealer is to blame.
    pub fn contribution(
        &self,
        dealer: ServerIndex,
        bytes: &[u8],
    ) -> Result<Contribution, DecodeError> {
        if self.from.threshold().leaf_of(dealer).is_none() {
            return Err(DecodeError::Invalid("dealer: it holds no share of the key"));
        }
        let mut reader = Reader::new(bytes);
        let coefficients = Point::read_all(&mut reader, self.from.threshold().needed() - 1)?;
        reader.finish()?;
        Ok(Contribution { plan: self.digest(), dealer, value: None, coefficients })
    }

    /// Reads what the dealer of `contribution` gave `server` and checks it against the commitments.
    /// Deterministic: whoever is shown the bytes comes to the same verdict.
    ///
    /// # Errors
    /// [`PartFault`]: the dealer is to blame, but for [`PartFault::OtherPlan`].
    pub fn part(
        &self,
        contribution: &Contribution,
        server: ServerIndex,
        bytes: &[u8],
    ) -> Result<SecretPart, PartFault> {
        contribution.part(self.digest(), self.from.threshold(), server, bytes)
    }

    /// The key in its new epoch, after contributions of at least as many dealers as sign, in any
    /// order. All have to come to the same set of dealers.
    ///
    /// # Errors
    /// [`PlanError`]: contributions of another plan, two of one dealer, too few, or such that add
    /// up to a coefficient or a share of 0.
    pub fn public_key(&self, contributions: &[&Contribution]) -> Result<PublicKey, PlanError> {
        let threshold = self.from.threshold();
        contribution::check_all(&self.digest(), threshold, contributions)?;
        let (root, old) = self.from.coefficients().split_first().ok_or(PlanError::NoKey)?;
        let given = contributions.iter().map(|given| given.coefficients.as_slice());
        let all: Vec<&[Point]> = given.chain([old]).collect();
        let sum = sum_of_commitments(threshold.needed() - 1, &all).ok_or(PlanError::NoKey)?;
        let coefficients = [&[*root][..], &sum].concat();
        PublicKey::new(self.epoch, threshold.clone(), coefficients).ok_or(PlanError::NoKey)
    }

    /// A server's share in the new epoch: `own` is its old one, `parts` are what it got with each
    /// of the contributions that made `public`. Passes [`KeyShare::check`]. Erase the old share, the
    /// parts, and all copies of them, once the new share is safe.
    ///
    /// # Errors
    /// [`PlanError`]: parts or a share of another plan, key or server, or such that do not fit the
    /// key.
    pub fn key_share(
        &self,
        public: &PublicKey,
        own: &KeyShare,
        parts: &[SecretPart],
    ) -> Result<KeyShare, PlanError> {
        let (server, sum) =
            contribution::sum_of_parts(&self.digest(), self.from.threshold(), parts)?;
        if own.key() != self.from.id() || own.server() != server {
            return Err(PlanError::OtherPlan);
        }
        KeyShare::checked(public, server, own.secret().plus(&sum))
    }
}
