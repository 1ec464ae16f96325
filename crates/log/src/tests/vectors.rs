//! Vectors of Google's certificate-transparency implementation (`merkletree/merkle_tree_test.cc`,
//! the same in transparency-dev/merkle): a log of eight leaves.

use crate::{Frontier, Hash, MemoryTiles, Prover, leaf_hash};
use alloc::vec::Vec;

const LEAVES: [&str; 8] = [
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
];

const ROOTS: [&str; 8] = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

/// Index, log size, path.
const INCLUSION: [(u64, u64, &[&str]); 4] = [
    (0, 1, &[]),
    (
        0,
        8,
        &[
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        5,
        8,
        &[
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (2, 3, &["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]),
];

/// Earlier size, later size, path.
const CONSISTENCY: [(u64, u64, &[&str]); 4] = [
    (1, 1, &[]),
    (
        1,
        8,
        &[
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        6,
        8,
        &[
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (
        2,
        5,
        &[
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
];

fn hashes(texts: &[&str]) -> Vec<Hash> {
    texts.iter().map(|text| Hash::from_hex(text).expect("64 hexadecimal digits")).collect()
}

fn leaf_hashes() -> Vec<Hash> {
    LEAVES.iter().map(|leaf| leaf_hash(&hex::decode(leaf).expect("hexadecimal"))).collect()
}

fn log() -> MemoryTiles {
    let mut log = MemoryTiles::new();
    log.append(leaf_hashes());
    log
}

#[test]
fn vec_roots() {
    let mut frontier = Frontier::new();
    for (leaf, root) in leaf_hashes().into_iter().zip(hashes(&ROOTS)) {
        frontier.append(leaf);
        assert_eq!(frontier.root(), root);
    }
}

#[test]
fn vec_inclusion_proofs() {
    for (index, size, path) in INCLUSION {
        let proof = Prover::new(&log(), size).inclusion(index).unwrap();
        assert_eq!(proof.path(), hashes(path), "{index} in {size}");
        let root = hashes(&ROOTS)[size as usize - 1];
        assert_eq!(proof.verify(leaf_hashes()[index as usize], index, size, &root), Ok(()));
    }
}

#[test]
fn vec_consistency_proofs() {
    for (old, new, path) in CONSISTENCY {
        let proof = Prover::new(&log(), new).consistency(old).unwrap();
        assert_eq!(proof.path(), hashes(path), "{old} to {new}");
        let root = |size: u64| hashes(&ROOTS)[size as usize - 1];
        assert_eq!(proof.verify(old, &root(old), new, &root(new)), Ok(()));
    }
}
