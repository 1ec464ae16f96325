//! D: what clears the denominators of every Lagrange coefficient of a tree.

use ally_policy::Formula;
use crypto_bigint::BoxedUint;

use super::integer::scale;
use crate::access::Spread;

/// The longest D, in bits. It covers a flat gate over 256 servers (256! has 1684 bits), and every
/// nested formula that people write; beyond it, combining would take longer than signing.
pub(crate) const DENOMINATOR_BITS_MAX: u32 = 2048;

/// The least common multiple, over all branches of the tree, of the products of the factorials of
/// the fan-ins along the branch. Gates without a polynomial (1 of m, m of m) do not count.
///
/// # Source
/// Shoup 2000 (Delta = l! for one gate); Damgard & Thorbek 2006 for trees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Denominator(BoxedUint);

impl Denominator {
    /// `None` if it would be longer than [`DENOMINATOR_BITS_MAX`].
    pub(crate) fn of(formula: &Formula) -> Option<Self> {
        let mut value = BoxedUint::one();
        for (prime, multiplicity) in factors(formula).into_iter().enumerate() {
            for _ in 0..multiplicity {
                value = scale(&value, prime as u64);
                if value.bits_vartime() > DENOMINATOR_BITS_MAX {
                    return None;
                }
            }
        }
        Some(Self(value))
    }

    /// The number.
    pub(crate) fn value(&self) -> &BoxedUint {
        &self.0
    }
}

/// D of a subtree in prime factors: at index p the multiplicity of the prime p.
fn factors(formula: &Formula) -> Vec<u32> {
    let gate = match formula {
        Formula::Leaf(_) => return Vec::new(),
        Formula::Gate(gate) => gate,
    };
    let mut common = Vec::new();
    for child in gate.children() {
        let child = factors(child);
        common.resize(common.len().max(child.len()), 0);
        for (ours, theirs) in common.iter_mut().zip(child) {
            *ours = theirs.max(*ours);
        }
    }
    let fan_in = gate.children().len();
    if Spread::of(usize::from(gate.threshold()), fan_in) == Spread::Shamir {
        common.resize(common.len().max(fan_in + 1), 0);
        for prime in (2..=fan_in).filter(|number| is_prime(*number)) {
            common[prime] += multiplicity_in_factorial(prime, fan_in);
        }
    }
    common
}

/// How often a prime divides n!.
///
/// # Source
/// Legendre's formula.
fn multiplicity_in_factorial(prime: usize, n: usize) -> u32 {
    let mut rest = n;
    let mut multiplicity = 0;
    while rest > 0 {
        rest /= prime;
        multiplicity += rest as u32;
    }
    multiplicity
}

fn is_prime(number: usize) -> bool {
    (2..)
        .take_while(|divisor| divisor * divisor <= number)
        .all(|divisor| !number.is_multiple_of(divisor))
}

#[cfg(test)]
mod tests {
    use ally_policy::ServerIndex;

    use super::*;

    fn flat(threshold: u16, count: u16) -> Formula {
        let leaves = (0..count).map(|index| Formula::Leaf(ServerIndex(index % 256))).collect();
        Formula::gate(threshold, leaves).unwrap()
    }

    fn value(formula: &Formula) -> BoxedUint {
        Denominator::of(formula).unwrap().value().clone()
    }

    #[test]
    fn factorials_multiply_down_and_meet_across() {
        assert_eq!(value(&flat(1, 4)), BoxedUint::one());
        assert_eq!(value(&flat(4, 4)), BoxedUint::one());
        assert_eq!(value(&flat(2, 4)), BoxedUint::from(24u32));
        // The root's 4! times the least common multiple of 3! and 4! below it.
        let nested = |k| Formula::gate(k, vec![flat(2, 3), flat(2, 4), flat(1, 3), flat(1, 1)]);
        assert_eq!(value(&nested(2).unwrap()), BoxedUint::from(24u32 * 24));
        assert_eq!(value(&nested(4).unwrap()), BoxedUint::from(24u32));
    }

    #[test]
    fn a_gate_over_all_servers_fits_and_wider_ones_are_refused() {
        assert_eq!(value(&flat(86, 256)).bits_vartime(), 1684);
        assert_eq!(Denominator::of(&flat(2, 400)), None);
    }
}
