//! Tests of the BLS scheme: published vectors, all subsets of small policies, hostile input.

mod hostile;
mod subsets;
mod vectors;

use crate::{Dealt, Scheme, SignatureShare, deal};
use ally_policy::{Formula, ServerIndex, ServerSet};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

const MESSAGE: &[u8] = b"example.org/clearing\n13\n";

fn leaf(server: u16) -> Formula {
    Formula::Leaf(ServerIndex(server))
}

fn gate<const M: usize>(threshold: u16, children: [Formula; M]) -> Formula {
    Formula::gate(threshold, children.to_vec()).expect("a sound gate")
}

fn threshold(k: u16, n: u16) -> Formula {
    Formula::gate(k, (0..n).map(leaf).collect()).expect("a sound gate")
}

fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

fn dealt(formula: &Formula) -> Dealt {
    dealt_from(formula, 7)
}

fn dealt_from(formula: &Formula, seed: u64) -> Dealt {
    deal(Scheme::Bls12381, formula, 0, &mut rng(seed), &()).expect("nobody cancels")
}

/// The shares of the servers in `set`.
fn sign(dealt: &Dealt, message: &[u8], set: &ServerSet) -> Vec<(ServerIndex, SignatureShare)> {
    let signers = dealt.shares.iter().filter(|share| set.contains(share.server()));
    signers
        .map(|share| {
            let signed = share.sign(&dealt.public, message).expect("its own key");
            (share.server(), signed)
        })
        .collect()
}
