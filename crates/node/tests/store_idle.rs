//! e2e: a store that is given nothing to do does nothing.

#![cfg(target_os = "linux")]

use ally_consensus::{AllianceId, Digest, Epoch, JournalPosition, Sequence};
use ally_node::store::{BatchKey, Durability, Identity, Store, WriteBatch};
use ally_policy::ServerIndex;
use std::time::Duration;

const US: Identity =
    Identity { alliance: AllianceId([1; 32]), server: ServerIndex(0), epoch: Epoch(0) };

/// Bytes and calls of writing, and clock ticks of computing, of this process so far.
fn spent() -> (String, u64) {
    let io = std::fs::read_to_string("/proc/self/io").expect("Linux");
    let writes = io.lines().filter(|line| line.contains('w')).collect::<Vec<_>>().join(" ");
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    let fields: Vec<_> = stat.rsplit(')').next().expect("fields").split_whitespace().collect();
    let ticks = |at: usize| fields[at].parse::<u64>().expect("a number");
    (writes, ticks(11) + ticks(12))
}

#[test]
fn an_idle_store_writes_nothing_and_uses_no_processor() {
    let parent = tempfile::tempdir().expect("a temporary directory");
    let dir = parent.path().join("data");
    Store::create(&dir, &US).expect("creates");
    let (store, _) = Store::open(&dir, &US, Durability::Fsync).expect("opens");
    // Enough that tables were written in the background and may still be.
    for number in 1..=200 {
        let mut batch = WriteBatch::new();
        let (sequence, digest) = (Sequence(number), Digest([0; 32]));
        batch.journal(JournalPosition(number), vec![0; 1000]);
        batch.batch(BatchKey { origin: ServerIndex(0), sequence, digest }, vec![1; 200_000]);
        store.commit(batch).expect("durable");
    }
    // What is measured here is time itself: settle, then three seconds in which nothing may happen.
    let mut before = spent();
    for _ in 0..20 {
        std::thread::sleep(Duration::from_secs(3));
        let after = spent();
        let quiet = after.0 == before.0 && after.1 - before.1 <= 1;
        before = after;
        if quiet {
            return;
        }
    }
    panic!("the store never came to rest");
}
