//! Feldman's commitments along the tree: how many there are, and what they say of every node.

use super::curve::G2;
use ally_policy::Formula;

/// How many coefficients a sharing over `formula` has besides the constant at the root: one less
/// than its threshold for each gate.
pub(super) fn coefficient_count(formula: &Formula) -> usize {
    match formula {
        Formula::Leaf(_) => 0,
        Formula::Gate(gate) => {
            let below: usize = gate.children().iter().map(coefficient_count).sum();
            usize::from(gate.threshold()) - 1 + below
        }
    }
}

/// What is committed to for each leaf, from left to right, by a sharing whose root is committed to
/// as `root` and whose other coefficients, from the root down and from left to right, as
/// `coefficients`. `None` in place of a point is infinity: the commitment to 0.
///
/// `None` if the coefficients are not as many as the formula asks for, or if a node of a sharing
/// other than of 0 would get 0: then fewer servers than the formula demands could open it.
///
/// # Cost
/// One multiplication by a 16-bit number per child and coefficient of each gate.
///
/// # Variable time: public data only
pub(super) fn leaf_commitments(
    formula: &Formula,
    root: Option<G2>,
    coefficients: &[G2],
) -> Option<Vec<Option<G2>>> {
    if coefficients.len() != coefficient_count(formula) {
        return None;
    }
    let leaves = Vec::with_capacity(formula.leaf_count());
    let mut walk = Walk { rest: coefficients, zero_allowed: root.is_none(), leaves };
    walk.descend(formula, root)?;
    Some(walk.leaves)
}

struct Walk<'a> {
    /// The coefficients of the gates that have not been entered.
    rest: &'a [G2],
    zero_allowed: bool,
    leaves: Vec<Option<G2>>,
}

impl Walk<'_> {
    fn descend(&mut self, formula: &Formula, value: Option<G2>) -> Option<()> {
        if value.is_none() && !self.zero_allowed {
            return None;
        }
        let gate = match formula {
            Formula::Leaf(_) => {
                self.leaves.push(value);
                return Some(());
            }
            Formula::Gate(gate) => gate,
        };
        let (own, rest) = self.rest.split_at_checked(usize::from(gate.threshold()) - 1)?;
        self.rest = rest;
        for (child, x) in gate.children().iter().zip(1..) {
            self.descend(child, G2::polynomial(value.as_ref(), own, x))?;
        }
        Some(())
    }
}
