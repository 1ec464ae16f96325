//! One value shared with a polynomial, and what it is committed to as (Feldman 1987).

use super::group::{Point, SecretScalar};
use super::threshold::identifier;
use ally_policy::ServerIndex;
use curve25519_dalek::traits::Identity;
use curve25519_dalek::{EdwardsPoint, Scalar};

/// A polynomial with the shared value at 0.
pub(super) struct Polynomial(Vec<SecretScalar>);

impl Polynomial {
    /// `value`, and `needed - 1` coefficients out of `draw`, so that `needed` shares fix it and
    /// fewer say nothing.
    pub(super) fn new(
        value: SecretScalar,
        needed: usize,
        draw: &mut dyn FnMut() -> SecretScalar,
    ) -> Self {
        // Of the final size at once: a buffer that grows leaves copies of secrets behind.
        let mut coefficients = Vec::with_capacity(needed);
        coefficients.push(value);
        coefficients.resize_with(needed, draw);
        Self(coefficients)
    }

    /// The value at 0.
    pub(super) fn value(&self) -> &SecretScalar {
        &self.0[0]
    }

    /// The server's share. Constant time.
    pub(super) fn share(&self, server: ServerIndex) -> SecretScalar {
        let at = identifier(server);
        let horner = |sum: SecretScalar, coefficient: &SecretScalar| {
            SecretScalar::new(sum.number() * at + coefficient.number())
        };
        self.0.iter().rev().fold(SecretScalar::zero(), horner)
    }

    /// What the coefficients are committed to as, the value's first. `None` where one of them is 0.
    pub(super) fn commitments(&self) -> Option<Vec<Point>> {
        self.0.iter().map(|coefficient| Point::new(coefficient.times_base())).collect()
    }

    /// As [`Polynomial::commitments`], but for the value, which everybody knows to be 0.
    pub(super) fn commitments_but_value(&self) -> Option<Vec<Point>> {
        self.0[1..].iter().map(|coefficient| Point::new(coefficient.times_base())).collect()
    }
}

/// What the server's share is committed to as; `root` is the commitment to the value at 0, and
/// `coefficients` are those to the others, ascending.
///
/// # Variable time: public data only
///
/// # Cost
/// For each coefficient a multiplication by a number of 9 bits.
pub(super) fn share_commitment(
    root: &EdwardsPoint,
    coefficients: &[Point],
    server: ServerIndex,
) -> EdwardsPoint {
    let at = u32::from(server.0) + 1;
    let above = coefficients.iter().rev().fold(EdwardsPoint::identity(), |sum, coefficient| {
        times_small(&(sum + coefficient.point()), at)
    });
    above + root
}

/// Doubles and adds. Interpolation takes as many multiplications as a key has coefficients, and for
/// every server: numbers are kept short.
fn times_small(point: &EdwardsPoint, number: u32) -> EdwardsPoint {
    let bits = (0..u32::BITS - number.leading_zeros()).rev();
    bits.fold(EdwardsPoint::identity(), |sum, bit| {
        let doubled = sum + sum;
        if number >> bit & 1 == 1 { doubled + point } else { doubled }
    })
}

/// Whether `share` is what it is committed to as. Constant time but for the verdict.
pub(super) fn is_due(share: &SecretScalar, commitment: &EdwardsPoint) -> bool {
    share.times_base() == *commitment
}

/// The sums of commitments, coefficient by coefficient; `None` where one is to 0, or if they are not
/// all `count`.
pub(super) fn sum_of_commitments(count: usize, all: &[&[Point]]) -> Option<Vec<Point>> {
    let sum = |at: usize| {
        let terms = all.iter().map(|points| points.get(at));
        let terms = terms.collect::<Option<Vec<_>>>()?;
        Point::new(terms.into_iter().map(Point::point).sum())
    };
    (0..count).map(sum).collect()
}

/// `a*A + b*B`, in one go.
///
/// # Variable time: public data only
pub(super) fn times_with_base(a: &Scalar, point: &EdwardsPoint, b: &Scalar) -> EdwardsPoint {
    EdwardsPoint::vartime_double_scalar_mul_basepoint(a, point, b)
}
