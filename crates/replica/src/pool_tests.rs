use super::*;
use crate::testing::held;

fn pool(bytes_max: usize) -> Pool {
    Pool::new([Sequence(0); 3], bytes_max)
}

#[test]
fn a_run_ends_at_the_first_gap() {
    let mut pool = pool(1000);
    for sequence in [0, 1, 3] {
        assert_eq!(pool.add(held(1, sequence, 7, 10), Demand::Unasked), Arrival::Kept);
    }
    let run: Vec<_> = pool.run(ServerIndex(1)).map(|b| b.reference().sequence.0).collect();
    assert_eq!(run, [0, 1]);
    pool.advance(ServerIndex(1), Sequence(3));
    let next = pool.run(ServerIndex(1)).next();
    assert_eq!(next.unwrap().reference().sequence, Sequence(3));
}

#[test]
fn an_origin_waits_while_its_next_batch_is_held() {
    let origin = ServerIndex(1);
    let mut pool = pool(1000);
    let mut waits_with = |sequence| {
        pool.add(held(1, sequence, 7, 10), Demand::Unasked);
        pool.waiting().contains(origin)
    };
    assert!(!waits_with(1), "the first is missing");
    assert!(waits_with(0));
    pool.advance(origin, Sequence(1));
    assert_eq!(pool.waiting().iter().collect::<Vec<_>>(), [origin]);
    pool.advance(origin, Sequence(2));
    assert!(pool.waiting().is_empty());
}

#[test]
fn a_duplicate_a_delivered_one_and_a_stranger_are_dropped() {
    let mut pool = pool(1000);
    assert_eq!(pool.add(held(1, 0, 7, 10), Demand::Unasked), Arrival::Kept);
    assert_eq!(pool.add(held(1, 0, 7, 10), Demand::Wanted), Arrival::Dropped);
    pool.advance(ServerIndex(1), Sequence(1));
    assert_eq!(pool.add(held(1, 0, 7, 10), Demand::Wanted), Arrival::Dropped);
    assert_eq!(pool.add(held(9, 0, 7, 10), Demand::Wanted), Arrival::Dropped);
    assert_eq!(pool.bytes(), 0);
}

#[test]
fn beyond_the_quota_only_what_is_wanted_is_kept() {
    let mut pool = pool(100);
    assert_eq!(pool.add(held(1, 0, 7, 60), Demand::Unasked), Arrival::Kept);
    assert_eq!(pool.add(held(1, 1, 7, 60), Demand::Unasked), Arrival::Dropped);
    assert_eq!(pool.add(held(1, 1, 7, 60), Demand::Wanted), Arrival::Kept);
    // Another origin's quota is its own.
    assert_eq!(pool.add(held(2, 0, 7, 60), Demand::Unasked), Arrival::Kept);
}

#[test]
fn the_number_of_batches_of_an_origin_is_bounded() {
    let mut pool = pool(usize::MAX);
    for sequence in 0..ORIGIN_BATCHES_MAX as u64 {
        assert_eq!(pool.add(held(1, sequence, 7, 1), Demand::Unasked), Arrival::Kept);
    }
    let next = ORIGIN_BATCHES_MAX as u64;
    assert_eq!(pool.add(held(1, next, 7, 1), Demand::Unasked), Arrival::Dropped);
}

/// Whatever its origin sent ahead of it: others wait for the leader to order it.
#[test]
fn the_batch_that_is_due_is_kept_however_full_the_pool_is() {
    let mut crowded = pool(usize::MAX);
    for sequence in 1..=ORIGIN_BATCHES_MAX as u64 {
        assert_eq!(crowded.add(held(1, sequence, 7, 1), Demand::Unasked), Arrival::Kept);
    }
    assert_eq!(crowded.add(held(1, 0, 7, 1), Demand::Unasked), Arrival::Kept);
    let mut heavy = pool(100);
    assert_eq!(heavy.add(held(1, 2, 7, 90), Demand::Unasked), Arrival::Kept);
    assert_eq!(heavy.add(held(1, 1, 7, 90), Demand::Unasked), Arrival::Dropped, "not due");
    assert_eq!(heavy.add(held(1, 0, 7, 90), Demand::Unasked), Arrival::Kept);
    assert!(heavy.waiting().contains(ServerIndex(1)));
    // One beyond the quota, and the next one only when this one is delivered.
    assert_eq!(heavy.add(held(1, 1, 7, 90), Demand::Unasked), Arrival::Dropped);
    heavy.advance(ServerIndex(1), Sequence(1));
    assert_eq!(heavy.add(held(1, 1, 7, 90), Demand::Unasked), Arrival::Kept);
}

#[test]
fn two_batches_under_one_number_are_evidence_once() {
    let mut pool = pool(10_000);
    let (first, second) = (held(1, 0, 7, 10), held(1, 0, 8, 10));
    pool.add(first.clone(), Demand::Unasked);
    let expected =
        Evidence::Batches { first: first.signed_reference(), second: second.signed_reference() };
    assert_eq!(
        pool.add(second.clone(), Demand::Unasked),
        Arrival::Conflict { kept: false, evidence: Some(expected) }
    );
    assert!(pool.find(&second.id()).is_none(), "nobody asked for it");
    assert_eq!(
        pool.add(second.clone(), Demand::Wanted),
        Arrival::Conflict { kept: true, evidence: None }
    );
    assert!(pool.find(&second.id()).is_some());
    assert_eq!(pool.run(ServerIndex(1)).next().unwrap().id(), first.id());
}

#[test]
fn batches_under_one_number_are_bounded_even_if_wanted() {
    let mut pool = pool(10_000);
    pool.add(held(1, 0, 0, 10), Demand::Wanted);
    for fill in 1..CONFLICTING_BATCHES_MAX as u8 {
        let arrival = pool.add(held(1, 0, fill, 10), Demand::Wanted);
        assert!(matches!(arrival, Arrival::Conflict { kept: true, .. }));
    }
    let arrival = pool.add(held(1, 0, 200, 10), Demand::Wanted);
    assert!(matches!(arrival, Arrival::Conflict { kept: false, .. }));
}
