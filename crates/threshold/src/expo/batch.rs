//! Many exponentiations at once, in whatever company is the cheapest.

use crypto_bigint::BoxedUint;

use super::{Modulus, lanes};

/// What one exponentiation takes: modulus, base and exponent.
///
/// The base need not be below the modulus. The exponent is as wide as the number of limbs it was
/// made with, leading zeros included.
pub(crate) type Job<'a> = (&'a Modulus, &'a BoxedUint, &'a BoxedUint);

/// What eight lanes cost for each bit of the widest exponent, in thousandths of what AWS-LC takes
/// for a bit of one alone. Measured with an earlier kernel of the same steps: 2667 at 2048 bits,
/// 2709 at 3072, 2570 at 4096.
const LANES_PRICE: u64 = 2700;

/// What an exponentiation costs alone.
const SINGLE_PRICE: u64 = 1000;

/// What each of two exponentiations costs that AWS-LC does as a pair, in the same unit (350
/// measured).
const PAIRED_PRICE: u64 = 350;

/// What each bit costs by which an exponent of such a pair is longer than the modulus (see
/// `long_pair`), and what the pair costs more for having any. Counted in multiplications, not
/// measured.
const EXCESS_PRICE: (u64, u64) = (1150, 40_000);

/// By how many bits it may be longer: refreshed and reshared secrets grow, and so far the pair is
/// worth it.
pub(super) const EXCESS_BITS_MAX: u32 = 2048;

/// `base^exponent` of each job, in their order and each as wide as its modulus. Time depends on the
/// number of jobs and the widths of their operands only.
///
/// # Cost
/// With AVX-512 IFMA, eight of one size cost what three cost alone, at 2048, 3072 and 4096 bits, and
/// two at 2048 bits about as much as one. With fewer than that, and without these instructions,
/// each costs as much as alone.
pub(crate) fn pow_secret_all(jobs: &[Job<'_>]) -> Vec<BoxedUint> {
    let mut order: Vec<usize> = (0..jobs.len()).collect();
    order.sort_by_key(|at| widths(&jobs[*at]));
    let mut powers = Vec::with_capacity(jobs.len());
    for same_modulus in order.chunk_by(|a, b| widths(&jobs[*a]).0 == widths(&jobs[*b]).0) {
        for chunk in same_modulus.chunks(lanes::LANES) {
            let company: Vec<Job<'_>> = chunk.iter().map(|at| jobs[*at]).collect();
            powers.extend(chunk.iter().copied().zip(pow_together(&company)));
        }
    }
    powers.sort_by_key(|(at, _)| *at);
    powers.into_iter().map(|(_, power)| power).collect()
}

/// The precision of the modulus and of the exponent, in bits: all that the plan depends on.
fn widths((modulus, _, exponent): &Job<'_>) -> (u32, u32) {
    (modulus.value().bits_precision(), exponent.bits_precision())
}

/// Up to eight jobs whose moduli are of one width.
fn pow_together(jobs: &[Job<'_>]) -> Vec<BoxedUint> {
    let together: Vec<_> = jobs.iter().map(|(n, base, e)| (n.value(), *base, *e)).collect();
    if lanes_pay(jobs)
        && let Some(powers) = lanes::pow(&together)
    {
        return powers;
    }
    let mut powers = Vec::with_capacity(jobs.len());
    for pair in jobs.chunks(2) {
        match pair {
            [first, second] => {
                let (first, second) = Modulus::pow_secret_pair(*first, *second);
                powers.extend([first, second]);
            }
            rest => powers.extend(rest.iter().map(|(n, base, e)| n.pow_secret(base, e))),
        }
    }
    powers
}

/// Whether eight lanes cost less than pairs and single calls: on this processor, for jobs whose
/// moduli are of one width.
fn lanes_pay(jobs: &[Job<'_>]) -> bool {
    let Some(first) = jobs.first() else { return false };
    lanes::available(widths(first).0) && lanes_are_cheaper(jobs.iter().map(widths))
}

fn lanes_are_cheaper(jobs: impl Iterator<Item = (u32, u32)>) -> bool {
    let jobs: Vec<_> = jobs.collect();
    let widest = jobs.iter().map(|(_, exponent)| u64::from(*exponent)).max().unwrap_or(0);
    LANES_PRICE * widest < jobs.chunks(2).map(price_apart).sum()
}

/// What one or two jobs cost without lanes.
fn price_apart(jobs: &[(u32, u32)]) -> u64 {
    let pair = match jobs {
        [first, second] if first.0 == second.0 => price_paired(first.0, first.1.max(second.1)),
        _ => None,
    };
    pair.unwrap_or_else(|| {
        jobs.iter().map(|(_, exponent)| SINGLE_PRICE * u64::from(*exponent)).sum()
    })
}

/// What two jobs of these widths cost as a pair, if AWS-LC has code for it.
fn price_paired(modulus: u32, exponent: u32) -> Option<u64> {
    let excess = exponent.checked_sub(modulus).filter(|excess| *excess <= EXCESS_BITS_MAX)?;
    let (per_bit, at_all) = EXCESS_PRICE;
    let longer = per_bit * u64::from(excess) + if excess > 0 { at_all } else { 0 };
    is_paired(modulus).then_some(2 * (PAIRED_PRICE * u64::from(modulus) + longer))
}

/// Whether AWS-LC has code for two exponentiations with moduli and exponents of that many bits.
pub(super) fn is_paired(bits: u32) -> bool {
    matches!(bits, 1024 | 1536 | 2048)
}

#[cfg(test)]
mod tests {
    use super::lanes_are_cheaper;

    /// From how many jobs on eight lanes are taken.
    fn lanes_from(modulus: u32, exponent: u32) -> Option<usize> {
        (0..=8).find(|count| lanes_are_cheaper(vec![(modulus, exponent); *count].into_iter()))
    }

    #[test]
    fn lanes_are_taken_where_they_are_the_cheapest() {
        assert_eq!(lanes_from(4096, 4096), Some(3));
        assert_eq!(lanes_from(3072, 3072), Some(3));
        // Two pairs with longer exponents cost less than eight lanes, and one more does not.
        assert_eq!(lanes_from(2048, 2368), Some(5));
        // An exponent that is shorter than the modulus has no paired code.
        assert_eq!(lanes_from(2048, 1984), Some(3));
        // Three pairs and one alone cost 3.1; four pairs 2.8.
        assert_eq!(lanes_from(2048, 2048), Some(7));
        let mut mixed = vec![(4096, 4096), (4096, 64), (4096, 64), (4096, 64)];
        assert!(!lanes_are_cheaper(mixed.iter().copied()));
        mixed.extend([(4096, 4096); 2]);
        assert!(lanes_are_cheaper(mixed.iter().copied()));
    }
}
