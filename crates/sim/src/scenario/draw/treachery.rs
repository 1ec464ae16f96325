//! Draws what liars do besides lying about proposals, votes and reports.

use super::super::Treachery;
use ally_byzantine::Stream;

/// Adds to what a coalition does, in half of the runs; a few things at a time.
pub(super) fn mischief(seed: u64, treachery: Treachery) -> Treachery {
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
