//! Small factors of numbers that others chose.

use crypto_bigint::BoxedUint;

use super::sieve::{digits, primes_below, remainder};

/// Factors are looked for below this.
const FACTOR_LIMIT: u32 = 1 << 16;

/// Whether a number has a prime factor below 2^16. A number of one limb's value or more is meant: a
/// small prime has itself as a factor.
///
/// # Cost
/// One division for each of 6542 primes and each 32 bits of the number: about a millisecond.
///
/// # Variable time: public data only
pub(crate) fn has_small_factor(number: &BoxedUint) -> bool {
    let digits = digits(number);
    primes_below(FACTOR_LIMIT).into_iter().any(|prime| remainder(&digits, prime) == 0)
}

#[cfg(test)]
mod tests {
    use crypto_bigint::ConcatenatingMul;

    use super::*;

    #[test]
    fn every_small_prime_is_found_and_larger_ones_are_not() {
        // 2^127 - 1, 2^89 - 1 and the least prime above 2^16.
        let large = BoxedUint::from((1u128 << 127) - 1)
            .concatenating_mul(&BoxedUint::from((1u128 << 89) - 1))
            .concatenating_mul(&BoxedUint::from(65_537u64));
        assert!(!has_small_factor(&large));
        for prime in [2, 3, 5, 7, 257, 65_519, 65_521] {
            assert!(has_small_factor(&large.concatenating_mul(&BoxedUint::from(prime as u64))));
        }
        assert_eq!(primes_below(FACTOR_LIMIT).len(), 6542);
    }
}
