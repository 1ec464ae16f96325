//! How long secret numbers are, and for how long RSA shares can be handed over.
//!
//! Shares are integers, so their lengths are a matter of bookkeeping: every sharing is long enough
//! to hide what is shared, every sum is longer than its summands, and nothing is ever reduced, since
//! nobody knows the order. All lengths here follow from public numbers.

use ally_policy::Formula;
use crypto_bigint::{BoxedUint, Resize};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use super::integer::{multiply, scale};
use super::sharing::{Part, coefficient_count};
use super::{Denominator, to_bytes};
use crate::PlanError;
use crate::access::{Secret, Spread};

/// By how many bits coefficients exceed what they have to hide: 128 for the distance of two views,
/// 10 for the number of coefficients (at most 1023, and distances add up), 1 because a refresh hides
/// the sweeping coefficients of two sets at once, of the old epoch and of the new one.
const HIDING_BITS: u32 = 128 + 10 + 1;

/// The most bits by which secrets of leaves may be longer than their modulus. A fresh key over
/// organisations of a few servers starts at 150 to 200; a refresh adds a bit or two, resharing as
/// much as the start. Beyond it signing would take three times as long as in the beginning (at 2048
/// bits), and the thing to do is to make a new key and to certify it with the old one.
pub(crate) const EXTRA_BITS_MAX: u32 = 4096;

/// The longest factor that reshared secrets may carry: see [`Component`](super::Component). It is
/// an exponent in combining.
pub(crate) const MULTIPLIER_BITS_MAX: u32 = 2048;

/// The lengths of one sharing over a formula, in bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Widths {
    /// A: coefficients are below 2^A.
    pub(crate) coefficient: u32,
    /// The values of the leaves are below 2^leaf.
    pub(crate) leaf: u32,
}

impl Widths {
    /// Of a sharing of a secret below 2^`secret` that hides it.
    pub(crate) fn of(formula: &Formula, denominator: &Denominator, secret: u32) -> Self {
        let coefficient = coefficient(formula, denominator, secret);
        let root = shifted(denominator.value(), secret);
        let leaf = root.concatenating_add(largest(formula, coefficient)).bits_vartime();
        Self { coefficient, leaf }
    }

    /// Of a sharing of zero that hides changes of a secret below 2^`secret`.
    pub(crate) fn of_zero(formula: &Formula, denominator: &Denominator, secret: u32) -> Self {
        let coefficient = coefficient(formula, denominator, secret);
        // Without coefficients all leaves are zero; they have a bit nevertheless.
        let leaf = largest(formula, coefficient).bits_vartime().max(1);
        Self { coefficient, leaf }
    }
}

/// A: what is hidden are multiples of D 2^secret by the sweeping coefficients.
fn coefficient(formula: &Formula, denominator: &Denominator, secret: u32) -> u32 {
    secret + denominator.value().bits_vartime() + sweep(formula) + HIDING_BITS
}

/// A length that no sweeping coefficient of the tree exceeds when the root's value is 1.
///
/// In a gate k of m the product of (1 - X/b), over fewer than k of the numbers up to m, has
/// coefficients whose magnitudes add up to at most k, and values at children of at most the largest
/// binomial of m - 1 over less than k, which is below both 2^(m-1) and m^(k-1).
fn sweep(formula: &Formula) -> u32 {
    let gate = match formula {
        Formula::Leaf(_) => return 0,
        Formula::Gate(gate) => gate,
    };
    let (threshold, fan_in) = (gate.threshold(), gate.children().len());
    let below = gate.children().iter().map(sweep).max().unwrap_or(0);
    match Spread::of(usize::from(threshold), fan_in) {
        Spread::Copy | Spread::Sum => below,
        Spread::Shamir => {
            let fan_in = fan_in as u32;
            let values = (fan_in - 1).min(u32::from(threshold - 1) * bits(fan_in));
            bits(u32::from(threshold)).max(values + below)
        }
    }
}

fn bits(number: u32) -> u32 {
    u32::BITS - number.leading_zeros()
}

/// What all coefficients together add to a leaf at most, if they are below 2^`coefficient`.
fn largest(formula: &Formula, coefficient: u32) -> BoxedUint {
    shifted(&reach(formula), coefficient)
}

/// The largest value of a leaf when the root's is 0 and all coefficients are 1.
pub(crate) fn reach(formula: &Formula) -> BoxedUint {
    let gate = match formula {
        Formula::Leaf(_) => return BoxedUint::zero(),
        Formula::Gate(gate) => gate,
    };
    let (threshold, fan_in) = (usize::from(gate.threshold()), gate.children().len());
    let own = match Spread::of(threshold, fan_in) {
        Spread::Copy => BoxedUint::zero(),
        Spread::Sum => BoxedUint::from(fan_in as u64 - 1),
        // fan_in + fan_in^2 + .. + fan_in^(threshold - 1).
        Spread::Shamir => (1..threshold).fold(BoxedUint::zero(), |sum, _| {
            scale(&sum.concatenating_add(BoxedUint::one()), fan_in as u64)
        }),
    };
    let below = gate.children().iter().map(reach).max().unwrap_or_else(BoxedUint::zero);
    own.concatenating_add(below)
}

/// `value * 2^bits`.
pub(crate) fn shifted(value: &BoxedUint, bits: u32) -> BoxedUint {
    multiply(value, &power_of_two(bits))
}

/// `2^bits`.
pub(crate) fn power_of_two(bits: u32) -> BoxedUint {
    BoxedUint::one().resize_unchecked(bits + 1).wrapping_shl_vartime(bits)
}

/// `bits`, if secrets for a modulus of `modulus` bits may be so long.
///
/// # Errors
/// [`PlanError::TooLong`].
pub(crate) fn bounded(bits: u32, modulus: u32) -> Result<u32, PlanError> {
    let limit_bits = modulus + EXTRA_BITS_MAX;
    if bits > limit_bits { Err(PlanError::TooLong { bits, limit_bits }) } else { Ok(bits) }
}

/// The coefficients of one sharing, uniform below 2^`bits`.
pub(crate) fn draw(formula: &Formula, bits: u32, rng: &mut dyn CryptoRng) -> Vec<Part> {
    let mut bytes = Zeroizing::new(vec![0; bits.div_ceil(8) as usize]);
    let mut one = || {
        rng.fill_bytes(&mut bytes);
        bytes[0] &= 0xff >> (8 * bytes.len() as u32 - bits);
        Zeroizing::new(BoxedUint::from_be_slice_truncated(&bytes, bits))
    };
    (0..coefficient_count(formula)).map(|_| one()).collect()
}

/// How many bytes a secret of so many bits has.
pub(crate) fn secret_bytes(bits: u32) -> usize {
    bits.div_ceil(8) as usize
}

/// A secret below 2^`bits` as big-endian bytes, as many for every value.
pub(crate) fn write_secret(value: &BoxedUint, bits: u32) -> Secret {
    Zeroizing::new(to_bytes(value, secret_bytes(bits)))
}

/// What [`write_secret`] wrote, as wide as its bits for every value; `None` if the length is another
/// or the number is not below 2^`bits`.
pub(crate) fn read_secret(bytes: &[u8], bits: u32) -> Option<Part> {
    if bytes.len() != secret_bytes(bits) {
        return None;
    }
    // Looks at the value, but only at bits that are zero in every secret that this crate made.
    let spare = 8 * bytes.len() as u32 - bits;
    let fits = bytes.first().is_some_and(|first| u32::from(*first) << spare <= 0xff);
    fits.then(|| Zeroizing::new(BoxedUint::from_be_slice_truncated(bytes, bits)))
}

#[cfg(test)]
mod tests {
    use ally_policy::ServerIndex;

    use super::*;
    use crate::rsa::sharing::share;

    fn flat(threshold: u16, count: u16) -> Formula {
        let leaves = (0..count).map(|index| Formula::Leaf(ServerIndex(index))).collect();
        Formula::gate(threshold, leaves).unwrap()
    }

    fn nested() -> Formula {
        Formula::gate(2, vec![flat(2, 3), flat(3, 3), flat(1, 2)]).unwrap()
    }

    #[test]
    fn lengths_of_small_formulas() {
        let widths =
            |formula: &Formula| Widths::of(formula, &Denominator::of(formula).unwrap(), 2048);
        // D = 24 has 5 bits, sweeping 3; 4 + 16 add 5 bits at a leaf.
        assert_eq!(widths(&flat(3, 4)), Widths { coefficient: 2195, leaf: 2200 });
        assert_eq!(widths(&flat(3, 3)), Widths { coefficient: 2188, leaf: 2190 });
        // No coefficients: the secret itself.
        assert_eq!(widths(&flat(1, 4)).leaf, 2049);
        assert_eq!(u64::from(reach(&nested()).as_limbs()[0]), 3 + 3);
    }

    /// With all coefficients and the secret as large as they can be, no leaf is too long; and some
    /// leaf is as long as stated.
    #[test]
    fn leaves_keep_to_their_length() {
        let pairs = Formula::gate(2, vec![flat(2, 2), flat(2, 2)]).unwrap();
        for formula in [flat(1, 3), flat(2, 4), flat(3, 4), flat(4, 4), nested(), pairs] {
            let denominator = Denominator::of(&formula).unwrap();
            let widths = Widths::of(&formula, &denominator, 100);
            let ones = |bits: u32| power_of_two(bits).wrapping_sub(BoxedUint::one());
            let root = multiply(denominator.value(), &ones(100));
            let count = coefficient_count(&formula);
            let largest = vec![Zeroizing::new(ones(widths.coefficient)); count];
            let leaves = share(&formula, &root, &largest, widths.leaf + 64);
            let longest = leaves.iter().map(|leaf| leaf.bits_vartime()).max().unwrap();
            assert!(longest <= widths.leaf && longest + 1 >= widths.leaf, "{formula:?}");
        }
    }

    #[test]
    fn secrets_of_any_length_come_back_and_too_large_ones_do_not() {
        for bits in [1, 7, 8, 9, 63, 64, 65, 2200] {
            let largest = power_of_two(bits).wrapping_sub(BoxedUint::one());
            let bytes = write_secret(&largest, bits);
            assert_eq!(read_secret(&bytes, bits).map(|read| *read == largest), Some(true));
            let above = write_secret(&power_of_two(bits), bits + 1);
            assert!(read_secret(&above, bits).is_none(), "{bits}");
            assert!(read_secret(&bytes[1..], bits).is_none());
        }
    }
}
