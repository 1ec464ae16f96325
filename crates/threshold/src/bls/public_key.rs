//! The public side of a dealt key: the dealer's commitments, and what follows from them.

use super::curve::{G2, G2_BYTES};
use super::verifying_key::VerifyingKey;
use crate::access::Access;
use ally_codec::{DecodeError, Reader, Writer};
use ally_policy::Formula;

/// The public key of an alliance together with what it takes to check every share: the dealer's
/// Feldman commitments, gate by gate.
///
/// A gate `k of m` shares its value with a polynomial of degree `k - 1`; child `i` (from 1) gets the
/// polynomial's value at `i`. Committed to are the coefficients in G2, from the root down and from
/// left to right; the constant term of a gate below the root is not repeated, because it follows
/// from the gate above. So the number of commitments is fixed by the formula, and every leaf has one
/// verification key that nobody has to be asked for.
pub(crate) struct PublicKey {
    key: VerifyingKey,
    commitments: Vec<G2>,
    /// The verification key of each leaf, from left to right.
    leaves: Vec<G2>,
}

impl PublicKey {
    /// Builds the key and derives the leaves' verification keys. `None` if the commitments are not
    /// as many as the formula asks for, or if a leaf's key would be the point at infinity (its
    /// secret would be 0, known to all).
    ///
    /// # Cost
    /// One multiplication by a 16-bit number per leaf and coefficient of the gate above it.
    pub(super) fn new(formula: &Formula, commitments: Vec<G2>) -> Option<Self> {
        if commitments.len() != commitment_count(formula) {
            return None;
        }
        let (root, mut below) = commitments.split_first()?;
        let mut leaves = Vec::with_capacity(formula.leaf_count());
        derive_leaves(formula, *root, &mut below, &mut leaves)?;
        Some(Self { key: VerifyingKey::new(*root), commitments, leaves })
    }

    /// What relying parties need.
    pub(crate) fn verifying_key(&self) -> &VerifyingKey {
        &self.key
    }

    /// The verification key of a leaf by number.
    pub(super) fn leaf(&self, leaf: usize) -> Option<&G2> {
        self.leaves.get(leaf)
    }

    /// Appends the commitments (96 bytes each); the formula fixes how many there are.
    pub(crate) fn encode(&self, writer: &mut Writer) {
        for commitment in &self.commitments {
            writer.raw(&commitment.encode());
        }
    }

    /// Reads the commitments of a key over the formula of `access`, and checks that every point is
    /// in the group.
    ///
    /// # Errors
    /// [`DecodeError`]; whoever made the key is to blame.
    pub(crate) fn decode(reader: &mut Reader<'_>, access: &Access) -> Result<Self, DecodeError> {
        let count = commitment_count(access.formula());
        // Checked before the points are: each of them costs a square root.
        let needed = count * G2_BYTES;
        if reader.left() < needed {
            return Err(DecodeError::Truncated { needed, left: reader.left() });
        }
        let commitments = (0..count)
            .map(|_| {
                let point = G2::decode(&reader.array()?);
                point.ok_or(DecodeError::Invalid("commitment: not a point of the group"))
            })
            .collect::<Result<_, _>>()?;
        let key = Self::new(access.formula(), commitments);
        key.ok_or(DecodeError::Invalid("commitment: a key of zero"))
    }
}

/// How many commitments a key over `formula` has: one for the root, and one per further coefficient.
fn commitment_count(formula: &Formula) -> usize {
    fn coefficients(formula: &Formula) -> usize {
        match formula {
            Formula::Leaf(_) => 0,
            Formula::Gate(gate) => {
                let below: usize = gate.children().iter().map(coefficients).sum();
                usize::from(gate.threshold()) - 1 + below
            }
        }
    }
    1 + coefficients(formula)
}

/// Walks down from a node whose value is committed to as `value`, takes the commitments of the gates
/// from `rest`, and collects the leaves. `None` if a value is zero.
fn derive_leaves(
    formula: &Formula,
    value: G2,
    rest: &mut &[G2],
    leaves: &mut Vec<G2>,
) -> Option<()> {
    let gate = match formula {
        Formula::Leaf(_) => {
            leaves.push(value);
            return Some(());
        }
        Formula::Gate(gate) => gate,
    };
    let (own, after) = rest.split_at_checked(usize::from(gate.threshold()) - 1)?;
    *rest = after;
    let polynomial: Vec<G2> = std::iter::once(value).chain(own.iter().copied()).collect();
    for (child, x) in gate.children().iter().zip(1..) {
        derive_leaves(child, G2::polynomial(&polynomial, x)?, rest, leaves)?;
    }
    Some(())
}
