//! Each invariant fails when it should: what no correct run shows, told to it by hand.

use super::*;
use crate::scenario::{Style, Treachery};
use crate::{Setting, World};
use ally_consensus::{
    AllianceId, BlockHeader, BlockRef, Bugs, CheckpointCertificate, DecisionPath, Digest, Epoch,
    Equivocation, Height, Proposal, Record, Sequence, Signed, SignedHeader, View, Vote,
    payload_digest,
};
use ally_replica::{
    Batch, ChainState, DeliveredBlock, Evidence, HeldBatch, PeerMessage, SignedBatch, StoreOp,
};
use bytes::Bytes;

const HONEST: ServerIndex = ServerIndex(1);
const OTHER: ServerIndex = ServerIndex(2);
const LIAR: ServerIndex = ServerIndex(0);

fn invariants() -> Invariants {
    let setting = Setting::named("four").unwrap();
    let scenario = Scenario::draw(1, &setting, Style::Weather).unwrap();
    let honest = ServerSet::first(4).difference(&[LIAR].into_iter().collect());
    Invariants::new(&scenario, setting.policy().unwrap(), honest)
}

/// Shows things one after the other; gives what is broken then.
fn after(things: &[Observation<'_>]) -> String {
    let mut invariants = invariants();
    for what in things {
        invariants.see(Micros::ZERO, what);
    }
    invariants.finish();
    invariants.into_violations().join("; ")
}

fn header(height: u64, timestamp_us: u64, batches: &[HeldBatch]) -> BlockHeader {
    let alliance = AllianceId([1; 32]);
    let references: Vec<_> = batches.iter().map(|batch| *batch.reference()).collect();
    BlockHeader {
        alliance,
        epoch: Epoch(0),
        height: Height(height),
        view: View::ZERO,
        parent: BlockRef::genesis(alliance, Epoch(0)).hash,
        payload_digest: payload_digest(&references),
        log_size: 0,
        log_root: Digest([0; 32]),
        timestamp_us: Micros(timestamp_us),
    }
}

fn block(height: u64, timestamp_us: u64, batches: &[HeldBatch]) -> Arc<DeliveredBlock> {
    let header = header(height, timestamp_us, batches);
    Arc::new(DeliveredBlock {
        block: header.block_ref(),
        header,
        signature: None,
        batches: batches.to_vec(),
        first_index: 0,
        path: DecisionPath::Fast,
        state: ChainState::genesis(4),
    })
}

fn batch(origin: ServerIndex, sequence: u64, command: &Bytes) -> HeldBatch {
    let batch = Batch::new(origin, Sequence(sequence), std::slice::from_ref(command)).unwrap();
    HeldBatch::trusted(SignedBatch { signature: [0; 64], batch })
}

fn proposal(timestamp_us: u64) -> Signed<Proposal> {
    let body =
        Proposal { header: header(1, timestamp_us, &[]), batches: [].into(), new_view: None };
    Signed { signer: LIAR, signature: [0; 64], body }
}

fn journal(record: Record) -> StoreOp {
    StoreOp::Journal { position: ally_consensus::JournalPosition(1), record }
}

fn vote_on(proposal: &Signed<Proposal>) -> PeerMessage {
    let header = &proposal.body.header;
    let vote = Vote { view: header.view, block: header.block_ref(), share: None };
    let body = ally_consensus::Message::Vote(vote);
    PeerMessage::Consensus(Signed { signer: HONEST, signature: [0; 64], body })
}

#[test]
fn time_that_goes_back_or_runs_ahead_is_noticed() {
    let setting = Setting::named("four").unwrap();
    let clocks = Scenario::draw(1, &setting, Style::Weather).unwrap().clocks;
    let start = clocks.read(HONEST, Micros::ZERO).unix.0;
    let blocks = [(1, start), (2, start), (3, start - 1)];
    let blocks = blocks.map(|(height, time)| block(height, time, &[]));
    let delivered = blocks.each_ref().map(|block| Observation::Delivered { server: HONEST, block });
    assert_eq!(after(&delivered[..2]), "");
    assert!(after(&delivered).starts_with("time: block 3 goes back"));
    let early = block(1, start + 3 * clocks.tolerance + 1, &[]);
    let delivered = Observation::Delivered { server: HONEST, block: &early };
    assert!(after(&[delivered]).starts_with("time: block 1 of"));
}

#[test]
fn different_decisions_at_one_height_are_noticed() {
    let (one, other) = (block(1, 1, &[]), block(1, 2, &[]));
    let first = Observation::Delivered { server: HONEST, block: &one };
    assert_eq!(after(&[first, Observation::Delivered { server: OTHER, block: &one }]), "");
    let broken = after(&[first, Observation::Delivered { server: OTHER, block: &other }]);
    assert!(broken.starts_with("agreement"), "{broken}");
}

#[test]
fn what_a_liar_decides_does_not_matter() {
    let (one, other) = (block(1, 1, &[]), block(1, 2, &[]));
    let first = Observation::Delivered { server: HONEST, block: &one };
    assert_eq!(after(&[first, Observation::Delivered { server: LIAR, block: &other }]), "");
}

#[test]
fn a_gap_is_noticed() {
    let second = block(2, 1, &[]);
    let broken = after(&[Observation::Delivered { server: HONEST, block: &second }]);
    assert!(broken.starts_with("order"), "{broken}");
}

#[test]
fn what_nobody_submitted_is_noticed() {
    let command = Bytes::from_static(b"a");
    let one = block(1, 1, &[batch(HONEST, 0, &command)]);
    let delivered = Observation::Delivered { server: HONEST, block: &one };
    assert!(after(&[delivered]).starts_with("validity"));
    let elsewhere = Observation::Submitted { server: OTHER, command: &command };
    assert!(after(&[elsewhere, delivered]).starts_with("validity"));
    let submitted = Observation::Submitted { server: HONEST, command: &command };
    assert_eq!(after(&[submitted, delivered]), "");
}

#[test]
fn a_command_decided_twice_is_noticed() {
    let command = Bytes::from_static(b"a");
    let submitted = Observation::Submitted { server: HONEST, command: &command };
    let once = block(1, 1, &[batch(HONEST, 0, &command)]);
    for again in [batch(HONEST, 0, &command), batch(HONEST, 1, &command)] {
        let twice = block(2, 2, &[again]);
        let broken = after(&[
            submitted,
            Observation::Delivered { server: HONEST, block: &once },
            Observation::Delivered { server: HONEST, block: &twice },
        ]);
        assert!(broken.starts_with("validity"), "{broken}");
    }
}

#[test]
fn commands_out_of_their_origins_order_are_noticed() {
    let [a, b] = ["a", "b"].map(|name| Bytes::from_static(name.as_bytes()));
    let one = block(1, 1, &[batch(HONEST, 0, &b), batch(HONEST, 1, &a)]);
    let broken = after(&[
        Observation::Submitted { server: HONEST, command: &a },
        Observation::Submitted { server: HONEST, command: &b },
        Observation::Delivered { server: HONEST, block: &one },
    ]);
    assert!(broken.starts_with("order of origin"), "{broken}");
}

#[test]
fn a_vote_that_the_disk_may_forget_is_noticed() {
    let proposal = proposal(1);
    let vote = vote_on(&proposal);
    let said = Observation::Said { server: HONEST, message: &vote };
    assert!(after(&[said]).starts_with("durability"));
    let record = journal(Record::Vote(proposal));
    assert_eq!(after(&[Observation::Durable { server: HONEST, op: &record }, said]), "");
}

#[test]
fn a_batch_that_the_disk_may_forget_is_noticed_but_not_a_relayed_one() {
    let batch = batch(HONEST, 0, &Bytes::from_static(b"a"));
    let message = PeerMessage::Batch(batch.signed().clone());
    assert!(after(&[Observation::Said { server: HONEST, message: &message }]).contains("batch"));
    assert_eq!(after(&[Observation::Said { server: OTHER, message: &message }]), "");
}

#[test]
fn two_votes_for_one_place_are_noticed() {
    let records = [1, 2].map(|time| journal(Record::Vote(proposal(time))));
    let durable = records.each_ref().map(|op| Observation::Durable { server: HONEST, op });
    assert!(after(&durable).starts_with("double vote"));
}

#[test]
fn a_vote_cast_after_leaving_is_noticed() {
    let leave = journal(Record::Leave(View(1)));
    let vote = journal(Record::Vote(proposal(1)));
    let [left, voted] = [&leave, &vote].map(|op| Observation::Durable { server: HONEST, op });
    assert_eq!(after(&[voted, left]), "");
    assert!(after(&[left, voted]).starts_with("late vote"));
}

#[test]
fn a_certificate_for_what_nobody_decided_is_noticed() {
    let one = block(1, 1, &[]);
    let certificate = CheckpointCertificate {
        block: one.block,
        log_size: 0,
        log_root: one.header.log_root,
        signature: Vec::new(),
    };
    let certified = Observation::Certified { certificate: &certificate };
    assert!(after(&[certified]).starts_with("certificate"));
    assert_eq!(after(&[certified, Observation::Delivered { server: HONEST, block: &one }]), "");
}

#[test]
fn blame_on_an_honest_server_is_noticed_but_not_on_a_liar() {
    let evidence = |signer: ServerIndex| {
        let signed = |time| SignedHeader { signer, signature: [0; 64], body: header(1, time, &[]) };
        let proof = Equivocation { first: signed(1), second: signed(2) };
        Evidence::Consensus(ally_consensus::Evidence::Headers(proof))
    };
    let (just, unjust) = (evidence(LIAR), evidence(OTHER));
    assert_eq!(after(&[Observation::Accused { server: HONEST, evidence: &just }]), "");
    let broken = after(&[Observation::Accused { server: HONEST, evidence: &unjust }]);
    assert!(broken.starts_with("blame"), "{broken}");
}

#[test]
fn work_that_is_never_decided_is_noticed() {
    let setting = Setting::named("four").unwrap();
    let mut scenario = Scenario::draw(1, &setting, Style::Weather).unwrap();
    // Two silent servers of four are one more than the policy lets fail.
    scenario.coalition = ServerSet::first(2);
    scenario.treachery = Treachery { withhold: 100, ..Treachery::default() };
    let outcome = World::new(scenario, Bugs::NONE).unwrap().run();
    assert!(outcome.violations.join("; ").starts_with("no liveness"));
}
