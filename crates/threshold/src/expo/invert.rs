//! Inverses of public numbers, after Lehmer.
//!
//! Combining shares costs one inversion, and the constant-time ones of the libraries would take
//! most of its time (158 us at 2048 bits, when verification takes 18). Shares are public, so the
//! fastest way will do: Euclid's algorithm, with some thirty quotients at a time found on the
//! leading 62 bits and applied to the long numbers at once.
//!
//! # Source
//! Lehmer 1938; Knuth, The Art of Computer Programming, volume 2, section 4.5.2, algorithm L.

use crypto_bigint::{BoxedUint, ConcatenatingMul};

/// Bits of the leading parts: sums of two of them stay within an `i64`.
const LEADING_BITS: u32 = 62;

/// Cofactors of one round stay below this, so that a round's sums stay within an `i128`.
const COFACTOR_LIMIT: i64 = 1 << 40;

/// The inverse of `value` modulo `modulus`; `None` where they have a common factor. `value` is
/// below `modulus`, which is above 1.
///
/// # Variable time: public data only
pub(super) fn invert(value: &BoxedUint, modulus: &BoxedUint) -> Option<BoxedUint> {
    let mut euclid = Euclid::new(modulus, value);
    while !is_short(&euclid.a) {
        euclid.round();
    }
    let (divisor, cofactor) = euclid.finish();
    if divisor != 1 {
        return None;
    }
    let cofactor = to_uint(&cofactor, modulus.bits_precision());
    Some(if euclid.odd { cofactor } else { modulus.wrapping_sub(cofactor) })
}

/// Two consecutive remainders of Euclid's algorithm, a above b, and how often the value goes into
/// each (as magnitudes: the signs alternate, so that of a is positive after an odd number of
/// steps). Little-endian words, all vectors as long as the modulus.
struct Euclid {
    a: Vec<u64>,
    b: Vec<u64>,
    cofactor_a: Vec<u64>,
    cofactor_b: Vec<u64>,
    odd: bool,
}

/// The effect of some steps: a becomes `a[0] a + a[1] b`, b becomes `b[0] a + b[1] b`. In each
/// pair one is positive and the other is not.
struct Steps {
    a: [i64; 2],
    b: [i64; 2],
    odd: bool,
}

impl Euclid {
    fn new(modulus: &BoxedUint, value: &BoxedUint) -> Self {
        let length = modulus.bits_precision().div_ceil(64) as usize;
        let [a, b] = [modulus, value].map(|number| to_words(number, length));
        let [cofactor_a, cofactor_b] =
            [BoxedUint::zero(), BoxedUint::one()].map(|number| to_words(&number, length));
        Self { a, b, cofactor_a, cofactor_b, odd: false }
    }

    /// As many steps as the leading bits show; one long division where they show none.
    fn round(&mut self) {
        let Some(steps) = leading_steps(leading(&self.a, &self.b)) else { return self.divide() };
        (self.a, self.b) = (sum(steps.a, &self.a, &self.b), sum(steps.b, &self.a, &self.b));
        let [a, b] = [steps.a, steps.b].map(|pair| pair.map(i64::unsigned_abs));
        (self.cofactor_a, self.cofactor_b) = (
            absolute_sum(a, &self.cofactor_a, &self.cofactor_b),
            absolute_sum(b, &self.cofactor_a, &self.cofactor_b),
        );
        self.odd ^= steps.odd;
    }

    /// One step with a quotient of any length.
    fn divide(&mut self) {
        let words = self.a.len();
        let bits = 64 * words as u32;
        let [a, b, first, second] = [&self.a, &self.b, &self.cofactor_a, &self.cofactor_b]
            .map(|words| to_uint(words, bits));
        let Some(divisor) = b.as_nz_vartime() else {
            // b is 0, and a is the common divisor, above 1 since it is long.
            self.a = vec![0; words];
            return;
        };
        let (quotient, rest) = a.div_rem_vartime(divisor);
        let next = first.concatenating_add(quotient.concatenating_mul(&second));
        self.a = std::mem::replace(&mut self.b, to_words(&rest, words));
        self.cofactor_a = std::mem::replace(&mut self.cofactor_b, to_words(&next, words));
        self.odd ^= true;
    }

    /// The common divisor and its cofactor, once a is a single word.
    fn finish(&mut self) -> (u64, Vec<u64>) {
        let (mut a, mut b) = (self.a[0], self.b[0]);
        let (mut of_a, mut of_b) = ([1, 0], [0, 1]);
        while b != 0 {
            let quotient = a / b;
            (a, b) = (b, a % b);
            // The last of_b may be too long for a word, and is not needed.
            let next = [0, 1].map(|at| {
                let step: u64 = quotient.wrapping_mul(of_b[at]);
                step.wrapping_add(of_a[at])
            });
            (of_a, of_b) = (of_b, next);
            self.odd ^= true;
        }
        (a, absolute_sum(of_a, &self.cofactor_a, &self.cofactor_b))
    }
}

/// Steps on the leading bits of a and b, as long as both ends of the interval that each leading
/// part stands for give the same quotient. `None` if not even the first one is certain.
fn leading_steps((mut a, mut b): (i64, i64)) -> Option<Steps> {
    let mut steps = Steps { a: [1, 0], b: [0, 1], odd: false };
    loop {
        let ends = (b + steps.b[0], b + steps.b[1]);
        if ends.0 == 0 || ends.1 == 0 {
            break;
        }
        let quotient = (a + steps.a[0]) / ends.0;
        if quotient != (a + steps.a[1]) / ends.1 || quotient >= COFACTOR_LIMIT {
            break;
        }
        let next = [0, 1]
            .map(|at| i128::from(steps.a[at]) - i128::from(quotient) * i128::from(steps.b[at]));
        if next.iter().any(|cofactor| cofactor.unsigned_abs() >= COFACTOR_LIMIT as u128) {
            break;
        }
        let next = next.map(|cofactor| cofactor as i64);
        steps = Steps { a: steps.b, b: next, odd: !steps.odd };
        (a, b) = (b, a - quotient * b);
    }
    (steps.a[1] != 0).then_some(steps)
}

/// The leading bits of a, and the bits of b in the same places.
fn leading(a: &[u64], b: &[u64]) -> (i64, i64) {
    let top = a.iter().rposition(|word| *word != 0).unwrap_or(0);
    let zeros = a[top].leading_zeros();
    let part = |words: &[u64]| {
        let below = if top == 0 { 0 } else { words[top - 1] };
        let two = u128::from(words[top]) << 64 | u128::from(below);
        (two << zeros >> (128 - LEADING_BITS)) as i64
    };
    (part(a), part(b))
}

/// `factors[0] a + factors[1] b`, which is not negative and no longer than a and b.
fn sum(factors: [i64; 2], a: &[u64], b: &[u64]) -> Vec<u64> {
    let [first, second] = factors.map(i128::from);
    let mut carry = 0;
    let word = |(a, b): (&u64, &u64)| {
        carry += first * i128::from(*a) + second * i128::from(*b);
        let word = carry as u64;
        carry >>= 64;
        word
    };
    a.iter().zip(b).map(word).collect()
}

/// `factors[0] a + factors[1] b`, which is no longer than a and b.
fn absolute_sum(factors: [u64; 2], a: &[u64], b: &[u64]) -> Vec<u64> {
    let [first, second] = factors.map(u128::from);
    let mut carry: u128 = 0;
    let word = |(a, b): (&u64, &u64)| {
        // Two products of a word and a factor below 2^63, and a carry below 2^65, fit.
        carry += first * u128::from(*a) + second * u128::from(*b);
        let word = carry as u64;
        carry >>= 64;
        word
    };
    a.iter().zip(b).map(word).collect()
}

fn is_short(words: &[u64]) -> bool {
    words[1..].iter().all(|word| *word == 0)
}

/// So many little-endian words; the value has no more.
fn to_words(value: &BoxedUint, length: usize) -> Vec<u64> {
    let bytes = value.to_le_bytes();
    let word = |chunk: &[u8]| chunk.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
    let mut words: Vec<u64> = bytes.chunks(8).map(word).collect();
    words.resize(length, 0);
    words
}

fn to_uint(words: &[u64], bits: u32) -> BoxedUint {
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    BoxedUint::from_le_slice_truncated(&bytes, bits)
}
