//! Every limit is reached by somebody who tries to pass it.

use super::Engine;
use super::evidence::{ACCUSATIONS_MAX, PROOFS_PER_SERVER_MAX};
use super::fetch::WANTS_PER_SERVER_MAX;
use super::learner::{FUTURE_PROPOSALS_PER_SENDER, PENDING_VOTES_PER_SENDER};
use super::selection::tests::Counts;
use super::tree::TREE_BLOCKS_MAX;
use crate::{
    AllianceId, BlockHash, BlockHeader, BlockRef, Branch, Config, Context, Digest, Epoch,
    Equivocation, Height, Input, Message, Micros, NewViewCertificate, Now, Output, PayloadVerdict,
    PolicyDigest, Proposal, ProposalParts, Recipients, Record, Rotation, Signed, Verified, View,
    ViewChange, Vote, payload_digest,
};
use ally_policy::ServerIndex;
use std::collections::VecDeque;
use std::sync::Arc;

/// Server 0 of four; each server leads each fourth view.
fn engine() -> Engine {
    let context =
        Context { alliance: AllianceId([1; 32]), epoch: Epoch(0), policy: PolicyDigest([2; 32]) };
    let rotation = Rotation::new(Epoch(0), (0..4).map(|s| vec![ServerIndex(s)]).collect());
    let policy = Arc::new(Counts { n: 4, f: 1, t: 1 });
    let mut engine =
        Engine::new(Config::new(context, ServerIndex(0), policy, rotation, Micros(1_000)));
    engine.step(Input::Tick, at(1), &mut Vec::new());
    engine
}

fn at(time: u64) -> Now {
    Now { monotonic: Micros(time), unix: Micros(time) }
}

fn header(view: u64, height: u64, parent: BlockHash, salt: u64) -> BlockHeader {
    BlockHeader {
        alliance: AllianceId([1; 32]),
        epoch: Epoch(0),
        height: Height(height),
        view: View(view),
        parent,
        payload_digest: payload_digest(&[]),
        log_size: salt,
        log_root: Digest([0; 32]),
        timestamp_us: Micros(0),
    }
}

fn hash(number: u64) -> BlockHash {
    let mut hash = [9; 32];
    hash[..8].copy_from_slice(&number.to_le_bytes());
    BlockHash(hash)
}

fn signed<T>(signer: u16, body: T) -> Signed<T> {
    Signed { signer: ServerIndex(signer), signature: [0; 64], body }
}

fn hear(engine: &mut Engine, signer: u16, message: Message) -> Vec<Output> {
    let mut outputs = Vec::new();
    let message = Verified::own(signed(signer, message));
    engine.step(Input::Received(message), at(1), &mut outputs);
    outputs
}

fn proposal(header: BlockHeader) -> Proposal {
    Proposal::from(ProposalParts { header, batches: [].into(), new_view: None })
}

#[test]
fn votes_for_unknown_blocks_are_kept_up_to_a_limit_per_sender() {
    let mut engine = engine();
    let flood = PENDING_VOTES_PER_SENDER as u64 * 2;
    for height in 1..=flood {
        let block = BlockRef { height: Height(height), hash: hash(height) };
        hear(&mut engine, 3, Message::Vote(Vote { view: View(0), block, share: None }));
    }
    let kept = &engine.learner.pending[3];
    assert_eq!(kept.len(), PENDING_VOTES_PER_SENDER);
    assert!(kept.contains_key(&hash(flood)), "the highest matter most");
    assert!(engine.learner.pending[2].is_empty());
}

#[test]
fn proposals_of_future_views_are_kept_up_to_a_limit_per_sender() {
    let mut engine = engine();
    let flood = FUTURE_PROPOSALS_PER_SENDER as u64 * 2;
    for height in 1..=flood {
        let block = proposal(header(5, height, hash(height), 0));
        hear(&mut engine, 1, Message::Proposal(block));
    }
    assert_eq!(engine.learner.future[1].len(), FUTURE_PROPOSALS_PER_SENDER);
}

#[test]
fn a_leader_fills_two_windows_and_no_more() {
    let mut engine = engine();
    for height in 2..1_000 {
        // Parents are unknown, and do not fit: each second one, or they would prove a lie.
        let block = proposal(header(0, height * 2, hash(height), 0));
        hear(&mut engine, 0, Message::Proposal(block));
    }
    assert!(engine.tree.len() as u64 <= 2 * engine.config.window_blocks);
    assert!(engine.tree.len() > 0);
}

/// A report by `signer`, for view 4 which server 0 leads, of a branch that nobody else knows.
fn report(signer: u16, length: u64) -> ViewChange {
    let mut parent = BlockRef::genesis(AllianceId([1; 32]), Epoch(0)).hash;
    let mut headers = Vec::new();
    for height in 1..=length {
        let header = header(0, height, parent, u64::from(signer));
        parent = header.hash();
        headers.push(signed(0, header));
    }
    let voted = Some(Branch { view: View(0), new_view: None, headers });
    ViewChange { view: View(4), certified: None, voted, committed: None }
}

#[test]
fn blocks_asked_for_and_blocks_held_are_limited() {
    let mut engine = engine();
    let length = WANTS_PER_SERVER_MAX as u64;
    hear(&mut engine, 1, Message::ViewChange(Box::new(report(1, 2 * length))));
    hear(&mut engine, 2, Message::ViewChange(Box::new(report(2, length))));
    assert_eq!(engine.acceptor.view, View(4), "a kernel has reached it");
    assert_eq!(engine.wants.taken(ServerIndex(1)), WANTS_PER_SERVER_MAX);
    assert_eq!(engine.wants.taken(ServerIndex(2)), WANTS_PER_SERVER_MAX, "in its own places");
    assert_eq!(engine.wants.len(), 2 * WANTS_PER_SERVER_MAX);
    assert!(engine.counters.dropped > 0);
    let mut parent = BlockRef::genesis(AllianceId([1; 32]), Epoch(0));
    for salt in 0..TREE_BLOCKS_MAX as u64 + 10 {
        let header = header(0, parent.height.next().0, parent.hash, 100 + salt);
        parent = header.block_ref();
        engine.add_block(signed(0, proposal(header)), &mut Vec::new());
    }
    assert_eq!(engine.tree.len(), TREE_BLOCKS_MAX);
}

fn tell(engine: &mut Engine, block: BlockHash, verdict: PayloadVerdict) -> Vec<Output> {
    let mut outputs = Vec::new();
    engine.step(Input::Payload { block, verdict }, at(1), &mut outputs);
    outputs
}

#[test]
fn a_check_that_there_was_no_room_for_is_asked_for_again() {
    let mut engine = engine();
    let header = header(0, 1, engine.origin.hash, 0);
    let block = header.hash();
    let asks = |outputs: &[Output]| {
        outputs.iter().any(
            |output| matches!(output, Output::CheckPayload { block: b, .. } if b.hash == block),
        )
    };
    let votes = |outputs: &[Output]| {
        outputs
            .iter()
            .any(|output| matches!(output, Output::Journal { record: Record::Vote(_), .. }))
    };
    assert!(asks(&hear(&mut engine, 0, Message::Proposal(proposal(header)))));
    tell(&mut engine, block, PayloadVerdict::Postponed);
    assert!(!votes(&tell(&mut engine, block, PayloadVerdict::Valid)), "nothing was asked");
    let due = engine.deadline().expect("there is work");
    let mut outputs = Vec::new();
    engine.step(Input::Tick, at(due.0), &mut outputs);
    assert!(asks(&outputs));
    assert!(votes(&tell(&mut engine, block, PayloadVerdict::Valid)));
    tell(&mut engine, block, PayloadVerdict::Postponed);
    let node = engine.tree.node(&block).map(|node| node.payload);
    assert_eq!(node, Some(super::tree::Payload::Waiting), "forgotten again");
}

#[test]
fn a_leaders_orphans_take_the_leaders_places_only() {
    let mut engine = engine();
    let tip = engine.origin;
    let certificate = NewViewCertificate { view: View(2), tip, signature: Vec::new() };
    hear(&mut engine, 2, Message::EnterView(certificate));
    for height in 2..60 {
        hear(&mut engine, 2, Message::Proposal(proposal(header(2, height * 2, hash(height), 0))));
    }
    engine.want_missing(&mut Vec::new());
    assert!(engine.wants.taken(ServerIndex(2)) > 10);
    assert_eq!(engine.wants.len(), engine.wants.taken(ServerIndex(2)));
}

#[test]
fn a_long_report_is_fetched_part_after_part() {
    let mut engine = engine();
    let long = report(1, 5 * WANTS_PER_SERVER_MAX as u64);
    let headers: Vec<_> = long.voted.iter().flat_map(|branch| branch.headers.clone()).collect();
    let mut asked: VecDeque<_> = hear(&mut engine, 1, Message::ViewChange(Box::new(long))).into();
    asked.extend(hear(&mut engine, 2, Message::ViewChange(Box::new(report(2, 1)))));
    while let Some(output) = asked.pop_front() {
        let Output::Send { to: Recipients::One(ServerIndex(1)), message: Message::Fetch(block) } =
            output
        else {
            continue;
        };
        let header = headers.iter().find(|header| header.body.hash() == block).unwrap();
        let fetched = Message::Fetched(signed(0, proposal(header.body.clone())));
        asked.extend(hear(&mut engine, 1, fetched));
    }
    assert!(headers.iter().all(|header| engine.tree.node(&header.body.hash()).is_some()));
}

#[test]
fn accusations_are_remembered_and_proofs_given_up_to_a_limit() {
    let mut engine = engine();
    let mut proofs = 0;
    for view in (1..=ACCUSATIONS_MAX as u64 * 2).map(|view| view * 4) {
        let [first, second] = [1, 2].map(|salt| signed(0, header(view, 1, hash(0), salt)));
        let outputs =
            hear(&mut engine, 1, Message::Equivocation(Box::new(Equivocation { first, second })));
        proofs += outputs.iter().filter(|output| matches!(output, Output::Evidence(_))).count();
    }
    assert_eq!(engine.accusations.leaders.len(), ACCUSATIONS_MAX);
    assert_eq!(proofs, PROOFS_PER_SERVER_MAX as usize, "a liar does not fill the disk");
    for view in 1..=ACCUSATIONS_MAX as u64 * 2 {
        for salt in 0..2 {
            let block = BlockRef { height: Height(1), hash: hash(salt) };
            let vote = Vote { view: View(view), block, share: None };
            let outputs = hear(&mut engine, 2, Message::Vote(vote));
            proofs += outputs.iter().filter(|out| matches!(out, Output::Evidence(_))).count();
        }
    }
    assert_eq!(proofs, 2 * PROOFS_PER_SERVER_MAX as usize, "as many against the voter");
    assert_eq!(engine.accusations.voters.len(), ACCUSATIONS_MAX);
}

#[test]
fn one_report_per_sender_is_kept() {
    let mut engine = engine();
    for view in 2..50 {
        let report = ViewChange { view: View(view), certified: None, voted: None, committed: None };
        hear(&mut engine, 3, Message::ViewChange(Box::new(report)));
    }
    assert_eq!(engine.change.reports.iter().flatten().count(), 1);
    assert_eq!(engine.acceptor.view, View(0), "one server moves nobody");
}

#[test]
fn votes_of_a_view_that_is_over_are_no_work() {
    let mut engine = engine();
    for signer in 2..4 {
        let block = BlockRef { height: Height(1), hash: hash(1) };
        hear(&mut engine, signer, Message::Vote(Vote { view: View(0), block, share: None }));
    }
    assert!(engine.deadline().is_some(), "a kernel speaks of a block that is not here");
    let tip = engine.origin;
    let certificate = NewViewCertificate { view: View(1), tip, signature: Vec::new() };
    hear(&mut engine, 1, Message::EnterView(certificate));
    assert_eq!(engine.deadline(), None, "it was not decided, or the tip would have it");
}
