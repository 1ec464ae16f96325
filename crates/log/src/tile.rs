//! The log cut into tiles of 256 hashes, and where they are read from.

use crate::frontier::LOG_SIZE_MAX;
use crate::hash::Hash;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// Levels of the tree that one tile spans.
pub const TILE_HEIGHT: u8 = 8;

/// Hashes in a complete tile.
pub const TILE_WIDTH: u16 = 1 << TILE_HEIGHT;

/// Levels of tiles in the largest log, [`LOG_SIZE_MAX`].
pub const TILE_LEVELS_MAX: u8 = (LOG_SIZE_MAX.trailing_zeros() / TILE_HEIGHT as u32) as u8 + 1;

/// Which hashes: `width` neighbours on level `8 * level` of the tree, from position `256 * index`
/// on. Level 0 holds the leaf hashes; a hash on a higher level is the root of a complete tile below.
///
/// # Source
/// C2SP tlog-tiles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tile {
    level: u8,
    index: u64,
    width: u16,
}

impl Tile {
    /// A tile with all its 256 hashes.
    pub fn complete(level: u8, index: u64) -> Self {
        Self { level, index, width: TILE_WIDTH }
    }

    /// The tile as it stands in a log of `size` commands: complete, cut off at the right edge, or
    /// `None` where such a log has no hashes at all.
    pub fn at_size(level: u8, index: u64, size: u64) -> Option<Self> {
        let hashes = size.checked_shr(u32::from(level) * u32::from(TILE_HEIGHT)).unwrap_or(0);
        let before = index.checked_mul(u64::from(TILE_WIDTH))?;
        let width = hashes.saturating_sub(before).min(u64::from(TILE_WIDTH)) as u16;
        (width > 0).then_some(Self { level, index, width })
    }

    /// The level of tiles, from 0 at the leaves.
    pub fn level(self) -> u8 {
        self.level
    }

    /// The position among the tiles of its level, from 0.
    pub fn index(self) -> u64 {
        self.index
    }

    /// How many hashes it has, 1 to 256.
    pub fn width(self) -> u16 {
        self.width
    }

    /// Whether it has all its 256 hashes, so that it will never change again.
    pub fn is_complete(self) -> bool {
        self.width == TILE_WIDTH
    }

    /// The path of the tile in an archive, for instance `tile/0/x001/x234/067.p/12`.
    pub fn path(self) -> String {
        let mut number = format!("{:03}", self.index % 1000);
        let mut rest = self.index / 1000;
        while rest > 0 {
            number = format!("x{:03}/{number}", rest % 1000);
            rest /= 1000;
        }
        let partial = if self.is_complete() { String::new() } else { format!(".p/{}", self.width) };
        format!("tile/{}/{number}{partial}", self.level)
    }
}

/// Where tiles are kept: a store, an archive, memory.
pub trait TileReader {
    /// What can go wrong with reading.
    type Error;

    /// The hashes of `tile`, from its left end: at least `tile.width()` of them. A tile that has
    /// grown since may be returned as it is now, because hashes never change once they are there.
    ///
    /// # Errors
    /// Whatever keeps the tile from being read; that it is not there is an error too.
    fn tile(&self, tile: Tile) -> Result<Vec<Hash>, Self::Error>;
}

impl<R: TileReader + ?Sized> TileReader for &R {
    type Error = R::Error;

    fn tile(&self, tile: Tile) -> Result<Vec<Hash>, Self::Error> {
        (**self).tile(tile)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_follow_from_the_size() {
        let width = |level, index, size| Tile::at_size(level, index, size).map(Tile::width);
        assert_eq!(width(0, 0, 0), None);
        assert_eq!(width(0, 0, 1), Some(1));
        assert_eq!(width(0, 0, 256), Some(256));
        assert_eq!(width(0, 1, 256), None);
        assert_eq!(width(0, 1, 257), Some(1));
        assert_eq!(width(1, 0, 255), None);
        assert_eq!(width(1, 0, 70_000), Some(256));
        assert_eq!(width(1, 1, 70_000), Some(17));
        assert_eq!(width(2, 0, 70_000), Some(1));
        assert_eq!(width(TILE_LEVELS_MAX - 1, 0, LOG_SIZE_MAX), Some(1));
        assert_eq!(width(u8::MAX, 0, u64::MAX), None);
        assert_eq!(width(0, u64::MAX, u64::MAX), None);
    }

    #[test]
    fn vec_paths_are_those_of_tlog_tiles() {
        assert_eq!(Tile::complete(0, 1_234_067).path(), "tile/0/x001/x234/067");
        assert_eq!(Tile::complete(1, 0).path(), "tile/1/000");
        let partial = Tile::at_size(0, 273, 273 * 256 + 112).map(Tile::path);
        assert_eq!(partial.as_deref(), Some("tile/0/273.p/112"));
    }
}
