//! What a server has committed to, it reports, whatever it learns later.

use super::Engine;
use super::seven_tests::{at, engine, genesis, header, hear};
use crate::{
    BlockHeader, BlockRef, Commit, CommitCertificate, Input, Message, Output, PayloadVerdict,
    Proposal, ProposalParts, Record, View, ViewChange, Vote,
};

fn commit(block: BlockRef) -> Message {
    let certificate = CommitCertificate { view: View(0), block, signature: vec![7] };
    Message::Commit(Commit { certificate })
}

/// An engine that has committed to the first block and then hears of a commit to the second, whose
/// header it does not have.
fn committed_and_told_of_more() -> (Engine, BlockRef, BlockHeader) {
    let mut engine = engine();
    let first = header(View(0), genesis());
    let (block, next) = (first.block_ref(), header(View(0), first.block_ref()));
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
    let mut parent = genesis();
    for _ in 0..3 {
        let header = header(View(0), parent);
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
