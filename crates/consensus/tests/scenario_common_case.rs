//! Scenarios of docs/protocol.md#common-case.

mod support;

use ally_consensus::{Input, Message};
use ally_policy::{FaultModel, ServerSet, TrustPolicy};
use support::{Net, flat, s};

#[test]
fn two_message_steps_decide_with_one_of_four_silent() {
    let mut net = flat(4, 3);
    net.silent = ServerSet::from_iter([s(3)]);
    assert!(net.propose(0));
    net.settle();
    for server in 0..3 {
        assert_eq!(net.chain(server).len(), 1);
        assert_eq!(net.servers[usize::from(server)].depths, [2], "propose, vote: decided");
        assert_eq!(net.engine(server).counters().decided_fast, 1);
    }
    let expected = "\
s0 -> s1 proposal v0 h1
s0 -> s2 proposal v0 h1
s0 -> s1 vote v0 h1
s0 -> s2 vote v0 h1
s1 -> s0 vote v0 h1
s1 -> s2 vote v0 h1
s2 -> s0 vote v0 h1
s0 decides 1
s2 -> s1 vote v0 h1
s1 decides 1
s2 decides 1";
    assert_eq!(net.trace.join("\n"), expected);
}

#[test]
fn two_of_four_decide_nothing() {
    let mut net = flat(4, 3);
    net.silent = ServerSet::from_iter([s(2), s(3)]);
    assert!(net.propose(0));
    net.settle();
    assert!(net.chain(0).is_empty() && net.chain(1).is_empty());
}

#[test]
fn an_idle_alliance_waits_for_nothing() {
    let mut net = flat(4, 3);
    net.settle();
    assert!((0..4).all(|server| net.engine(server).deadline().is_none()));
    net.work();
    assert!((0..4).all(|server| net.engine(server).deadline().is_some()));
    assert!(net.propose(0));
    net.settle();
    for server in 0..4 {
        net.step(s(server), Input::Work { waiting: false }, 0);
    }
    assert!((0..4).all(|server| net.engine(server).deadline().is_none()));
}

#[test]
fn a_leader_runs_ahead_by_the_window_and_no_further() {
    let policy = TrustPolicy::flat(3, 4, FaultModel::Byzantine).unwrap();
    let mut net = Net::new(policy, |config| config.window_blocks = 3);
    for in_flight in 0..3 {
        assert_eq!(net.engine(0).slot().map(|slot| slot.in_flight), Some(in_flight));
        assert!(net.propose(0));
    }
    assert_eq!(net.engine(0).slot(), None);
    net.settle();
    assert_eq!(net.chain(1).len(), 3);
    assert_eq!(net.engine(0).slot().map(|slot| slot.in_flight), Some(0));
}

#[test]
fn a_vote_for_the_last_block_stands_for_all() {
    let mut net = flat(4, 3);
    for _ in 0..10 {
        assert!(net.propose(0));
    }
    // Only votes for the tenth block arrive.
    net.filter = Box::new(|parcel| match &parcel.message.body {
        Message::Vote(vote) => vote.block.height.0 == 10,
        _ => true,
    });
    net.settle();
    for server in 0..4 {
        assert_eq!(net.chain(server).len(), 10);
        assert_eq!(net.chain(server), net.chain(0));
    }
}

#[test]
fn blocks_wait_for_certificates_beyond_the_limit() {
    let policy = TrustPolicy::flat(3, 4, FaultModel::Byzantine).unwrap();
    let mut net = Net::new(policy, |config| config.uncertified_blocks_max = 4);
    while net.propose(0) {
        net.settle();
    }
    assert_eq!(net.chain(0).len(), 4, "no more than may stay uncertified");
    for server in 0..4 {
        net.certify(server, 3);
    }
    while net.propose(0) {
        net.settle();
    }
    assert_eq!(net.chain(3).len(), 7);
}
