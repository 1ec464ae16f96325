//! What goes in comes out, before and after a restart.

use super::common::*;
use super::*;
use bytes::Bytes;

const EVIDENCE: EvidenceKey =
    EvidenceKey { culprit: ServerIndex(3), kind: 7, digest: Digest([9; 32]) };

const TESTIMONY: TestimonyKey = TestimonyKey { kind: 2, number: 7, bytes: 9 };

#[test]
fn everything_comes_back_after_a_restart() {
    let (_parent, dir) = fresh();
    let (store, recovered) = open(&dir);
    assert_eq!((recovered.commits, recovered.journal_last), (0, JournalPosition(0)));
    let key = BatchKey { origin: ServerIndex(3), sequence: Sequence(9), digest: Digest([5; 32]) };
    let mut batch = WriteBatch::new();
    batch.journal(JournalPosition(1), content(1)).journal(JournalPosition(2), content(2));
    batch.batch(key, vec![1; 100_000]).testimony(TESTIMONY, &b"testimony"[..]);
    batch.block(block(5, 10, 10)).block(block(6, 10, 14)).block(block(7, 14, 15));
    batch.certificate(14, Height(1), &b"fourteen"[..]).certificate(15, Height(2), &b"fifteen"[..]);
    batch.tile(1, 2, vec![8; 8192]).evidence(EVIDENCE, &b"evidence"[..]);
    store.commit(batch).expect("durable");
    check_everything(&store, key);
    check_everything(&reopened(store, &dir), key);
}

fn check_everything(store: &Store, key: BatchKey) {
    assert_eq!(kept(store), Some((1, 2)));
    assert_eq!(store.batch(key).unwrap().unwrap(), vec![1; 100_000]);
    let of_origin: Vec<_> = store.batches(ServerIndex(3), Sequence(0)).collect();
    assert_eq!(of_origin.len(), 1);
    assert_eq!(store.batches(ServerIndex(3), Sequence(10)).count(), 0);
    assert_eq!(store.batches(ServerIndex(2), Sequence(0)).count(), 0);
    assert_eq!(store.all_testimony().unwrap(), [TESTIMONY]);
    assert_eq!(store.testimony(TESTIMONY).unwrap().unwrap(), &b"testimony"[..]);
    assert_eq!(store.block(Height(6)).unwrap(), Some(block(6, 10, 14)));
    assert_eq!(store.block(Height(8)).unwrap(), None);
    let heights: Vec<_> = store.blocks(Height(6)).map(|b| b.unwrap().height.0).collect();
    assert_eq!(heights, [6, 7]);
    assert_eq!(store.tile(1, 2).unwrap().unwrap(), vec![8; 8192]);
    assert_eq!(store.all_evidence().unwrap(), [(EVIDENCE, b"evidence".len())]);
    assert_eq!(store.evidence(EVIDENCE).unwrap().unwrap(), &b"evidence"[..]);
}

#[test]
fn a_log_index_leads_to_its_block_and_its_certificate() {
    let (_parent, dir) = fresh();
    let (store, _) = open(&dir);
    let mut batch = WriteBatch::new();
    // Blocks without commands hold no log index.
    batch.block(block(1, 0, 3)).block(block(2, 3, 3)).block(block(3, 3, 3)).block(block(4, 3, 8));
    batch.certificate(3, Height(1), &b"three"[..]).certificate(8, Height(2), &b"eight"[..]);
    store.commit(batch).expect("durable");
    for (log_index, height) in [(0, Some(1)), (2, Some(1)), (3, Some(4)), (7, Some(4)), (8, None)] {
        let found = store.block_with(log_index).unwrap().map(|block| block.height.0);
        assert_eq!(found, height, "log index {log_index}");
    }
    for (log_size, certified) in [(0, Some(3)), (3, Some(3)), (4, Some(8)), (8, Some(8)), (9, None)]
    {
        let found = store.certificate_from(log_size, Height(0)).unwrap().map(|(size, _)| size);
        assert_eq!(found, certified, "log size {log_size}");
    }
    assert_eq!(store.newest_certificate().unwrap().unwrap().0, 8);
}

#[test]
fn a_trimmed_journal_goes_on_where_it_was() {
    let (_parent, dir) = fresh();
    let (mut store, _) = open(&dir);
    (1..=10).for_each(|position| store.commit(record(position)).expect("durable"));
    // Trimming may come with new records, may reach beyond the end, and never goes back.
    for (below, kept_after, next) in
        [(4, Some((4, 11)), 11), (2, Some((4, 12)), 12), (99, None, 13)]
    {
        let mut batch = record(next);
        batch.trim_journal(JournalPosition(below));
        store.commit(batch).expect("durable");
        store = reopened(store, &dir);
        assert_eq!(kept(&store), kept_after, "trimmed below {below}");
    }
    store.commit(record(14)).expect("durable");
    assert_eq!(kept(&store), Some((14, 14)));
}

fn reopened(store: Store, dir: &Path) -> Store {
    store.close().expect("closes");
    drop(store);
    open(dir).0
}

/// Blocks without commands: none of their certificates is lost to another's, in whichever order
/// they come.
#[test]
fn blocks_that_share_a_log_size_keep_a_certificate_each() {
    let (_parent, dir) = fresh();
    let (store, _) = open(&dir);
    let mut batch = WriteBatch::new();
    for height in [7_u64, 9, 5] {
        batch.certificate(14, Height(height), height.to_be_bytes().to_vec());
    }
    batch.certificate(15, Height(10), &b"ten"[..]);
    store.commit(batch).expect("durable");
    let from = |height| {
        let found = store.certificate_from(14, Height(height)).unwrap();
        found.map(|(_, bytes)| bytes)
    };
    for (asked, found) in [(0, 5_u64), (5, 5), (6, 7), (7, 7), (8, 9), (9, 9)] {
        assert_eq!(from(asked), Some(Bytes::from(found.to_be_bytes().to_vec())), "from {asked}");
    }
    assert_eq!(from(10), Some(Bytes::from_static(b"ten")));
}
