//! How many entries a second the log takes and proves, on one core.
//!
//! `cargo run --release -p ally-log --example log_speed`

use ally_log::{Frontier, Hash, MemoryTiles, Prover, leaf_hash};
use std::hint::black_box;
use std::time::Instant;

const ENTRIES: u64 = 1_000_000;

/// Millions of entries a second.
fn rate(entries: u64, work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    entries as f64 / start.elapsed().as_secs_f64() / 1e6
}

fn main() {
    let entry = |index: u64| [index.to_le_bytes(); 15].concat();
    let mut leaves: Vec<Hash> = Vec::new();
    let hashing = rate(ENTRIES, || leaves.extend((0..ENTRIES).map(|at| leaf_hash(&entry(at)))));
    let mut frontier = Frontier::new();
    let appending = rate(ENTRIES, || frontier.append_many(leaves.iter().copied()));
    let mut log = MemoryTiles::new();
    let cutting = rate(ENTRIES, || log.append(leaves.iter().copied()));
    let block = 1_000;
    let proving = rate(block, || {
        let mut prover = Prover::new(&log, ENTRIES);
        for index in ENTRIES - block..ENTRIES {
            black_box(prover.inclusion(index).expect("the log is in memory"));
        }
    });
    let root = frontier.root();
    let proof = Prover::new(&log, ENTRIES).inclusion(7).expect("the log is in memory");
    let checking = rate(block, || {
        for _ in 0..block {
            black_box(proof.verify(leaves[7], 7, ENTRIES, &root)).expect("a right proof");
        }
    });
    println!("leaf hashes of 120 bytes  {hashing:8.2} M/s");
    println!("append to the frontier    {appending:8.2} M/s");
    println!("cut tiles                 {cutting:8.2} M/s");
    println!("inclusion proofs, a block {proving:8.2} M/s");
    println!("verify inclusion proofs   {checking:8.2} M/s");
}
