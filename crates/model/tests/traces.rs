//! Random histories: the engine says what the specification says.

use ally_model::{Setting, Tally, Trace};

#[test]
fn engine_and_specification_agree_on_random_histories() {
    let mut tally = Tally::default();
    for seed in 0..1_200 {
        match Trace::new(Setting::draw(seed), seed).run(120) {
            Ok(more) => tally.add(&more),
            Err(violation) => panic!("seed {seed}: {violation}"),
        }
    }
    // Each rule was asked for often enough to mean something.
    let Tally { votes, commits, decisions, reports, choices, shares, entries, .. } = tally;
    for count in [votes, commits, decisions, reports, choices, shares, entries] {
        assert!(count >= 100, "{tally:?}");
    }
    assert!(tally.questions >= 1_000 && tally.conflicts >= 100, "{tally:?}");
}
