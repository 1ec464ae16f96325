//! Engines of a small alliance under a script of everything that may happen to them.

use crate::engine;
use crate::mutation::Draw;

/// How many scripts are drawn to start from.
const DRAWN: u64 = 48;

/// A script ([`engine::play`]).
pub(super) fn run(data: &[u8]) {
    engine::play(data);
}

/// Runs in which all goes well, view changes, restarts, and scripts that are drawn.
pub(super) fn seeds() -> Vec<Vec<u8>> {
    let mut seeds: Vec<Vec<u8>> = (0..3).map(|alliance| smooth(alliance, 5)).collect();
    seeds.extend((0..3).map(leaving));
    seeds.extend((0..DRAWN).map(|seed| {
        let mut draw = Draw::new(seed);
        [vec![seed as u8, (seed / 3) as u8], draw.bytes(400)].concat()
    }));
    seeds
}

/// Block after block is proposed, decided and certified.
fn smooth(alliance: u8, blocks: usize) -> Vec<u8> {
    let block = [120, 0, 1, 7, 0, 0, 0, 180, 0, 0];
    [&[alliance, 3][..], &[0], &block.repeat(blocks)].concat()
}

/// Everybody loses patience twice, with blocks before, between and after; a server crashes.
fn leaving(alliance: u8) -> Vec<u8> {
    let leave: Vec<u8> = (0..7).flat_map(|place| [194, place, 1]).collect();
    let block = [120, 0, 1, 7, 0, 0];
    let crash = [160, 1, 2, 0, 0];
    [&[alliance, 2, 0][..], &block, &leave, &[0, 0], &block, &crash, &leave, &[0, 0], &block]
        .concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_trouble_every_block_is_decided() {
        for alliance in 0..3 {
            assert_eq!(engine::play(&smooth(alliance, 6)), 6, "alliance {alliance}");
        }
    }

    #[test]
    fn views_change_and_blocks_are_decided_after_that() {
        for alliance in 0..3 {
            assert!(engine::play(&leaving(alliance)) >= 2, "alliance {alliance}");
        }
    }
}
