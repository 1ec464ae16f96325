//! A new key that several dealers make together, so that none of them ever knows it.
//!
//! ```text
//! Plan --- deal ---> Contribution (everybody) ---- contribution ----.
//!             `----> SecretPart (one server each) -- part --.        |
//!                                                            v        v
//!                                  key_share <--------- of all dealers: public_key
//! ```
//!
//! Everyone who holds the plan comes to the same verdict on the same bytes, so that a dealer who
//! cheats is named by all.
//!
//! Take a key into use only after a test signature by everybody has verified: see the notes on lying
//! dealers at [`Plan::public_key`].

use std::sync::Arc;

use ally_codec::DecodeError;
use ally_policy::{Formula, ServerIndex};
use rand_core::CryptoRng;
use sha2::{Digest, Sha256};

use crate::access::Access;
use crate::contribution::Kind;
use crate::public_key::Kind as KeyKind;
use crate::rsa::Shape;
use crate::{
    Contribution, DealError, Dealing, KeyShare, PartFault, PlanError, Progress, PublicKey, Scheme,
    SecretPart, bls, rsa,
};

/// What a key is going to be: its scheme, its dealers' moduli, its formula and its epoch. Cheap to
/// clone. All dealers and servers hold the same plan; compare [`Plan::digest`].
#[derive(Clone)]
pub struct Plan {
    scheme: Scheme,
    /// `None` for BLS.
    shape: Option<Shape>,
    epoch: u64,
    access: Arc<Access>,
}

impl Plan {
    /// A plan for a key of `scheme` over `formula`.
    ///
    /// RSA: `moduli` dealers (1 to 4) contribute a modulus each, of 1/`moduli` of the key's length;
    /// a signature takes a qualified set under every one of them, and so does forging. 2048 and
    /// 3072 bits have 1, 4096 bits 1 or 2, 6144 bits 1 to 3, 8192 bits 1, 2 or 4. BLS: `moduli` is
    /// 1, and any number of dealers contribute.
    ///
    /// `epoch` is bound into shares and proofs: those of another epoch are refused.
    ///
    /// # Errors
    /// [`PlanError::Moduli`]; RSA: [`PlanError::TooWide`] or [`PlanError::TooLong`] where the
    /// formula's gates are too wide.
    pub fn new(
        scheme: Scheme,
        moduli: u8,
        formula: &Formula,
        epoch: u64,
    ) -> Result<Self, PlanError> {
        if !scheme.moduli().contains(&moduli) {
            return Err(PlanError::Moduli { scheme, moduli });
        }
        let shape = scheme.modulus_bits().map(|bits| Shape { bits, moduli });
        Self::with_shape(scheme, shape, formula, epoch)
    }

    /// A plan with moduli of any length, which tests need.
    pub(crate) fn with_shape(
        scheme: Scheme,
        shape: Option<Shape>,
        formula: &Formula,
        epoch: u64,
    ) -> Result<Self, PlanError> {
        if let Some(shape) = shape {
            shape.check(formula)?;
        }
        Ok(Self { scheme, shape, epoch, access: Arc::new(Access::new(formula.clone())) })
    }

    #[cfg(test)]
    pub(crate) fn parts(&self) -> (Option<Shape>, &Access) {
        (self.shape, &self.access)
    }

    /// The signature scheme.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// RSA: how many dealers give a modulus each, all of whom the key needs; `None` for BLS, whose
    /// dealers are as many as there are.
    pub fn moduli(&self) -> Option<u8> {
        self.shape.map(|shape| shape.moduli)
    }

    /// The formula over which the key is dealt.
    pub fn formula(&self) -> &Formula {
        self.access.formula()
    }

    /// SHA-256 of everything the plan says: two plans are the same exactly if their digests are.
    ///
    /// `tag || scheme (1) || bits (4, LE) || moduli (1) || epoch (8, LE) || formula`.
    pub fn digest(&self) -> [u8; 32] {
        let shape = self.shape.unwrap_or(Shape { bits: 0, moduli: 1 });
        Sha256::new()
            .chain_update(b"ally/v1/generation-plan")
            .chain_update([self.scheme.tag()])
            .chain_update(shape.bits.to_le_bytes())
            .chain_update([shape.moduli])
            .chain_update(self.epoch.to_le_bytes())
            .chain_update(self.access.formula().to_bytes())
            .finalize()
            .into()
    }

    /// One dealer's work. Whatever it knew besides what it returns is wiped. `rng` is the only
    /// source of randomness.
    ///
    /// # Errors
    /// [`DealError::Cancelled`].
    ///
    /// # Cost
    /// RSA: two safe primes of half a modulus, searched for on all cores, and one exponentiation for
    /// each coefficient of the formula. BLS: one multiplication in G2 for each.
    pub fn deal(
        &self,
        rng: &mut impl CryptoRng,
        progress: &dyn Progress,
    ) -> Result<Dealing, DealError> {
        let (kind, secrets) = match self.shape {
            Some(shape) => {
                let dealt = rsa::generation::deal(shape, &self.access, rng, progress)?;
                (Kind::Rsa(dealt.0), dealt.1)
            }
            None => {
                let dealt = bls::generation::deal(&self.access, rng)?;
                (Kind::Bls(dealt.0), dealt.1)
            }
        };
        let contribution = Contribution::new(self.digest(), None, kind);
        Ok((contribution, SecretPart::all(self.digest(), &self.access, secrets)))
    }

    /// Reads a dealer's contribution and checks all of it that is publicly visible.
    ///
    /// RSA: the modulus is odd, has exactly its length (and top bits such that the product has
    /// exactly its own) and no factor below 2^16; all commitments are below it and invertible; the
    /// root's is an e-th root of the base. BLS: all points are in the group, and neither the key nor
    /// that of a leaf is zero.
    ///
    /// # Errors
    /// [`DecodeError`]: the dealer is to blame.
    ///
    /// # Cost
    /// RSA: one inversion, and for each leaf the small powers that lead to it.
    pub fn contribution(&self, bytes: &[u8]) -> Result<Contribution, DecodeError> {
        let kind = match self.shape {
            Some(shape) => Kind::Rsa(rsa::generation::read(shape, &self.access, bytes)?),
            None => Kind::Bls(bls::generation::read(&self.access, bytes)?),
        };
        Ok(Contribution::new(self.digest(), None, kind))
    }

    /// Reads what the dealer of `contribution` gave `server` and checks it against the commitments.
    /// Deterministic: whoever is shown the bytes comes to the same verdict.
    ///
    /// # Errors
    /// [`PartFault`]: the dealer is to blame.
    ///
    /// # Cost
    /// For each leaf of the server as much as a signature share.
    pub fn part(
        &self,
        contribution: &Contribution,
        server: ServerIndex,
        bytes: &[u8],
    ) -> Result<SecretPart, PartFault> {
        contribution.part(self.digest(), &self.access, server, bytes)
    }

    /// The key that the dealers make together. RSA: exactly as many contributions as the plan has
    /// moduli; the modulus of the key is their product. BLS: one or more; the key is their sum.
    ///
    /// All have to give the contributions in the same order.
    ///
    /// # What lying dealers can do
    /// RSA: a dealer always knows its own part of the private key, and nothing of the others': forging
    /// takes, for each of the moduli, its dealer or a qualified set of servers. A dealer whose modulus
    /// is not the product of two safe primes, which cannot be seen, can make some or all messages
    /// fail to be signed, without any server to blame; never can it make a wrong signature verify.
    /// So sign a message at last that depends on all contributions, and if shares with proofs that
    /// hold do not combine, make the key anew without that dealer.
    ///
    /// BLS: the last dealer to speak can bias the key, which gains it nothing (Gennaro, Jarecki,
    /// Krawczyk & Rabin 1999 and 2007, Gurkan et al. 2021, Bacho & Loss 2022); let all dealers commit
    /// to a hash of their contribution before any is shown, and there is little left of it. One honest
    /// dealer is enough for a key that nobody knows.
    ///
    /// # Errors
    /// [`PlanError`]: the wrong number of contributions, one that was made for another plan, moduli
    /// with a common factor, or a key that none can be.
    pub fn public_key(&self, contributions: &[&Contribution]) -> Result<PublicKey, PlanError> {
        let kind = match self.shape {
            Some(shape) => {
                let all = Contribution::all_rsa(contributions, self.digest())?;
                let access = self.access.clone();
                KeyKind::Rsa(rsa::generation::public_key(shape, self.epoch, access, &all)?)
            }
            None => {
                let all = Contribution::all_bls(contributions, self.digest())?;
                KeyKind::Bls(bls::generation::public_key(&self.access, &all)?)
            }
        };
        Ok(PublicKey::new(self.scheme, self.epoch, self.access.clone(), kind))
    }

    /// A server's share of the key: `parts` are what it got with each of the contributions that
    /// made `public`, in the same order. Passes [`KeyShare::check`].
    ///
    /// # Errors
    /// [`PlanError`]: parts of another plan or server, too many or too few of them, or such that do
    /// not fit the key.
    ///
    /// # Cost
    /// For each leaf as much as a signature share.
    pub fn key_share(
        &self,
        public: &PublicKey,
        parts: &[SecretPart],
    ) -> Result<KeyShare, PlanError> {
        let first = parts.first().ok_or(PlanError::Count { expected: 1, actual: 0 })?;
        let server = first.server();
        let leaves = parts.iter().map(|part| part.leaves(self.digest(), server));
        let leaves = leaves.collect::<Result<Vec<_>, _>>()?;
        let mut secrets = Vec::new();
        for at in 0..self.access.leaves_of(server).count() {
            let parts: Option<Vec<&[u8]>> =
                leaves.iter().map(|leaves| Some(leaves.get(at)?.as_slice())).collect();
            let parts = parts.ok_or(PlanError::OtherPlan)?;
            secrets.push(match self.shape {
                Some(_) => rsa::generation::secret(&parts),
                None => bls::generation::secret(&parts)?,
            });
        }
        KeyShare::checked(public, server, secrets)
    }
}
