//! Many exponentiations at once.

use crypto_bigint::BoxedUint;

use super::Modulus;

/// What one exponentiation takes: modulus, base and exponent.
///
/// Modulus and base may have any width; the base need not be below the modulus. The exponent is
/// as wide as the number of limbs it was made with.
pub(crate) type Job<'a> = (&'a Modulus, &'a BoxedUint, &'a BoxedUint);

/// `base^exponent` of each job, in their order and each as wide as its modulus, in time that
/// depends on the number of jobs and on the widths of their operands only.
#[cfg_attr(not(test), allow(dead_code))]
pub(crate) fn pow_secret_all(jobs: &[Job<'_>]) -> Vec<BoxedUint> {
    let mut powers = Vec::with_capacity(jobs.len());
    for chunk in jobs.chunks(2) {
        match chunk {
            [first, second] => {
                let (first, second) = Modulus::pow_secret_pair(*first, *second);
                powers.extend([first, second]);
            }
            rest => {
                powers.extend(rest.iter().map(|(n, base, exponent)| n.pow_secret(base, exponent)))
            }
        }
    }
    powers
}
