//! Tiles: cut once, read back, restored after a restart.

use crate::oracle::{leaves, tree_hash};
use crate::{
    Frontier, Hash, MemoryTiles, NoTile, OpenError, Prover, TILE_WIDTH, Tile, TileReader,
    TileWriter,
};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::cell::Cell;

/// What a node keeps on disk: complete tiles alone.
#[derive(Default)]
struct Disk {
    tiles: BTreeMap<(u8, u64), Vec<Hash>>,
    reads: Cell<usize>,
}

impl TileReader for Disk {
    type Error = NoTile;

    fn tile(&self, tile: Tile) -> Result<Vec<Hash>, NoTile> {
        self.reads.set(self.reads.get() + 1);
        let hashes = self.tiles.get(&(tile.level(), tile.index()));
        hashes.cloned().ok_or(NoTile { tile, size: 0 })
    }
}

impl Disk {
    fn append(&mut self, writer: &mut TileWriter, leaves: &[Hash]) {
        for complete in writer.append(leaves.iter().copied()) {
            assert!(complete.tile.is_complete());
            assert_eq!(complete.hashes.len(), usize::from(TILE_WIDTH));
            let key = (complete.tile.level(), complete.tile.index());
            let before = self.tiles.insert(key, complete.hashes);
            assert_eq!(before, None, "a tile is handed out once");
        }
    }
}

/// Three levels of tiles, with a partial one on each.
const SIZE: u64 = 65_536 + 2 * 256 + 3;

#[test]
fn a_log_grows_over_tiles_and_restarts() {
    let leaves = leaves(SIZE);
    let (mut disk, mut writer, mut frontier) = Default::default();
    let mut start = 0;
    for end in [1, 255, 256, 257, 700, 65_535, 65_536, SIZE as usize] {
        Disk::append(&mut disk, &mut writer, &leaves[start..end]);
        Frontier::append_many(&mut frontier, leaves[start..end].iter().copied());
        assert_eq!(writer.frontier(), frontier, "size {end}");
        let edge = &leaves[end - end % 256..end];
        let opened = TileWriter::open(&disk, end as u64, edge).unwrap();
        for level in 0..4 {
            assert_eq!(opened.edge(level), writer.edge(level), "level {level} of {end}");
        }
        assert_eq!(opened.frontier(), frontier, "size {end} after a restart");
        start = end;
    }
    assert_eq!(frontier.root(), tree_hash(&leaves));
    assert_eq!(disk.tiles.len(), 258 + 1);
    assert_eq!([writer.edge(0).len(), writer.edge(1).len(), writer.edge(2).len()], [3, 2, 1]);
}

#[test]
fn proofs_come_from_disk_and_edge_at_every_size() {
    let leaves = leaves(SIZE);
    let (mut disk, mut writer) = (Disk::default(), TileWriter::new());
    disk.append(&mut writer, &leaves);
    let reader = writer.with_edge(&disk);
    for size in [0, 1, 255, 256, 300, 65_536, 65_537, SIZE] {
        let mut expected = Frontier::new();
        expected.append_many(leaves[..size as usize].iter().copied());
        assert_eq!(Prover::new(&reader, size).frontier().unwrap(), expected, "size {size}");
    }
    for size in [1, 256, 300, 65_535, 65_536, 65_537, 66_000, SIZE] {
        let root = tree_hash(&leaves[..size as usize]);
        let mut prover = Prover::new(&reader, size);
        for index in [0, size / 3, size / 2, size - 1] {
            let proof = prover.inclusion(index).unwrap();
            assert_eq!(proof.verify(leaves[index as usize], index, size, &root), Ok(()));
        }
        let old = size - size / 3;
        let old_root = tree_hash(&leaves[..old as usize]);
        let proof = prover.consistency(old).unwrap();
        assert_eq!(proof.verify(old, &old_root, size, &root), Ok(()));
    }
}

#[test]
fn a_prover_reads_a_tile_once() {
    let leaves = leaves(SIZE);
    let (mut disk, mut writer) = (Disk::default(), TileWriter::new());
    disk.append(&mut writer, &leaves);
    let reader = writer.with_edge(&disk);
    let mut prover = Prover::new(&reader, SIZE);
    for index in 0..SIZE {
        prover.inclusion(index).unwrap();
    }
    // More tiles than a prover keeps, in log order: none is read twice.
    assert_eq!(disk.reads.get(), disk.tiles.len());
}

#[test]
fn a_broken_store_is_an_error_that_names_the_tile() {
    let leaves = leaves(1_000);
    let (mut disk, mut writer) = (Disk::default(), TileWriter::new());
    disk.append(&mut writer, &leaves);
    let edge = &leaves[768..];
    assert!(matches!(
        TileWriter::open(&disk, 1_000, &edge[1..]),
        Err(OpenError::Edge { size: 1_000, needed: 232, found: 231 })
    ));
    disk.tiles.get_mut(&(0, 1)).unwrap().pop();
    let short = TileWriter::open(&disk, 1_000, edge).unwrap_err();
    assert!(matches!(short, OpenError::Short { tile, found: 255 } if tile.index() == 1));
    disk.tiles.remove(&(0, 1));
    let missing = TileWriter::open(&disk, 1_000, edge).unwrap_err();
    assert!(matches!(missing, OpenError::Read { tile, .. } if tile.index() == 1));
}

#[test]
fn memory_knows_no_tile_beyond_the_log() {
    let mut log = MemoryTiles::new();
    log.append(leaves(300));
    let partial = Tile::at_size(0, 1, 300).unwrap();
    assert_eq!(log.tile(partial).unwrap(), leaves(300)[256..]);
    let complete = Tile::complete(0, 1);
    assert_eq!(log.tile(complete), Err(NoTile { tile: complete, size: 300 }));
}
