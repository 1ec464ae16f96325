//! Sharing an integer down the tree, over the integers.
//!
//! The root's value is D S, S being the secret. A gate hands its value u down to its m children:
//!
//! | gate | child j gets | u is |
//! |---|---|---|
//! | 1 of m | u | that |
//! | m of m | a_j for j < m; u + a_1 + .. + a_(m-1) for j = m | the last one less all others |
//! | k of m | u + a_1 j + .. + a_(k-1) j^(k-1) | by Lagrange |
//!
//! Coefficients a are uniform below 2^A, with A so large that shares of an unqualified set look the
//! same for every S (see [`Widths`](super::width::Widths)). All values stay at zero or above, so that they
//! are exponents as they are; that is why the children of `m of m` add up to u with signs.
//!
//! # Why not modulo the order of the squares
//! A dealer who knows m could reduce every share modulo m, which would keep exponents as short as
//! the modulus. For one gate over servers that is Shoup's scheme. In a tree it gives the key away:
//! let one organisation hold a gate 2 of 3 below a root that it does not satisfy. Its three shares
//! lie on a line modulo m, so s_1 - 2 s_2 + s_3 is a multiple of m, and as all are between 0 and m it
//! is m itself, or -m, every other time. With m the organisation factors N and signs alone. Over
//! the integers the relation is exactly zero, and says nothing.
//! (`an_organisation_cannot_compute_the_order` in the tests.)
//!
//! # Why an unqualified set learns nothing
//! For every unqualified set there are *sweeping* integers: coefficients of a tree whose root has the
//! value D and in which all leaves of the set are 0. In a gate k of m with the qualified children B
//! (fewer than k) take D times the product of (1 - X/b) over b in B: its coefficients are integers,
//! as the product of the b divides m!, and its values at the other children are multiples of what
//! D has left for them. In a gate m of m put the value at an unqualified child. So adding
//! (S' - S) times the sweeping coefficients turns a sharing of S into one of S' that the set cannot
//! tell from it, if the coefficients are drawn from a range far wider than what is added.
//!
//! # Source
//! Damgard & Thorbek, "Linear Integer Secret Sharing and Distributed Exponentiation" (PKC 2006);
//! Benaloh & Leichter 1988 for the tree; Rabin 1998 and Frankel, Gemmell, MacKenzie & Yung 1997 for
//! D in front of the secret.

use ally_policy::Formula;
use crypto_bigint::{BoxedUint, Resize};
use zeroize::Zeroizing;

use super::Group;
use crate::access::Spread;

/// A secret number of fixed width, wiped when it goes.
pub(crate) type Part = Zeroizing<BoxedUint>;

/// How many coefficients a sharing over the formula has: k - 1 for each gate k of m.
pub(crate) fn coefficient_count(formula: &Formula) -> usize {
    match formula {
        Formula::Leaf(_) => 0,
        Formula::Gate(gate) => {
            let below: usize = gate.children().iter().map(coefficient_count).sum();
            usize::from(gate.threshold()) - 1 + below
        }
    }
}

/// The value of each leaf, from left to right, when the root has the value `root`. Constant time.
///
/// `coefficients` are those of all gates, from the root down, from left to right, as many as
/// [`coefficient_count`]. `bits` is a length that no value exceeds; all results have it (rounded up
/// to limbs).
pub(crate) fn share(
    formula: &Formula,
    root: &BoxedUint,
    coefficients: &[Part],
    bits: u32,
) -> Vec<Part> {
    let mut arithmetic = Integers { bits };
    walk(formula, Zeroizing::new(root.resize_unchecked(bits)), coefficients, &mut arithmetic)
}

/// The commitment to the value of each leaf, from left to right, out of those to the root's value
/// and to all coefficients.
///
/// # Cost
/// For each leaf and each coefficient of the gates above it, a power with the child's number.
///
/// # Variable time: public data only
pub(crate) fn commitments(
    group: &Group,
    formula: &Formula,
    root: &BoxedUint,
    coefficients: &[BoxedUint],
) -> Vec<BoxedUint> {
    let mut arithmetic = InExponent { group };
    walk(formula, root.clone(), coefficients, &mut arithmetic)
}

/// What walking down the tree takes: the same walk makes the values and, in the exponent of v, the
/// commitments to them.
trait Arithmetic {
    type Value: Clone;

    /// The value in the form that all results have.
    fn adopt(&mut self, value: &Self::Value) -> Self::Value;

    /// `value * factor + summand`.
    fn raise(&mut self, value: &Self::Value, factor: u64, summand: &Self::Value) -> Self::Value;
}

struct Integers {
    bits: u32,
}

impl Arithmetic for Integers {
    type Value = Part;

    fn adopt(&mut self, value: &Part) -> Part {
        Zeroizing::new((&**value).resize_unchecked(self.bits))
    }

    fn raise(&mut self, value: &Part, factor: u64, summand: &Part) -> Part {
        let product = Zeroizing::new(value.wrapping_mul(BoxedUint::from(factor)));
        Zeroizing::new(product.wrapping_add(&**summand))
    }
}

struct InExponent<'a> {
    group: &'a Group,
}

impl Arithmetic for InExponent<'_> {
    type Value = BoxedUint;

    fn adopt(&mut self, value: &BoxedUint) -> BoxedUint {
        value.clone()
    }

    fn raise(&mut self, value: &BoxedUint, factor: u64, summand: &BoxedUint) -> BoxedUint {
        let (factor, one) = (BoxedUint::from(factor), BoxedUint::one());
        self.group.modulus().pow_product(&[(value, &factor), (summand, &one)])
    }
}

fn walk<A: Arithmetic>(
    formula: &Formula,
    root: A::Value,
    coefficients: &[A::Value],
    arithmetic: &mut A,
) -> Vec<A::Value> {
    debug_assert_eq!(coefficients.len(), coefficient_count(formula));
    let coefficients: Vec<A::Value> =
        coefficients.iter().map(|coefficient| arithmetic.adopt(coefficient)).collect();
    let mut leaves = Vec::with_capacity(formula.leaf_count());
    descend(formula, root, &mut &coefficients[..], arithmetic, &mut leaves);
    leaves
}

/// Takes the coefficients of the gates it passes from the front of `rest`.
fn descend<A: Arithmetic>(
    formula: &Formula,
    value: A::Value,
    rest: &mut &[A::Value],
    arithmetic: &mut A,
    leaves: &mut Vec<A::Value>,
) {
    let gate = match formula {
        Formula::Leaf(_) => return leaves.push(value),
        Formula::Gate(gate) => gate,
    };
    let (threshold, fan_in) = (usize::from(gate.threshold()), gate.children().len());
    let (own, after) = rest.split_at(threshold - 1);
    *rest = after;
    let last = |arithmetic: &mut A| {
        own.iter().fold(value.clone(), |sum, summand| arithmetic.raise(&sum, 1, summand))
    };
    for (child, point) in gate.children().iter().zip(1..) {
        let part = match Spread::of(threshold, fan_in) {
            Spread::Copy => value.clone(),
            Spread::Sum if point < fan_in => own[point - 1].clone(),
            Spread::Sum => last(arithmetic),
            Spread::Shamir => polynomial(&value, own, point as u64, arithmetic),
        };
        descend(child, part, rest, arithmetic, leaves);
    }
}

/// The polynomial with `constant` and the further coefficients, lowest first, at `point`.
fn polynomial<A: Arithmetic>(
    constant: &A::Value,
    further: &[A::Value],
    point: u64,
    arithmetic: &mut A,
) -> A::Value {
    let (mut value, below) = match further.split_last() {
        Some((highest, below)) => (highest.clone(), below),
        None => return constant.clone(),
    };
    for coefficient in below.iter().rev().chain([constant]) {
        value = arithmetic.raise(&value, point, coefficient);
    }
    value
}
