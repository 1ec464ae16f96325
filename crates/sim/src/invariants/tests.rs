//! Each oracle fails when it should: what no correct run shows, told to it by hand.

use super::*;
use crate::payload::batch;
use crate::scenario::Style;
use crate::{Alliance, Scenario};
use ally_consensus::{
    AllianceId, BlockHeader, Digest, Epoch, Equivocation, Height, SignedHeader, payload_digest,
};

const HONEST: ServerIndex = ServerIndex(1);

fn invariants() -> Invariants {
    let honest = ServerSet::first(4).difference(&[ServerIndex(0)].into_iter().collect());
    Invariants::new(Alliance::Four.policy(), honest)
}

fn header(height: u64, timestamp_us: u64, batches: &[BatchRef]) -> BlockHeader {
    let alliance = AllianceId([1; 32]);
    BlockHeader {
        alliance,
        epoch: Epoch(0),
        height: Height(height),
        view: View::ZERO,
        parent: BlockRef::genesis(alliance, Epoch(0)).hash,
        payload_digest: payload_digest(batches),
        log_size: 0,
        log_root: Digest([0; 32]),
        timestamp_us: Micros(timestamp_us),
    }
}

fn decided(height: u64, timestamp_us: u64, batches: &[BatchRef]) -> Decided {
    let header = header(height, timestamp_us, batches);
    Decided {
        block: header.block_ref(),
        header,
        signature: None,
        batches: batches.into(),
        path: DecisionPath::Fast,
    }
}

fn violation(invariants: Invariants) -> String {
    invariants.into_violations().join("; ")
}

#[test]
fn different_decisions_at_one_height_are_noticed() {
    let mut invariants = invariants();
    invariants.decided(HONEST, &decided(1, 1, &[]), Micros::ZERO);
    assert!(invariants.violations().is_empty());
    invariants.decided(ServerIndex(2), &decided(1, 2, &[]), Micros::ZERO);
    assert!(violation(invariants).starts_with("agreement"));
}

#[test]
fn a_gap_is_noticed() {
    let mut invariants = invariants();
    invariants.decided(HONEST, &decided(2, 1, &[]), Micros::ZERO);
    assert!(violation(invariants).starts_with("order"));
}

#[test]
fn what_nobody_submitted_is_noticed() {
    let mut invariants = invariants();
    invariants.decided(HONEST, &decided(1, 1, &[batch(HONEST, 0)]), Micros::ZERO);
    assert!(violation(invariants).starts_with("validity"));
}

#[test]
fn a_batch_decided_twice_is_noticed() {
    let mut invariants = invariants();
    let once = batch(HONEST, 0);
    invariants.submitted(once);
    invariants.decided(HONEST, &decided(1, 1, &[once]), Micros::ZERO);
    assert!(invariants.violations().is_empty());
    invariants.decided(HONEST, &decided(2, 2, &[once]), Micros::ZERO);
    assert!(violation(invariants).starts_with("validity"));
}

#[test]
fn a_certificate_for_what_nobody_decided_is_noticed() {
    let mut invariants = invariants();
    let header = header(1, 1, &[]);
    invariants.certified(&CheckpointCertificate {
        block: header.block_ref(),
        log_size: 0,
        log_root: header.log_root,
        signature: Vec::new(),
    });
    invariants.finish();
    assert!(violation(invariants).starts_with("certificate"));
}

#[test]
fn blame_on_an_honest_server_is_noticed_but_not_on_a_liar() {
    let evidence = |signer: ServerIndex| {
        let signed = |time| SignedHeader { signer, signature: [0; 64], body: header(1, time, &[]) };
        Evidence::Headers(Equivocation { first: signed(1), second: signed(2) })
    };
    let mut invariants = invariants();
    invariants.blamed(HONEST, &evidence(ServerIndex(0)));
    assert!(invariants.violations().is_empty());
    invariants.blamed(HONEST, &evidence(ServerIndex(3)));
    assert!(violation(invariants).starts_with("blame"));
}

#[test]
fn work_that_is_never_decided_is_noticed() {
    let bugs = ally_consensus::Bugs::NONE;
    let mut scenario = Scenario::draw(1, Alliance::Four, Style::Weather);
    // Two silent servers of four are one more than the policy lets fail.
    scenario.coalition = ServerSet::first(2);
    scenario.treachery = crate::Treachery { withhold: 100, ..crate::Treachery::default() };
    let outcome = crate::World::new(scenario, bugs).run();
    assert!(outcome.violations.join("; ").starts_with("no liveness"));
}
