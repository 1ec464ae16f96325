//! New shares of an old key: the public key stays, and so does every byte of a signature; the epoch
//! goes up, and shares of different epochs never combine.
//!
//! | | refresh | reshare |
//! |---|---|---|
//! | formula | the same | any |
//! | who deals | one or more holders, each a sharing of zero | holders who satisfy the old formula, each its own shares |
//! | the new share | the old one and what all gave | what the dealers gave, weighted |
//! | who lost a share | cannot take part | gets a new one (recovery: reshare over the same formula) |
//!
//! Old shares are of no use with new ones, but together with enough other old ones they still sign:
//! a handover protects only if holders erase their old shares. Then what an unqualified set learns in
//! one epoch tells nothing together with what another learns in the next, provided that a dealer is
//! honest (refresh), or that the corrupt dealers alone do not satisfy the old formula (reshare).
//!
//! RSA shares are exponents over the integers and grow: see `rsa::handover` for by how much, and
//! [`PlanError::TooLong`] for the end of it.

use std::sync::Arc;

use ally_codec::DecodeError;
use ally_policy::{Formula, ServerIndex, ServerSet};
use rand_core::CryptoRng;
use sha2::{Digest, Sha256};

use crate::access::{Access, Secret, Selection};
use crate::contribution::Kind;
use crate::public_key::Kind as KeyKind;
use crate::{
    Contribution, DealError, Dealing, KeyShare, PartFault, PlanError, PublicKey, SecretPart, bls,
    rsa,
};

/// Which key is handed over, how, and to whom. Cheap to clone. All dealers and receivers hold the
/// same one; compare [`Handover::digest`].
#[derive(Clone)]
pub struct Handover {
    from: PublicKey,
    mode: Mode,
    epoch: u64,
    /// The new formula.
    to: Arc<Access>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Refresh,
    Reshare,
}

impl Handover {
    /// New shares over the same formula: every dealer shares zero, and holders add what they get to
    /// the share they have.
    ///
    /// # Errors
    /// [`PlanError::Epoch`] unless `epoch` is above the key's. RSA: [`PlanError::TooLong`].
    pub fn refresh(from: &PublicKey, epoch: u64) -> Result<Self, PlanError> {
        Self::new(from, Mode::Refresh, from.formula(), epoch)
    }

    /// New shares over any formula: the old holders share their shares.
    ///
    /// # Errors
    /// [`PlanError::Epoch`] unless `epoch` is above the key's. RSA: [`PlanError::TooWide`] for a
    /// formula with gates too wide, [`PlanError::TooLong`].
    pub fn reshare(from: &PublicKey, formula: &Formula, epoch: u64) -> Result<Self, PlanError> {
        Self::new(from, Mode::Reshare, formula, epoch)
    }

    fn new(from: &PublicKey, mode: Mode, formula: &Formula, epoch: u64) -> Result<Self, PlanError> {
        if epoch <= from.epoch() {
            return Err(PlanError::Epoch { from: from.epoch(), epoch });
        }
        if let KeyKind::Rsa(key) = from.kind() {
            match mode {
                Mode::Refresh => rsa::handover::check_refresh(key)?,
                Mode::Reshare => rsa::handover::check_reshare(key, formula)?,
            }
        }
        let to = match mode {
            Mode::Refresh => from.shared_access(),
            Mode::Reshare => Arc::new(Access::new(formula.clone())),
        };
        Ok(Self { from: from.clone(), mode, epoch, to })
    }

    /// The key that is handed over, in its old epoch.
    pub fn from(&self) -> &PublicKey {
        &self.from
    }

    /// The epoch of the new shares.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The formula of the new shares.
    pub fn formula(&self) -> &Formula {
        self.to.formula()
    }

    /// SHA-256 of everything that the handover says: two are the same exactly if their digests are.
    ///
    /// `tag || id of the old key (32) || 1 for refresh or 2 for reshare (1) || epoch (8, LE) ||
    /// formula`.
    pub fn digest(&self) -> [u8; 32] {
        let mode = match self.mode {
            Mode::Refresh => 1,
            Mode::Reshare => 2,
        };
        Sha256::new()
            .chain_update(b"ally/v1/handover-plan")
            .chain_update(self.from.id().0)
            .chain_update([mode])
            .chain_update(self.epoch.to_le_bytes())
            .chain_update(self.to.formula().to_bytes())
            .finalize()
            .into()
    }

    /// One dealer's work; the dealer is the holder of `own`. Constant time; whatever it made besides
    /// what it returns is wiped. `rng` is the only source of randomness.
    ///
    /// # Errors
    /// [`DealError::OtherKey`] where `own` is no share of the old key.
    ///
    /// # Cost
    /// For each coefficient of the formula one exponentiation (RSA: for each modulus) or
    /// multiplication in G2; for resharing, as often as the dealer has leaves.
    pub fn deal(&self, own: &KeyShare, rng: &mut impl CryptoRng) -> Result<Dealing, DealError> {
        let secrets = own.secrets_of(&self.from).ok_or(DealError::OtherKey)?;
        let (kind, secrets) = match (self.from.kind(), self.mode) {
            (KeyKind::Rsa(key), Mode::Refresh) => {
                let dealt = rsa::handover::deal_zero(key, rng);
                (Kind::Rsa(dealt.0), dealt.1)
            }
            (KeyKind::Rsa(key), Mode::Reshare) => {
                let dealt = rsa::handover::deal_leaves(key, &secrets, &self.to, rng)?;
                (Kind::Rsa(dealt.0), dealt.1)
            }
            (KeyKind::Bls(_), Mode::Refresh) => {
                let dealt = bls::handover::deal_zero(&self.to, rng);
                (Kind::Bls(dealt.0), dealt.1)
            }
            (KeyKind::Bls(key), Mode::Reshare) => {
                let dealt = bls::handover::deal_leaves(key, &secrets, &self.to, rng)?;
                (Kind::Bls(dealt.0), dealt.1)
            }
        };
        let contribution = Contribution::new(self.digest(), Some(own.server()), kind);
        Ok((contribution, SecretPart::all(self.digest(), &self.to, secrets)))
    }

    /// Reads the contribution of `dealer` and checks all of it that is publicly visible. That it
    /// shares zero (refresh), or the dealer's own leaves (reshare), is in its form: the commitment
    /// to what is shared follows from the old key and is not sent.
    ///
    /// # Errors
    /// [`DecodeError`]: `dealer` is to blame, also where it holds no part of the old key.
    pub fn contribution(
        &self,
        dealer: ServerIndex,
        bytes: &[u8],
    ) -> Result<Contribution, DecodeError> {
        let leaves: Vec<usize> = self.from.access().leaves_of(dealer).collect();
        if leaves.is_empty() {
            return Err(DecodeError::Invalid("dealer: it holds no part of the key"));
        }
        let kind = match (self.from.kind(), self.mode) {
            (KeyKind::Rsa(key), Mode::Refresh) => Kind::Rsa(rsa::handover::read_zero(key, bytes)?),
            (KeyKind::Rsa(key), Mode::Reshare) => {
                Kind::Rsa(rsa::handover::read_leaves(key, &leaves, &self.to, bytes)?)
            }
            (KeyKind::Bls(_), Mode::Refresh) => {
                Kind::Bls(bls::handover::read_zero(&self.to, bytes)?)
            }
            (KeyKind::Bls(key), Mode::Reshare) => {
                Kind::Bls(bls::handover::read_leaves(key, &leaves, &self.to, bytes)?)
            }
        };
        Ok(Contribution::new(self.digest(), Some(dealer), kind))
    }

    /// Reads what the dealer of `contribution` gave `server` and checks it against the commitments.
    /// Deterministic: whoever is shown the bytes comes to the same verdict.
    ///
    /// # Errors
    /// [`PartFault`]: the dealer is to blame.
    ///
    /// # Cost
    /// For each leaf of the server, and for resharing each leaf of the dealer, as much as a
    /// signature share.
    pub fn part(
        &self,
        contribution: &Contribution,
        server: ServerIndex,
        bytes: &[u8],
    ) -> Result<SecretPart, PartFault> {
        contribution.part(self.digest(), &self.to, server, bytes)
    }

    /// The key in its new epoch. Refresh: the contributions of all these dealers, one at least, are
    /// added. Reshare: the leftmost leaves that satisfy the old formula are used, out of those of
    /// these dealers; the others' contributions change nothing.
    ///
    /// All have to come to the same set of dealers; their order does not matter.
    ///
    /// # Errors
    /// [`PlanError`]: contributions of another plan or dealer, two of one dealer, no dealers at all
    /// or such that do not satisfy the old formula.
    pub fn public_key(
        &self,
        contributions: &[(ServerIndex, &Contribution)],
    ) -> Result<PublicKey, PlanError> {
        distinct(contributions.iter().map(|(dealer, _)| *dealer))?;
        if contributions.iter().any(|(dealer, given)| given.dealer() != Some(*dealer)) {
            return Err(PlanError::OtherPlan);
        }
        let all: Vec<&Contribution> = contributions.iter().map(|(_, given)| *given).collect();
        let kind = match self.mode {
            Mode::Refresh => self.refreshed_key(&all)?,
            Mode::Reshare => {
                let dealers: Vec<_> = contributions.iter().map(|(dealer, _)| *dealer).collect();
                let (selection, sources) = self.sources(&dealers)?;
                self.reshared_key(&all, &selection, &sources)?
            }
        };
        Ok(PublicKey::new(self.from.scheme(), self.epoch, self.to.clone(), kind))
    }

    /// A server's share in the new epoch: `parts` are what it got with each of the contributions
    /// that made `public`, by dealer. `own` is its old share, which a refresh needs, and resharing
    /// does not look at. Passes [`KeyShare::check`].
    ///
    /// # Errors
    /// [`PlanError`]: parts of another plan, server or set of dealers, or a refresh without the old
    /// share.
    ///
    /// # Cost
    /// For each leaf as much as a signature share.
    pub fn key_share(
        &self,
        public: &PublicKey,
        own: Option<&KeyShare>,
        parts: &[(ServerIndex, SecretPart)],
    ) -> Result<KeyShare, PlanError> {
        distinct(parts.iter().map(|(dealer, _)| *dealer))?;
        let (_, first) = parts.first().ok_or(PlanError::Count { expected: 1, actual: 0 })?;
        let server = first.server();
        let leaves = parts.iter().map(|(_, part)| part.leaves(self.digest(), server));
        let leaves = leaves.collect::<Result<Vec<_>, _>>()?;
        let dealers: Vec<ServerIndex> = parts.iter().map(|(dealer, _)| *dealer).collect();
        let mut secrets = Vec::new();
        for (at, leaf) in self.to.leaves_of(server).enumerate() {
            let given: Option<Vec<&[u8]>> =
                leaves.iter().map(|leaves| Some(leaves.get(at)?.as_slice())).collect();
            let given = given.ok_or(PlanError::OtherPlan)?;
            secrets.push(match self.mode {
                Mode::Refresh => {
                    let own = own.filter(|own| own.server() == server);
                    let own = own.and_then(|own| own.secrets_of(&self.from));
                    let own = own.ok_or(PlanError::OtherPlan)?;
                    let own = own.get(at).ok_or(PlanError::OtherPlan)?.1;
                    self.refreshed_secret(own, &given)?
                }
                Mode::Reshare => self.reshared_secret(&dealers, leaf, &given)?,
            });
        }
        KeyShare::checked(public, server, secrets)
    }

    fn refreshed_key(&self, all: &[&Contribution]) -> Result<KeyKind, PlanError> {
        if all.is_empty() {
            return Err(PlanError::Count { expected: 1, actual: 0 });
        }
        match self.from.kind() {
            KeyKind::Rsa(key) => {
                let all = Contribution::all_rsa(all, self.digest())?;
                rsa::handover::refreshed_key(key, self.epoch, &all).map(KeyKind::Rsa)
            }
            KeyKind::Bls(key) => {
                let all = Contribution::all_bls(all, self.digest())?;
                bls::handover::refreshed_key(key, &self.to, &all).map(KeyKind::Bls)
            }
        }
    }

    fn refreshed_secret(&self, own: &[u8], given: &[&[u8]]) -> Result<Secret, PlanError> {
        match self.from.kind() {
            KeyKind::Rsa(key) => rsa::handover::refreshed_secret(key, own, given),
            KeyKind::Bls(_) => bls::handover::refreshed_secret(own, given),
        }
    }

    fn reshared_key(
        &self,
        all: &[&Contribution],
        selection: &Selection,
        sources: &[Source],
    ) -> Result<KeyKind, PlanError> {
        match self.from.kind() {
            KeyKind::Rsa(key) => {
                let all = Contribution::all_rsa(all, self.digest())?;
                let trees: Vec<_> =
                    sources.iter().map(|from| (all[from.dealer], from.position)).collect();
                rsa::handover::reshared_key(key, selection, &trees, self.epoch, self.to.clone())
                    .map(KeyKind::Rsa)
            }
            KeyKind::Bls(key) => {
                let all = Contribution::all_bls(all, self.digest())?;
                let trees: Vec<_> =
                    sources.iter().map(|from| (all[from.dealer], from.position)).collect();
                bls::handover::reshared_key(key, selection, &trees, &self.to).map(KeyKind::Bls)
            }
        }
    }

    /// `given` is what the leaf got from each dealer: for each of the dealer's leaves a piece of
    /// equal length.
    fn reshared_secret(
        &self,
        dealers: &[ServerIndex],
        leaf: usize,
        given: &[&[u8]],
    ) -> Result<Secret, PlanError> {
        let (selection, sources) = self.sources(dealers)?;
        let piece = |from: &Source| {
            let (all, pieces) = (given[from.dealer], from.leaves);
            all.chunks((all.len() / pieces).max(1)).nth(from.position)
        };
        let pieces: Option<Vec<&[u8]>> = sources.iter().map(piece).collect();
        let pieces = pieces.ok_or(PlanError::OtherPlan)?;
        match self.from.kind() {
            KeyKind::Rsa(key) => {
                rsa::handover::reshared_secret(key, &selection, &pieces, &self.to, leaf)
            }
            KeyKind::Bls(_) => bls::handover::reshared_secret(&selection, &pieces),
        }
    }

    /// The leftmost selection of the old formula that the dealers satisfy, and where the sharing of
    /// each of its leaves is found.
    fn sources(&self, dealers: &[ServerIndex]) -> Result<(Selection, Vec<Source>), PlanError> {
        let access = self.from.access();
        let set: ServerSet = dealers.iter().copied().collect();
        let selection = access.select(&set).ok_or(PlanError::NotQualified)?;
        let source = |leaf: usize| {
            let owner = access.leaves()[leaf];
            Some(Source {
                dealer: dealers.iter().position(|dealer| *dealer == owner)?,
                position: access.leaves_of(owner).position(|own| own == leaf)?,
                leaves: access.leaves_of(owner).count(),
            })
        };
        let sources: Option<_> = selection.leaves().into_iter().map(source).collect();
        Ok((selection, sources.ok_or(PlanError::NotQualified)?))
    }
}

/// Where the sharing of one old leaf is found.
struct Source {
    /// The position of its owner among the dealers.
    dealer: usize,
    /// Its position among the owner's leaves.
    position: usize,
    /// How many leaves the owner has.
    leaves: usize,
}

fn distinct(dealers: impl Iterator<Item = ServerIndex>) -> Result<(), PlanError> {
    let mut seen = ServerSet::EMPTY;
    for dealer in dealers {
        if !seen.insert(dealer) {
            return Err(PlanError::Duplicate { dealer });
        }
    }
    Ok(())
}
