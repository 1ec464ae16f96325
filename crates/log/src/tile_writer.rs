//! Cutting tiles while the log grows: each complete tile is handed out once, to be stored for good.

use crate::frontier::Frontier;
use crate::hash::{Hash, node_hash};
use crate::tile::{TILE_HEIGHT, TILE_WIDTH, Tile, TileReader};
use alloc::vec::Vec;

/// Turns appended leaf hashes into tiles, and keeps the incomplete tiles of the right edge.
///
/// The store writes what [`append`](TileWriter::append) returns, once per tile. Of the right edge
/// it needs to keep the leaf hashes only, because all hashes above them follow from complete tiles
/// ([`TileWriter::open`]).
#[derive(Debug, Clone, Default)]
pub struct TileWriter {
    size: u64,
    /// Per level the hashes of the incomplete tile, fewer than 256 each.
    edge: Vec<Vec<Hash>>,
}

/// A tile that has just become complete. It never changes again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompleteTile {
    /// Where the tile belongs; always complete.
    pub tile: Tile,
    /// Its 256 hashes.
    pub hashes: Vec<Hash>,
}

/// Why a [`TileWriter`] cannot take up a stored log. The store is to blame.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError<E> {
    /// A complete tile cannot be read.
    #[error("log tile {} cannot be read", tile.path())]
    Read {
        /// The tile.
        tile: Tile,
        /// What the reader says.
        source: E,
    },
    /// A stored tile has fewer hashes than it must.
    #[error("log tile {} holds {found} hashes", tile.path())]
    Short {
        /// The tile.
        tile: Tile,
        /// How many hashes were read.
        found: usize,
    },
    /// The leaf hashes of the right edge are not as many as the size asks for.
    #[error("the right edge of a log of {size} commands has {needed} leaf hashes, found {found}")]
    Edge {
        /// Commands in the log.
        size: u64,
        /// Leaf hashes after the last complete tile.
        needed: usize,
        /// Leaf hashes given.
        found: usize,
    },
}

impl TileWriter {
    /// The writer of a log without commands.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes up a stored log of `size` commands, of which `tiles` has all complete tiles and
    /// `edge_leaves` are the leaf hashes after the last of them (`size % 256`).
    ///
    /// # Errors
    /// [`OpenError`] if a tile is missing or short, or if `edge_leaves` has another length. That
    /// the hashes are right is for the caller to check, with [`TileWriter::frontier`].
    ///
    /// # Cost
    /// Reads at most 255 tiles per level.
    pub fn open<R: TileReader>(
        tiles: &R,
        size: u64,
        edge_leaves: &[Hash],
    ) -> Result<Self, OpenError<R::Error>> {
        let needed = (size % u64::from(TILE_WIDTH)) as usize;
        if edge_leaves.len() != needed {
            return Err(OpenError::Edge { size, needed, found: edge_leaves.len() });
        }
        let mut edge = Vec::from([edge_leaves.to_vec()]);
        let mut below = size / u64::from(TILE_WIDTH);
        while below > 0 {
            let first = below - below % u64::from(TILE_WIDTH);
            let level = edge.len() as u8 - 1;
            let roots = (first..below).map(|index| tile_root(tiles, Tile::complete(level, index)));
            edge.push(roots.collect::<Result<_, _>>()?);
            below /= u64::from(TILE_WIDTH);
        }
        Ok(Self { size, edge })
    }

    /// How many commands the log holds.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Appends leaf hashes and returns the tiles they complete, in the order of completion.
    ///
    /// # Cost
    /// One node hash per leaf hash, on average.
    pub fn append(&mut self, leaves: impl IntoIterator<Item = Hash>) -> Vec<CompleteTile> {
        let mut complete = Vec::new();
        for leaf in leaves {
            self.size += 1;
            self.push(leaf, &mut complete);
        }
        complete
    }

    /// The hashes of the incomplete tile of a level; empty if there are none.
    pub fn edge(&self, level: u8) -> &[Hash] {
        self.edge.get(usize::from(level)).map_or(&[], Vec::as_slice)
    }

    /// The frontier of the log, made from the right edge.
    pub fn frontier(&self) -> Frontier {
        let mut peaks = Vec::new();
        for hashes in self.edge.iter().rev() {
            let mut rest = hashes.as_slice();
            while !rest.is_empty() {
                let (subtree, after) = rest.split_at(1 << rest.len().ilog2());
                peaks.push(subtree_root(subtree));
                rest = after;
            }
        }
        Frontier::from_peaks(self.size, peaks)
    }

    /// Reads complete tiles from `tiles` and the right edge from this writer.
    pub fn with_edge<R: TileReader>(&self, tiles: R) -> WithEdge<'_, R> {
        WithEdge { writer: self, tiles }
    }

    fn push(&mut self, leaf: Hash, complete: &mut Vec<CompleteTile>) {
        let mut hash = leaf;
        for level in 0.. {
            if level == self.edge.len() {
                self.edge.push(Vec::with_capacity(usize::from(TILE_WIDTH)));
            }
            let edge = &mut self.edge[level];
            edge.push(hash);
            if edge.len() < usize::from(TILE_WIDTH) {
                return;
            }
            let hashes = core::mem::take(edge);
            hash = subtree_root(&hashes);
            let index = (self.size >> (usize::from(TILE_HEIGHT) * (level + 1))) - 1;
            complete.push(CompleteTile { tile: Tile::complete(level as u8, index), hashes });
        }
    }
}

/// Complete tiles from a store, the right edge from a [`TileWriter`].
#[derive(Debug, Clone, Copy)]
pub struct WithEdge<'a, R> {
    writer: &'a TileWriter,
    tiles: R,
}

impl<R: TileReader> TileReader for WithEdge<'_, R> {
    type Error = R::Error;

    fn tile(&self, tile: Tile) -> Result<Vec<Hash>, R::Error> {
        // A tile that was incomplete at the size asked for may be complete by now.
        match Tile::at_size(tile.level(), tile.index(), self.writer.size) {
            Some(now) if !now.is_complete() => Ok(self.writer.edge(tile.level()).to_vec()),
            _ => self.tiles.tile(Tile::complete(tile.level(), tile.index())),
        }
    }
}

fn tile_root<R: TileReader>(tiles: &R, tile: Tile) -> Result<Hash, OpenError<R::Error>> {
    let hashes = tiles.tile(tile).map_err(|source| OpenError::Read { tile, source })?;
    match hashes.len() == usize::from(TILE_WIDTH) {
        true => Ok(subtree_root(&hashes)),
        false => Err(OpenError::Short { tile, found: hashes.len() }),
    }
}

/// The root over hashes whose number is a power of two.
fn subtree_root(hashes: &[Hash]) -> Hash {
    debug_assert!(hashes.len().is_power_of_two());
    let mut level = hashes.to_vec();
    while level.len() > 1 {
        level = level.chunks_exact(2).map(|pair| node_hash(&pair[0], &pair[1])).collect();
    }
    level[0]
}
