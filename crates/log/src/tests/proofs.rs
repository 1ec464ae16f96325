//! Proofs against the recursive definition of RFC 9162.

use crate::oracle::{leaves, path, subproof, tree_hash};
use crate::{
    ConsistencyProof, Frontier, Hash, InclusionProof, MemoryTiles, PROOF_HASHES_MAX, ProofError,
    ProveError, Prover, consistency_proof, inclusion_proof, leaf_hash,
};
use alloc::vec;
use ally_codec::{Decode, DecodeError, Encode};
use proptest::prelude::*;

fn log(count: u64) -> MemoryTiles {
    let mut log = MemoryTiles::new();
    log.append(leaves(count));
    log
}

#[test]
fn every_inclusion_proof_of_small_logs() {
    let leaves = leaves(70);
    let log = log(70);
    for size in 1..=leaves.len() {
        let root = tree_hash(&leaves[..size]);
        let mut prover = Prover::new(&log, size as u64);
        for (index, leaf) in leaves[..size].iter().enumerate() {
            let proof = prover.inclusion(index as u64).unwrap();
            assert_eq!(proof.path(), path(index, &leaves[..size]), "{index} in {size}");
            assert_eq!(proof.verify(*leaf, index as u64, size as u64, &root), Ok(()));
            // The same proof at any other index, or for any other leaf, proves nothing.
            for other in (0..size).filter(|other| *other != index) {
                assert!(proof.verify(*leaf, other as u64, size as u64, &root).is_err());
                assert!(proof.verify(leaves[other], index as u64, size as u64, &root).is_err());
            }
        }
    }
}

#[test]
fn the_frontier_of_every_earlier_log() {
    let leaves = leaves(600);
    let mut log = MemoryTiles::new();
    log.append(leaves.iter().copied());
    let mut grown = Frontier::new();
    for size in 0..=600 {
        assert_eq!(Prover::new(&log, size).frontier().expect("readable"), grown, "size {size}");
        grown.append_many(leaves.get(size as usize).copied());
    }
}

#[test]
fn every_consistency_proof_of_small_logs() {
    let leaves = leaves(70);
    let log = log(70);
    let roots: vec::Vec<Hash> = (0..=70).map(|size| tree_hash(&leaves[..size])).collect();
    for new in 0..=70_usize {
        let mut prover = Prover::new(&log, new as u64);
        for old in 0..=new {
            let proof = prover.consistency(old as u64).unwrap();
            let expected = if old == 0 { vec![] } else { subproof(old, &leaves[..new], true) };
            assert_eq!(proof.path(), expected, "{old} to {new}");
            let verify =
                |old: usize, old_root| proof.verify(old as u64, old_root, new as u64, &roots[new]);
            assert_eq!(verify(old, &roots[old]), Ok(()), "{old} to {new}");
            for other in (0..=new).filter(|other| *other != old) {
                assert!(verify(old, &roots[other]).is_err(), "{old} to {new} as {other}");
                assert!(verify(other, &roots[old]).is_err(), "{other} to {new} as {old}");
            }
        }
    }
}

#[test]
fn errors_name_what_does_not_fit() {
    let (log, leaf) = (log(5), leaves(5)[3]);
    let proof = inclusion_proof(&log, 3, 5).unwrap();
    let verify = |index, size, root: &Hash| proof.verify(leaf, index, size, root);
    assert_eq!(verify(5, 5, &log.root()), Err(ProofError::OutsideLog { index: 5, size: 5 }));
    assert_eq!(verify(4, 5, &log.root()), Err(ProofError::Length { needed: 1, found: 3 }));
    let (expected, found) = (Hash([9; 32]), log.root());
    assert_eq!(verify(3, 5, &expected), Err(ProofError::Root { expected, found }));

    let proof = consistency_proof(&log, 3, 5).unwrap();
    let old_root = tree_hash(&leaves(3));
    assert_eq!(
        proof.verify(5, &log.root(), 3, &old_root),
        Err(ProofError::Shrunk { old: 5, new: 3 })
    );
    assert_eq!(
        proof.verify(3, &expected, 5, &log.root()),
        Err(ProofError::OldRoot { expected, found: old_root })
    );
    assert_eq!(
        proof.verify(3, &old_root, 5, &expected),
        Err(ProofError::Root { expected, found: log.root() })
    );
    assert_eq!(
        proof.verify(2, &old_root, 5, &log.root()),
        Err(ProofError::Length { needed: 2, found: 4 })
    );
    // An empty log has one root, and a log is consistent with itself only.
    let empty = consistency_proof(&log, 0, 5).unwrap();
    assert_eq!(empty.verify(0, &Hash::EMPTY_ROOT, 5, &log.root()), Ok(()));
    assert!(empty.verify(0, &old_root, 5, &log.root()).is_err());
    assert!(empty.verify(5, &old_root, 5, &log.root()).is_err());
}

#[test]
fn a_prover_refuses_what_is_outside_the_log() {
    let log = log(5);
    let outside = ProofError::OutsideLog { index: 5, size: 5 };
    assert!(matches!(inclusion_proof(&log, 5, 5), Err(ProveError::Outside(e)) if e == outside));
    let shrunk = ProofError::Shrunk { old: 6, new: 5 };
    assert!(matches!(consistency_proof(&log, 6, 5), Err(ProveError::Outside(e)) if e == shrunk));
    // The reader's log is shorter than the prover was told.
    assert!(matches!(inclusion_proof(&log, 5, 6), Err(ProveError::Read { .. })));
}

#[test]
fn proofs_are_bounded() {
    let long = vec![Hash([1; 32]); PROOF_HASHES_MAX + 1];
    let too_long = DecodeError::TooLong { claimed: 66, limit: PROOF_HASHES_MAX };
    assert_eq!(InclusionProof::from_path(long.clone()), Err(too_long));
    assert_eq!(ConsistencyProof::from_path(long.clone()), Err(too_long));
    let bytes = InclusionProof { path: long }.to_bytes();
    assert_eq!(InclusionProof::from_bytes(&bytes), Err(too_long));
    assert_eq!(ConsistencyProof::from_bytes(&bytes), Err(too_long));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn prop_proofs_follow_the_definition(size in 1_u64..2_000, a in any::<u64>(), b in any::<u64>()) {
        let (all, log) = (leaves(2_000), log(2_000));
        let (index, old) = ((a % size) as usize, (b % size + 1) as usize);
        let leaves = &all[..size as usize];
        let mut prover = Prover::new(&log, size);
        let root = tree_hash(leaves);

        let inclusion = prover.inclusion(index as u64).unwrap();
        prop_assert_eq!(inclusion.path(), path(index, leaves));
        prop_assert_eq!(inclusion.verify(leaves[index], index as u64, size, &root), Ok(()));
        prop_assert_eq!(InclusionProof::from_bytes(&inclusion.to_bytes()), Ok(inclusion));

        let consistency = prover.consistency(old as u64).unwrap();
        prop_assert_eq!(consistency.path(), subproof(old, leaves, true));
        let old_root = tree_hash(&leaves[..old]);
        prop_assert_eq!(consistency.verify(old as u64, &old_root, size, &root), Ok(()));
        prop_assert_eq!(ConsistencyProof::from_bytes(&consistency.to_bytes()), Ok(consistency));
    }

    #[test]
    fn prop_hostile_proofs_are_refused(
        count in 0_usize..70, index in any::<u64>(), size in any::<u64>(), old in any::<u64>(),
    ) {
        let path = leaves(count as u64);
        let (root, leaf) = (leaf_hash(b"root"), leaf_hash(b"leaf"));
        let inclusion = InclusionProof { path: path.clone() };
        prop_assert!(inclusion.verify(leaf, index, size, &root).is_err());
        let consistency = ConsistencyProof { path };
        prop_assert!(consistency.verify(old, &leaf, size, &root).is_err());
    }

    #[test]
    fn prop_decoding_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        if let Ok(proof) = InclusionProof::from_bytes(&bytes) {
            prop_assert_eq!(proof.to_bytes(), bytes);
        }
    }
}
