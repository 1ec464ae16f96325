//! What a server has committed to, it reports, whatever it learns later.

use super::Engine;
use super::selection::tests::Counts;
use crate::{
    AllianceId, BlockHash, BlockHeader, BlockRef, Commit, CommitCertificate, Config, Context,
    Digest, Epoch, Height, Input, Message, Micros, Now, Output, PayloadVerdict, PolicyDigest,
    Proposal, ProposalParts, Record, Rotation, Signed, Verified, View, ViewChange, Vote,
    payload_digest,
};
use ally_policy::ServerIndex;
use std::sync::Arc;

/// Server 1 of seven, of which two may lie and one may be silent without a third step.
fn engine() -> Engine {
    let context =
        Context { alliance: AllianceId([1; 32]), epoch: Epoch(0), policy: PolicyDigest([2; 32]) };
    let rotation = Rotation::new(Epoch(0), (0..7).map(|s| vec![ServerIndex(s)]).collect());
    let policy = Arc::new(Counts { n: 7, f: 2, t: 1 });
    let mut engine =
        Engine::new(Config::new(context, ServerIndex(1), policy, rotation, Micros(1_000)));
    engine.step(Input::Tick, at(1), &mut Vec::new());
    engine
}

fn at(time: u64) -> Now {
    Now { monotonic: Micros(time), unix: Micros(time) }
}

fn header(height: u64, parent: BlockHash) -> BlockHeader {
    BlockHeader {
        alliance: AllianceId([1; 32]),
        epoch: Epoch(0),
        height: Height(height),
        view: View(0),
        parent,
        payload_digest: payload_digest(&[]),
        log_size: 0,
        log_root: Digest([0; 32]),
        timestamp_us: Micros(0),
    }
}

fn hear(engine: &mut Engine, signer: u16, body: Message) -> Vec<Output> {
    let mut outputs = Vec::new();
    let signed = Signed { signer: ServerIndex(signer), signature: [0; 64], body };
    engine.step(Input::Received(Verified::own(signed)), at(1), &mut outputs);
    outputs
}

fn commit(block: BlockRef) -> Message {
    let certificate = CommitCertificate { view: View(0), block, signature: vec![7] };
    Message::Commit(Commit { certificate })
}

/// An engine that has committed to the first block and then hears of a commit to the second, whose
/// header it does not have.
fn committed_and_told_of_more() -> (Engine, BlockRef, BlockHeader) {
    let mut engine = engine();
    let first = header(1, BlockRef::genesis(AllianceId([1; 32]), Epoch(0)).hash);
    let (block, next) = (first.block_ref(), header(2, first.hash()));
    let proposal =
        Proposal::from(ProposalParts { header: first, batches: [].into(), new_view: None });
    hear(&mut engine, 0, Message::Proposal(proposal));
    let verdict = Input::Payload { block: block.hash, verdict: PayloadVerdict::Valid };
    engine.step(verdict, at(1), &mut Vec::new());
    let outputs = hear(&mut engine, 2, commit(block));
    let is_commit = |output: &Output| {
        matches!(output, Output::Journal { record: Record::Commit(known), .. }
            if known.block == block)
    };
    assert!(outputs.iter().any(is_commit));
    hear(&mut engine, 3, commit(next.block_ref()));
    (engine, block, next)
}

fn report(engine: &mut Engine) -> ViewChange {
    let mut outputs = Vec::new();
    engine.step(Input::Starved, at(2), &mut outputs);
    let report = outputs.into_iter().find_map(|output| match output {
        Output::SendDurable { message: Message::ViewChange(report), .. } => Some(report),
        _ => None,
    });
    *report.expect("a starved server leaves its view")
}

#[test]
fn a_certificate_that_cannot_be_shown_does_not_hide_the_commit() {
    let (mut engine, block, _) = committed_and_told_of_more();
    let (certificate, branch) = report(&mut engine).committed.expect("it has committed");
    assert_eq!(certificate.block, block);
    assert_eq!(branch.headers.len(), 1);
}

#[test]
fn a_certificate_that_can_be_shown_is_reported_even_without_a_commit() {
    let (mut engine, _, next) = committed_and_told_of_more();
    let block = next.block_ref();
    let body = Proposal::from(ProposalParts { header: next, batches: [].into(), new_view: None });
    hear(&mut engine, 0, Message::Proposal(body));
    let (certificate, branch) = report(&mut engine).committed.expect("it has committed");
    assert_eq!(certificate.block, block, "its payload was not checked, so it has not committed");
    assert_eq!(branch.headers.len(), 2);
}

#[test]
fn a_decided_block_keeps_no_shares() {
    let (mut engine, block, _) = committed_and_told_of_more();
    let share = Some(vec![1; 1 << 16]);
    hear(&mut engine, 2, Message::Vote(Vote { view: View(0), block, share: share.clone() }));
    assert_eq!(engine.tree.node(&block.hash).map(|node| node.shares().count()), Some(1));
    for signer in 2..7 {
        hear(&mut engine, signer, commit(block));
    }
    assert_eq!(engine.tree.root().block, block);
    hear(&mut engine, 3, Message::Vote(Vote { view: View(0), block, share }));
    assert_eq!(engine.tree.node(&block.hash).map(|node| node.shares().count()), Some(0));
}

#[test]
fn a_shortened_journal_keeps_the_commit() {
    let (engine, block, _) = committed_and_told_of_more();
    let commits: Vec<_> = engine
        .snapshot()
        .into_iter()
        .filter_map(|record| match record {
            Record::Commit(certificate) => Some(certificate.block),
            _ => None,
        })
        .collect();
    assert_eq!(commits, [block]);
}

#[test]
fn nobody_commits_to_or_reports_more_blocks_than_a_report_may_hold() {
    let mut engine = engine();
    engine.config.uncertified_blocks_max = 2;
    let mut parent = BlockRef::genesis(AllianceId([1; 32]), Epoch(0));
    for height in 1..=3 {
        let header = header(height, parent.hash);
        parent = header.block_ref();
        let proposal = Proposal::from(ProposalParts { header, batches: [].into(), new_view: None });
        hear(&mut engine, 0, Message::Proposal(proposal));
        let verdict = Input::Payload { block: parent.hash, verdict: PayloadVerdict::Valid };
        engine.step(verdict, at(1), &mut Vec::new());
    }
    // The others know of a certificate that is still on its way here.
    let outputs = hear(&mut engine, 2, commit(parent));
    let commits =
        outputs.iter().filter(|o| matches!(o, Output::Journal { record: Record::Commit(_), .. }));
    assert_eq!(commits.count(), 0);
    let report = report(&mut engine);
    assert_eq!(report.voted.map(|branch| branch.headers.len()), Some(2));
    assert_eq!(report.committed, None);
}
