//! What one of several dealers commits to.

use super::curve::G2;
use super::scalar::SCALAR_BYTES;
use super::sharing::Sharing;
use crate::PartFault;
use crate::access::Secret;
use ally_codec::Writer;
use zeroize::Zeroizing;

/// The public half of what one dealer gives: the commitments to each value that it shares.
#[derive(Clone)]
pub(crate) struct Contribution {
    root: Root,
    sharings: Vec<Sharing>,
}

/// Whether the commitment to a shared value itself is part of the encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Root {
    /// A fresh value, known by its commitment alone.
    Sent,
    /// 0, or the secret of an old leaf: everybody knows the commitment.
    Known,
}

/// A contribution, and the secrets of all leaves, from left to right: for each value shared 32 bytes
/// (LE), one after the other.
pub(crate) type Dealing = (Contribution, Vec<Secret>);

impl Contribution {
    /// One fresh value.
    pub(super) fn of_fresh(sharing: Sharing) -> Self {
        Self { root: Root::Sent, sharings: vec![sharing] }
    }

    /// Values that everybody knows a commitment to.
    pub(super) fn of_known(sharings: Vec<Sharing>) -> Self {
        Self { root: Root::Known, sharings }
    }

    /// The values shared, in order.
    pub(super) fn sharings(&self) -> &[Sharing] {
        &self.sharings
    }

    /// What a fresh value is committed to as; `None` for other contributions.
    pub(super) fn fresh_root(&self) -> Option<&G2> {
        match self.root {
            Root::Sent => self.sharings.first()?.root(),
            Root::Known => None,
        }
    }

    /// Appends the commitments (96 bytes each) in the order of the values shared; of each value
    /// first the root, if it is a fresh one, then the coefficients.
    pub(crate) fn encode(&self, writer: &mut Writer) {
        for sharing in &self.sharings {
            if let (Root::Sent, Some(root)) = (self.root, sharing.root()) {
                writer.raw(&root.encode());
            }
            sharing.encode_coefficients(writer);
        }
    }

    /// Bytes that one leaf gets from this dealer: 32 for each value shared.
    pub(crate) fn leaf_bytes(&self) -> usize {
        self.sharings.len() * SCALAR_BYTES
    }

    /// Checks what `leaf` got, all [`leaf_bytes`](Self::leaf_bytes) of it, against the commitments.
    /// Constant time but for whether it is right, and whether it is 0.
    ///
    /// # Errors
    /// [`PartFault::OutOfRange`], [`PartFault::Mismatch`]: the dealer is to blame.
    ///
    /// # Cost
    /// One multiplication in G2 for each value shared.
    pub(crate) fn check_leaf(&self, leaf: usize, secret: &[u8]) -> Result<(), PartFault> {
        let (numbers, rest) = secret.as_chunks::<SCALAR_BYTES>();
        if numbers.len() != self.sharings.len() || !rest.is_empty() {
            return Err(PartFault::Length { expected: self.leaf_bytes(), actual: secret.len() });
        }
        for (sharing, number) in self.sharings.iter().zip(numbers) {
            match sharing.is_due(leaf, number) {
                Some(true) => {}
                Some(false) => return Err(PartFault::Mismatch { leaf }),
                None => return Err(PartFault::OutOfRange { leaf }),
            }
        }
        Ok(())
    }
}

/// Turns the secrets of all leaves, value by value, into those of all values, leaf by leaf.
pub(super) fn leaf_by_leaf(leaves: usize, values: &[Vec<Secret>]) -> Vec<Secret> {
    let of_leaf = |leaf: usize| {
        // Of the final size at once: a buffer that grows leaves copies of secrets behind.
        let mut all = Zeroizing::new(Vec::with_capacity(values.len() * SCALAR_BYTES));
        values.iter().for_each(|secrets| all.extend_from_slice(&secrets[leaf]));
        all
    };
    (0..leaves).map(of_leaf).collect()
}
