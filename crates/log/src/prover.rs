//! Making proofs out of tiles.

use crate::frontier::Frontier;
use crate::hash::{Hash, node_hash};
use crate::proof::{ConsistencyProof, InclusionProof, ProofError};
use crate::tile::{TILE_HEIGHT, Tile, TileReader};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// Tiles that a prover keeps expanded, 16 KiB each. A single proof needs at most two per level.
const TILES_KEPT_MAX: usize = 64;

/// Makes proofs about the log as it stood at one size.
///
/// Tiles are read and hashed once and then kept (at most 64 of them), so that proofs for all
/// commands of a block cost a few copies each.
pub struct Prover<R> {
    reader: R,
    size: u64,
    kept: BTreeMap<(u8, u64), Expanded>,
}

/// Why a proof cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProveError<E> {
    /// There is no such proof: the caller asked for something outside the log.
    #[error(transparent)]
    Outside(ProofError),
    /// A tile cannot be read.
    #[error("log tile {} cannot be read", tile.path())]
    Read {
        /// The tile.
        tile: Tile,
        /// What the reader says.
        source: E,
    },
    /// The store returned fewer hashes than the tile has.
    #[error("log tile {} has only {found} hashes", tile.path())]
    Short {
        /// The tile.
        tile: Tile,
        /// How many hashes were read.
        found: usize,
    },
}

/// A tile with the inner nodes between its hashes: `levels[h][i]` covers `2^h` hashes.
struct Expanded {
    levels: Vec<Vec<Hash>>,
}

/// Proves that the command at `index` is in the log of `size` commands.
///
/// # Errors
/// [`ProveError`].
///
/// # Cost
/// Reads at most two tiles per level and hashes them; use a [`Prover`] for many proofs.
pub fn inclusion_proof<R: TileReader>(
    reader: R,
    index: u64,
    size: u64,
) -> Result<InclusionProof, ProveError<R::Error>> {
    Prover::new(reader, size).inclusion(index)
}

/// Proves that the log of `new_size` commands begins with the log of `old_size` commands.
///
/// # Errors
/// [`ProveError`].
///
/// # Cost
/// As [`inclusion_proof`].
pub fn consistency_proof<R: TileReader>(
    reader: R,
    old_size: u64,
    new_size: u64,
) -> Result<ConsistencyProof, ProveError<R::Error>> {
    Prover::new(reader, new_size).consistency(old_size)
}

impl<R: TileReader> Prover<R> {
    /// A prover for the log as it stood at `size` commands; `reader` may know a longer one.
    pub fn new(reader: R, size: u64) -> Self {
        Self { reader, size, kept: BTreeMap::new() }
    }

    /// The size that proofs are made for.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Proves that the command at `index` (from 0) is in the log.
    ///
    /// # Errors
    /// [`ProveError`]; [`ProofError::OutsideLog`] in it if there is no such command.
    ///
    /// # Source
    /// RFC 9162 section 2.1.3.1, `PATH`, written as a walk from the root down.
    pub fn inclusion(&mut self, index: u64) -> Result<InclusionProof, ProveError<R::Error>> {
        if index >= self.size {
            let outside = ProofError::OutsideLog { index, size: self.size };
            return Err(ProveError::Outside(outside));
        }
        let (mut first, mut end) = (0, self.size);
        let mut path = Vec::new();
        while end - first > 1 {
            let middle = first + split(end - first);
            if index < middle {
                path.push(self.range(middle, end)?);
                end = middle;
            } else {
                path.push(self.range(first, middle)?);
                first = middle;
            }
        }
        path.reverse();
        Ok(InclusionProof { path })
    }

    /// Proves that the log begins with the log of `old_size` commands.
    ///
    /// # Errors
    /// [`ProveError`]; [`ProofError::Shrunk`] in it if the log is smaller.
    ///
    /// # Source
    /// RFC 9162 section 2.1.4.1, `SUBPROOF`, written as a walk from the root down.
    pub fn consistency(&mut self, old_size: u64) -> Result<ConsistencyProof, ProveError<R::Error>> {
        if old_size > self.size {
            let shrunk = ProofError::Shrunk { old: old_size, new: self.size };
            return Err(ProveError::Outside(shrunk));
        }
        if old_size == 0 {
            return Ok(ConsistencyProof { path: Vec::new() });
        }
        let (mut first, mut end) = (0, self.size);
        let mut path = Vec::new();
        while old_size < end {
            let middle = first + split(end - first);
            if old_size <= middle {
                path.push(self.range(middle, end)?);
                end = middle;
            } else {
                path.push(self.range(first, middle)?);
                first = middle;
            }
        }
        // The verifier knows the root of the earlier log, so it is not sent where it is a node.
        if first > 0 {
            path.push(self.range(first, end)?);
        }
        path.reverse();
        Ok(ConsistencyProof { path })
    }

    /// The right edge of the log, from which a reader of later commands can go on by itself.
    ///
    /// # Errors
    /// [`ProveError`].
    pub fn frontier(&mut self) -> Result<Frontier, ProveError<R::Error>> {
        Ok(Frontier::from_peaks(self.size, self.peaks(0, self.size)?))
    }

    /// The tree hash over the leaves `first..end`, a node of the tree of this size: `first` is a
    /// multiple of the smallest power of two that is not below the number of leaves.
    fn range(&mut self, first: u64, end: u64) -> Result<Hash, ProveError<R::Error>> {
        let mut peaks = self.peaks(first, end)?;
        let smallest = peaks.pop().expect("a range has at least one leaf");
        Ok(peaks.iter().rev().fold(smallest, |right, left| node_hash(left, &right)))
    }

    /// The roots of the complete subtrees that the leaves `first..end` consist of, largest first.
    fn peaks(&mut self, first: u64, end: u64) -> Result<Vec<Hash>, ProveError<R::Error>> {
        let mut peaks = Vec::new();
        let mut at = first;
        while at < end {
            let height = (end - at).ilog2();
            peaks.push(self.node(height, at >> height)?);
            at += 1 << height;
        }
        Ok(peaks)
    }

    /// The root of the complete subtree over the leaves `index * 2^height` on.
    fn node(&mut self, height: u32, index: u64) -> Result<Hash, ProveError<R::Error>> {
        let tile_height = u32::from(TILE_HEIGHT);
        let (level, inner) = ((height / tile_height) as u8, height % tile_height);
        let per_tile = tile_height - inner;
        let tile = index >> per_tile;
        let position = (index - (tile << per_tile)) as usize;
        let expanded = self.expanded(level, tile)?;
        Ok(expanded.levels[inner as usize][position])
    }

    fn expanded(&mut self, level: u8, index: u64) -> Result<&Expanded, ProveError<R::Error>> {
        let key = (level, index);
        if !self.kept.contains_key(&key) {
            let tile = Tile::at_size(level, index, self.size).expect("nodes lie inside the log");
            let mut hashes =
                self.reader.tile(tile).map_err(|source| ProveError::Read { tile, source })?;
            if hashes.len() < usize::from(tile.width()) {
                return Err(ProveError::Short { tile, found: hashes.len() });
            }
            hashes.truncate(usize::from(tile.width()));
            if self.kept.len() == TILES_KEPT_MAX {
                // Receipts are asked for in log order: the first leaf tile is the one done with.
                self.kept.pop_first();
            }
            self.kept.insert(key, Expanded::new(hashes));
        }
        Ok(&self.kept[&key])
    }
}

impl Expanded {
    fn new(hashes: Vec<Hash>) -> Self {
        let mut levels = Vec::from([hashes]);
        while let Some(below) = levels.last().filter(|below| below.len() > 1) {
            let pairs = below.chunks_exact(2).map(|pair| node_hash(&pair[0], &pair[1]));
            levels.push(pairs.collect());
        }
        Self { levels }
    }
}

/// Where a tree of `size` leaves splits: the largest power of two below `size`, which is 2 or more.
fn split(size: u64) -> u64 {
    1 << (size - 1).ilog2()
}
