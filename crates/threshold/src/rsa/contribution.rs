//! Committed sharings: the public half of what a dealer gives.

use ally_codec::{DecodeError, Reader, Writer};
use crypto_bigint::BoxedUint;

use super::Group;
use super::sharing::{Part, coefficient_count, commitments};
use super::width::{read_secret, secret_bytes};
use crate::PartFault;
use crate::access::Access;
use crate::expo::pow_secret_all;

/// One sharing over the new formula, modulo one N_i, with commitments to all of it.
#[derive(Clone)]
pub(crate) struct Tree {
    group: Group,
    /// v^a of each coefficient.
    coefficients: Vec<BoxedUint>,
    /// v to the value of each leaf.
    leaves: Vec<BoxedUint>,
    /// Values of leaves are below 2^width.
    width: u32,
}

/// What a dealer commits to.
#[derive(Clone)]
pub(crate) struct Contribution {
    /// v^d, where the sharing is of a new key's root.
    root: Option<BoxedUint>,
    /// A new key: one. Refresh: one of zero for each component. Reshare: for each leaf of the dealer,
    /// one for each component.
    trees: Vec<Tree>,
}

impl Tree {
    /// The sharing whose root's value is committed to as `root`.
    pub(crate) fn new(
        group: Group,
        access: &Access,
        root: &BoxedUint,
        coefficients: Vec<BoxedUint>,
        width: u32,
    ) -> Self {
        let leaves = commitments(&group, access.formula(), root, &coefficients);
        Self { group, coefficients, leaves, width }
    }

    /// Reads the coefficients and checks that they are in range and invertible.
    pub(crate) fn read(
        reader: &mut Reader<'_>,
        group: Group,
        access: &Access,
        root: &BoxedUint,
        width: u32,
    ) -> Result<Self, DecodeError> {
        let count = coefficient_count(access.formula());
        // Known before anything is set aside for them.
        let needed = count * group.width();
        if reader.left() < needed {
            return Err(DecodeError::Truncated { needed, left: reader.left() });
        }
        let coefficients: Option<Vec<BoxedUint>> =
            reader.raw(needed)?.chunks(group.width()).map(|bytes| group.number(bytes)).collect();
        let coefficients =
            coefficients.ok_or(DecodeError::Invalid("commitment: not below the modulus"))?;
        if !group.all_invertible(coefficients.iter().chain([root])) {
            return Err(DecodeError::Invalid("commitment: not invertible"));
        }
        Ok(Self::new(group, access, root, coefficients, width))
    }

    pub(crate) fn group(&self) -> &Group {
        &self.group
    }

    /// v to the value of the leaf.
    pub(crate) fn leaf(&self, leaf: usize) -> &BoxedUint {
        &self.leaves[leaf]
    }

    pub(crate) fn leaves(&self) -> &[BoxedUint] {
        &self.leaves
    }
}

impl Contribution {
    /// To a new key: `root` is v^d.
    pub(crate) fn to_new_key(root: BoxedUint, tree: Tree) -> Self {
        Self { root: Some(root), trees: vec![tree] }
    }

    /// To new shares of an old key.
    pub(crate) fn to_new_shares(trees: Vec<Tree>) -> Self {
        Self { root: None, trees }
    }

    pub(crate) fn trees(&self) -> &[Tree] {
        &self.trees
    }

    /// For a new key `N || v^d` in front; the coefficients of each sharing.
    pub(crate) fn encode(&self, writer: &mut Writer) {
        if let (Some(root), Some(tree)) = (&self.root, self.trees.first()) {
            writer.raw(&tree.group.name()).raw(&tree.group.bytes(root));
        }
        for tree in &self.trees {
            for coefficient in &tree.coefficients {
                writer.raw(&tree.group.bytes(coefficient));
            }
        }
    }

    /// Bytes of what one leaf gets: its value in each sharing.
    pub(crate) fn leaf_bytes(&self) -> usize {
        self.trees.iter().map(|tree| secret_bytes(tree.width)).sum()
    }

    /// Checks what `leaf` got: v to each value is what the commitments say. `secret` has
    /// [`Contribution::leaf_bytes`].
    ///
    /// # Errors
    /// [`PartFault`]: the dealer is to blame.
    pub(crate) fn check_leaf(&self, leaf: usize, secret: &[u8]) -> Result<(), PartFault> {
        let mut rest = secret;
        let mut values: Vec<Part> = Vec::with_capacity(self.trees.len());
        for tree in &self.trees {
            let (own, after) = rest
                .split_at_checked(secret_bytes(tree.width))
                .ok_or(PartFault::OutOfRange { leaf })?;
            values.push(read_secret(own, tree.width).ok_or(PartFault::OutOfRange { leaf })?);
            rest = after;
        }
        let jobs: Vec<_> = self
            .trees
            .iter()
            .zip(&values)
            .map(|(tree, value)| (tree.group.modulus(), tree.group.base(), &**value))
            .collect();
        let holds = |(power, tree): (&BoxedUint, &Tree)| tree.leaves.get(leaf) == Some(power);
        if pow_secret_all(&jobs).iter().zip(&self.trees).all(holds) {
            Ok(())
        } else {
            Err(PartFault::Mismatch { leaf })
        }
    }
}
