//! What a server reads from its own disk: whatever the disk gives back, what was durable is there or is
//! found missing.

use super::codec;
use crate::cursor::Cursor;
use crate::samples;
use ally_node::fuzzing::{LogEnd, block_record, commit, log_end, manifest, stored_block};

/// How many commits a log has here.
const COMMITS_MAX: usize = 8;
/// How long a value in it is.
const VALUE_BYTES_MAX: usize = 64;
/// How many bytes are changed.
const CHANGES_MAX: usize = 4;

/// `kind (1) || bytes`.
pub(super) fn run(data: &[u8]) {
    let mut cursor = Cursor::new(data);
    match cursor.byte() {
        0 => changed_log(cursor),
        1 => any_log(cursor.rest()),
        2 => _ = codec::again(cursor.rest(), |bytes| block_record(bytes).ok_or(())),
        3 => {
            let key = cursor.bytes(8).to_vec();
            _ = codec::again(cursor.rest(), |bytes| stored_block(&key, bytes).ok_or(()));
        }
        4 => a_manifest(cursor.rest()),
        _ => {}
    }
}

/// Logs with and without changes, and a block.
pub(super) fn seeds() -> Vec<Vec<u8>> {
    let values = [3, 5, b'o', b'n', b'e', b't', b'w', b'o', 9, 9];
    let mut seeds: Vec<Vec<u8>> = Vec::new();
    for (place, bits) in [(0_u16, 0_u8), (5, 1), (12, 255), (60, 1), (300, 4), (u16::MAX, 8)] {
        let change = [&place.to_le_bytes()[..], &[bits]].concat();
        seeds.push([&[0, 5, 1][..], &change, &values.repeat(8)].concat());
    }
    seeds.push([&[1][..], &commit(7, &[(b"key", b"value")]), &commit(8, &[]), &[0; 40]].concat());
    seeds.push([&[2][..], &samples::block_record()].concat());
    seeds.push([&[3][..], &7_u64.to_be_bytes(), &[5; 48], &samples::block_record()].concat());
    seeds.push([&[4][..], &9_u64.to_le_bytes(), &[6; 16], &[0]].concat());
    seeds
}

/// `commits (1) || changes (1) || place (2, LE), bits (1) each || values`: a log with some bytes changed.
///
/// If one commit alone is not as it was written, it is the last or the log is refused: damage to more may
/// leave none to see that is in sequence, and only the watermark knows.
fn changed_log(mut cursor: Cursor<'_>) {
    let count = 1 + cursor.below(COMMITS_MAX);
    let changes: Vec<_> = (0..cursor.below(CHANGES_MAX + 1))
        .map(|_| (u16::from_le_bytes([cursor.byte(), cursor.byte()]), cursor.byte()))
        .collect();
    let commits: Vec<_> = (0..count as u64)
        .map(|sequence| {
            let (length, key) = (cursor.below(VALUE_BYTES_MAX), cursor.byte());
            commit(10 + sequence, &[(&[key], cursor.bytes(length))])
        })
        .collect();
    let whole = commits.concat();
    let mut bytes = whole.clone();
    for (place, bits) in changes {
        let place = usize::from(place) % bytes.len();
        bytes[place] ^= bits;
    }
    let (intact, end) = log_end(&bytes);
    let damaged = damaged_commits(&commits, &bytes);
    match end {
        LogEnd::Zeros => assert_eq!(intact, whole.len(), "the end of it was passed over"),
        LogEnd::Torn => {
            let single = damaged.len() == 1;
            assert!(!single || damaged == [count - 1], "commit {damaged:?} of {count} and more");
        }
        LogEnd::Damaged => assert_ne!(bytes, whole, "a log that nobody changed is refused"),
    }
    if bytes == whole {
        assert_eq!((intact, end), (whole.len(), LogEnd::Zeros), "a log that nobody changed");
    }
}

/// Which commits are not as they were written.
fn damaged_commits(commits: &[Vec<u8>], bytes: &[u8]) -> Vec<usize> {
    let mut at = 0;
    let mut damaged = Vec::new();
    for (number, commit) in commits.iter().enumerate() {
        if bytes[at..at + commit.len()] != commit[..] {
            damaged.push(number);
        }
        at += commit.len();
    }
    damaged
}

/// What is taken for intact is intact without what follows it, and zeros change nothing.
fn any_log(bytes: &[u8]) {
    let (intact, end) = log_end(bytes);
    assert_eq!(log_end(&bytes[..intact]), (intact, LogEnd::Zeros));
    if end == LogEnd::Zeros {
        let longer = [bytes, &[0; 100]].concat();
        assert_eq!(log_end(&longer), (intact, LogEnd::Zeros), "zeros are the end of a log");
    }
}

fn a_manifest(bytes: &[u8]) {
    if let Some((version, checksum)) = manifest(bytes) {
        let again = [&version.to_le_bytes()[..], &checksum.to_le_bytes(), &[0]].concat();
        assert_eq!(again, bytes, "one manifest, one encoding");
    }
}
