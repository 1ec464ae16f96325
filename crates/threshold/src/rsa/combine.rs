//! From shares modulo one N_i to the root modulo it.

use crypto_bigint::BoxedUint;

use super::integer::scale;
use super::{Coefficients, Component, Denominator};
use crate::access::Selection;

/// The e-th root of `encoded`, if all shares are right. `shares` are those of the selection's
/// leaves, in order. `None` where shares cannot be inverted; a wrong share that can be makes a
/// wrong root.
///
/// # Source
/// Shoup 2000, section 3.1, with one inversion for everything: with w = P/M (the products over
/// positive and negative coefficients) and b e - a K = 1 the root is w^-a x^b = (M/P)^a x^b.
///
/// # Cost
/// One inversion, about 20 squarings plus those of the largest coefficient and of the multiplier.
/// Variable time: all of it is public.
pub(crate) fn combine(
    component: &Component,
    denominator: &Denominator,
    encoded: &BoxedUint,
    selection: &Selection,
    shares: &[&BoxedUint],
) -> Option<BoxedUint> {
    let coefficients = Coefficients::of(selection, denominator);
    debug_assert_eq!(coefficients.leaves.len(), shares.len());
    let modulus = component.group().modulus();
    let product = |negative: bool| {
        let doubled: Vec<(&BoxedUint, BoxedUint)> = shares
            .iter()
            .zip(&coefficients.leaves)
            .filter(|(_, coefficient)| coefficient.is_negative() == negative)
            .map(|(share, coefficient)| (*share, scale(coefficient.magnitude(), 2)))
            .collect();
        let terms: Vec<_> = doubled.iter().map(|(share, exponent)| (*share, exponent)).collect();
        modulus.pow_product(&terms)
    };
    let (positive, negative) = (product(false), product(true));
    let one = BoxedUint::one();
    let inverse = modulus.pow_product(&[(&negative, &one), (&modulus.invert(&positive)?, &one)]);
    let (a, b) = coefficients.root(component.multiplier());
    Some(modulus.pow_product(&[(&inverse, &a), (encoded, &b)]))
}
