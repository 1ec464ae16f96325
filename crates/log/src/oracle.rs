//! The tree as RFC 9162 defines it, recursively. For tests: it shares nothing with the code it
//! checks but the two hash functions.

use crate::hash::{Hash, leaf_hash, node_hash};
use alloc::vec::Vec;

/// Different leaf hashes.
pub(crate) fn leaves(count: u64) -> Vec<Hash> {
    (0..count).map(|index| leaf_hash(&index.to_be_bytes())).collect()
}

/// `MTH(D[n])`.
pub(crate) fn tree_hash(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => Hash::EMPTY_ROOT,
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            node_hash(&tree_hash(left), &tree_hash(right))
        }
    }
}

/// `PATH(m, D[n])`.
pub(crate) fn path(index: usize, leaves: &[Hash]) -> Vec<Hash> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let (left, right) = leaves.split_at(split(leaves.len()));
    let (mut path, sibling) = match index.checked_sub(left.len()) {
        None => (path(index, left), tree_hash(right)),
        Some(index) => (path(index, right), tree_hash(left)),
    };
    path.push(sibling);
    path
}

/// `SUBPROOF(m, D[n], known)`, which is `PROOF(m, D[n])` for `known` true.
pub(crate) fn subproof(old: usize, leaves: &[Hash], known: bool) -> Vec<Hash> {
    if old == leaves.len() {
        return if known { Vec::new() } else { Vec::from([tree_hash(leaves)]) };
    }
    let (left, right) = leaves.split_at(split(leaves.len()));
    let (mut proof, sibling) = match old.checked_sub(left.len()) {
        None | Some(0) => (subproof(old, left, known), tree_hash(right)),
        Some(old) => (subproof(old, right, false), tree_hash(left)),
    };
    proof.push(sibling);
    proof
}

fn split(count: usize) -> usize {
    let mut split = 1;
    while split * 2 < count {
        split *= 2;
    }
    split
}
