//! A new key whose modulus is the product of the dealers' moduli.
//!
//! Dealer i makes N_i = pq of safe primes and shares d = e^-1 mod p'q' over the integers (`sharing`),
//! with Feldman's commitments to the root v^d and to every coefficient. Nobody needs to talk to
//! anybody: a contribution is complete by itself, and the key is N = N_1 N_2 ... A server signs
//! modulo each N_i, and the parts of the signature come together by the Chinese remainder theorem.
//! Verifiers cannot tell, and forging takes a root modulo every N_i: all the dealers, or a qualified
//! set of servers, or a mix of both for each modulus.
//!
//! # What is checked in public
//! Length and top bits of N_i, no factor below 2^16, ranges, invertibility, and (v^d)^e = v: what is
//! shared is an e-th root on the powers of v, whatever N_i is made of. v is a hash, so the dealer did
//! not choose it.
//!
//! # What a lying dealer can do
//! - *Know its own d, or tell it.* Always; so can an honest dealer that is broken into. The other
//!   moduli stand.
//! - *Give servers parts that do not fit its commitments.* The server sees it, shows the part, and
//!   everybody sees it.
//! - *Make N_i of another shape*: more than two primes, primes that are not safe, a power. It cannot be
//!   seen. If what is shared is no e-th root for all squares, signatures on some messages do not come
//!   out: on all but one in r if v lies in a subgroup of a prime index r that does not divide 2 D (the
//!   dealer can try moduli until it does, in time r). Every message that such a key fails on is
//!   noticed, since combined signatures are always verified; k test messages that depend on all
//!   contributions miss a dealer who spoils a fraction f of all messages with a chance of (1 - f)^k.
//!   (No server is to blame then: every share has a proof that holds, and the signature does not
//!   verify. `a_dealer_who_spoils_messages` in the tests.) Where many squares have small order, a
//!   server in league with the dealer can make a wrong share with a proof that passes, so that nobody
//!   is blamed; again the signature does not come out. Neither helps to forge anything.
//! - *Share values that are longer than honest ones, or that agree with the commitments only modulo
//!   the order*, which it knows. Parts have a fixed length, so the first is refused; the second makes
//!   the same signatures.
//!
//! A dealer without safe primes, or one whose primes are guessed, weakens its own modulus only.
//!
//! # Source
//! Shoup 2000 for signing; Feldman 1987 for commitments. Ours: one modulus for each dealer, which is
//! possible because RSA verifies the same with more than two primes (RFC 8017, section 3.1), and
//! avoids the joint generation of a modulus (Boneh & Franklin 1997) and all it needs.

use std::sync::Arc;

use ally_codec::{DecodeError, Reader};
use ally_policy::Formula;
use crypto_bigint::{BoxedUint, ConcatenatingMul, Resize};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use super::contribution::{Contribution, Tree};
use super::integer::gcd;
use super::sharing::{Part, share};
use super::width::{Widths, bounded, draw, secret_bytes, write_secret};
use super::{Component, DENOMINATOR_BITS_MAX, Denominator, EXPONENT, Group, PublicKey};
use crate::access::{Access, Secret};
use crate::expo::pow_secret_all;
use crate::{DealError, PlanError, Progress, primes};

/// The smallest top byte of a modulus that is a factor of a longer one: with the four top bits of
/// both primes set it is not below (15/16)^2, and the product of four such moduli not below 1/2.
const TOP_BYTE_MIN: u8 = 0xe1;

const _: () = assert!(15 * 15 >= TOP_BYTE_MIN as u64, "two primes, each with four bits set");
const _: () = assert!((TOP_BYTE_MIN as u64).pow(4) >= 1 << 31, "four moduli, half of 2^32");

/// How the modulus of a key is made up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    /// Bits of the whole modulus.
    pub(crate) bits: u32,
    /// How many factors of equal length, one for each dealer.
    pub(crate) moduli: u8,
}

impl Shape {
    /// Bits of one dealer's modulus.
    pub(crate) fn modulus_bits(self) -> u32 {
        self.bits / u32::from(self.moduli)
    }

    /// Whether a key of this shape can be dealt over the formula.
    ///
    /// # Errors
    /// [`PlanError::TooWide`], [`PlanError::TooLong`].
    pub(crate) fn check(self, formula: &Formula) -> Result<(), PlanError> {
        let widths = self.widths(formula, &denominator(formula)?);
        bounded(widths.leaf, self.modulus_bits()).map(|_| ())
    }

    /// Of a sharing of d, which is below the modulus.
    fn widths(self, formula: &Formula, denominator: &Denominator) -> Widths {
        Widths::of(formula, denominator, self.modulus_bits())
    }

    fn top_byte_min(self) -> u8 {
        if self.moduli == 1 { 0x80 } else { TOP_BYTE_MIN }
    }
}

/// D of the formula.
///
/// # Errors
/// [`PlanError::TooWide`].
pub(crate) fn denominator(formula: &Formula) -> Result<Denominator, PlanError> {
    Denominator::of(formula).ok_or(PlanError::TooWide { limit_bits: DENOMINATOR_BITS_MAX })
}

/// A fresh contribution, with the secrets of all leaves from left to right.
///
/// # Errors
/// [`DealError::Cancelled`].
pub(crate) fn deal(
    shape: Shape,
    access: &Access,
    rng: &mut dyn CryptoRng,
    progress: &dyn Progress,
) -> Result<(Contribution, Vec<Secret>), DealError> {
    let top = if shape.moduli == 1 { primes::Top::Two } else { primes::Top::Four };
    loop {
        let factors = primes::safe_primes(shape.modulus_bits() / 2, top, rng, progress)?;
        if let Some(dealt) = deal_with_primes(&factors, shape, access, rng)? {
            return Ok(dealt);
        }
        // The product has a bit too few or the base is no unit: too rare to be seen, cheap to heal.
    }
}

/// Deals with given safe primes; `None` if their product does not have the length and the top bits
/// that the shape asks for, or if they are not fit for the exponent.
pub(crate) fn deal_with_primes(
    (p, q): &(Part, Part),
    shape: Shape,
    access: &Access,
    rng: &mut dyn CryptoRng,
) -> Result<Option<(Contribution, Vec<Secret>)>, PlanError> {
    let bits = shape.modulus_bits();
    let Some(group) = Group::new(&p.concatenating_mul(&**q).resize_unchecked(bits), bits) else {
        return Ok(None);
    };
    let Some(root) = secret_root(p, q, bits) else { return Ok(None) };
    if group.name()[0] < shape.top_byte_min() {
        return Ok(None);
    }
    share_root(group, root, shape, access, rng).map(Some)
}

/// Shares `root`, which is below 2^(bits of the modulus), and commits to it and to all coefficients.
pub(super) fn share_root(
    group: Group,
    root: Part,
    shape: Shape,
    access: &Access,
    rng: &mut dyn CryptoRng,
) -> Result<(Contribution, Vec<Secret>), PlanError> {
    let denominator = denominator(access.formula())?;
    let widths = shape.widths(access.formula(), &denominator);
    let coefficients = draw(access.formula(), widths.coefficient, rng);
    let top = Zeroizing::new(root.concatenating_mul(denominator.value()));
    let values = share(access.formula(), &top, &coefficients, widths.leaf);
    let secrets = values.iter().map(|value| write_secret(value, widths.leaf)).collect();

    let jobs: Vec<_> = std::iter::once(&root)
        .chain(&coefficients)
        .map(|exponent| (group.modulus(), group.base(), &**exponent))
        .collect();
    let mut powers = pow_secret_all(&jobs);
    let root = powers.remove(0);
    let top = group.power(&root, denominator.value());
    let tree = Tree::new(group, access, &top, powers, widths.leaf);
    Ok((Contribution::to_new_key(root, tree), secrets))
}

/// d, as wide as the modulus; `None` where e has no inverse. Constant time.
fn secret_root(p: &BoxedUint, q: &BoxedUint, bits: u32) -> Option<Part> {
    let halves = [p, q].map(|prime| Zeroizing::new(prime.wrapping_shr(1)));
    let order = Zeroizing::new(halves[0].concatenating_mul(&*halves[1]));
    let order = Zeroizing::new((&*order).resize_unchecked(bits));
    let order = Zeroizing::new(order.to_odd().into_option()?);
    let exponent = BoxedUint::from(EXPONENT).resize(bits);
    let root = exponent.rem(order.as_nz_ref()).invert_odd_mod(&order).into_option()?;
    Some(Zeroizing::new(root))
}

/// Reads a contribution and checks what is publicly visible.
///
/// # Errors
/// [`DecodeError`]: the dealer is to blame.
pub(crate) fn read(
    shape: Shape,
    access: &Access,
    bytes: &[u8],
) -> Result<Contribution, DecodeError> {
    let too_wide = |_| DecodeError::Invalid("formula: too wide");
    let denominator = denominator(access.formula()).map_err(too_wide)?;
    let bits = shape.modulus_bits();
    let mut reader = Reader::new(bytes);
    let name = reader.raw(secret_bytes(bits))?;
    if name[0] < shape.top_byte_min() {
        return Err(DecodeError::Invalid("modulus: too small"));
    }
    let modulus = BoxedUint::from_be_slice_vartime(name);
    if primes::has_small_factor(&modulus) {
        return Err(DecodeError::Invalid("modulus: it has a small factor"));
    }
    let group =
        Group::new(&modulus, bits).ok_or(DecodeError::Invalid("modulus: of the wrong length"))?;
    let root = group
        .number(reader.raw(group.width())?)
        .ok_or(DecodeError::Invalid("root: not below the modulus"))?;
    if group.power(&root, &BoxedUint::from(EXPONENT)) != *group.base() {
        return Err(DecodeError::Invalid("root: no e-th root of the base"));
    }
    let top = group.power(&root, denominator.value());
    let width = shape.widths(access.formula(), &denominator).leaf;
    let tree = Tree::read(&mut reader, group, access, &top, width)?;
    reader.finish()?;
    Ok(Contribution::to_new_key(root, tree))
}

/// The key whose modulus is the product of the contributions' moduli.
///
/// # Errors
/// [`PlanError`].
pub(crate) fn public_key(
    shape: Shape,
    epoch: u64,
    access: Arc<Access>,
    contributions: &[&Contribution],
) -> Result<PublicKey, PlanError> {
    let expected = usize::from(shape.moduli);
    if contributions.len() != expected {
        return Err(PlanError::Count { expected, actual: contributions.len() });
    }
    let width = shape.widths(access.formula(), &denominator(access.formula())?).leaf;
    let trees: Vec<&Tree> = contributions.iter().flat_map(|one| one.trees()).collect();
    for (second, tree) in trees.iter().enumerate() {
        for (first, before) in trees[..second].iter().enumerate() {
            let [a, b] = [before, tree].map(|tree| tree.group().modulus().value());
            if !gcd(a, b).is_one().to_bool() {
                return Err(PlanError::CommonFactor { first, second });
            }
        }
    }
    let component = |tree: &&Tree| {
        Component::new(tree.group().clone(), width, BoxedUint::one(), tree.leaves().to_vec())
    };
    let components = trees.iter().map(component).collect::<Option<Vec<_>>>();
    components
        .and_then(|components| PublicKey::new(shape.bits, access, epoch, components))
        .ok_or(PlanError::NoKey)
}

/// A leaf's secret: what it got from each dealer, one after the other.
pub(crate) fn secret(parts: &[&[u8]]) -> Secret {
    let length = parts.iter().map(|part| part.len()).sum();
    let mut secret = Zeroizing::new(Vec::with_capacity(length));
    parts.iter().for_each(|part| secret.extend_from_slice(part));
    secret
}
