//! Blocks, and which of them lies below which.
//!
//! # Source
//! docs/protocol.md#data

use std::collections::BTreeMap;

/// A block's name in the specification.
pub type Id = u16;

/// The block at height 0, on which everybody agrees without a vote.
pub const GENESIS: Id = 0;

/// What the rules need to know of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    /// The block it extends.
    pub parent: Id,
    /// The view whose leader signed it.
    pub view: u64,
    /// One more than its parent's.
    pub height: u64,
    /// Its hash, where the text orders blocks of one height.
    pub hash: [u8; 32],
}

/// Every block that anybody ever made.
#[derive(Debug, Clone)]
pub struct Blocks(pub BTreeMap<Id, Block>);

impl Default for Blocks {
    fn default() -> Self {
        let genesis = Block { parent: GENESIS, view: 0, height: 0, hash: [0; 32] };
        Self(BTreeMap::from([(GENESIS, genesis)]))
    }
}

impl Blocks {
    /// A block and everything below it, highest first.
    pub fn line(&self, top: Id) -> Vec<Id> {
        let mut line = vec![top];
        let mut cursor = top;
        while cursor != GENESIS {
            cursor = self.0[&cursor].parent;
            line.push(cursor);
        }
        line
    }

    /// Whether `low` is `high` or one of its ancestors.
    pub fn is_at_or_below(&self, low: Id, high: Id) -> bool {
        self.line(high).contains(&low)
    }

    /// Whether neither is at or below the other.
    pub fn conflict(&self, a: Id, b: Id) -> bool {
        !self.is_at_or_below(a, b) && !self.is_at_or_below(b, a)
    }

    /// A block of `view` with its ancestors of that same view: what a vote for it is a vote for.
    pub fn same_view(&self, top: Id) -> Vec<Id> {
        let view = self.0[&top].view;
        let line = self.line(top).into_iter();
        line.take_while(|id| *id != GENESIS && self.0[id].view == view).collect()
    }

    /// Height of a block.
    pub fn height(&self, id: Id) -> u64 {
        self.0[&id].height
    }
}
