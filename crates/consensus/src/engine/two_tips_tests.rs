//! A leader that led two tips of its view to certificates, seen by a server that entered by one of
//! them and hears of what goes on above the other.

use super::Engine;
use super::seven_tests::{at, engine, genesis, header, hear};
use crate::{
    BlockHash, BlockHeader, BlockRef, CheckpointCertificate, Commit, CommitCertificate, Input,
    Message, Micros, NewViewCertificate, Output, PayloadVerdict, Proposal, ProposalParts, Record,
    Signed, View, ViewChange, Vote,
};
use ally_policy::ServerIndex;
use std::sync::Arc;

/// The view with two tips, which its number leads.
const VIEW: View = View(2);

fn proposal(header: BlockHeader) -> Proposal {
    Proposal::from(ProposalParts { header, batches: [].into(), new_view: None })
}

/// The leader of `view` shows a block above `parent`; its payload is right.
fn show(engine: &mut Engine, view: View, parent: BlockRef) -> (BlockRef, Vec<Output>) {
    let header = header(view, parent);
    let block = header.block_ref();
    let mut outputs = hear(engine, view.0 as u16, Message::Proposal(proposal(header)));
    outputs.extend(valid(engine, block.hash));
    (block, outputs)
}

fn valid(engine: &mut Engine, block: BlockHash) -> Vec<Output> {
    let mut outputs = Vec::new();
    let verdict = Input::Payload { block, verdict: PayloadVerdict::Valid };
    engine.step(verdict, at(1), &mut outputs);
    outputs
}

fn enter(engine: &mut Engine, tip: BlockRef) {
    let certificate = NewViewCertificate { view: VIEW, tip, signature: vec![7] };
    hear(engine, VIEW.0 as u16, Message::EnterView(certificate));
}

fn commit(block: BlockRef) -> Message {
    let certificate = CommitCertificate { view: VIEW, block, signature: vec![7] };
    Message::Commit(Commit { certificate })
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

fn commits(outputs: &[Output]) -> usize {
    let is = |o: &&Output| matches!(o, Output::Journal { record: Record::Commit(_), .. });
    outputs.iter().filter(is).count()
}

fn votes(outputs: &[Output]) -> usize {
    let is = |o: &&Output| matches!(o, Output::Journal { record: Record::Vote(_), .. });
    outputs.iter().filter(is).count()
}

/// Two blocks of view 0, of which this server enters the view by the lower one, and a block that goes on
/// above the higher one.
#[test]
fn nobody_commits_above_the_tip_that_it_did_not_enter_by() {
    let mut engine = engine();
    let (low, _) = show(&mut engine, View(0), genesis());
    let (high, _) = show(&mut engine, View(0), low);
    enter(&mut engine, low);
    let (block, outputs) = show(&mut engine, VIEW, high);
    assert_eq!(votes(&outputs), 0, "it is above the other tip");
    assert_eq!(commits(&hear(&mut engine, 3, commit(block))), 0, "no report could show it");
    let report = report(&mut engine);
    assert_eq!(report.committed, None);
    assert_eq!(report.voted.map(|branch| branch.headers.len()), Some(2), "of view 0");
}

/// The tips of two branches, neither of which holds the other.
#[test]
fn nobody_commits_beside_the_tip_that_it_entered_by() {
    let mut engine = engine();
    let (first, _) = show(&mut engine, View(0), genesis());
    let other = BlockHeader { timestamp_us: Micros(1), ..header(View(1), genesis()) };
    let block = other.block_ref();
    hear(&mut engine, 1, Message::Proposal(proposal(other)));
    enter(&mut engine, block);
    let (above, _) = show(&mut engine, VIEW, first);
    let (block, _) = show(&mut engine, VIEW, above);
    assert_eq!(commits(&hear(&mut engine, 3, commit(block))), 0);
    assert_eq!(report(&mut engine).committed, None);
}

/// What was decided above one tip is learned from votes before the view is entered by the other.
#[test]
fn nobody_votes_above_the_other_tip_until_a_certificate_leads_there() {
    let mut engine = engine();
    let (low, _) = show(&mut engine, View(0), genesis());
    let (high, _) = show(&mut engine, View(0), low);
    let decided = header(VIEW, high);
    let block = decided.block_ref();
    for voter in [0, 2, 3, 4, 5, 6] {
        let vote = Vote { view: VIEW, block, share: Some(vec![1]) };
        hear(&mut engine, voter, Message::Vote(vote));
    }
    let fetched =
        Signed { signer: ServerIndex(2), signature: [0; 64], body: proposal(decided.clone()) };
    hear(&mut engine, 2, Message::Fetched(fetched));
    assert_eq!(engine.tree.root().block, block, "a fast quorum voted for it");
    enter(&mut engine, low);
    let (next, outputs) = show(&mut engine, VIEW, block);
    assert_eq!(votes(&outputs), 0, "no report could show the vote");
    let certificate = CheckpointCertificate {
        block,
        log_size: decided.log_size,
        log_root: decided.log_root,
        signature: vec![7],
    };
    let mut outputs = Vec::new();
    engine.step(Input::Certified(Arc::new(certificate)), at(1), &mut outputs);
    assert_eq!(votes(&outputs), 1);
    let voted = report(&mut engine).voted.expect("it has voted");
    assert_eq!(voted.headers.first().map(|header| header.body.parent), Some(block.hash));
    assert_eq!(voted.headers.last().map(|header| header.body.block_ref()), Some(next));
}
