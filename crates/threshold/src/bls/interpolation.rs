//! Interpolation along the tree: with which factor a leaf's value goes into the root's.

use super::scalar::Scalar;
use crate::access::Selection;

/// The factor of each selected leaf, in the order of [`Selection::leaves`]: the product of the
/// Lagrange coefficients on its way to the root.
///
/// # Variable time: public data only
pub(super) fn weights(selection: &Selection) -> Vec<Scalar> {
    let mut weights = Vec::new();
    collect(selection, Scalar::small(1), &mut weights);
    weights
}

fn collect(selection: &Selection, weight: Scalar, weights: &mut Vec<Scalar>) {
    match selection {
        Selection::Leaf(_) => weights.push(weight),
        Selection::Gate { chosen, .. } => {
            let points: Vec<Scalar> = chosen.iter().map(|(x, _)| Scalar::small(*x)).collect();
            for ((_, child), x) in chosen.iter().zip(&points) {
                collect(child, weight.times(&lagrange_at_zero(x, &points)), weights);
            }
        }
    }
}

/// The Lagrange coefficient of `x` for the value at 0, over `points`, which are distinct and not 0:
/// the product of `p / (p - x)` over the other points.
fn lagrange_at_zero(x: &Scalar, points: &[Scalar]) -> Scalar {
    let others = points.iter().filter(|point| *point != x);
    let one = (Scalar::small(1), Scalar::small(1));
    let (above, below) = others
        .fold(one, |(above, below), point| (above.times(point), below.times(&point.minus(x))));
    above.times(&below.inverse())
}
