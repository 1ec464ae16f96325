use super::*;
use crate::batch::HeldBatch;
use crate::pool::Demand;
use crate::testing::held;
use ally_consensus::{
    AllianceId, BatchRef, BlockHash, BlockHeader, Bugs, Epoch, Height, Micros, ProposalParts,
    Sequence, View, payload_digest,
};
use ally_policy::ServerIndex;
use std::sync::Arc;

fn pool_of(batches: &[HeldBatch]) -> Pool {
    let mut pool = Pool::new([Sequence(0); 4], usize::MAX);
    for batch in batches {
        pool.add(batch.clone(), Demand::Unasked);
    }
    pool
}

fn proposal(parent: &ChainState, batches: &[HeldBatch]) -> Proposal {
    let state = parent.extend(batches);
    let references: Arc<[BatchRef]> = batches.iter().map(|batch| *batch.reference()).collect();
    let header = BlockHeader {
        alliance: AllianceId([0; 32]),
        epoch: Epoch(0),
        height: Height(1),
        view: View(0),
        parent: BlockHash([0; 32]),
        payload_digest: payload_digest(&references),
        log_size: state.log_size(),
        log_root: state.log_root(),
        timestamp_us: Micros(0),
    };
    ProposalParts { header, batches: references, new_view: None }.into()
}

#[test]
fn an_honest_payload_is_valid_and_gives_the_state_after_it() {
    let parent = ChainState::genesis(4);
    let batches = [held(0, 0, 1, 10), held(2, 0, 2, 10), held(0, 1, 3, 10)];
    let proposal = proposal(&parent, &batches);
    match check(&proposal, &parent, &pool_of(&batches), &Limits::default(), Bugs::NONE) {
        PayloadCheck::Valid(checked) => {
            assert_eq!(checked.state.log_size(), 3);
            assert_eq!(checked.state.next(ServerIndex(0)), Some(Sequence(2)));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_not_held_is_named() {
    let parent = ChainState::genesis(4);
    let batches = [held(0, 0, 1, 10), held(2, 0, 2, 10)];
    let proposal = proposal(&parent, &batches);
    match check(&proposal, &parent, &pool_of(&batches[..1]), &Limits::default(), Bugs::NONE) {
        PayloadCheck::Missing(missing) => assert_eq!(missing, [batches[1].id()]),
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_rule_a_leader_can_break_is_noticed() {
    let parent = ChainState::genesis(4);
    let batches = [held(0, 0, 1, 10), held(2, 0, 2, 10)];
    let pool = pool_of(&batches);
    let limits = Limits::default();
    let good = proposal(&parent, &batches);
    let refused = |name: &str, change: &dyn Fn(&mut ProposalParts), limits: &Limits| {
        let mut parts = (*good).clone();
        change(&mut parts);
        let found = check(&parts.into(), &parent, &pool, limits, Bugs::NONE);
        assert!(matches!(found, PayloadCheck::Invalid), "{name}: {found:?}");
    };
    let order = |change: fn(&mut Vec<BatchRef>)| {
        move |proposal: &mut ProposalParts| {
            let mut list = proposal.batches.to_vec();
            change(&mut list);
            proposal.header.log_size = list.iter().map(|batch| u64::from(batch.commands)).sum();
            proposal.batches = list.into();
        }
    };
    refused("root", &|proposal| proposal.header.log_root.0[0] ^= 1, &limits);
    refused("size", &|proposal| proposal.header.log_size += 1, &limits);
    refused("size overflow", &|proposal| proposal.header.log_size = u64::MAX, &limits);
    refused("repeated", &order(|list| list.push(list[0])), &limits);
    refused("gap", &order(|list| list[0].sequence = Sequence(1)), &limits);
    refused("stranger", &order(|list| list[0].origin = ServerIndex(77)), &limits);
    refused("commands", &order(|list| list[0].commands += 1), &limits);
    refused("bytes", &order(|list| list[0].bytes += 1), &limits);
    refused("budget", &|_| {}, &Limits { block_bytes_max: 20, ..limits });
    refused("one batch's budget", &|_| {}, &Limits { batch_bytes_max: 27, ..limits });
    refused("count", &|_| {}, &Limits { block_batches_max: 1, ..limits });
}
