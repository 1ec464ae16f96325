//! Public numbers below a modulus.

use crypto_bigint::{BoxedUint, Odd, Resize};

/// `value` below the modulus and as wide as it, without a division where there is nothing to reduce:
/// one would take a tenth of a verification.
///
/// # Variable time: public data only
pub(super) fn reduce_public(value: &BoxedUint, modulus: &Odd<BoxedUint>) -> BoxedUint {
    let bits = modulus.bits_precision();
    if value.bits_vartime() <= bits {
        let value = value.resize_unchecked(bits);
        if value < **modulus {
            return value;
        }
    }
    value.rem(modulus.as_nz_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_around_the_modulus_and_far_beyond_it() {
        let modulus = BoxedUint::from(u64::MAX - 58).resize(128).to_odd().unwrap();
        let one = BoxedUint::one();
        let reduced = |value: &BoxedUint| {
            let reduced = reduce_public(value, &modulus);
            assert_eq!(reduced.bits_precision(), 128);
            reduced
        };
        let below = modulus.wrapping_sub(&one);
        assert_eq!(reduced(&below), below);
        assert_eq!(reduced(&modulus), BoxedUint::zero());
        assert_eq!(reduced(&modulus.wrapping_add(&one)), one);
        assert_eq!(reduced(&one), one);
        let far = below.resize(640).wrapping_shl(320);
        assert_eq!(reduced(&far), far.rem(modulus.as_nz_ref()));
    }
}
