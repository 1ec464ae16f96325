//! Scenarios of docs/protocol.md#leaving, #selection and #entering.

mod support;

use ally_consensus::{
    Decided, Evidence, Input, Message, Micros, Phase, Proposal, Recipients, View,
};
use ally_policy::{FaultModel, ServerSet, TrustPolicy};
use support::{Net, TIMEOUT, flat, keys, s};

fn decided(net: &Net, servers: &[u16], height: usize) -> bool {
    servers.iter().all(|server| net.chain(*server).len() >= height)
}

fn assert_agreement(net: &Net) {
    for a in &net.servers {
        for b in &net.servers {
            let pairs = a.decided.iter().zip(&b.decided);
            assert!(pairs.clone().all(|(a, b): (&Decided, &Decided)| a.block == b.block));
        }
    }
}

#[test]
fn a_dead_leader_is_replaced_within_three_timeouts() {
    let mut net = flat(4, 3);
    net.silent = ServerSet::from_iter([s(0)]);
    net.work();
    let start = net.now;
    net.run_until(100, |net| net.engine(1).slot().is_some());
    assert!(net.propose(1));
    net.settle();
    assert!(decided(&net, &[1, 2, 3], 1));
    assert_eq!(net.engine(2).status().view, View(1));
    assert!(net.now.0 - start.0 <= 3 * TIMEOUT.0);
    assert_eq!(net.engine(1).status().patience, TIMEOUT, "patience falls back after a decision");
    let expected = "\
s1 leaves for view 1
s1 -> s2 view-change v1
s1 -> s3 view-change v1
s2 leaves for view 1
s2 -> s1 view-change v1
s2 -> s3 view-change v1
s3 leaves for view 1
s3 -> s1 view-change v1
s3 -> s2 view-change v1
s1 -> s2 new-view v1
s1 -> s3 new-view v1
s2 -> s1 share v1
s1 enters view 1
s3 -> s1 share v1
s1 -> s2 enter v1
s2 enters view 1
s1 -> s3 enter v1
s3 enters view 1";
    let changes: Vec<_> =
        net.trace.iter().filter(|line| !line.contains("vote") && !line.contains("v1 h1")).collect();
    let text: Vec<_> = changes.iter().map(|line| line.as_str()).take(18).collect();
    assert_eq!(text.join("\n"), expected);
}

#[test]
fn a_block_that_one_server_decided_survives_its_leader() {
    let mut net = flat(4, 3);
    // Everybody votes; only s3 hears the votes; then the leader dies.
    net.filter =
        Box::new(|parcel| !matches!(parcel.message.body, Message::Vote(_)) || parcel.to == s(3));
    assert!(net.propose(0));
    net.settle();
    assert!(decided(&net, &[3], 1) && !decided(&net, &[1], 1));
    net.filter = Box::new(|_| true);
    net.silent = ServerSet::from_iter([s(0), s(3)]);
    net.run_until(1, |_| true);
    net.silent = ServerSet::from_iter([s(0)]);
    net.work();
    net.run_until(200, |net| {
        decided(net, &[1, 2, 3], 2) || {
            net.engine(1).slot().is_some_and(|slot| !slot.pressing && slot.parent.height.0 >= 1)
        }
    });
    assert!(decided(&net, &[1, 2, 3], 1));
    assert_agreement(&net);
}

/// The leader of view 0 signs two blocks at height 1; `split` says who gets which.
fn equivocate(net: &mut Net, first_for: &[u16], second_for: &[u16]) -> (Proposal, Proposal) {
    let (first, second) = (net.block(1), net.block(2));
    for (servers, proposal) in [(first_for, &first), (second_for, &second)] {
        for server in servers {
            let message = Message::Proposal(proposal.clone());
            net.send(s(0), Recipients::One(s(*server)), message, 0);
        }
    }
    (first, second)
}

#[test]
fn an_equivocating_leader_is_proven_and_left() {
    let mut net = flat(4, 3);
    let (_, _) = equivocate(&mut net, &[1, 2], &[3]);
    net.settle();
    net.silent = ServerSet::from_iter([s(0)]);
    net.work();
    net.run_until(200, |net| {
        net.engine(1).status().phase == Phase::Open && net.engine(1).status().view > View(0)
    });
    net.run_until(200, |net| decided(net, &[1, 2, 3], 1) || net.engine(1).slot().is_some());
    while !decided(&net, &[1, 2, 3], 1) {
        assert!(net.propose(1));
        net.settle();
    }
    assert_agreement(&net);
    let proven = net.servers[1..].iter().any(|server| {
        server.evidence.iter().any(|evidence| matches!(evidence, Evidence::Headers(_)))
    });
    assert!(proven, "the two headers are kept");
}

#[test]
fn proof_of_equivocation_needs_no_timeout() {
    let mut net = flat(4, 3);
    let (first, second) = equivocate(&mut net, &[], &[]);
    let sign = |proposal: &Proposal| {
        let signed =
            keys::sign(&net.context, s(0), false, false, Message::Proposal(proposal.clone()));
        ally_consensus::Signed {
            signer: s(0),
            signature: signed.signature,
            body: proposal.header.clone(),
        }
    };
    let proof = ally_consensus::Equivocation { first: sign(&first), second: sign(&second) };
    net.send(s(2), Recipients::One(s(1)), Message::Equivocation(Box::new(proof)), 0);
    net.settle();
    assert!((1..4).all(|server| net.engine(server).status().view == View(1)));
    assert!((1..4).all(|server| net.engine(server).status().phase == Phase::Open));
    assert_eq!(net.now, Micros(1), "no time has passed");
}

#[test]
fn a_leader_that_stops_hands_over_at_once() {
    let mut net = flat(4, 3);
    assert!(net.propose(0));
    net.settle();
    net.step(s(0), Input::Stopping, 0);
    net.settle();
    assert!((0..4).all(|server| net.engine(server).status().view == View(1)));
    assert!((0..4).all(|server| net.engine(server).status().phase == Phase::Open));
    assert!(net.engine(1).slot().is_some());
    assert!((0..4).all(|server| net.engine(server).deadline().is_none()), "idle again");
    assert_eq!(net.now, Micros(1), "no time has passed");
}

#[test]
fn a_restarted_leader_never_leads_its_view_again() {
    let mut net = flat(4, 3);
    assert!(net.propose(0));
    net.settle();
    net.restart(0);
    net.settle();
    assert!((0..4).all(|server| net.engine(server).status().view == View(1)));
    assert!(net.engine(0).slot().is_none());
    assert!(net.propose(1));
    net.settle();
    assert!(decided(&net, &[0, 1, 2, 3], 2));
    assert_agreement(&net);
}

#[test]
fn a_restarted_server_repeats_its_vote_and_gives_no_other() {
    let mut net = flat(4, 3);
    net.filter = Box::new(|parcel| !matches!(parcel.message.body, Message::Vote(_)));
    assert!(net.propose(0));
    net.settle();
    let votes = |net: &Net| {
        net.servers[2]
            .journal
            .iter()
            .filter(|record| matches!(record, ally_consensus::Record::Vote(_)))
            .count()
    };
    assert_eq!(votes(&net), 1);
    net.filter = Box::new(|_| true);
    net.restart(2);
    net.restart(3);
    net.settle();
    assert_eq!(votes(&net), 1, "nothing new was said");
    assert_eq!(net.chain(0).len(), 1, "s0 has its own vote and the two that were repeated");
}

#[test]
fn two_of_four_servers_stop_and_all_recovers_when_one_returns() {
    let mut net = flat(4, 3);
    net.silent = ServerSet::from_iter([s(2), s(3)]);
    net.work();
    assert!(net.propose(0));
    for _ in 0..40 {
        net.settle();
        net.tick();
    }
    assert!(net.servers.iter().all(|server| server.decided.is_empty()));
    assert_eq!(net.engine(0).status().missing, ServerSet::from_iter([s(2), s(3)]));
    net.silent = ServerSet::from_iter([s(3)]);
    net.run_until(400, |net| {
        decided(net, &[0, 1, 2], 1) || {
            (0..3).any(|server| net.engine(server).slot().is_some_and(|slot| !slot.pressing))
        }
    });
    for leader in 0..3 {
        net.propose(leader);
        net.settle();
    }
    assert!(decided(&net, &[0, 1, 2], 1));
    assert_agreement(&net);
}

#[test]
fn a_full_window_of_undecided_blocks_does_not_block_the_next_view() {
    let policy = TrustPolicy::flat(3, 4, FaultModel::Byzantine).unwrap();
    let mut net = Net::new(policy, |config| config.window_blocks = 3);
    net.filter = Box::new(|parcel| !matches!(parcel.message.body, Message::Vote(_)));
    while net.propose(0) {
        net.settle();
    }
    assert_eq!(net.engine(1).status().undecided, 3, "voted for, and nobody heard of it");
    net.filter = Box::new(|_| true);
    net.silent = ServerSet::from_iter([s(0)]);
    net.run_until(200, |net| decided(net, &[1, 2, 3], 3));
    assert_agreement(&net);
}
