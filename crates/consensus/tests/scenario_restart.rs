//! Scenarios of docs/protocol.md#durability.

mod support;

use ally_consensus::{
    Base, BlockHeader, Engine, Input, JournalPosition, Message, Now, Output, Phase, Record,
    RestoreError, Status, View,
};
use ally_policy::ServerSet;
use support::{Net, flat, s};

fn restore(net: &Net, server: u16, records: Vec<Record>) -> Result<Engine, RestoreError> {
    let decided: Vec<BlockHeader> =
        net.servers[usize::from(server)].decided.iter().map(|d| d.header().clone()).collect();
    let position = JournalPosition(records.len() as u64);
    Engine::restore(net.config(s(server)), Base { decided, position, ..Base::default() }, records)
}

/// What a restart must not change.
fn essence(engine: &Engine) -> (View, Phase, u64) {
    let Status { view, phase, decided, .. } = engine.status();
    (view, phase, decided.height.0)
}

/// Four servers that have gone through votes, a view change and more votes.
fn seasoned() -> Net {
    let mut net = flat(4, 3);
    for _ in 0..3 {
        assert!(net.propose(0));
        net.settle();
    }
    net.step(s(0), Input::Stopping, 0);
    net.settle();
    for _ in 0..3 {
        assert!(net.propose(1));
        net.settle();
    }
    net
}

#[test]
fn every_prefix_of_a_journal_restores() {
    let net = seasoned();
    for server in 0..4 {
        let journal = &net.servers[usize::from(server)].journal;
        for length in 0..=journal.len() {
            assert!(restore(&net, server, journal[..length].to_vec()).is_ok());
        }
    }
}

#[test]
fn a_snapshot_restores_what_the_journal_does() {
    let mut net = seasoned();
    net.filter = Box::new(|parcel| !matches!(parcel.message.body, Message::Vote(_)));
    assert!(net.propose(1));
    net.settle();
    for server in 0..4 {
        let engine = net.engine(server);
        let long = restore(&net, server, net.servers[usize::from(server)].journal.clone()).unwrap();
        let short = restore(&net, server, engine.snapshot()).unwrap();
        assert_eq!(essence(&long), essence(engine));
        assert_eq!(essence(&short), essence(engine));
        assert_eq!(short.snapshot(), engine.snapshot());
        assert_eq!(long.snapshot(), engine.snapshot());
    }
}

#[test]
fn a_server_restored_from_a_snapshot_votes_on_where_it_stopped() {
    let mut net = seasoned();
    let records = net.engine(2).snapshot();
    net.servers[2].engine = restore(&net, 2, records.clone()).unwrap();
    net.servers[2].journal = records;
    net.step(s(2), Input::Tick, 0);
    net.settle();
    net.silent = ServerSet::from_iter([s(3)]);
    assert!(net.propose(1));
    net.settle();
    assert_eq!(net.chain(0).len(), 7, "three of four had to vote");
    let heights: Vec<_> = net.servers[2]
        .journal
        .iter()
        .filter_map(|record| match record {
            Record::Vote(proposal) => Some(proposal.body.header.height.0),
            _ => None,
        })
        .collect();
    assert_eq!(heights, [7], "no block is voted for twice");
}

#[test]
fn decided_blocks_that_were_not_voted_for_wait_for_their_certificate() {
    let mut net = flat(4, 3);
    net.propose(0);
    net.settle();
    // s3 decides two more blocks by the others' votes, without a vote of its own.
    let draft = net.draft(0).unwrap();
    net.step(s(0), Input::Propose(draft), 0);
    let hash = match &net.parcels.back().unwrap().message.body {
        Message::Proposal(proposal) => proposal.header.hash(),
        other => panic!("a proposal was sent last, not {other:?}"),
    };
    net.withheld.push((s(3), hash));
    net.settle();
    assert_eq!(net.chain(3).len(), 2);
    net.restart(3);
    net.settle();
    let votes =
        |net: &Net| net.servers[3].journal.iter().filter(|r| matches!(r, Record::Vote(_))).count();
    assert_eq!(votes(&net), 1);
    net.propose(0);
    net.settle();
    assert_eq!(net.chain(3).len(), 3);
    assert_eq!(votes(&net), 1, "a report could not show the block in between");
    net.certify(3, 2);
    net.propose(0);
    net.settle();
    assert_eq!(votes(&net), 3, "the one passed over since, and the new one");
    let journal = net.servers[3].journal.clone();
    assert!(restore(&net, 3, journal).is_ok());
}

#[test]
fn a_journal_that_goes_back_is_refused() {
    let net = seasoned();
    let mut journal = net.servers[2].journal.clone();
    let vote = journal.iter().position(|record| matches!(record, Record::Vote(_))).unwrap();
    let vote = journal[vote].clone();
    journal.push(vote);
    let index = journal.len() - 1;
    let error = restore(&net, 2, journal).err();
    let expected = RestoreError::WentBack { index, found: View(0), reached: View(1) };
    assert_eq!(error, Some(expected));
}

#[test]
fn a_journal_with_a_vote_cut_out_is_refused() {
    let net = seasoned();
    let mut journal = net.servers[2].journal.clone();
    let second = journal
        .iter()
        .enumerate()
        .filter(|(_, record)| matches!(record, Record::Vote(_)))
        .map(|(index, _)| index)
        .nth(1)
        .unwrap();
    journal.remove(second);
    assert!(matches!(restore(&net, 2, journal).err(), Some(RestoreError::BrokenChain { .. })));
}

#[test]
fn a_restarted_server_that_was_leaving_reports_again() {
    let mut net = flat(4, 3);
    net.silent = ServerSet::first(4);
    net.work();
    for _ in 0..8 {
        net.tick();
        net.silent = ServerSet::first(4).difference(&ServerSet::from_iter([s(2)]));
    }
    assert_eq!(net.engine(2).status().phase, Phase::Changing);
    let records = net.servers[2].journal.clone();
    let mut engine = restore(&net, 2, records).unwrap();
    let mut outputs = Vec::new();
    engine.step(Input::Tick, Now { monotonic: net.now, unix: net.now }, &mut outputs);
    let reports = outputs.iter().filter(|output| {
        matches!(output, Output::SendDurable { message: Message::ViewChange(_), .. })
    });
    assert_eq!(reports.count(), 1);
}
