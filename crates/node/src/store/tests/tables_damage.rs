//! Changed bytes in the tables themselves: refused, reported by the read, or without effect; never
//! a wrong answer, never a panic.

use super::common::*;
use super::*;
use std::fs;
use std::path::PathBuf;

const BATCHES: u64 = 20;
const BATCH_BYTES: usize = 40_000;
/// Places that are changed in each file.
const PLACES: usize = 3;

fn key(number: u64) -> BatchKey {
    BatchKey { origin: ServerIndex(0), sequence: Sequence(number), digest: Digest([0; 32]) }
}

fn payload(number: u64) -> Vec<u8> {
    number.to_le_bytes().repeat(BATCH_BYTES / 8)
}

/// Directory with tables on the disk.
fn written() -> (tempfile::TempDir, PathBuf) {
    let (parent, dir) = fresh();
    let (store, _) = open(&dir);
    for number in 1..=BATCHES {
        let mut batch = record(number);
        batch.batch(key(number), payload(number));
        store.commit(batch).expect("durable");
    }
    store.shared.tables.rest();
    drop(store);
    (parent, dir)
}

/// All files below a directory, relative to it.
fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = PathBuf::from(path.file_name().unwrap());
        if path.is_dir() {
            found.extend(files(&path).into_iter().map(|file| name.join(file)));
        } else {
            found.push(name);
        }
    }
    found.sort();
    found
}

/// A copy to damage: opening a directory changes it.
fn copy(from: &Path) -> tempfile::TempDir {
    let to = tempfile::tempdir().unwrap();
    for file in files(from) {
        let target = to.path().join(&file);
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        // The log is 64 MiB of zeros by now, and not what is tested here.
        if file.extension().is_some_and(|ext| ext == "jnl") {
            fs::File::create(target).unwrap();
        } else {
            fs::copy(from.join(&file), target).unwrap();
        }
    }
    to
}

/// Opens and reads everything; whether all was there.
fn reads_right(dir: &Path, what: &str) -> bool {
    let Ok((store, _)) = Store::open(dir, &US, Durability::Fsync) else { return false };
    let mut whole = true;
    for number in 1..=BATCHES {
        match store.batch(key(number)) {
            Ok(Some(batch)) => assert!(batch == payload(number), "{what}: wrong batch {number}"),
            Ok(None) => panic!("{what}: batch {number} is silently gone"),
            Err(_) => whole = false,
        }
    }
    for entry in store.journal(JournalPosition(0)) {
        match entry {
            Ok((position, record)) => assert_eq!(record, content(position.0), "{what}"),
            Err(_) => whole = false,
        }
    }
    whole
}

#[test]
fn a_missing_file_is_noticed_or_has_no_effect() {
    let (_parent, dir) = written();
    let mut noticed = 0;
    for file in files(&dir).into_iter().filter(|file| file.starts_with("tables/keyspaces")) {
        let damaged = copy(&dir);
        fs::remove_file(damaged.path().join(&file)).unwrap();
        noticed += u32::from(!reads_right(damaged.path(), &format!("{} gone", file.display())));
    }
    assert!(noticed > 10, "{noticed}");
}

#[test]
fn a_changed_byte_in_any_file_is_noticed_or_has_no_effect() {
    let (_parent, dir) = written();
    assert!(reads_right(copy(&dir).path(), "nothing changed"));
    let mut noticed = 0;
    for file in files(&dir).into_iter().filter(|file| file.starts_with("tables/keyspaces")) {
        let bytes = fs::read(dir.join(&file)).unwrap();
        for place in (0..bytes.len()).step_by(bytes.len() / PLACES + 1) {
            let damaged = copy(&dir);
            let mut changed = bytes.clone();
            changed[place] ^= 0x40;
            fs::write(damaged.path().join(&file), &changed).unwrap();
            let what = format!("{} at {place} of {}", file.display(), bytes.len());
            noticed += u32::from(!reads_right(damaged.path(), &what));
        }
    }
    assert!(noticed > 50, "{noticed}");
}
