//! The integers that shares are raised to.

use crypto_bigint::BoxedUint;

use super::integer::{divide, divide_uint, gcd, multiply, scale};
use super::{Denominator, EXPONENT, Integer};
use crate::access::{Selection, Spread};

/// What combines the shares of one selection.
///
/// Leaves share D M d over the integers. With c = D * (product of the gates' coefficients along the
/// path) and g = gcd(D, all c) the sum of (c/g) s' is D (D/g) M d. So w = product of share^(2c/g) has
/// w^e = x^(4 D (D/g) M). Dividing by g keeps exponents short: 3, -3, 1 in place of 72, -72, 24 for
/// three of four servers.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Coefficients {
    /// c/g of each leaf of the selection, ascending by leaf.
    pub(crate) leaves: Vec<Integer>,
    /// D (D/g): what the secret is multiplied by when leaves are summed up with the coefficients.
    pub(crate) power: BoxedUint,
}

impl Coefficients {
    /// The coefficients of a selection out of the tree that `denominator` belongs to.
    pub(crate) fn of(selection: &Selection, denominator: &Denominator) -> Self {
        let mut leaves = Vec::new();
        walk(selection, Integer::natural(denominator.value().clone()), &mut leaves);
        let common = leaves.iter().fold(denominator.value().clone(), |common, coefficient| {
            gcd(&common, coefficient.magnitude())
        });
        let leaves = leaves.iter().map(|leaf| leaf.divided_by_uint(&common)).collect();
        let reduced = divide_uint(denominator.value(), &common);
        Self { leaves, power: multiply(denominator.value(), &reduced) }
    }

    /// a and b, both positive, with b e - a * 4 D (D/g) M = 1, M being the `multiplier`.
    pub(crate) fn root(&self, multiplier: &BoxedUint) -> (BoxedUint, BoxedUint) {
        bezout(&scale(&multiply(&self.power, multiplier), 4))
    }
}

/// Multiplies the gates' coefficients along each path: Lagrange's at zero for k of m; for m of m 1
/// at the last child and -1 at the others. `factor` is D times those above; it stays an integer at
/// every step, as D holds the factorial of every gate of the path.
fn walk(selection: &Selection, factor: Integer, leaves: &mut Vec<Integer>) {
    let (fan_in, chosen) = match selection {
        Selection::Leaf(_) => return leaves.push(factor),
        Selection::Gate { fan_in, chosen } => (usize::from(*fan_in), chosen),
    };
    for (point, child) in chosen {
        let mut factor = factor.clone();
        match Spread::of(chosen.len(), fan_in) {
            Spread::Copy => {}
            Spread::Sum if usize::from(*point) < fan_in => factor = factor.times(-1),
            Spread::Sum => {}
            Spread::Shamir => {
                let others =
                    || chosen.iter().map(|(other, _)| *other).filter(|other| other != point);
                factor = others().fold(factor, |factor, other| factor.times(i64::from(other)));
                factor = others().fold(factor, |factor, other| {
                    factor.divided_by(i64::from(other) - i64::from(*point))
                });
            }
        }
        walk(child, factor, leaves);
    }
}

/// a and b, both positive, with b e - a power = 1. `power` has no factor in common with e.
fn bezout(power: &BoxedUint) -> (BoxedUint, BoxedUint) {
    let (_, residue) = divide(power, EXPONENT);
    // e is prime, so residue^(e-2) is the inverse of the residue; a is its negative.
    let (mut inverse, mut square, mut exponent) = (1, residue, EXPONENT - 2);
    while exponent > 0 {
        if exponent & 1 == 1 {
            inverse = inverse * square % EXPONENT;
        }
        square = square * square % EXPONENT;
        exponent >>= 1;
    }
    let a = EXPONENT - inverse;
    let (b, rest) = divide(&scale(power, a).concatenating_add(BoxedUint::one()), EXPONENT);
    debug_assert_eq!(rest, 0, "e divides a power + 1");
    (BoxedUint::from(a), b)
}

#[cfg(test)]
mod tests {
    use ally_policy::{Formula, ServerIndex, ServerSet};

    use super::*;
    use crate::access::Access;

    fn coefficients(formula: Formula, servers: &[u16]) -> Vec<(bool, u64)> {
        let set: ServerSet = servers.iter().copied().map(ServerIndex).collect();
        let denominator = Denominator::of(&formula).unwrap();
        let selection = Access::new(formula).select(&set).unwrap();
        let all = Coefficients::of(&selection, &denominator);
        let show = |one: &Integer| (one.is_negative(), one.magnitude().to_words()[0]);
        all.leaves.iter().map(show).collect()
    }

    fn gate(threshold: u16, servers: std::ops::Range<u16>) -> Formula {
        let leaves = servers.map(|index| Formula::Leaf(ServerIndex(index))).collect();
        Formula::gate(threshold, leaves).unwrap()
    }

    #[test]
    fn lagrange_at_zero_in_lowest_terms() {
        let of = |servers: &[u16]| coefficients(gate(3, 0..4), servers);
        assert_eq!(of(&[0, 1, 2]), [(false, 3), (true, 3), (false, 1)]);
        // Points 1, 2, 4: 8/3, -2, 1/3.
        assert_eq!(of(&[0, 1, 3]), [(false, 8), (true, 6), (false, 1)]);
        let all = [(true, 1), (true, 1), (true, 1), (false, 1)];
        assert_eq!(coefficients(gate(4, 0..4), &[0, 1, 2, 3]), all);
        assert_eq!(coefficients(gate(1, 0..4), &[2]), [(false, 1)]);
    }

    #[test]
    fn paths_multiply() {
        let tree = Formula::gate(2, vec![gate(2, 0..3), gate(2, 3..5), gate(1, 5..6)]).unwrap();
        // Root points 1 and 2: 2, -1; first gate points 1 and 3: 3/2, -1/2; second gate: the last
        // less the other.
        assert_eq!(
            coefficients(tree, &[0, 2, 3, 4]),
            [(false, 3), (true, 1), (false, 1), (true, 1)]
        );
    }

    #[test]
    fn bezout_holds() {
        for power in [4u64, 96, 4 * 24 * 24, 65_536, 65_538, 1 << 60] {
            let (a, b) = bezout(&BoxedUint::from(power));
            let left = multiply(&b, &BoxedUint::from(EXPONENT));
            let right = multiply(&a, &BoxedUint::from(power));
            assert_eq!(left, right.concatenating_add(BoxedUint::one()));
        }
    }
}
