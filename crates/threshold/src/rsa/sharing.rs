//! Splitting the dealer's secret down the tree.

use ally_policy::Formula;
use crypto_bigint::{BoxedUint, NonZero};
use zeroize::Zeroizing;

use crate::access::Spread;

/// A number modulo the secret order, wiped when it goes.
pub(crate) type Part = Zeroizing<BoxedUint>;

/// The part of each leaf, from left to right. Constant time in the secret, the parts and the
/// coefficients.
///
/// `uniform` returns numbers below `order`, uniform and independent. `secret` is below `order`;
/// all have the same width.
///
/// # Source
/// Benaloh & Leichter 1988; Shamir's polynomials modulo a composite order as in Shoup 2000: the
/// differences of points are invertible there, as they are smaller than every prime factor.
pub(crate) fn split(
    formula: &Formula,
    secret: Part,
    order: &NonZero<BoxedUint>,
    uniform: &mut dyn FnMut() -> Part,
) -> Vec<Part> {
    let mut leaves = Vec::with_capacity(formula.leaf_count());
    descend(formula, secret, order, uniform, &mut leaves);
    leaves
}

fn descend(
    formula: &Formula,
    secret: Part,
    order: &NonZero<BoxedUint>,
    uniform: &mut dyn FnMut() -> Part,
    leaves: &mut Vec<Part>,
) {
    let gate = match formula {
        Formula::Leaf(_) => return leaves.push(secret),
        Formula::Gate(gate) => gate,
    };
    let (threshold, fan_in) = (usize::from(gate.threshold()), gate.children().len());
    let parts = match Spread::of(threshold, fan_in) {
        Spread::Copy => vec![secret; fan_in],
        Spread::Sum => summands(secret, fan_in, order, uniform),
        Spread::Shamir => {
            let mut coefficients = vec![secret];
            coefficients.resize_with(threshold, &mut *uniform);
            (1..=fan_in).map(|point| evaluate(&coefficients, point, order)).collect()
        }
    };
    for (child, part) in gate.children().iter().zip(parts) {
        descend(child, part, order, uniform, leaves);
    }
}

/// `count` numbers that add up to the secret, all but the last drawn.
fn summands(
    secret: Part,
    count: usize,
    order: &NonZero<BoxedUint>,
    uniform: &mut dyn FnMut() -> Part,
) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::with_capacity(count);
    let mut rest = secret;
    for _ in 1..count {
        let part = uniform();
        rest = Zeroizing::new(rest.sub_mod(&part, order));
        parts.push(part);
    }
    parts.push(rest);
    parts
}

/// The polynomial with these coefficients, constant first, at `point`.
fn evaluate(coefficients: &[Part], point: usize, order: &NonZero<BoxedUint>) -> Part {
    let point = BoxedUint::from(point as u64).rem(order);
    let mut value = Zeroizing::new(BoxedUint::zero_with_precision(order.bits_precision()));
    for coefficient in coefficients.iter().rev() {
        let raised = Zeroizing::new(value.mul_mod(&point, order));
        value = Zeroizing::new(raised.add_mod(coefficient, order));
    }
    value
}
