//! Striking out candidates with small factors.

use crypto_bigint::BoxedUint;
use zeroize::Zeroizing;

/// Candidates in one interval. At 1536 bits the chance of a find in one is above a half.
pub(crate) const CANDIDATES: usize = 1 << 17;

/// Factors are struck out below this. More would cost longer than the tests it saves.
const FACTOR_LIMIT: u32 = 1 << 20;

/// The distance of candidates: a safe prime above 7 has h = 5 mod 6.
pub(crate) const STRIDE: u64 = 6;

/// The primes from 5 up to a limit.
pub(crate) struct Sieve {
    primes: Vec<u32>,
}

impl Sieve {
    /// # Cost
    /// Some milliseconds: make it once.
    pub(crate) fn new() -> Self {
        let primes = primes_below(FACTOR_LIMIT).into_iter().filter(|prime| *prime > 3).collect();
        Self { primes }
    }

    /// The i below [`CANDIDATES`] for which neither h = start + 6 i nor 2h + 1 has a factor in the
    /// table, ascending. `start` is 5 mod 6 and above the table's limit.
    pub(crate) fn survivors(&self, start: &BoxedUint) -> Vec<u32> {
        let digits = digits(start);
        let mut struck = vec![false; CANDIDATES];
        for &prime in &self.primes {
            let rest = remainder(&digits, prime);
            let prime = u64::from(prime);
            // 6 has this inverse, as the prime is 1 or 5 mod 6.
            let sixth = if prime % 6 == 5 { (prime + 1) / 6 } else { (5 * prime + 1) / 6 };
            // h = 0 and h = (prime - 1) / 2, which makes 2h + 1 = 0.
            for target in [0, (prime - 1) / 2] {
                let first = (target + prime - rest) * sixth % prime;
                let mut at = first as usize;
                while at < CANDIDATES {
                    struck[at] = true;
                    at += prime as usize;
                }
            }
        }
        (0..CANDIDATES as u32).filter(|at| !struck[*at as usize]).collect()
    }
}

/// All primes below the limit, ascending.
pub(super) fn primes_below(limit: u32) -> Vec<u32> {
    let mut composite = vec![false; limit as usize];
    let mut primes = Vec::new();
    for number in 2..limit {
        if composite[number as usize] {
            continue;
        }
        primes.push(number);
        let multiples = u64::from(number) * u64::from(number)..u64::from(limit);
        for multiple in multiples.step_by(number as usize) {
            composite[multiple as usize] = true;
        }
    }
    primes
}

/// The digits of a number to the base 2^32, most significant first.
pub(super) fn digits(number: &BoxedUint) -> Zeroizing<Vec<u32>> {
    let bytes = Zeroizing::new(number.to_be_bytes());
    let digit = |chunk: &[u8]| chunk.iter().fold(0, |digit, byte| digit << 8 | u32::from(*byte));
    // Widths are whole limbs, so that the bytes divide into digits.
    Zeroizing::new(bytes.chunks(4).map(digit).collect())
}

/// A number modulo a prime. The time depends on the width and the prime alone, as far as the
/// processor's division does.
pub(super) fn remainder(digits: &[u32], prime: u32) -> u64 {
    let prime = u64::from(prime);
    digits.iter().fold(0, |rest, digit| (rest << 32 | u64::from(*digit)) % prime)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has_factor(number: u128) -> bool {
        (2..FACTOR_LIMIT as u128).any(|factor| number.is_multiple_of(factor))
    }

    #[test]
    fn survivors_have_no_small_factor_and_the_struck_have_one() {
        let sieve = Sieve::new();
        assert_eq!(sieve.primes.len(), 82_025 - 2, "primes below 2^20, without 2 and 3");
        let start: u128 = (1 << 90) + 12_345 * 6 + 1;
        let start = start + (11 - start % 6) % 6;
        assert_eq!(start % 6, 5);
        let survivors = sieve.survivors(&BoxedUint::from(start));
        assert!(survivors.len() > 100);
        for at in survivors.iter().take(3) {
            let half = start + 6 * u128::from(*at);
            assert!(!has_factor(half) && !has_factor(2 * half + 1), "at {at}");
        }
        for at in (0..2000).filter(|at| survivors.binary_search(at).is_err()) {
            let half = start + 6 * u128::from(at);
            assert!(has_factor(half) || has_factor(2 * half + 1), "at {at}");
        }
    }

    #[test]
    fn remainders_of_long_numbers() {
        let number = BoxedUint::from_be_slice_vartime(&[0xfe; 40]);
        for prime in [5, 7, 65_537, 1_048_573] {
            let expected = [0xfe; 40].iter().fold(0u64, |rest, byte| (rest * 256 + byte) % prime);
            assert_eq!(remainder(&digits(&number), prime as u32), expected);
        }
    }
}
