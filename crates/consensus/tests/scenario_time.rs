//! Scenarios of docs/protocol.md#time.

mod support;

use ally_consensus::{
    BlockRef, Branch, CLOCK_TOLERANCE, EvidenceKind, Message, Micros, NewView, Phase, Proposal,
    Recipients, Signed, View, ViewChange,
};
use ally_policy::ServerSet;
use std::sync::Arc;
use support::{Net, TIMEOUT, flat, keys, s};

const FAR: u64 = 3_600_000_000;

fn show(net: &mut Net, servers: &[u16], proposal: &Proposal) {
    for server in servers {
        let message = Message::Proposal(proposal.clone());
        net.send(s(0), Recipients::One(s(*server)), message, 0);
    }
    net.settle();
}

/// "I voted for this": what a liar reports.
fn report(net: &Net, view: u64, proposal: &Proposal) -> Message {
    let signed = keys::sign(&net.context, s(0), false, false, Message::Proposal(proposal.clone()));
    let body = proposal.header.clone();
    let headers = vec![Signed { signer: s(0), signature: signed.signature, body }];
    let voted = Some(Branch { view: View(0), new_view: None, headers });
    Message::ViewChange(Box::new(ViewChange {
        view: View(view),
        certified: None,
        voted,
        committed: None,
    }))
}

/// The first honest block after what a liar did, and its time.
fn next_decision(net: &mut Net, servers: &[u16]) -> (BlockRef, Micros) {
    net.run_until(400, |net| {
        servers
            .iter()
            .any(|server| net.engine(*server).slot().is_some_and(|s| s.parent.height.0 == 0))
            || net.chain(1).len() == 1
    });
    for leader in servers {
        net.propose(*leader);
    }
    net.run_until(400, |net| servers.iter().all(|server| net.chain(*server).len() == 1));
    let decided = &net.servers[1].decided[0];
    (decided.block, decided.header().timestamp_us)
}

#[test]
fn a_block_from_the_future_gets_no_votes_and_its_leader_is_replaced() {
    let mut net = flat(4, 3);
    let lie = net.block(u64::MAX);
    show(&mut net, &[1, 2, 3], &lie);
    assert!((1..4).all(|server| net.engine(server).counters().votes_sent == 0));
    net.silent = ServerSet::from_iter([s(0)]);
    let (decided, time) = next_decision(&mut net, &[1, 2, 3]);
    assert_ne!(decided, lie.header.block_ref());
    assert!(time <= net.now, "time is what it was");
}

#[test]
fn a_vote_is_withheld_until_the_clock_gets_there_and_no_longer() {
    let mut net = flat(4, 3);
    net.ahead = vec![0, 0, 0, 0];
    let early = net.now.0 + CLOCK_TOLERANCE.0 + TIMEOUT.0 / 4;
    let proposal = net.block(early);
    show(&mut net, &[1, 2, 3], &proposal);
    assert!((1..4).all(|server| net.engine(server).counters().votes_sent == 0));
    assert!((1..4).all(|server| net.engine(server).counters().votes_withheld == 1));
    let due = Some(Micros(early - CLOCK_TOLERANCE.0));
    assert!((1..4).all(|server| net.engine(server).deadline() == due), "woken when it is time");
    for _ in 1..4 {
        net.tick();
    }
    net.settle();
    assert!((1..4).all(|server| net.chain(server) == [proposal.header.block_ref()]));
}

#[test]
fn clocks_that_are_the_tolerance_apart_cost_nothing() {
    for ahead in [[CLOCK_TOLERANCE.0, 0, 0, 0], [0, CLOCK_TOLERANCE.0, CLOCK_TOLERANCE.0, 0]] {
        let mut net = flat(4, 3);
        net.ahead = ahead.to_vec();
        assert!(net.propose(0));
        net.settle();
        assert!((0..4).all(|server| net.chain(server).len() == 1));
        assert_eq!(net.now, Micros(1), "no time has passed");
    }
}

#[test]
fn a_block_that_only_a_liar_voted_for_does_not_move_time_by_a_report() {
    let mut net = flat(4, 3);
    let lie = net.block(u64::MAX);
    show(&mut net, &[1, 2, 3], &lie);
    // s3 is slow, so that the next leader has no quorum without the liar.
    net.silent = ServerSet::from_iter([s(0), s(3)]);
    net.work();
    net.run_until(10, |net| net.engine(1).status().view == View(1));
    let lying = report(&net, 1, &lie);
    net.silent = ServerSet::from_iter([s(3)]);
    net.send(s(0), Recipients::One(s(1)), lying, 0);
    net.settle();
    assert_eq!(net.engine(1).status().phase, Phase::Changing, "it waits for s3");
    net.silent = ServerSet::from_iter([s(0)]);
    let (_, time) = next_decision(&mut net, &[1, 2, 3]);
    assert!(time <= net.now, "time is what it was");
}

#[test]
fn acceptors_give_no_share_for_a_choice_that_rests_on_the_future() {
    let mut net = flat(4, 3);
    let lie = net.block(FAR);
    show(&mut net, &[1, 2, 3], &lie);
    // The liar leads view 4 as well. Until then nobody hears of a choice.
    net.silent = ServerSet::from_iter([s(0)]);
    net.filter = Box::new(|parcel| !matches!(parcel.message.body, Message::NewView(_)));
    net.work();
    net.run_until(100, |net| (1..4).all(|server| net.engine(server).status().view == View(4)));
    net.silent = ServerSet::EMPTY;
    net.filter = Box::new(|_| true);
    let nothing = ViewChange { view: View(4), certified: None, voted: None, committed: None };
    let reports = [
        (0, report(&net, 4, &lie)),
        (1, Message::ViewChange(Box::new(nothing.clone()))),
        (2, Message::ViewChange(Box::new(nothing))),
    ];
    let reports = reports.map(|(server, body)| {
        let Signed { signer, signature, body } =
            keys::sign(&net.context, s(server), false, false, body);
        let Message::ViewChange(body) = body else { unreachable!("reports") };
        Arc::new(Signed { signer, signature, body: *body })
    });
    let choice = NewView { view: View(4), reports: reports.into(), tip: lie.header.block_ref() };
    net.send(s(0), Recipients::All, Message::NewView(choice), 0);
    while net.deliver_next() {}
    let shares = net.trace.iter().filter(|line| line.ends_with("-> s0 share v4")).count();
    assert_eq!(shares, 0, "{:?}", net.trace);
    // That its two reports contradict each other is one.
    let proofs = (1..4).flat_map(|server| &net.servers[server].evidence);
    let kinds: Vec<_> = proofs.map(|proof| (proof.culprit(), proof.kind())).collect();
    let expected = |kind| kind == (s(0), EvidenceKind::Reports);
    assert!(kinds.into_iter().all(expected), "a clock is no proof");
    net.silent = ServerSet::from_iter([s(0)]);
    let (_, time) = next_decision(&mut net, &[1, 2, 3]);
    assert!(time <= net.now, "time is what it was");
}

#[test]
fn clocks_set_back_everywhere_lose_nothing_that_a_kernel_has_voted_for() {
    let mut net = flat(4, 3);
    net.ahead = vec![FAR; 4];
    // All vote, and nobody hears of it.
    net.filter = Box::new(|parcel| !matches!(parcel.message.body, Message::Vote(_)));
    assert!(net.propose(0));
    net.settle();
    net.filter = Box::new(|_| true);
    net.ahead = vec![0; 4];
    net.silent = ServerSet::from_iter([s(0)]);
    net.work();
    net.run_until(100, |net| (1..4).all(|server| net.chain(server).len() >= 2));
    assert!(net.now.0 < FAR / 2, "nobody waited for the clock: {}", net.now);
    let times: Vec<_> = net.servers[1].decided.iter().map(|d| d.header().timestamp_us).collect();
    assert_eq!(times[0], times[1], "time stands still until the clocks are there");
}
