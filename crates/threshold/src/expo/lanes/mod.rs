//! Eight exponentiations at once, one in each 64-bit lane of a vector.
//!
//! A vector multiplies eight numbers in the time of one, and its lanes need nothing of each other:
//! no carry goes from lane to lane, and each lane has a modulus, base and exponent of its own. With
//! the multiplier of AVX-512 IFMA (52 by 52 bits, added to 64) eight exponentiations take as long
//! as two and a half of AWS-LC's.
//!
//! | file | what |
//! |---|---|
//! | `vector` | what the algorithm asks of eight lanes |
//! | `kernel` | the algorithm, for any such vector |
//! | `batch` | numbers in and out of lanes |
//! | `ifma` | the vector of AVX-512 IFMA: the only one that computes with keys |
//! | `plain` | a vector of eight `u64` that is easy to believe: the double for tests |
//!
//! Time, and every address, depends on the widths of the operands only.
//!
//! Owns: the `unsafe` intrinsics, wiping its memory. (Registers, and what the compiler spills from
//! them to the stack, are not wiped.)
//! May not touch: keys, policies, encodings; it takes numbers.

mod batch;
#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code)]
mod ifma;
mod kernel;
// Compiled everywhere, so that the timing test (an example) can look at it; never called by us.
#[allow(dead_code)]
mod plain;
mod vector;

use crypto_bigint::{BoxedUint, Odd};

use batch::Batch;

/// Exponentiations that are computed together, at most.
pub(crate) const LANES: usize = 8;

/// Modulus, base and exponent of one lane.
pub(crate) type Lane<'a> = (&'a Odd<BoxedUint>, &'a BoxedUint, &'a BoxedUint);

/// Whether [`pow`] computes modulo numbers of that many bits (precision, not value) on this
/// processor: 2048, 3072 or 4096, and AVX-512 IFMA.
pub(crate) fn available(modulus_bits: u32) -> bool {
    matches!(modulus_bits, 2048 | 3072 | 4096) && detected()
}

/// `base^exponent` of 1 to 8 lanes with moduli of the same precision; `None` where they are not
/// [`available`].
///
/// Bases may have any width. Exponents are padded to the widest.
///
/// # Cost
/// That of eight lanes, however few there are: at 2048, 3072 and 4096 bits some 2.7 times one call
/// of AWS-LC (measured with an earlier kernel of the same steps).
pub(crate) fn pow(lanes: &[Lane<'_>]) -> Option<Vec<BoxedUint>> {
    if lanes.is_empty() || lanes.len() > LANES || !detected() {
        return None;
    }
    let bits = lanes[0].0.bits_precision();
    if lanes.iter().any(|(modulus, ..)| modulus.bits_precision() != bits) {
        return None;
    }
    // Two bits more than the modulus, for almost reduced numbers.
    match bits {
        2048 => Some(pow_of_limbs::<40>(lanes)),
        3072 => Some(pow_of_limbs::<60>(lanes)),
        4096 => Some(pow_of_limbs::<79>(lanes)),
        _ => None,
    }
}

/// Whether this processor has AVX-512 IFMA.
#[cfg(target_arch = "x86_64")]
pub(crate) fn detected() -> bool {
    ifma::detected()
}

/// Whether this processor has AVX-512 IFMA.
#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn detected() -> bool {
    false
}

#[cfg(target_arch = "x86_64")]
fn pow_of_limbs<const L: usize>(lanes: &[Lane<'_>]) -> Vec<BoxedUint> {
    Batch::<L>::new(lanes).pow_with(ifma::pow)
}

#[cfg(not(target_arch = "x86_64"))]
fn pow_of_limbs<const L: usize>(_lanes: &[Lane<'_>]) -> Vec<BoxedUint> {
    unreachable!("no vector of this architecture was detected")
}

/// [`pow`] with the double in place of the processor's vector: the same steps, slowly.
#[allow(dead_code)]
pub(crate) fn pow_plain<const L: usize>(lanes: &[Lane<'_>]) -> Vec<BoxedUint> {
    Batch::<L>::new(lanes).pow_with(kernel::pow::<plain::Plain, L>)
}

#[cfg(test)]
mod tests;
