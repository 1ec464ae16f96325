//! The right edge of the log: all that is needed to append and to know the root.

use crate::hash::{Hash, node_hash};
use alloc::vec::Vec;
use ally_codec::{Decode, DecodeError, Encode, Reader, Writer};

/// The most commands a log can hold: 2^56, seven levels of tiles. At a million commands a second it
/// is full after two thousand years.
pub const LOG_SIZE_MAX: u64 = 1 << 56;

/// The roots of the complete subtrees that a log consists of, largest first.
///
/// An acceptor clones the frontier of the parent block, appends the leaf hashes of a proposed
/// block and compares size and root before it votes. A log of `n` commands has as many subtrees
/// as `n` has one bits, so a clone copies at most 57 hashes.
///
/// ```
/// use ally_log::{Frontier, Hash, leaf_hash};
/// let mut frontier = Frontier::new();
/// assert_eq!(frontier.root(), Hash::EMPTY_ROOT);
/// frontier.append(leaf_hash(b"first"));
/// assert_eq!((frontier.size(), frontier.root()), (1, leaf_hash(b"first")));
/// ```
///
/// # Source
/// RFC 9162 section 2.1.2.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frontier {
    size: u64,
    /// One root for each one bit of `size`, from the highest bit down.
    peaks: Vec<Hash>,
}

impl Frontier {
    /// The frontier of a log without commands.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many commands the log holds.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The frontier with these subtree roots, one for each one bit of `size`.
    pub(crate) fn from_peaks(size: u64, peaks: Vec<Hash>) -> Self {
        debug_assert_eq!(peaks.len(), size.count_ones() as usize);
        Self { size, peaks }
    }

    /// Appends one command, given as the [`leaf_hash`](crate::leaf_hash) of its bytes.
    ///
    /// # Cost
    /// One node hash on average, at most one per level.
    pub fn append(&mut self, leaf: Hash) {
        let mut root = leaf;
        // Every trailing one bit is a subtree as large as the one just built: they merge.
        for _ in 0..self.size.trailing_ones() {
            let left = self.peaks.pop().expect("one peak per one bit of the size");
            root = node_hash(&left, &root);
        }
        self.peaks.push(root);
        self.size += 1;
    }

    /// Appends commands in order, given as their leaf hashes.
    pub fn append_many(&mut self, leaves: impl IntoIterator<Item = Hash>) {
        for leaf in leaves {
            self.append(leaf);
        }
    }

    /// The Merkle tree root over all commands; [`Hash::EMPTY_ROOT`] if there are none.
    ///
    /// # Cost
    /// One node hash per subtree but one: at most 56.
    pub fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev();
        let Some(smallest) = peaks.next() else { return Hash::EMPTY_ROOT };
        peaks.fold(*smallest, |right, left| node_hash(left, &right))
    }
}

/// `size (8, LE) || roots (32 each, as many as size has one bits)`.
impl Encode for Frontier {
    fn encode(&self, writer: &mut Writer) {
        writer.u64(self.size);
        for peak in &self.peaks {
            writer.value(peak);
        }
    }
}

/// The roots cannot be checked here: a frontier from a peer is worth what its
/// [`root`](Frontier::root) is worth, which a certified checkpoint must confirm.
impl Decode for Frontier {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let size = reader.u64()?;
        if size > LOG_SIZE_MAX {
            return Err(DecodeError::Invalid("frontier: log size above 2^56"));
        }
        let peaks = (0..size.count_ones()).map(|_| reader.value()).collect::<Result<_, _>>()?;
        Ok(Self { size, peaks })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::leaf_hash;
    use crate::oracle::{leaves, tree_hash};
    use alloc::vec;

    #[test]
    fn every_size_has_the_root_of_the_recursive_definition() {
        let leaves = leaves(300);
        let mut frontier = Frontier::new();
        for size in 0..=leaves.len() {
            assert_eq!(frontier.size(), size as u64);
            assert_eq!(frontier.root(), tree_hash(&leaves[..size]), "size {size}");
            assert_eq!(Frontier::from_bytes(&frontier.to_bytes()), Ok(frontier.clone()));
            frontier.append_many(leaves.get(size).copied());
        }
    }

    #[test]
    fn a_clone_goes_its_own_way() {
        let mut first = Frontier::new();
        first.append_many(leaves(5));
        let mut second = first.clone();
        second.append(leaf_hash(b"other"));
        assert_eq!(first.root(), tree_hash(&leaves(5)));
        assert_ne!(first.root(), second.root());
    }

    #[test]
    fn hostile_bytes_are_refused_before_memory_is_set_aside() {
        let claim = u64::MAX.to_le_bytes();
        assert_eq!(
            Frontier::from_bytes(&claim),
            Err(DecodeError::Invalid("frontier: log size above 2^56"))
        );
        let mut short = vec![3, 0, 0, 0, 0, 0, 0, 0];
        short.extend([7; 40]);
        assert_eq!(
            Frontier::from_bytes(&short),
            Err(DecodeError::Truncated { needed: 32, left: 8 })
        );
        short.extend([7; 25]);
        assert_eq!(Frontier::from_bytes(&short), Err(DecodeError::TrailingBytes { left: 1 }));
    }
}
