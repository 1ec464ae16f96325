//! Whether candidates are primes.

use crypto_bigint::{BoxedUint, CtEq};
use zeroize::Zeroizing;

use crate::expo::Modulus;
use crate::seed::SeedStream;

/// Rounds of Miller and Rabin's test with random bases: each lets a composite number pass with
/// a chance of at most 1/4, and far less for numbers that nobody picked.
const ROUNDS: usize = 40;

/// Whether 2^(n-1) = 1 modulo each of two odd numbers: all primes pass, hardly any other number
/// does. One call for both, as a pair is faster than two. Constant time.
pub(crate) fn fermat(candidates: [&BoxedUint; 2]) -> [bool; 2] {
    let two = BoxedUint::from(2u32);
    let exponents = candidates.map(|n| Zeroizing::new(n.wrapping_sub(BoxedUint::one())));
    let (Some(first), Some(second)) =
        (Modulus::secret(candidates[0]), Modulus::secret(candidates[1]))
    else {
        return [false; 2];
    };
    let (first, second) =
        Modulus::pow_secret_pair((&first, &two, &exponents[0]), (&second, &two, &exponents[1]));
    [first.is_one().to_bool(), second.is_one().to_bool()]
}

/// Whether `number` is prime, by Miller and Rabin's test with random bases. `number` is odd, above
/// 3, and no adversary chose it.
pub(crate) fn is_prime(number: &BoxedUint, random: &mut SeedStream) -> bool {
    let Some(modulus) = Modulus::secret(number) else { return false };
    let minus_one = Zeroizing::new(number.wrapping_sub(BoxedUint::one()));
    let twos = minus_one.trailing_zeros();
    let odd_part = Zeroizing::new(minus_one.wrapping_shr(twos));
    (0..ROUNDS).all(|_| {
        let mut bytes = Zeroizing::new(vec![0; number.bits_precision() as usize / 8]);
        random.fill(&mut bytes);
        let base =
            Zeroizing::new(BoxedUint::from_be_slice_truncated(&bytes, number.bits_precision()));
        passes(&modulus, &base, &odd_part, twos, &minus_one)
    })
}

/// One round with one base (0 and multiples of the number pass: no prime is refused).
fn passes(
    modulus: &Modulus,
    base: &BoxedUint,
    odd_part: &BoxedUint,
    twos: u32,
    minus_one: &BoxedUint,
) -> bool {
    let mut power = Zeroizing::new(modulus.pow_secret(base, odd_part));
    if power.is_one().to_bool() || power.is_zero().to_bool() {
        return true;
    }
    for _ in 0..twos {
        if power.ct_eq(minus_one).to_bool() {
            return true;
        }
        power = Zeroizing::new(modulus.pow_product(&[(&power, &BoxedUint::from(2u32))]));
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_prime_u64(number: u64) -> bool {
        let mut random = SeedStream::new(Zeroizing::new([1; 32]));
        is_prime(&BoxedUint::from(number), &mut random)
    }

    #[test]
    fn primes_pass_and_composites_do_not() {
        let by_trial = |n: u64| (2..n).take_while(|d| d * d <= n).all(|d| !n.is_multiple_of(d));
        for number in (5..3000).step_by(2) {
            assert_eq!(is_prime_u64(number), by_trial(number), "{number}");
        }
        // A Carmichael number, a strong pseudoprime to bases 2, 3, 5 and 7, the largest prime
        // below 2^64, and the square of a prime.
        assert!(!is_prime_u64(561));
        assert!(!is_prime_u64(3_215_031_751));
        assert!(is_prime_u64(18_446_744_073_709_551_557));
        assert!(!is_prime_u64(4_294_967_291 * 4_294_967_291));
    }

    #[test]
    fn fermat_judges_each_of_the_two() {
        let judge = |a: u64, b: u64| fermat([&BoxedUint::from(a), &BoxedUint::from(b)]);
        assert_eq!(judge(1_000_000_007, 1_000_000_009), [true, true]);
        assert_eq!(judge(1_000_000_007, 1_000_000_011), [true, false]);
        assert_eq!(judge(999_999_999, 1_000_000_009), [false, true]);
    }
}
