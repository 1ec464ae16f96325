//! A whole log of leaf hashes in memory, for clients, tools and tests.

use crate::hash::Hash;
use crate::tile::{Tile, TileReader};
use crate::tile_writer::{CompleteTile, TileWriter};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// All tiles of a log in memory: 32 bytes per command and a little more.
#[derive(Debug, Clone, Default)]
pub struct MemoryTiles {
    writer: TileWriter,
    complete: BTreeMap<(u8, u64), Vec<Hash>>,
}

/// A tile that the log in memory does not have (yet).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no tile {}: the log holds {size} commands", tile.path())]
pub struct NoTile {
    /// The tile asked for.
    pub tile: Tile,
    /// How many commands the log holds.
    pub size: u64,
}

impl MemoryTiles {
    /// A log without commands.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many commands the log holds.
    pub fn size(&self) -> u64 {
        self.writer.size()
    }

    /// Appends commands in order, given as their leaf hashes.
    pub fn append(&mut self, leaves: impl IntoIterator<Item = Hash>) {
        for CompleteTile { tile, hashes } in self.writer.append(leaves) {
            self.complete.insert((tile.level(), tile.index()), hashes);
        }
    }

    /// The Merkle tree root over all commands.
    pub fn root(&self) -> Hash {
        self.writer.frontier().root()
    }
}

impl TileReader for MemoryTiles {
    type Error = NoTile;

    fn tile(&self, tile: Tile) -> Result<Vec<Hash>, NoTile> {
        let complete = self.complete.get(&(tile.level(), tile.index())).map(Vec::as_slice);
        let edge = || self.writer.edge(tile.level());
        let hashes = match Tile::at_size(tile.level(), tile.index(), self.size()) {
            Some(now) if now.width() >= tile.width() => complete.unwrap_or_else(edge),
            _ => return Err(NoTile { tile, size: self.size() }),
        };
        Ok(hashes.to_vec())
    }
}
