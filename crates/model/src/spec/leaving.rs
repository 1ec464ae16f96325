//! Leaving a view: what a server has to report.
//!
//! # Source
//! docs/protocol.md#leaving

use super::common::{last_vote, place};
use super::{Blocks, Deed, GENESIS, Id, Line, Report, Said, Server};

/// The tip that a view had for this server.
fn tip_of(said: &Said, view: u64) -> Id {
    let entered = said.iter().find_map(|deed| match deed {
        Deed::Entered(entered, tip) if *entered == view => Some(*tip),
        _ => None,
    });
    entered.unwrap_or(GENESIS)
}

/// The report that a server owes once it has left: its last vote, in whatever view, as a line from
/// that view's tip; and its commit certificate likewise, where there is a slow path.
///
/// `learned` is the highest block of which it knows a commit certificate.
pub fn report(blocks: &Blocks, said: &Said, sender: Server, learned: Option<Id>) -> Report {
    let line = |top: Id| {
        let view = blocks.0[&top].view;
        Line { view, tip: tip_of(said, view), top }
    };
    Report {
        sender,
        view: place(said).view,
        voted: last_vote(said).map(line),
        committed: learned.map(line),
    }
}
