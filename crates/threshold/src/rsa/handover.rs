//! New shares of an old key, over the integers.
//!
//! # Refresh
//! Every dealer shares zero over the formula; leaves add what they get. The sum over a selection of
//! c s' stays D^2 M d, exactly.
//!
//! # Reshare
//! Each old leaf j of a selection shares its s'_j over the new formula as if it were a secret: the
//! root has the value D' s'_j, D' being the new denominator. A new leaf's secret is the sum over j of
//! c_j times what it got, with the integer coefficients c_j of the selection: a sharing whose root
//! has the value D' (D (D/g) M d), so that the new multiplier is M' = D (D/g) M.
//! Some c_j are negative. To keep secrets at zero or above, a public sharing of zero is added, all of
//! whose coefficients are K: a leaf below any coefficient then gets K at least, and K is the sum of
//! all negative c_j times the largest part that is accepted.
//!
//! The commitment to a root is not sent: it is 1 for zero, and v_leaf^D' for a leaf of the old key.
//! So a dealer cannot share anything else.
//!
//! # What stays hidden
//! Let an unqualified set see shares in one epoch, and another unqualified set in the next. Any other
//! d is as likely for them: change the old sharing by the sweeping coefficients of the first set, and
//! the honest dealers' sharings by the difference to those of the second (refresh), or share the
//! changed s'_j with the sweeping coefficients of the second (reshare). Coefficients are drawn from a
//! range 2^139 times wider than these changes. That needs old shares that lie on the tree over the
//! integers; with shares reduced modulo m, a refresh by integer polynomials would give away low-order
//! digits of the old shares: at child i of a gate 2 of m all that is added is a multiple of i.
//!
//! # Growth
//! A refresh is as wide as a fresh dealing, and is added: the first one costs as many bits as the
//! number of dealers has, each further one a bit at most. Resharing adds 139 bits, the bits of D' and
//! of the sweeping coefficients, and those of the sums. The lengths are part of the public key, and
//! their bounds are [`EXTRA_BITS_MAX`](super::width::EXTRA_BITS_MAX) and
//! [`MULTIPLIER_BITS_MAX`].
//!
//! Where a formula has no coefficients (every gate 1 of m) each leaf holds the whole secret, and a
//! refresh changes nothing but the epoch.
//!
//! # What lying dealers can do
//! What they give has to fit their commitments modulo the order of v, and to be no longer than the
//! plan says. Only who dealt the modulus knows its order, and can give a leaf an integer other than
//! the sharing's, but equal to it modulo the order: the shares sign as before.
//!
//! # Source
//! Frankel, Gemmell, MacKenzie & Yung, "Optimal-Resilience Proactive Public-Key Cryptosystems" (FOCS
//! 1997); Rabin, "A Simplified Approach to Threshold and Proactive RSA" (Crypto 1998); Damgard &
//! Thorbek 2006 for trees. Ours: the derivation of lengths, and K.

use std::sync::Arc;

use ally_codec::{DecodeError, Reader};
use ally_policy::Formula;
use crypto_bigint::{BoxedUint, ConcatenatingMul, Resize};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use super::contribution::{Contribution, Tree};
use super::generation::denominator;
use super::integer::{multiply, scale};
use super::sharing::{Part, share};
use super::width::{
    MULTIPLIER_BITS_MAX, Widths, bounded, draw, power_of_two, reach, read_secret, secret_bytes,
    shifted, write_secret,
};
use super::{Coefficients, Component, Denominator, Group, Integer, PublicKey};
use crate::access::{Access, Secret, Selection};
use crate::expo::pow_secret_all;
use crate::{DealError, PlanError};

/// Whether the key can be refreshed once more, by all servers.
///
/// # Errors
/// [`PlanError::TooLong`].
pub(crate) fn check_refresh(key: &PublicKey) -> Result<(), PlanError> {
    let dealers = key.access().servers().len();
    for component in key.components() {
        refreshed_width(key, component, dealers)?;
    }
    Ok(())
}

/// Whether the key can be reshared over the formula. The exact lengths depend on who deals: they may
/// still turn out too long where they nearly are.
///
/// # Errors
/// [`PlanError::TooWide`], [`PlanError::TooLong`].
pub(crate) fn check_reshare(key: &PublicKey, to: &Formula) -> Result<(), PlanError> {
    let new = denominator(to)?;
    let everybody = key.access().select(&key.access().servers()).ok_or(PlanError::NotQualified)?;
    let coefficients = Coefficients::of(&everybody, key.denominator());
    for component in key.components() {
        Reshared::of(component, &coefficients, to, &new)?;
    }
    Ok(())
}

/// The lengths of one dealer's sharing of zero.
fn zero_widths(key: &PublicKey, component: &Component) -> Widths {
    // What it hides are changes of M d.
    let secret = component.group().bits() + component.multiplier().bits_vartime();
    Widths::of_zero(key.access().formula(), key.denominator(), secret)
}

/// The length of secrets after a refresh by so many dealers.
fn refreshed_width(
    key: &PublicKey,
    component: &Component,
    dealers: usize,
) -> Result<u32, PlanError> {
    let added = scale(&power_of_two(zero_widths(key, component).leaf), dealers as u64);
    let sum = power_of_two(component.width()).concatenating_add(added);
    // All secrets are below the sum.
    let width = sum.wrapping_sub(BoxedUint::one()).bits_vartime();
    bounded(width, component.group().bits())
}

/// A sharing of zero modulo each N_i, with what each leaf gets, from left to right.
pub(crate) fn deal_zero(key: &PublicKey, rng: &mut dyn CryptoRng) -> (Contribution, Vec<Secret>) {
    let zero = Zeroizing::new(BoxedUint::zero());
    let one = BoxedUint::one();
    let sharings = key.components().iter().map(|component| {
        let widths = zero_widths(key, component);
        Sharing::draw(component.group(), &one, &zero, key.access(), widths, rng)
    });
    commit(sharings.collect(), key.access())
}

/// Reads what [`deal_zero`] committed to.
///
/// # Errors
/// [`DecodeError`]: the dealer is to blame.
pub(crate) fn read_zero(key: &PublicKey, bytes: &[u8]) -> Result<Contribution, DecodeError> {
    let mut reader = Reader::new(bytes);
    let one = BoxedUint::one();
    let mut trees = Vec::new();
    for component in key.components() {
        let width = zero_widths(key, component).leaf;
        let group = component.group().clone();
        trees.push(Tree::read(&mut reader, group, key.access(), &one, width)?);
    }
    reader.finish()?;
    Ok(Contribution::to_new_shares(trees))
}

/// The key with all contributions added.
///
/// # Errors
/// [`PlanError`].
pub(crate) fn refreshed_key(
    key: &PublicKey,
    epoch: u64,
    contributions: &[&Contribution],
) -> Result<PublicKey, PlanError> {
    let refreshed = |(at, component): (usize, &Component)| {
        let width = refreshed_width(key, component, contributions.len())?;
        let trees: Option<Vec<&Tree>> =
            contributions.iter().map(|given| given.trees().get(at)).collect();
        let trees = trees.ok_or(PlanError::OtherPlan)?;
        let group = component.group();
        let leaf_key = |(leaf, old): (usize, &BoxedUint)| {
            trees.iter().fold(old.clone(), |sum, tree| group.times(&sum, tree.leaf(leaf)))
        };
        let leaf_keys = component.leaf_keys().iter().enumerate().map(leaf_key).collect();
        let multiplier = component.multiplier().clone();
        Component::new(group.clone(), width, multiplier, leaf_keys).ok_or(PlanError::NoKey)
    };
    let components = key.components().iter().enumerate().map(refreshed);
    assemble(key, epoch, key.access().clone(), components.collect::<Result<_, _>>()?)
}

/// A leaf's old secret with what all dealers gave it.
///
/// # Errors
/// [`PlanError::OtherPlan`] where lengths are not those of this key.
pub(crate) fn refreshed_secret(
    key: &PublicKey,
    own: &[u8],
    given: &[&[u8]],
) -> Result<Secret, PlanError> {
    let old = key.exponents(own).ok_or(PlanError::OtherPlan)?;
    let mut pieces: Vec<Pieces<'_>> = given.iter().map(|bytes| Pieces(bytes)).collect();
    let mut secrets = Vec::new();
    for (component, old) in key.components().iter().zip(&old) {
        let width = refreshed_width(key, component, given.len())?;
        let added = zero_widths(key, component).leaf;
        let mut sum = Zeroizing::new((&**old).resize_unchecked(width));
        for pieces in &mut pieces {
            let piece = Zeroizing::new((&*pieces.next(added)?).resize_unchecked(width));
            sum = Zeroizing::new(sum.wrapping_add(&*piece));
        }
        secrets.push(write_secret(&sum, width));
    }
    Ok(concatenated(&secrets))
}

/// A sharing over the new formula of each of the dealer's leaves (`own`: its number in the old
/// formula, and its secret) modulo each N_i. A new leaf gets its value in all of them, one after the
/// other.
///
/// # Errors
/// [`DealError::OtherKey`] where a secret is none of the key.
pub(crate) fn deal_leaves(
    key: &PublicKey,
    own: &[(usize, &[u8])],
    to: &Access,
    rng: &mut dyn CryptoRng,
) -> Result<(Contribution, Vec<Secret>), DealError> {
    let new = denominator(to.formula())?;
    let mut sharings = Vec::new();
    for (leaf, secret) in own {
        let exponents = key.exponents(secret).ok_or(DealError::OtherKey)?;
        for (component, exponent) in key.components().iter().zip(exponents) {
            let widths = Widths::of(to.formula(), &new, component.width());
            let commitment = component.group().power(component.leaf_key(*leaf), new.value());
            let root = Zeroizing::new(exponent.concatenating_mul(new.value()));
            let group = component.group();
            sharings.push(Sharing::draw(group, &commitment, &root, to, widths, rng));
        }
    }
    Ok(commit(sharings, to))
}

/// Reads what [`deal_leaves`] committed to; `leaves` are the dealer's in the old formula.
///
/// # Errors
/// [`DecodeError`]: the dealer is to blame.
pub(crate) fn read_leaves(
    key: &PublicKey,
    leaves: &[usize],
    to: &Access,
    bytes: &[u8],
) -> Result<Contribution, DecodeError> {
    let too_wide = |_| DecodeError::Invalid("formula: too wide");
    let new = denominator(to.formula()).map_err(too_wide)?;
    let mut reader = Reader::new(bytes);
    let mut trees = Vec::new();
    for leaf in leaves {
        for component in key.components() {
            let group = component.group().clone();
            let root = group.power(component.leaf_key(*leaf), new.value());
            let width = Widths::of(to.formula(), &new, component.width()).leaf;
            trees.push(Tree::read(&mut reader, group, to, &root, width)?);
        }
    }
    reader.finish()?;
    Ok(Contribution::to_new_shares(trees))
}

/// What resharing makes of one component.
struct Reshared {
    /// Bits of a part.
    part: u32,
    /// Bits of a new secret.
    width: u32,
    /// M'.
    multiplier: BoxedUint,
    /// K.
    lift: BoxedUint,
}

impl Reshared {
    fn of(
        component: &Component,
        coefficients: &Coefficients,
        to: &Formula,
        new: &Denominator,
    ) -> Result<Self, PlanError> {
        let part = Widths::of(to, new, component.width()).leaf;
        let weight = |negative: bool| {
            let chosen = coefficients.leaves.iter();
            chosen
                .filter(|c| c.is_negative() == negative)
                .fold(BoxedUint::zero(), |sum, c| sum.concatenating_add(c.magnitude()))
        };
        let lift = shifted(&weight(true), part);
        let lifted = multiply(&lift, &reach(to));
        let width = shifted(&weight(false), part).concatenating_add(lifted).bits_vartime();
        let multiplier = multiply(&coefficients.power, component.multiplier());
        let bits = multiplier.bits_vartime();
        if bits > MULTIPLIER_BITS_MAX {
            return Err(PlanError::TooLong { bits, limit_bits: MULTIPLIER_BITS_MAX });
        }
        Ok(Self { part, width: bounded(width, component.group().bits())?, multiplier, lift })
    }
}

/// The key over the new formula. `trees`: for each leaf of the selection, in order, its owner's
/// contribution, and its position among the owner's leaves.
///
/// # Errors
/// [`PlanError`].
pub(crate) fn reshared_key(
    key: &PublicKey,
    selection: &Selection,
    trees: &[(&Contribution, usize)],
    epoch: u64,
    to: Arc<Access>,
) -> Result<PublicKey, PlanError> {
    let new = denominator(to.formula())?;
    let coefficients = Coefficients::of(selection, key.denominator());
    let units = unit_values(&to);
    let count = key.components().len();
    let reshared = |(at, component): (usize, &Component)| {
        let result = Reshared::of(component, &coefficients, to.formula(), &new)?;
        let mut leaves: Vec<&[BoxedUint]> = Vec::with_capacity(trees.len());
        for (given, position) in trees {
            let tree = given.trees().get(position * count + at).ok_or(PlanError::OtherPlan)?;
            leaves.push(tree.leaves());
        }
        let lift = component.group().power(component.group().base(), &result.lift);
        let leaf_key = |(leaf, unit): (usize, &Part)| {
            let given: Vec<&BoxedUint> = leaves.iter().map(|leaves| &leaves[leaf]).collect();
            weighted(component.group(), &coefficients.leaves, &given, (&lift, unit))
        };
        let leaf_keys = units.iter().enumerate().map(leaf_key).collect::<Option<Vec<_>>>();
        let group = component.group().clone();
        leaf_keys
            .and_then(|keys| Component::new(group, result.width, result.multiplier, keys))
            .ok_or(PlanError::NoKey)
    };
    let components = key.components().iter().enumerate().map(reshared);
    let components = components.collect::<Result<_, _>>()?;
    assemble(key, epoch, to, components)
}

/// The product of all given^c, and of lift^unit.
fn weighted(
    group: &Group,
    coefficients: &[Integer],
    given: &[&BoxedUint],
    lift: (&BoxedUint, &BoxedUint),
) -> Option<BoxedUint> {
    let of_sign = |negative: bool| {
        let signed = coefficients.iter().zip(given);
        signed
            .filter(move |(coefficient, _)| coefficient.is_negative() == negative)
            .map(|(coefficient, given)| (*given, coefficient.magnitude()))
    };
    let positive: Vec<_> = of_sign(false).chain([lift]).collect();
    let negative: Vec<_> = of_sign(true).collect();
    let inverse = group.modulus().invert(&group.modulus().pow_product(&negative))?;
    Some(group.times(&group.modulus().pow_product(&positive), &inverse))
}

/// A new leaf's secret out of the parts for it, one for each leaf of the selection, in order.
///
/// # Errors
/// [`PlanError`].
pub(crate) fn reshared_secret(
    key: &PublicKey,
    selection: &Selection,
    given: &[&[u8]],
    to: &Access,
    leaf: usize,
) -> Result<Secret, PlanError> {
    let new = denominator(to.formula())?;
    let coefficients = Coefficients::of(selection, key.denominator());
    let units = unit_values(to);
    let unit = units.get(leaf).ok_or(PlanError::OtherPlan)?;
    let mut pieces: Vec<Pieces<'_>> = given.iter().map(|bytes| Pieces(bytes)).collect();
    let mut secrets = Vec::new();
    for component in key.components() {
        let result = Reshared::of(component, &coefficients, to.formula(), &new)?;
        // Sums may wrap, the result does not: it has `width` bits.
        let bits = result.width;
        let lift = multiply(&result.lift, unit);
        let mut sum = Zeroizing::new((&lift).resize_unchecked(bits));
        let mut taken = Zeroizing::new(BoxedUint::zero_with_precision(bits));
        for (pieces, coefficient) in pieces.iter_mut().zip(&coefficients.leaves) {
            let piece = Zeroizing::new((&*pieces.next(result.part)?).resize_unchecked(bits));
            let product = Zeroizing::new(piece.wrapping_mul(coefficient.magnitude()));
            let side = if coefficient.is_negative() { &mut taken } else { &mut sum };
            *side = Zeroizing::new(side.wrapping_add(&*product));
        }
        // Not below zero, except for a leaf above all coefficients whose dealers, who knew the
        // order, gave it other integers than they share; what wraps does not fit the public key.
        let secret = Zeroizing::new(sum.wrapping_sub(&*taken));
        secrets.push(write_secret(&secret, result.width));
    }
    Ok(concatenated(&secrets))
}

/// The values of all leaves when the root's is 0 and all coefficients are 1.
fn unit_values(access: &Access) -> Vec<Part> {
    let formula = access.formula();
    let ones = vec![Zeroizing::new(BoxedUint::one()); super::sharing::coefficient_count(formula)];
    share(formula, &BoxedUint::zero(), &ones, reach(formula).bits_vartime().max(1))
}

fn assemble(
    key: &PublicKey,
    epoch: u64,
    access: Arc<Access>,
    components: Vec<Component>,
) -> Result<PublicKey, PlanError> {
    let bits = key.verifying_key().modulus().value().bits_vartime();
    PublicKey::new(bits, access, epoch, components).ok_or(PlanError::NoKey)
}

/// One sharing, before it is committed to.
struct Sharing {
    group: Group,
    /// The commitment to the root's value.
    root: BoxedUint,
    coefficients: Vec<Part>,
    values: Vec<Part>,
    width: u32,
}

impl Sharing {
    fn draw(
        group: &Group,
        commitment: &BoxedUint,
        root: &Part,
        to: &Access,
        widths: Widths,
        rng: &mut dyn CryptoRng,
    ) -> Self {
        let coefficients = draw(to.formula(), widths.coefficient, rng);
        let values = share(to.formula(), root, &coefficients, widths.leaf);
        let (group, root) = (group.clone(), commitment.clone());
        Self { group, root, coefficients, values, width: widths.leaf }
    }
}

/// Commits to all sharings at once, and puts together what each leaf gets.
fn commit(sharings: Vec<Sharing>, to: &Access) -> (Contribution, Vec<Secret>) {
    let jobs: Vec<_> = sharings
        .iter()
        .flat_map(|sharing| {
            let (modulus, base) = (sharing.group.modulus(), sharing.group.base());
            sharing.coefficients.iter().map(move |coefficient| (modulus, base, &**coefficient))
        })
        .collect();
    let mut powers = pow_secret_all(&jobs).into_iter();
    let tree = |sharing: &Sharing| {
        let coefficients = powers.by_ref().take(sharing.coefficients.len()).collect();
        Tree::new(sharing.group.clone(), to, &sharing.root, coefficients, sharing.width)
    };
    let trees = sharings.iter().map(tree).collect();
    let of_leaf = |leaf: usize| {
        let values = sharings.iter();
        let values = values.map(|sharing| write_secret(&sharing.values[leaf], sharing.width));
        concatenated(&values.collect::<Vec<_>>())
    };
    let secrets = (0..to.leaves().len()).map(of_leaf).collect();
    (Contribution::to_new_shares(trees), secrets)
}

/// Secrets one after the other in a part.
struct Pieces<'a>(&'a [u8]);

impl Pieces<'_> {
    /// The next one, of so many bits.
    fn next(&mut self, bits: u32) -> Result<Part, PlanError> {
        let (own, rest) =
            self.0.split_at_checked(secret_bytes(bits)).ok_or(PlanError::OtherPlan)?;
        self.0 = rest;
        read_secret(own, bits).ok_or(PlanError::OtherPlan)
    }
}

fn concatenated(secrets: &[Secret]) -> Secret {
    let secrets: Vec<&[u8]> = secrets.iter().map(|secret| secret.as_slice()).collect();
    super::generation::secret(&secrets)
}
