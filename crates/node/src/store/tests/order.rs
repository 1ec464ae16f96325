//! Order of records, blocks and acknowledgements.

use super::common::*;
use super::*;
use std::sync::mpsc;

#[test]
fn acknowledgements_come_in_order_and_each_once() {
    let (_parent, dir) = fresh();
    let (store, _) = open(&dir);
    let (told, outcomes) = mpsc::channel();
    for position in 1..=500 {
        let told = told.clone();
        store.submit(record(position), move |outcome| {
            outcome.expect("durable");
            told.send(position).expect("the test listens");
        });
    }
    drop(told);
    assert!(outcomes.iter().eq(1..=500));
    assert_eq!(kept(&store), Some((1, 500)));
    store.close().expect("closes");
    drop(store);
    let (_, recovered) = open(&dir);
    assert!(recovered.commits < 500, "{} syncs for 500 batches", recovered.commits);
}

#[test]
fn a_batch_out_of_order_is_refused_whole_and_alone() {
    let (_parent, dir) = fresh();
    let (store, _) = open(&dir);
    store.commit(record(1)).expect("durable");
    let mut gap = record(2);
    gap.journal(JournalPosition(4), content(4));
    assert!(matches!(
        store.commit(gap),
        Err(StoreError::NotContiguous { given: JournalPosition(4), expected: JournalPosition(3) })
    ));
    assert!(matches!(store.commit(record(1)), Err(StoreError::NotContiguous { .. })));
    store.commit(record(2)).expect("others are not to blame");
    for (bad, good) in [
        (block(3, 0, 1), block(2, 0, 1)),
        (block(4, 1, 2), block(3, 1, 2)),
        (block(4, 1, 2), block(4, 2, 3)),
        (block(5, 3, 2), block(5, 3, 3)),
    ] {
        let mut batch = WriteBatch::new();
        if good.height == Height(2) {
            batch.block(block(1, 0, 0));
            store.commit(batch).expect("any first height");
            batch = WriteBatch::new();
        }
        batch.block(bad);
        assert!(matches!(store.commit(batch), Err(StoreError::OutOfOrder { .. })));
        let mut batch = WriteBatch::new();
        batch.block(good);
        store.commit(batch).expect("in order");
    }
}

#[test]
fn one_commit_keeps_the_last_of_two_changes_of_a_key() {
    let (_parent, dir) = fresh();
    let (store, _) = open(&dir);
    let key = TestimonyKey { kind: 1, number: 1, bytes: 3 };
    let mut batch = WriteBatch::new();
    batch.testimony(key, &b"one"[..]).forget_testimony(key);
    batch.certificate(1, Height(1), &b"first"[..]).certificate(1, Height(1), &b"second"[..]);
    batch.journal(JournalPosition(1), content(1)).trim_journal(JournalPosition(2));
    store.commit(batch).expect("durable");
    assert_eq!(store.testimony(key).unwrap(), None);
    assert_eq!(store.newest_certificate().unwrap().unwrap().1, &b"second"[..]);
    assert_eq!(kept(&store), None);
}

#[test]
fn a_closed_store_says_so_and_can_be_read() {
    let (_parent, dir) = fresh();
    let (store, _) = open(&dir);
    store.commit(record(1)).expect("durable");
    store.close().expect("closes");
    assert!(matches!(store.commit(record(2)), Err(StoreError::ReadOnly { .. })));
    assert_eq!(kept(&store), Some((1, 1)));
}

#[test]
fn a_panic_on_the_writer_thread_ends_writing_and_nobody_waits() {
    let (_parent, dir) = fresh();
    let (store, _) = open(&dir);
    store.submit(record(1), |_| panic!("a callback that panics, as this test wants"));
    while store.commit(WriteBatch::new()).is_ok() {}
    assert!(matches!(store.commit(record(2)), Err(StoreError::ReadOnly { .. })));
    drop(store);
    assert_eq!(kept(&open(&dir).0), Some((1, 1)));
}

/// A server waits for the answer before it says anything: an answer that never comes would leave it
/// mute and running.
#[test]
fn a_panic_on_the_writer_thread_is_told_to_all_that_wait_for_it() {
    let (_parent, dir) = fresh();
    let (store, _) = open(&dir);
    let (go, held) = mpsc::channel::<()>();
    let (told, outcomes) = mpsc::channel();
    // The writer is held up, so that the next three share a commit and the panic comes amid them.
    store.submit(record(1), move |_| held.recv().expect("the test goes on"));
    for position in 2..=4 {
        let told = told.clone();
        store.submit(record(position), move |outcome| {
            told.send((position, outcome.is_ok())).expect("the test listens");
            assert!(position != 3, "as this test wants");
        });
    }
    drop(told);
    go.send(()).expect("the writer waits");
    assert_eq!(outcomes.iter().collect::<Vec<_>>(), [(2, true), (3, true), (4, false)]);
    assert!(matches!(store.commit(record(5)), Err(StoreError::ReadOnly { .. })));
}

#[test]
fn the_last_clone_may_be_dropped_by_a_callback() {
    let (_parent, dir) = fresh();
    let (store, _) = open(&dir);
    let (told, done) = mpsc::channel();
    let last = store.clone();
    store.submit(record(1), move |outcome| {
        drop(last);
        told.send(outcome).expect("the test listens");
    });
    drop(store);
    done.recv().expect("called").expect("durable");
}
