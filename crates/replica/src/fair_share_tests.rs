use super::*;
use crate::pool::Demand;
use crate::testing::held;
use proptest::prelude::*;

fn pool_of(servers: usize, batches: &[HeldBatch]) -> Pool {
    let mut pool = Pool::new(vec![Sequence::ZERO; servers], usize::MAX);
    for batch in batches {
        pool.add(batch.clone(), Demand::Unasked);
    }
    pool
}

fn servers(from: u16, to: u16) -> Vec<ServerIndex> {
    (from..to).map(ServerIndex).collect()
}

#[test]
fn organisations_share_a_block_by_bytes_whatever_they_bring() {
    // Organisation 0 has two servers with many large batches, organisation 1 one with small ones.
    let mut batches = Vec::new();
    for sequence in 0..8 {
        batches.push(held(0, sequence, 1, 100));
        batches.push(held(1, sequence, 2, 100));
        batches.push(held(2, sequence, 3, 40));
    }
    let share = FairShare::new(vec![servers(0, 2), servers(2, 3)], 4);
    let limits = Limits { block_bytes_max: 600, ..Limits::default() };
    let chosen = share.choose(&ChainState::genesis(4), &pool_of(4, &batches), &limits);
    let bytes = |origins: &[u16]| -> u32 {
        let of = |batch: &&HeldBatch| origins.contains(&batch.reference().origin.0);
        chosen.iter().filter(of).map(|batch| batch.reference().bytes).sum()
    };
    assert!(bytes(&[0, 1]).abs_diff(bytes(&[2])) <= 120, "{} {}", bytes(&[0, 1]), bytes(&[2]));
    assert!(bytes(&[0]).abs_diff(bytes(&[1])) <= 120, "servers take turns");
}

#[test]
fn what_is_chosen_is_admitted_and_fills_the_block() {
    let batches: Vec<_> = (0..10).map(|sequence| held(3, sequence, 1, 50)).collect();
    let limits = Limits { block_bytes_max: 300, ..Limits::default() };
    let parent = ChainState::genesis(4);
    let share = FairShare::new((0..4).map(|at| servers(at, at + 1)).collect(), 4);
    let chosen = share.choose(&parent, &pool_of(4, &batches), &limits);
    let references: Vec<_> = chosen.iter().map(|batch| *batch.reference()).collect();
    assert!(parent.admits(&references));
    assert_eq!(chosen.len(), 4);
}

#[test]
fn a_small_batch_does_not_take_the_turn_of_its_neighbour() {
    let batches = [held(0, 0, 1, 100), held(1, 0, 2, 10), held(2, 0, 3, 100)];
    let mut share = FairShare::new(vec![servers(0, 2), servers(2, 3)], 3);
    share.taken(servers(0, 2));
    // Room for the batch of server 2 and for the small one, but it is the turn of server 0.
    let limits = Limits { block_bytes_max: 170, ..Limits::default() };
    let chosen = share.choose(&ChainState::genesis(3), &pool_of(3, &batches), &limits);
    let origins: Vec<_> = chosen.iter().map(|batch| batch.reference().origin.0).collect();
    assert_eq!(origins, [2]);
}

/// An alliance, the blocks' limits, how often each server's next batch waits, of 8 times, and the
/// bytes of batches, drawn again and again.
#[derive(Debug, Clone)]
struct Load {
    sizes: Vec<usize>,
    limits: Limits,
    busy: Vec<u8>,
    bytes: Vec<usize>,
}

fn load() -> impl Strategy<Value = Load> {
    let sizes = prop::collection::vec(1..4_usize, 1..7);
    let many = prop::collection::vec(0..=8_u8, 24);
    let bytes = prop::collection::vec(1..200_usize, 16);
    (sizes, 1..5_usize, 1..4_usize, many, bytes).prop_map(|(sizes, batches, fit, busy, bytes)| {
        // A batch of 200 bytes is 228 with what holds it together.
        let (batch_bytes_max, block_batches_max) = (228, batches);
        let block_bytes_max = batch_bytes_max * fit + 100;
        let limits =
            Limits { batch_bytes_max, block_bytes_max, block_batches_max, ..Limits::default() };
        Load { sizes, limits, busy, bytes }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Whoever waits is in one of the next blocks, as many as its bound says, whatever the others do.
    #[test]
    fn a_batch_that_waits_is_taken_within_the_bound(load in load()) {
        let count: usize = load.sizes.iter().sum();
        let mut first = 0;
        let organisations = load.sizes.iter().map(|size| {
            let range = servers(first, first + *size as u16);
            first += *size as u16;
            range
        });
        let mut share = FairShare::new(organisations.collect(), count);
        let bounds = share.blocks_until_turn(&load.limits);
        let mut parent = ChainState::genesis(count);
        let mut waited = vec![0; count];
        let mut offered: Vec<Option<HeldBatch>> = vec![None; count];
        for block in 0..60 {
            for (at, offer) in offered.iter_mut().enumerate() {
                let busy = (block * 5 + at * 3) % 8 < usize::from(load.busy[at]);
                if offer.is_none() && busy {
                    let bytes = load.bytes[(block + at) % load.bytes.len()];
                    let next = parent.next(ServerIndex(at as u16)).unwrap();
                    *offer = Some(held(at as u16, next.0, 1, bytes));
                }
            }
            let waiting: Vec<_> = offered.iter().flatten().cloned().collect();
            let chosen = share.choose(&parent, &pool_of(count, &waiting), &load.limits);
            prop_assert_eq!(chosen.is_empty(), waiting.is_empty());
            waited.iter_mut().zip(&offered).for_each(|(waited, offer)| {
                *waited += u32::from(offer.is_some());
            });
            for (at, waited) in waited.iter().enumerate() {
                prop_assert!(*waited <= bounds[at], "server {} waits for {} blocks", at, waited);
            }
            for batch in &chosen {
                let at = batch.reference().origin.index();
                (waited[at], offered[at]) = (0, None);
            }
            share.taken(chosen.iter().map(|batch| batch.reference().origin));
            parent = parent.extend(&chosen);
        }
    }
}
