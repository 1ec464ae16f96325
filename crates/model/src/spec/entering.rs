//! Entering a view: who may give a share of NV, what NV needs, and what it promises.
//!
//! # Source
//! docs/protocol.md#entering

use super::common::place;
use super::{Blocks, Deed, Id, Policy, Said, Servers};
use std::collections::BTreeSet;

/// An acceptor gives one share per view, for the tip that selection gives, in the view that it wants
/// to enter, and once it holds the tip and everything below.
///
/// # Errors
/// Which part of the rule forbids it.
pub fn may_share(
    blocks: &Blocks,
    said: &Said,
    view: u64,
    tip: Id,
    selected: Option<Id>,
    held: &BTreeSet<Id>,
) -> Result<(), &'static str> {
    let place = place(said);
    if place.view != view || place.tip.is_some() {
        return Err("a share of another view, or of one that is open");
    }
    if said.iter().any(|deed| matches!(deed, Deed::Shared(other, _) if *other >= view)) {
        return Err("a second share in one view");
    }
    if selected != Some(tip) {
        return Err("the reports do not give this tip");
    }
    if !blocks.line(tip).iter().all(|block| held.contains(block)) {
        return Err("a block at or below the tip is not held");
    }
    Ok(())
}

/// NV(view) for a tip needs shares of a kernel.
pub fn may_enter(policy: &Policy, sharers: &Servers) -> bool {
    policy.is_kernel(sharers)
}

/// What NV promises: every block that votes or commits of earlier views decide (`before`) lies at or
/// below its tip. Gives one that does not. A block of an earlier view that only a block of this view
/// decides, as its ancestor, is not among them.
pub fn unsound_tip(blocks: &Blocks, before: &BTreeSet<Id>, tip: Id) -> Option<Id> {
    before.iter().copied().find(|block| !blocks.is_at_or_below(*block, tip))
}
