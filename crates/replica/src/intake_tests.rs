use super::*;
use crate::batch::SignedBatch;
use crate::pool::{Arrival, Demand, Pool};

fn intake(batch_bytes: usize) -> Intake {
    let limits = Limits {
        batch_bytes_max: batch_bytes,
        batch_commands_max: 100,
        undecided_bytes_max: 10 * batch_bytes,
        ..Limits::default()
    };
    Intake::new(ServerIndex(0), limits, Sequence(5), [])
}

fn command(bytes: usize) -> Bytes {
    Bytes::from(vec![1; bytes])
}

fn signed(batch: Batch) -> HeldBatch {
    HeldBatch::trusted(SignedBatch { signature: [0; 64], batch })
}

#[test]
fn the_first_command_does_not_wait_and_the_rest_shares_a_batch() {
    let mut intake = intake(1024);
    intake.submit(vec![command(10)]).unwrap();
    let first = intake.cut().unwrap();
    assert_eq!((first.sequence(), first.count()), (Sequence(5), 1));
    intake.submit(vec![command(10), command(10)]).unwrap();
    assert_eq!(intake.cut(), None, "the first is being signed");
    intake.written(signed(first), WritePosition(1));
    assert_eq!(intake.cut(), None, "the first is not durable");
    assert_eq!(intake.pop_durable(WritePosition(0)).map(|held| held.id()), None);
    assert!(intake.pop_durable(WritePosition(1)).is_some());
    let second = intake.cut().unwrap();
    assert_eq!((second.sequence(), second.count()), (Sequence(6), 2));
}

#[test]
fn with_enough_in_flight_a_batch_is_cut_when_full_or_when_one_is_delivered() {
    let mut intake = intake(1024);
    for position in 1..=2 {
        intake.submit(vec![command(10)]).unwrap();
        let batch = intake.cut().unwrap();
        intake.written(signed(batch), WritePosition(position));
        intake.pop_durable(WritePosition(position)).unwrap();
    }
    intake.submit(vec![command(10)]).unwrap();
    assert_eq!(intake.cut(), None);
    intake.submit((0..100).map(|_| command(10)).collect()).unwrap();
    let full = intake.cut().unwrap();
    assert!(full.content().len() <= 1024 && full.count() > 50);
    intake.written(signed(full), WritePosition(3));
    intake.pop_durable(WritePosition(3)).unwrap();
    assert_eq!(intake.cut(), None);
    intake.advance(Sequence(7));
    assert!(intake.cut().is_some());
}

#[test]
fn beyond_the_quota_clients_hear_busy_and_nothing_is_taken() {
    let mut intake = intake(1024);
    intake.submit((0..10).map(|_| command(1000)).collect()).unwrap();
    let before = intake.undecided_bytes();
    assert_eq!(
        intake.submit(vec![command(500)]),
        Err(Refusal::Busy { undecided_bytes: before, limit: 10_240 })
    );
    assert_eq!(intake.undecided_bytes(), before);
    let batch = intake.cut().unwrap();
    intake.written(signed(batch), WritePosition(1));
    intake.advance(Sequence(6));
    intake.submit(vec![command(500)]).unwrap();
}

/// Whatever batches the commands go into, what was taken within the quota stays within it, here and
/// at the others, who would drop a batch beyond it.
#[test]
fn batches_take_no_more_of_the_quota_than_their_commands() {
    let limit = 10_240;
    let limits = Limits {
        batch_bytes_max: 1024,
        undecided_bytes_max: limit,
        batches_in_flight_max: usize::MAX,
        ..Limits::default()
    };
    let mut intake = Intake::new(ServerIndex(0), limits, Sequence(0), []);
    let mut pool = Pool::new([Sequence(0)], limit);
    let mut taken = 0;
    while intake.submit(vec![command(100)]).is_ok() {
        taken += 1;
        let batch = signed(intake.cut().unwrap());
        assert_eq!(pool.add(batch.clone(), Demand::Unasked), Arrival::Kept, "batch {taken}");
        intake.written(batch, WritePosition(taken));
        intake.pop_durable(WritePosition(taken)).unwrap();
        assert!(intake.undecided_bytes() <= limit);
    }
    assert_eq!(taken as usize, limit / (100 + COMMAND_OVERHEAD));
}

#[test]
fn a_command_that_fits_no_batch_is_refused_and_the_longest_fits() {
    let mut intake = intake(1024);
    let limit = 1024 - BATCH_OVERHEAD - COMMAND_OVERHEAD;
    assert_eq!(
        intake.submit(vec![command(limit + 1)]),
        Err(Refusal::TooLong { bytes: limit + 1, limit })
    );
    intake.submit(vec![command(limit)]).unwrap();
    assert_eq!(intake.cut().unwrap().content().len(), 1024);
}

#[test]
fn a_stopping_server_takes_nothing_more() {
    let mut intake = intake(1024);
    intake.stop();
    assert_eq!(intake.submit(vec![command(1)]), Err(Refusal::Stopping));
}
