//! Draws what liars do besides lying about proposals, votes and reports.

use super::super::Treachery;
use ally_byzantine::Stream;

/// More than any limit that a liar can reach.
const DELUGE: u64 = 1_200;

/// Adds what the checks on arrival, and the rules of time and order, have to refuse; in half of the
/// runs.
fn forgeries(seed: u64, treachery: Treachery) -> Treachery {
    let draw = &mut Stream::new(seed, "forgeries");
    match draw.below(10) {
        0 | 4 => Treachery { counterfeit: draw.between(5, 100), ..treachery },
        1 => Treachery { backdate: draw.between(5, 100), ..treachery },
        2 => Treachery { misorder: draw.between(5, 100), ..treachery },
        3 => Treachery { deluge: DELUGE, ..treachery },
        _ => treachery,
    }
}

/// How often a new leader opens its view twice.
pub(super) fn split(seed: u64) -> u64 {
    let draw = &mut Stream::new(seed, "splits");
    if draw.percent(30) { 0 } else { draw.between(20, 100) }
}

/// How often the leader's batches of a liar have a gap.
fn gap(seed: u64) -> u64 {
    let draw = &mut Stream::new(seed, "gaps");
    if draw.percent(85) { 0 } else { draw.between(10, 60) }
}

/// Whom liars shun.
fn shun(seed: u64, honest: usize) -> u64 {
    let draw = &mut Stream::new(seed, "shun");
    if draw.percent(85) { 0 } else { draw.between(1, honest as u64) }
}

/// Adds to what a coalition does, in half of the runs; a few things at a time.
pub(super) fn mischief(seed: u64, honest: usize, treachery: Treachery) -> Treachery {
    let treachery = Treachery {
        split: split(seed),
        gap: gap(seed),
        shun: shun(seed, honest),
        ..forgeries(seed, treachery)
    };
    let draw = &mut Stream::new(seed, "mischief");
    if draw.percent(50) {
        return treachery;
    }
    let percent =
        |draw: &mut Stream, most| if draw.percent(60) { 0 } else { draw.between(1, most) };
    Treachery {
        spoil_statements: percent(draw, 100),
        withhold_proofs: percent(draw, 100),
        two_batches: percent(draw, 100),
        missync: percent(draw, 100),
        mutate: percent(draw, 30),
        garble: percent(draw, 50),
        flood: percent(draw, 50),
        ..treachery
    }
}
