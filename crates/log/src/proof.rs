//! Inclusion and consistency proofs, and their verification with nothing but hashing.

use crate::hash::{Hash, node_hash};
use alloc::vec::Vec;
use ally_codec::{Decode, DecodeError, Encode, Reader, Writer};

/// The most hashes in a proof: one per level of the tree, and one more in a consistency proof.
pub const PROOF_HASHES_MAX: usize = 65;

/// Proves that a command stands at an index of a log with a known root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InclusionProof {
    pub(crate) path: Vec<Hash>,
}

/// Proves that a log is an earlier log with commands appended: nothing was changed or removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsistencyProof {
    pub(crate) path: Vec<Hash>,
}

/// Why a proof proves nothing. Whoever made it is to blame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// The index is not in the log.
    #[error("index {index} is outside a log of {size} commands")]
    OutsideLog {
        /// Index of the command, from 0.
        index: u64,
        /// Commands in the log.
        size: u64,
    },
    /// The later log is smaller than the earlier one.
    #[error("a log of {old} commands cannot have shrunk to {new}")]
    Shrunk {
        /// Commands in the earlier log.
        old: u64,
        /// Commands in the later log.
        new: u64,
    },
    /// The proof has too few or too many hashes.
    #[error("the proof has {found} hashes, {needed} are needed")]
    Length {
        /// How many hashes such a proof has.
        needed: usize,
        /// How many it has.
        found: usize,
    },
    /// The proof leads to another root than that of the log.
    #[error("the proof leads to log root {found}, the log root is {expected}")]
    Root {
        /// The known root.
        expected: Hash,
        /// The root the proof leads to.
        found: Hash,
    },
    /// The proof leads to another root than that of the earlier log.
    #[error("the proof leads to earlier log root {found}, the earlier log root is {expected}")]
    OldRoot {
        /// The known root of the earlier log.
        expected: Hash,
        /// The root the proof leads to.
        found: Hash,
    },
}

impl InclusionProof {
    /// A proof of hashes that came from elsewhere, from the leaf's sibling upwards.
    ///
    /// # Errors
    /// [`DecodeError::TooLong`] above [`PROOF_HASHES_MAX`] hashes.
    pub fn from_path(path: Vec<Hash>) -> Result<Self, DecodeError> {
        bounded(path).map(|path| Self { path })
    }

    /// The hashes, from the leaf's sibling upwards.
    pub fn path(&self) -> &[Hash] {
        &self.path
    }

    /// The root of the log of `size` commands that has `leaf` at `index`.
    ///
    /// # Errors
    /// [`ProofError::OutsideLog`] or [`ProofError::Length`].
    ///
    /// # Source
    /// RFC 9162 section 2.1.3.2.
    pub fn root(&self, leaf: Hash, index: u64, size: u64) -> Result<Hash, ProofError> {
        if index >= size {
            return Err(ProofError::OutsideLog { index, size });
        }
        let shape = Shape::of(index, size);
        check_length(&self.path, shape.inside + shape.left_border)?;
        let (inside, border) = self.path.split_at(shape.inside);
        let subtree = climb(leaf, index, inside);
        Ok(border.iter().fold(subtree, |right, left| node_hash(left, &right)))
    }

    /// Checks that `leaf` stands at `index` of the log of `size` commands with root `root`.
    ///
    /// # Errors
    /// [`ProofError`] that names what does not fit.
    pub fn verify(&self, leaf: Hash, index: u64, size: u64, root: &Hash) -> Result<(), ProofError> {
        match self.root(leaf, index, size)? {
            found if found == *root => Ok(()),
            found => Err(ProofError::Root { expected: *root, found }),
        }
    }
}

impl ConsistencyProof {
    /// A proof of hashes that came from elsewhere, from the bottom upwards.
    ///
    /// # Errors
    /// [`DecodeError::TooLong`] above [`PROOF_HASHES_MAX`] hashes.
    pub fn from_path(path: Vec<Hash>) -> Result<Self, DecodeError> {
        bounded(path).map(|path| Self { path })
    }

    /// The hashes, from the bottom upwards.
    pub fn path(&self) -> &[Hash] {
        &self.path
    }

    /// Checks that the log of `new_size` commands with root `new_root` begins with the log of
    /// `old_size` commands with root `old_root`.
    ///
    /// # Errors
    /// [`ProofError`] that names what does not fit.
    ///
    /// # Source
    /// RFC 9162 section 2.1.4.2. Every log begins with the empty one, and with itself: those proofs
    /// are empty.
    pub fn verify(
        &self,
        old_size: u64,
        old_root: &Hash,
        new_size: u64,
        new_root: &Hash,
    ) -> Result<(), ProofError> {
        if old_size > new_size {
            return Err(ProofError::Shrunk { old: old_size, new: new_size });
        }
        if old_size == 0 || old_size == new_size {
            check_length(&self.path, 0)?;
            let expected = if old_size == 0 { &Hash::EMPTY_ROOT } else { new_root };
            return same_old_root(*old_root, *expected);
        }
        // The proof starts at the largest complete subtree that ends where the earlier log ends. If
        // that is the whole earlier log, the verifier knows its root and it is not sent.
        let start = old_size.trailing_zeros();
        let (index, size) = ((old_size - 1) >> start, ((new_size - 1) >> start) + 1);
        let shape = Shape::of(index, size);
        let sent = usize::from(!old_size.is_power_of_two());
        check_length(&self.path, sent + shape.inside + shape.left_border)?;
        let (sent, rest) = self.path.split_at(sent);
        let first = *sent.first().unwrap_or(old_root);
        let (inside, border) = rest.split_at(shape.inside);
        // The earlier log consists of the start and of the subtrees to its left.
        let old = border.iter().fold(climb_left(first, index, inside), left_fold);
        same_old_root(*old_root, old)?;
        let new = border.iter().fold(climb(first, index, inside), left_fold);
        match new == *new_root {
            true => Ok(()),
            false => Err(ProofError::Root { expected: *new_root, found: new }),
        }
    }
}

/// `count (4, LE) || hashes (32 each)`.
impl Encode for InclusionProof {
    fn encode(&self, writer: &mut Writer) {
        writer.list(&self.path);
    }
}

impl Decode for InclusionProof {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { path: reader.list(PROOF_HASHES_MAX)? })
    }
}

/// `count (4, LE) || hashes (32 each)`.
impl Encode for ConsistencyProof {
    fn encode(&self, writer: &mut Writer) {
        writer.list(&self.path);
    }
}

impl Decode for ConsistencyProof {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { path: reader.list(PROOF_HASHES_MAX)? })
    }
}

/// How the path from a leaf to the root runs.
struct Shape {
    /// Steps below the point where the paths of this leaf and of the last leaf meet.
    inside: usize,
    /// Steps above it. There the path is the right border, and every sibling lies to the left.
    left_border: usize,
}

impl Shape {
    /// The shape of the path from `index` in a tree of `size` leaves; `index` is below `size`.
    fn of(index: u64, size: u64) -> Self {
        let inside = u64::BITS - (index ^ (size - 1)).leading_zeros();
        let above = index.checked_shr(inside).unwrap_or(0);
        Self { inside: inside as usize, left_border: above.count_ones() as usize }
    }
}

/// The root of the subtree reached from `leaf` over `siblings`.
fn climb(leaf: Hash, index: u64, siblings: &[Hash]) -> Hash {
    siblings.iter().enumerate().fold(leaf, |hash, (level, sibling)| {
        if index >> level & 1 == 0 { node_hash(&hash, sibling) } else { node_hash(sibling, &hash) }
    })
}

/// As [`climb`], but over what lies to the left alone.
fn climb_left(leaf: Hash, index: u64, siblings: &[Hash]) -> Hash {
    siblings.iter().enumerate().fold(leaf, |hash, (level, sibling)| {
        if index >> level & 1 == 0 { hash } else { node_hash(sibling, &hash) }
    })
}

fn left_fold(right: Hash, left: &Hash) -> Hash {
    node_hash(left, &right)
}

fn same_old_root(expected: Hash, found: Hash) -> Result<(), ProofError> {
    if found == expected { Ok(()) } else { Err(ProofError::OldRoot { expected, found }) }
}

fn check_length(path: &[Hash], needed: usize) -> Result<(), ProofError> {
    if path.len() == needed {
        Ok(())
    } else {
        Err(ProofError::Length { needed, found: path.len() })
    }
}

fn bounded(path: Vec<Hash>) -> Result<Vec<Hash>, DecodeError> {
    match path.len() {
        0..=PROOF_HASHES_MAX => Ok(path),
        claimed => Err(DecodeError::TooLong { claimed, limit: PROOF_HASHES_MAX }),
    }
}
