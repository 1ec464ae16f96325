//! Files that were torn, cut or changed: nothing acknowledged is ever silently gone.

use super::common::*;
use super::*;
use std::fs;
use std::path::PathBuf;

/// Commits before the damage; each a journal record and a batch.
const COMMITS: u64 = 12;

/// A directory with [`COMMITS`] acknowledged commits, all of them still in the write-ahead log.
fn written() -> (tempfile::TempDir, PathBuf, PathBuf) {
    let (parent, dir) = fresh();
    let (store, _) = open(&dir);
    (1..=COMMITS).for_each(|position| store.commit(with_batch(position)).expect("durable"));
    drop(store);
    let log = log_file(&dir);
    (parent, dir, log)
}

fn with_batch(position: u64) -> WriteBatch {
    let mut batch = record(position);
    let key =
        BatchKey { origin: ServerIndex(0), sequence: Sequence(position), digest: Digest([0; 32]) };
    // Over several pages, so that a part of it can be missing.
    batch.batch(key, vec![position as u8; 20_000]);
    batch
}

fn log_file(dir: &Path) -> PathBuf {
    let entries = fs::read_dir(dir.join("tables")).unwrap().map(|entry| entry.unwrap().path());
    let logs: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|ext| ext == "jnl")).collect();
    assert_eq!(logs.len(), 1);
    logs[0].clone()
}

/// The log without the zeros at its end.
fn log_bytes(log: &Path) -> Vec<u8> {
    let mut bytes = fs::read(log).unwrap();
    let used = bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    bytes.truncate(used);
    bytes
}

/// Opens: all acknowledged records are there, or the directory is refused as lost or damaged.
fn opens_whole(dir: &Path, what: &str) -> bool {
    match Store::open(dir, &US, Durability::Fsync) {
        Ok((store, _)) => {
            assert_eq!(kept(&store), Some((1, COMMITS)), "{what}");
            true
        }
        Err(StoreError::Damaged { .. } | StoreError::Shortened { .. }) => false,
        Err(error) => panic!("{what}: {error}"),
    }
}

#[test]
fn a_shortened_log_is_refused_at_every_length() {
    let (_parent, dir, log) = written();
    let bytes = log_bytes(&log);
    for length in (0..bytes.len()).step_by(9973).chain([bytes.len() - 1]) {
        for zeros in [0, 4096] {
            let mut short = bytes[..length].to_vec();
            short.resize(length + zeros, 0);
            fs::write(&log, short).unwrap();
            let what = format!("cut to {length} of {} bytes", bytes.len());
            assert!(!opens_whole(&dir, &what), "{what}: opened");
        }
    }
    fs::write(&log, &bytes).unwrap();
    assert!(opens_whole(&dir, "the whole log"));
}

#[test]
fn a_changed_bit_anywhere_in_the_log_is_refused_or_does_no_harm() {
    let (_parent, dir, log) = written();
    let bytes = log_bytes(&log);
    let mut harmless = 0;
    let places = (0..bytes.len()).step_by(5003).chain(0..60).chain(bytes.len() - 40..bytes.len());
    for place in places {
        let mut changed = bytes.clone();
        changed[place] ^= 1 << (place % 8);
        fs::write(&log, changed).unwrap();
        harmless += usize::from(opens_whole(&dir, &format!("bit of byte {place} changed")));
    }
    // Sequence numbers are not under a checksum, and some changes of one keep the order.
    assert!(harmless <= 16, "{harmless} changes went unnoticed");
}

#[test]
fn a_commit_cut_off_by_a_power_failure_is_dropped_and_nothing_else() {
    let (_parent, dir, log) = written();
    let before = log_bytes(&log);
    let watermark = fs::read(dir.join("watermark")).unwrap();
    let (store, _) = open(&dir);
    store.commit(with_batch(COMMITS + 1)).expect("durable");
    drop(store);
    let after = log_bytes(&log);
    assert_eq!(after[..before.len()], before);
    // Sectors reach the disk in any order: each of the last commit's may be the missing one.
    for missing in (before.len()..after.len()).step_by(1536) {
        let mut torn = after.clone();
        let end = (missing + 512).min(torn.len());
        torn[missing..end].fill(0);
        fs::write(&log, torn).unwrap();
        // The crash was before the commit was acknowledged.
        fs::write(dir.join("watermark"), &watermark).unwrap();
        assert!(opens_whole(&dir, &format!("512 bytes missing from byte {missing}")));
        // And it can be written to again.
        let (store, _) = open(&dir);
        store.commit(with_batch(COMMITS + 1)).expect("durable");
        drop(store);
        let (store, _) = open(&dir);
        assert_eq!(kept(&store), Some((1, COMMITS + 1)));
    }
}

/// A whole commit as the log has them, with a sequence; see `wal.rs`.
fn forged_commit(sequence: u64) -> Vec<u8> {
    let body = [&[4][..], &[0; 8]].concat();
    let check = xxhash_rust::xxh3::xxh3_64(&body).to_le_bytes();
    let head = [&[1][..], &1_u32.to_le_bytes(), &sequence.to_le_bytes()].concat();
    [&head[..], &body, &[3], &check, b"FJL\x03"].concat()
}

#[test]
fn a_client_cannot_make_a_commit_that_was_cut_off_look_like_damage() {
    let (_parent, dir, log) = written();
    let before = log_bytes(&log);
    let watermark = fs::read(dir.join("watermark")).unwrap();
    let (store, _) = open(&dir);
    let mut batch = record(COMMITS + 1);
    let key = BatchKey { origin: ServerIndex(0), sequence: Sequence(99), digest: Digest([0; 32]) };
    // One for each sequence that it may have.
    let value: Vec<u8> = (0..500).flat_map(forged_commit).collect();
    batch.batch(key, value.clone());
    store.commit(batch).expect("durable");
    assert_eq!(store.batch(key).expect("readable").expect("kept"), value);
    drop(store);
    let mut torn = log_bytes(&log);
    let end = torn.len() - 5;
    torn[end..].fill(0);
    assert!(end > before.len() + value.len());
    fs::write(&log, torn).unwrap();
    fs::write(dir.join("watermark"), &watermark).unwrap();
    assert!(opens_whole(&dir, "the end of the last commit is missing"));
}

#[test]
fn damage_before_an_intact_commit_is_refused_even_without_a_watermark_that_knows() {
    let (_parent, dir, log) = written();
    let bytes = log_bytes(&log);
    fs::remove_file(dir.join("watermark")).unwrap();
    super::super::watermark::Watermark::create(&dir).unwrap();
    // In the second of twelve commits.
    let place = bytes.len() / 12 * 3 / 2;
    for length in [1, 512, 40_000] {
        let mut damaged = bytes.clone();
        damaged[place..place + length].fill(0xff);
        fs::write(&log, damaged).unwrap();
        assert!(!opens_whole(&dir, "damaged in the middle"), "{length} bytes damaged");
    }
}
