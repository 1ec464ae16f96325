//! Integers with a sign, for coefficients. Public data only: all of this is variable time.

use crypto_bigint::{BoxedUint, ConcatenatingMul, Gcd, Limb, NonZero, Resize};

/// An integer of any size. Zero is not negative.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Integer {
    negative: bool,
    magnitude: BoxedUint,
}

impl Integer {
    /// A number that is not negative.
    pub(crate) fn natural(magnitude: BoxedUint) -> Self {
        Self { negative: false, magnitude: trim(&magnitude) }
    }

    pub(crate) fn is_negative(&self) -> bool {
        self.negative
    }

    pub(crate) fn magnitude(&self) -> &BoxedUint {
        &self.magnitude
    }

    /// `self * factor`.
    pub(crate) fn times(&self, factor: i64) -> Self {
        let magnitude = scale(&self.magnitude, factor.unsigned_abs());
        let negative = (self.negative != (factor < 0)) && !magnitude.is_zero().to_bool();
        Self { negative, magnitude }
    }

    /// `self / divisor`, which has to be a divisor.
    pub(crate) fn divided_by(&self, divisor: i64) -> Self {
        let (magnitude, rest) = divide(&self.magnitude, divisor.unsigned_abs());
        debug_assert_eq!(rest, 0, "a divisor");
        Self { negative: self.negative != (divisor < 0), magnitude }
    }

    /// `self / divisor`, which has to be a divisor.
    pub(crate) fn divided_by_uint(&self, divisor: &BoxedUint) -> Self {
        Self { negative: self.negative, magnitude: divide_uint(&self.magnitude, divisor) }
    }
}

/// As few limbs as hold the value, one at least.
fn trim(value: &BoxedUint) -> BoxedUint {
    value.resize_unchecked(value.bits_vartime().max(1))
}

/// `value * factor`.
pub(crate) fn scale(value: &BoxedUint, factor: u64) -> BoxedUint {
    multiply(value, &BoxedUint::from(factor))
}

/// `left * right`.
pub(crate) fn multiply(left: &BoxedUint, right: &BoxedUint) -> BoxedUint {
    trim(&left.concatenating_mul(right))
}

/// Quotient and remainder by a small number that is not zero (zero counts as one).
pub(crate) fn divide(value: &BoxedUint, divisor: u64) -> (BoxedUint, u64) {
    let divisor = NonZero::new(Limb::from(divisor)).into_option().unwrap_or(NonZero::<Limb>::ONE);
    let (quotient, rest) = value.div_rem_limb(divisor);
    (trim(&quotient), u64::from(rest))
}

/// `value / divisor`, rounded down; `value` itself where the divisor is zero.
pub(crate) fn divide_uint(value: &BoxedUint, divisor: &BoxedUint) -> BoxedUint {
    match divisor.as_nz_vartime() {
        Some(divisor) => trim(&value.wrapping_div_vartime(divisor)),
        None => value.clone(),
    }
}

/// The greatest common divisor.
pub(crate) fn gcd(left: &BoxedUint, right: &BoxedUint) -> BoxedUint {
    let bits = left.bits_precision().max(right.bits_precision());
    trim(&left.resize(bits).gcd_vartime(&right.resize(bits)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_and_sizes() {
        let six = Integer::natural(BoxedUint::from(6u32).resize(640));
        assert_eq!(six.magnitude().bits_precision(), 64);
        assert_eq!(six.times(-4).times(-1), six.times(4));
        assert_eq!(six.times(-4).divided_by(-8), Integer::natural(BoxedUint::from(3u32)));
        assert!(six.times(-1).is_negative() && !six.times(0).times(-1).is_negative());
        let big = Integer::natural(BoxedUint::from(u64::MAX)).times(i64::MAX);
        assert_eq!(big.divided_by(i64::MAX), Integer::natural(BoxedUint::from(u64::MAX)));
        assert_eq!(gcd(big.magnitude(), &BoxedUint::from(u64::MAX)), BoxedUint::from(u64::MAX));
        assert_eq!(divide(&BoxedUint::from(17u32), 5), (BoxedUint::from(3u32), 2));
    }
}
