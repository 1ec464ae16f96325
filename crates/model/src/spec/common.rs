//! The common case: who may vote for what, and what is decided by it.
//!
//! # Source
//! docs/protocol.md#common-case

use super::{Blocks, GENESIS, Id, Policy, Server, Servers};
use std::collections::BTreeSet;

/// Something that a server has said for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// A vote.
    Voted(Id),
    /// A commit.
    Committed(Id),
    /// It left every view below this one.
    Left(u64),
    /// It gave its share of NV(view) for this tip.
    Shared(u64, Id),
    /// It entered a view by NV(view) with this tip.
    Entered(u64, Id),
}

/// All that a server has said, in order.
pub type Said = Vec<Deed>;

/// Where a server stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The view that it is in or wants to enter.
    pub view: u64,
    /// The tip of that view, once it is open.
    pub tip: Option<Id>,
}

/// Where a server stands after what it said: view 0 is open from the start and its tip is the
/// genesis block.
pub fn place(said: &Said) -> Place {
    let mut place = Place { view: 0, tip: Some(GENESIS) };
    for deed in said {
        match *deed {
            Deed::Left(view) if view > place.view => place = Place { view, tip: None },
            Deed::Entered(view, tip) if (view, true) > (place.view, place.tip.is_some()) => {
                place = Place { view, tip: Some(tip) };
            }
            _ => {}
        }
    }
    place
}

/// The block that a server voted for last.
pub fn last_vote(said: &Said) -> Option<Id> {
    said.iter().rev().find_map(|deed| match deed {
        Deed::Voted(block) => Some(*block),
        _ => None,
    })
}

/// Step 2: an acceptor in view v votes for a block of v that extends the block it voted for last in
/// v, or else the tip of v. One vote stands for its ancestors in the view, so it may pass some over.
///
/// That the leader signed it and that its payload is held is for whoever asks to know.
///
/// # Errors
/// Which part of the rule forbids it.
pub fn may_vote(blocks: &Blocks, said: &Said, block: Id) -> Result<(), &'static str> {
    let place = place(said);
    let Some(tip) = place.tip else { return Err("the view is not open") };
    if blocks.0[&block].view != place.view {
        return Err("it is in another view");
    }
    let chain = blocks.same_view(block);
    let lowest = chain.last().ok_or("genesis is not voted for")?;
    if blocks.0[lowest].parent != tip {
        return Err("the block does not extend the tip of its view");
    }
    let last = last_vote(said).filter(|last| blocks.0[last].view == place.view);
    match last {
        Some(last) if last == block || !chain.contains(&last) => {
            Err("the block does not extend the last vote")
        }
        _ => Ok(()),
    }
}

/// Who stands behind a block: it, or a descendant of the same view, has their vote (or commit).
pub fn supporters(blocks: &Blocks, said: &BTreeSet<(Server, Id)>, block: Id) -> Servers {
    let speaks = |(_, other): &&(Server, Id)| blocks.same_view(*other).contains(&block);
    said.iter().filter(speaks).map(|(server, _)| *server).collect()
}

/// Step 3, and the slow path's: the blocks that these votes and commits decide, with all ancestors.
pub fn decided(
    blocks: &Blocks,
    policy: &Policy,
    votes: &BTreeSet<(Server, Id)>,
    commits: &BTreeSet<(Server, Id)>,
) -> BTreeSet<Id> {
    let mut decided = BTreeSet::new();
    for block in blocks.0.keys().copied().filter(|block| *block != GENESIS) {
        if policy.is_fast_quorum(&supporters(blocks, votes, block))
            || policy.is_quorum(&supporters(blocks, commits, block))
        {
            decided.extend(blocks.line(block));
        }
    }
    decided.remove(&GENESIS);
    decided
}
