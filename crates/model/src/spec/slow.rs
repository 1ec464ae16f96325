//! The slow path.
//!
//! # Source
//! docs/protocol.md#slow-path

use super::common::{place, supporters};
use super::{Blocks, Deed, Id, Policy, Said, Server};
use std::collections::BTreeSet;

/// Whether votes of a quorum allow a commit certificate for a block.
pub fn commit_certificate_exists(
    blocks: &Blocks,
    policy: &Policy,
    votes: &BTreeSet<(Server, Id)>,
    block: Id,
) -> bool {
    policy.is_quorum(&supporters(blocks, votes, block))
}

/// A server commits only in the open view that it is in, upwards along one chain from the tip that it
/// entered at: what lies elsewhere, no report of its could show. That it holds the block, and that there
/// is a certificate, is for whoever asks to know.
///
/// # Errors
/// Which part of the rule forbids it.
pub fn may_commit(blocks: &Blocks, said: &Said, block: Id) -> Result<(), &'static str> {
    let place = place(said);
    let Some(tip) = place.tip.filter(|_| blocks.0[&block].view == place.view) else {
        return Err("a commit outside of the open view");
    };
    let lowest = blocks.same_view(block).last().map(|lowest| blocks.0[lowest].parent);
    if lowest != Some(tip) {
        return Err("the block does not extend the tip of its view");
    }
    let last = said.iter().rev().find_map(|deed| match deed {
        Deed::Committed(last) if blocks.0[last].view == place.view => Some(*last),
        _ => None,
    });
    if last.is_some_and(|last| !blocks.is_at_or_below(last, block)) {
        return Err("the block does not extend the last commit");
    }
    Ok(())
}
