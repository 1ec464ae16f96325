//! What a hostile server may answer, and what honest ones do.

use super::*;
use ally_proto::Nonce;

type Answer = oneshot::Receiver<Result<Vec<Outcome>, Lost>>;

fn add(in_flight: &mut InFlight, entries: usize, until: Until) -> Answer {
    let (done, answer) = oneshot::channel();
    let entry = Entry::new(Nonce([0; 16]), b"x").expect("short");
    in_flight.add(Group { entries: vec![entry; entries], until, done });
    answer
}

fn ordered(first_tag: u64, count: u32, first_index: u64) -> Ordered {
    Ordered { first_tag, count, first_index, height: 1, duplicate: false }
}

fn receipt(tag: u64) -> IssuedReceipt {
    IssuedReceipt { tag, receipt: Bytes::from_static(b"proof") }
}

fn indexes(mut answer: Answer) -> Vec<u64> {
    let outcomes = answer.try_recv().expect("answered").expect("not lost");
    outcomes.into_iter().map(|outcome| outcome.index).collect()
}

#[test]
fn a_run_may_span_groups_and_a_group_runs() {
    let mut in_flight = InFlight::default();
    let one = add(&mut in_flight, 3, Until::Decided);
    let two = add(&mut in_flight, 2, Until::Decided);
    in_flight.ordered(&ordered(0, 1, 10)).expect("asked");
    in_flight.ordered(&ordered(1, 3, 20)).expect("asked");
    assert_eq!((indexes(one), in_flight.entries()), (vec![10, 20, 21], 1));
    in_flight.ordered(&ordered(4, 1, 30)).expect("asked");
    assert_eq!((indexes(two), in_flight.entries()), (vec![22, 30], 0));
}

#[test]
fn certificates_and_receipts_are_awaited_where_they_are_wanted() {
    let mut in_flight = InFlight::default();
    let certified = add(&mut in_flight, 2, Until::Certified);
    let mut proven = add(&mut in_flight, 1, Until::Receipt);
    in_flight.ordered(&ordered(0, 3, 5)).expect("asked");
    in_flight.certified(6).expect("a certificate for one of both");
    assert_eq!(in_flight.entries(), 2);
    in_flight.certified(8).expect("a certificate for all");
    assert_eq!(indexes(certified), [5, 6]);
    assert!(proven.try_recv().is_err());
    in_flight.receipt(receipt(2)).expect("asked");
    let outcome = proven.try_recv().expect("answered").expect("not lost").remove(0);
    assert_eq!((outcome.index, outcome.receipt.as_deref()), (7, Some(&b"proof"[..])));
    assert_eq!(in_flight.entries(), 0);
}

#[test]
fn a_refusal_loses_whole_groups_and_later_answers_are_passed_over() {
    let mut in_flight = InFlight::default();
    let mut half = add(&mut in_flight, 2, Until::Receipt);
    let whole = add(&mut in_flight, 1, Until::Decided);
    in_flight.ordered(&ordered(0, 1, 9)).expect("asked");
    let refusal = Rejected {
        first_tag: 1,
        count: 1,
        code: 1,
        reason: "busy".to_owned(),
        retry_after_ms: 250,
    };
    in_flight.rejected(&refusal).expect("asked");
    let lost = half.try_recv().expect("answered").expect_err("lost");
    assert_eq!(lost.kind, LostKind::Refused(Duration::from_millis(250)));
    in_flight.receipt(receipt(0)).expect("passed over");
    in_flight.ordered(&ordered(1, 2, 10)).expect("passed over, and asked");
    assert_eq!((indexes(whole), in_flight.entries()), (vec![11], 0));
}

#[test]
fn answers_to_nothing_are_faults() {
    let mut in_flight = InFlight::default();
    let _decided = add(&mut in_flight, 2, Until::Decided);
    let _proven = add(&mut in_flight, 1, Until::Receipt);
    let forged = |answer: Result<(), Lost>| {
        assert_eq!(answer.expect_err("a fault").kind, LostKind::Forged);
    };
    // Never sent; beyond all numbers; a receipt before the decision, or for whom it is not; twice.
    forged(in_flight.ordered(&ordered(3, 1, 0)));
    forged(in_flight.ordered(&ordered(2, u32::MAX, 0)));
    forged(in_flight.ordered(&ordered(u64::MAX, 2, 0)));
    forged(in_flight.receipt(receipt(0)));
    forged(in_flight.receipt(receipt(7)));
    in_flight.ordered(&ordered(0, 1, 4)).expect("asked");
    forged(in_flight.ordered(&ordered(0, 1, 5)));
    let endless = Rejected { first_tag: 0, count: u32::MAX, ..Rejected::default() };
    forged(in_flight.rejected(&endless));
    forged(in_flight.rejected(&Rejected { first_tag: u64::MAX, count: 1, ..Rejected::default() }));
}

#[test]
fn a_broken_stream_is_news_for_everybody() {
    let mut in_flight = InFlight::default();
    let answers = [Until::Decided, Until::Certified, Until::Receipt]
        .map(|until| add(&mut in_flight, 2, until));
    in_flight.ordered(&ordered(0, 6, 0)).expect("asked");
    in_flight.lose(&Lost::broken("gone".to_owned()));
    let [decided, certified, proven] = answers;
    assert_eq!(indexes(decided), [0, 1]);
    for mut answer in [certified, proven] {
        let lost = answer.try_recv().expect("answered").expect_err("lost");
        assert_eq!(lost.kind, LostKind::Broken);
    }
    assert_eq!(in_flight.entries(), 0);
}

/// A stream that lives for long has had billions of tags; a server that names them all again costs
/// no more than one that names one.
#[test]
fn tags_of_groups_that_are_gone_cost_nothing() {
    let mut in_flight = InFlight { next_tag: u64::MAX / 2, ..InFlight::default() };
    let answer = add(&mut in_flight, 1, Until::Decided);
    let first = in_flight.next_tag() - 1;
    for _ in 0..1_000 {
        in_flight.ordered(&ordered(0, u32::MAX, 0)).expect("gone");
        let rejected = Rejected { first_tag: 0, count: u32::MAX, ..Rejected::default() };
        in_flight.rejected(&rejected).expect("gone");
    }
    // A run that begins among them and ends at one that is there has its places all the same.
    in_flight.ordered(&ordered(first - 1000, 1001, 5000)).expect("asked");
    assert_eq!(indexes(answer), [6000]);
}
