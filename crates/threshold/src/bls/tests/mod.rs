//! Tests of the BLS scheme: published vectors, all subsets of small policies, hostile input.

mod hostile;
mod subsets;
mod vectors;

use super::{Dealt, Prepared, SignatureShare, deal};
use ally_policy::{Formula, ServerIndex, ServerSet};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

const TAG: &[u8] = b"ALLY-TEST-BLS12381G1_XMD:SHA-256_SSWU_RO_";

pub(super) fn leaf(server: u16) -> Formula {
    Formula::Leaf(ServerIndex(server))
}

pub(super) fn gate<const M: usize>(threshold: u16, children: [Formula; M]) -> Formula {
    Formula::gate(threshold, children.to_vec()).expect("a sound gate")
}

pub(super) fn threshold(k: u16, n: u16) -> Formula {
    Formula::gate(k, (0..n).map(leaf).collect()).expect("a sound gate")
}

pub(super) fn message() -> Prepared {
    Prepared::new(b"example.org/clearing\n13\n", TAG)
}

pub(super) fn dealt(formula: &Formula) -> Dealt {
    deal(formula, &mut ChaCha20Rng::seed_from_u64(7))
}

/// The shares of the servers in `set`.
pub(super) fn sign(
    dealt: &Dealt,
    message: &Prepared,
    set: &ServerSet,
) -> Vec<(ServerIndex, SignatureShare)> {
    let signers = dealt.shares.iter().filter(|share| set.contains(share.server()));
    signers.map(|share| (share.server(), share.sign(message))).collect()
}
