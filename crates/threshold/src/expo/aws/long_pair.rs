//! Pairs of exponentiations whose exponents are longer than the moduli.
//!
//! AWS-LC computes two powers in less than the time of one where moduli and exponents have exactly
//! one of three widths. Exponents of proofs, and of secrets that are shared over the integers, are
//! some hundred bits longer. So the upper part of an exponent, as wide as the modulus, goes through
//! that code, and what is left is done here: with e = 2^k high + low,
//! base^e = (base^high)^(2^k) base^low, the second half in one pass over the windows of low.

use crypto_bigint::{BoxedUint, Resize};
use zeroize::Zeroizing;

use super::super::batch::{EXCESS_BITS_MAX, Job, is_paired};
use super::super::select::select;
use super::{Modulus, Number, Scratch};

/// Bits of the lower part that are taken at once.
const WINDOW_BITS: u32 = 5;

/// Both powers; `None` unless the moduli are of one width that AWS-LC pairs, and the longer
/// exponent is longer than that by no more than [`EXCESS_BITS_MAX`]. Time depends on widths only.
pub(crate) fn pow(first: Job<'_>, second: Job<'_>) -> Option<(BoxedUint, BoxedUint)> {
    let width = first.0.value().bits_precision();
    if !is_paired(width) || second.0.value().bits_precision() != width {
        return None;
    }
    let longest = first.2.bits_precision().max(second.2.bits_precision());
    let excess = longest.checked_sub(width).filter(|excess| *excess <= EXCESS_BITS_MAX)?;
    if excess == 0 {
        return None;
    }
    let upper = |exponent: &BoxedUint| {
        let wide = Zeroizing::new(exponent.resize(longest));
        let shifted = Zeroizing::new(wide.wrapping_shr_vartime(excess));
        Zeroizing::new((&*shifted).resize_unchecked(width))
    };
    let uppers = (upper(first.2), upper(second.2));
    let powers =
        Modulus::pow_paired((first.0, first.1, &uppers.0), (second.0, second.1, &uppers.1));
    let lower = |exponent: &BoxedUint| Zeroizing::new(exponent.resize_unchecked(excess));
    Some((
        continued(first.0, first.1, &Zeroizing::new(powers.0), &lower(first.2)),
        continued(second.0, second.1, &Zeroizing::new(powers.1), &lower(second.2)),
    ))
}

/// `power^(2^k) base^lower`, where `lower` is k bits wide.
fn continued(
    modulus: &Modulus,
    base: &BoxedUint,
    power: &BoxedUint,
    lower: &BoxedUint,
) -> BoxedUint {
    let scratch = Scratch::new();
    let table = Table::new(modulus, base, &scratch);
    let product = modulus.enter(&modulus.reduced(power), &scratch);
    let mut left = lower.bits_precision();
    while left > 0 {
        let bits = if left.is_multiple_of(WINDOW_BITS) { WINDOW_BITS } else { left % WINDOW_BITS };
        left -= bits;
        for _ in 0..bits {
            modulus.multiply(&product, &product, &scratch);
        }
        modulus.multiply(&product, &table.select(window(lower, left, bits)), &scratch);
    }
    modulus.leave(&product, &scratch)
}

/// So many bits of a number from a bit on.
fn window(number: &BoxedUint, from: u32, bits: u32) -> u64 {
    let bit = |at: u32| u64::from(bool::from(number.bit(at)));
    (from..from + bits).rev().fold(0, |window, at| window << 1 | bit(at))
}

/// The first powers of a base in Montgomery form, as bytes, one after the other.
struct Table {
    bytes: Zeroizing<Vec<u8>>,
    width: usize,
}

impl Table {
    fn new(modulus: &Modulus, base: &BoxedUint, scratch: &Scratch) -> Self {
        let width = modulus.value().bits_precision() as usize / 8;
        let mut bytes = Zeroizing::new(Vec::with_capacity(width << WINDOW_BITS));
        let base = modulus.enter(&modulus.reduced(base), scratch);
        let power = modulus.enter(&modulus.reduced(&BoxedUint::one()), scratch);
        for _ in 0..1 << WINDOW_BITS {
            bytes.extend_from_slice(&power.to_le_bytes(width));
            modulus.multiply(&power, &base, scratch);
        }
        Self { bytes, width }
    }

    /// The entry of that number, in constant time.
    fn select(&self, name: u64) -> Number {
        Number::from_le_bytes(&select(&self.bytes, self.width, name))
    }
}
