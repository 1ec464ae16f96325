//! Scenarios of docs/protocol.md#slow-path: seven servers, of which two may lie and one may be
//! silent without costing the third step.

mod support;

use ally_consensus::{DecisionPath, Message, Record};
use ally_policy::ServerSet;
use support::{Net, flat, s};

fn seven() -> Net {
    let net = flat(7, 5);
    assert!(net.policy.has_slow_path());
    assert!(net.policy.is_fast_quorum(&ServerSet::first(6)));
    assert!(!net.policy.is_fast_quorum(&ServerSet::first(5)));
    net
}

fn paths(net: &Net, server: u16) -> Vec<DecisionPath> {
    net.servers[usize::from(server)].decided.iter().map(|decided| decided.path).collect()
}

#[test]
fn six_of_seven_decide_in_two_steps() {
    let mut net = seven();
    net.silent = ServerSet::from_iter([s(6)]);
    assert!(net.propose(0));
    // Commits are on their way too; whichever ends first decides.
    net.filter = Box::new(|parcel| !matches!(parcel.message.body, Message::Commit(_)));
    net.settle();
    for server in 0..6 {
        assert_eq!(paths(&net, server), [DecisionPath::Fast]);
        assert_eq!(net.servers[usize::from(server)].depths, [2]);
    }
}

#[test]
fn five_of_seven_decide_in_three_steps() {
    let mut net = seven();
    net.silent = ServerSet::from_iter([s(5), s(6)]);
    for _ in 0..3 {
        assert!(net.propose(0));
        net.settle();
    }
    for server in 0..5 {
        assert_eq!(paths(&net, server), [DecisionPath::Slow; 3]);
        assert_eq!(net.servers[usize::from(server)].depths[0], 3, "propose, vote, commit");
        assert_eq!(net.engine(server).counters().decided_slow, 3);
    }
}

#[test]
fn four_of_seven_decide_nothing() {
    let mut net = seven();
    net.silent = ServerSet::from_iter([s(4), s(5), s(6)]);
    assert!(net.propose(0));
    net.settle();
    assert!((0..4).all(|server| net.chain(server).is_empty()));
}

#[test]
fn a_block_that_one_server_decided_by_commits_survives() {
    let mut net = seven();
    net.silent = ServerSet::from_iter([s(5), s(6)]);
    // Only s4 hears the commits; then it and the leader go silent.
    net.filter =
        Box::new(|parcel| !matches!(parcel.message.body, Message::Commit(_)) || parcel.to == s(4));
    assert!(net.propose(0));
    net.settle();
    assert_eq!(paths(&net, 4), [DecisionPath::Slow]);
    assert!((0..4).all(|server| net.chain(server).is_empty()));
    let committed = |record: &Record| matches!(record, Record::Commit(_));
    assert!(net.servers[1].journal.iter().any(committed), "journalled before it was sent");
    net.filter = Box::new(|_| true);
    net.silent = ServerSet::from_iter([s(0), s(4)]);
    net.work();
    net.run_until(300, |net| [1, 2, 3, 5, 6].iter().all(|server| !net.chain(*server).is_empty()));
    for server in [1, 2, 3, 5, 6] {
        assert_eq!(net.chain(server)[0], net.chain(4)[0]);
    }
}

#[test]
fn a_bad_share_makes_no_certificate_and_stops_none() {
    let mut net = seven();
    net.silent = ServerSet::from_iter([s(4), s(6)]);
    net.spoil_shares = Some(s(5));
    assert!(net.propose(0));
    net.settle();
    assert!((0..4).all(|server| net.chain(server).is_empty()), "four good shares are too few");
    net.silent = ServerSet::from_iter([s(6)]);
    net.filter =
        Box::new(|parcel| parcel.from != s(3) || !matches!(parcel.message.body, Message::Vote(_)));
    net.work();
    net.run_until(100, |net| (0..6).all(|server| !net.chain(server).is_empty()));
}
