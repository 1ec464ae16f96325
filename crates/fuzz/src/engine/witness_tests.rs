use super::*;
use ally_consensus::{
    AllianceId, Commit, CommitCertificate, Digest, Epoch, Micros, NewViewShare, Proposal,
    ProposalParts, ViewChange, Vote,
};

const ME: ServerIndex = ServerIndex(1);
const NONE: JournalPosition = JournalPosition::ZERO;

fn header(view: u64, height: u64, salt: u8) -> BlockHeader {
    BlockHeader {
        alliance: AllianceId([7; 32]),
        epoch: Epoch(0),
        height: Height(height),
        view: View(view),
        parent: BlockHash([0; 32]),
        payload_digest: Digest([0; 32]),
        log_size: 0,
        log_root: Digest([salt; 32]),
        timestamp_us: Micros(1),
    }
}

fn voted(header: &BlockHeader) -> Record {
    let parts = ProposalParts { header: header.clone(), batches: [].into(), new_view: None };
    let body = Proposal::from(parts);
    Record::Vote(Signed { signer: ServerIndex(0), signature: [0; 64], body })
}

fn vote(header: &BlockHeader) -> Message {
    Message::Vote(Vote { view: header.view, block: header.block_ref(), share: None })
}

/// A witness of a journal, and the position of its last record.
fn witness(records: &[Record]) -> (Witness, JournalPosition) {
    let mut witness = Witness::default();
    let mut position = NONE;
    for record in records {
        position = position.next();
        witness.wrote(ME, position, record);
    }
    (witness, position)
}

#[test]
fn who_keeps_its_word_is_left_alone() {
    let (first, second) = (header(0, 1, 1), header(1, 1, 2));
    let records = [voted(&first), Record::Leave(View(1)), voted(&second)];
    let (mut witness, last) = witness(&records);
    witness.left(ME, last, &vote(&first));
    witness.left(ME, last, &vote(&second));
    witness.left(ME, last, &vote(&first));
}

#[test]
#[should_panic(expected = "two votes in view 0 at height 1")]
fn a_second_vote_is_noticed() {
    witness(&[voted(&header(0, 1, 1)), voted(&header(0, 1, 2))]);
}

#[test]
#[should_panic(expected = "votes for")]
fn a_second_vote_after_the_first_was_forgotten_is_noticed() {
    let (first, second) = (header(0, 1, 1), header(0, 1, 2));
    let (mut witness, last) = witness(&[voted(&first)]);
    witness.left(ME, last, &vote(&first));
    witness.crashed(ME, NONE, None);
    witness.wrote(ME, last, &voted(&second));
    witness.left(ME, last, &vote(&second));
}

#[test]
#[should_panic(expected = "goes back")]
fn a_vote_in_a_view_that_was_left_is_noticed() {
    witness(&[Record::Leave(View(2)), voted(&header(1, 1, 1))]);
}

#[test]
#[should_panic(expected = "before it is written")]
fn a_vote_that_is_not_yet_durable_is_noticed() {
    let first = header(0, 1, 1);
    let (mut witness, _) = witness(&[voted(&first)]);
    witness.left(ME, NONE, &vote(&first));
}

#[test]
#[should_panic(expected = "before it is written")]
fn a_report_without_a_record_is_noticed() {
    let (mut witness, last) = witness(&[Record::Leave(View(1))]);
    let report = ViewChange { view: View(2), certified: None, voted: None, committed: None };
    witness.left(ME, last, &Message::ViewChange(Box::new(report)));
}

#[test]
#[should_panic(expected = "before it is written")]
fn a_share_without_a_record_is_noticed() {
    let (mut witness, last) = witness(&[Record::Leave(View(1))]);
    let tip = header(0, 1, 1).block_ref();
    let share = NewViewShare { view: View(1), tip, share: Vec::new() };
    witness.left(ME, last, &Message::NewViewShare(share));
}

#[test]
#[should_panic(expected = "before it is written")]
fn a_commit_without_a_record_is_noticed() {
    let (mut witness, last) = witness(&[Record::Leave(View(0))]);
    let (view, block) = (View(0), header(0, 1, 1).block_ref());
    let certificate = CommitCertificate { view, block, signature: Vec::new() };
    witness.left(ME, last, &Message::Commit(Commit { certificate }));
}

#[test]
#[should_panic(expected = "does not wait for its disk")]
fn a_vote_that_waits_for_nothing_is_noticed() {
    witness(&[]).0.sent_at_once(ME, &vote(&header(0, 1, 1)));
}

#[test]
#[should_panic(expected = "decides another block")]
fn two_decisions_are_noticed() {
    let mut witness = Witness::default();
    for (server, salt) in [(1, 1), (2, 2)] {
        let header = header(0, 1, salt);
        let decided = Decided {
            block: header.block_ref(),
            proposal: Proposal::header_only(header),
            signature: None,
            path: ally_consensus::DecisionPath::Fast,
        };
        witness.decided(ServerIndex(server), &decided);
    }
}
