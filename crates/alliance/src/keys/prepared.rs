//! Public keys with their multiples at hand, for whoever checks many signatures of few signers.
//!
//! A signature (R, s) of key A on a message is right if R = sB - kA, where B is the curve's base
//! point and k a hash. For points that are not known in advance that takes 250 doublings. The servers
//! of an alliance are known for years: with the multiples of A and B in a table, additions are
//! enough, one for each digit of s and of k.

use super::{PublicKey, Role};
use curve25519_dalek::constants::ED25519_BASEPOINT_POINT;
use curve25519_dalek::traits::Identity;
use curve25519_dalek::{EdwardsPoint, Scalar};
use sha2::{Digest, Sha512};
use std::sync::LazyLock;

/// Bits of a digit. Six would take 12 % less time where the processor's cache has room for all
/// tables; these are 130 KB each, and with six bits 220.
const DIGIT_BITS: usize = 5;
/// The largest digit; the smallest is one above its negative.
const DIGIT_MAX: usize = 1 << (DIGIT_BITS - 1);
/// Digits of a scalar below 2^253, the last carry included.
const DIGITS: usize = 254_usize.div_ceil(DIGIT_BITS);

static BASE: LazyLock<Multiples> = LazyLock::new(|| Multiples::of(ED25519_BASEPOINT_POINT));

/// A public key that checks signatures in two thirds of the time, and takes 130 KB.
pub struct PreparedKey<R: Role> {
    key: PublicKey<R>,
    /// Of -A.
    negated: Multiples,
}

impl<R: Role> PreparedKey<R> {
    /// Computes the table.
    ///
    /// # Cost
    /// About 0.2 ms.
    pub fn new(key: PublicKey<R>) -> Self {
        Self { key, negated: Multiples::of(-key.point()) }
    }

    /// The key itself.
    pub fn public(&self) -> &PublicKey<R> {
        &self.key
    }

    /// Whether `signature` (64 bytes, RFC 8032) is this key's on `message`: says exactly what
    /// [`PublicKey::verify`] says, for every input. Servers that check differently could be driven
    /// apart, or made to accuse each other, by a signature that only some of them take.
    ///
    /// Variable time: everything here is public.
    ///
    /// # Source
    /// RFC 8032, section 5.1.7, without cofactor. R is compared as bytes, so that its encoding is
    /// canonical. Points of small order are refused as R; as A, reading the key refuses them.
    ///
    /// # Cost
    /// About 24 us.
    pub fn verify(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        let (mut r, mut s) = ([0; 32], [0; 32]);
        r.copy_from_slice(&signature[..32]);
        s.copy_from_slice(&signature[32..]);
        let Some(s) = Option::<Scalar>::from(Scalar::from_canonical_bytes(s)) else { return false };
        let hash = Sha512::new_with_prefix(r).chain_update(self.key.as_bytes());
        let k = Scalar::from_bytes_mod_order_wide(&hash.chain_update(message).finalize().into());
        let expected = self.negated.add(BASE.add(EdwardsPoint::identity(), &s), &k);
        expected.compress().to_bytes() == r && !expected.is_small_order()
    }
}

/// d * 2^(5 i) * P for every digit d from 1 on and every place i.
struct Multiples {
    points: Vec<[EdwardsPoint; DIGIT_MAX]>,
}

impl Multiples {
    fn of(point: EdwardsPoint) -> Self {
        let mut unit = point;
        let place = |_| {
            let mut multiple = EdwardsPoint::identity();
            let multiples = std::array::from_fn(|_| {
                multiple += &unit;
                multiple
            });
            unit = multiple + multiple;
            multiples
        };
        Self { points: (0..DIGITS).map(place).collect() }
    }

    /// `sum` + `scalar` * P.
    fn add(&self, mut sum: EdwardsPoint, scalar: &Scalar) -> EdwardsPoint {
        for (multiples, digit) in self.points.iter().zip(digits(scalar)) {
            let size = usize::from(digit.unsigned_abs());
            match digit.signum() {
                1 => sum += &multiples[size - 1],
                -1 => sum -= &multiples[size - 1],
                _ => {}
            }
        }
        sum
    }
}

/// The scalar's digits to base 2^5, lowest first, each between -15 and 16.
fn digits(scalar: &Scalar) -> [i8; DIGITS] {
    let bytes = scalar.as_bytes();
    let mut carry = 0;
    std::array::from_fn(|place| {
        let bit = place * DIGIT_BITS;
        let byte = |at: usize| bytes.get(at).copied().unwrap_or(0);
        let window = u16::from_le_bytes([byte(bit / 8), byte(bit / 8 + 1)]) >> (bit % 8);
        let digit = (window % (1 << DIGIT_BITS)) as i8 + carry;
        carry = i8::from(digit > DIGIT_MAX as i8);
        digit - (carry << DIGIT_BITS)
    })
}

#[cfg(test)]
#[path = "prepared_tests.rs"]
mod tests;
