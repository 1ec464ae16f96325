//! How much is kept of what others have signed.
//!
//! What a record costs is up to those who signed it, within the bounds on messages: a leader that
//! lies can make one as long as its headers and reports may be, hundreds of times the usual. So long
//! records have room of their own, and drive out long ones only.

use crate::store::TestimonyKey;
use std::collections::{BTreeMap, VecDeque};

/// The most bytes of testimony of one kind that are kept in short records: the newest. With four
/// servers that is some 50,000 decisions or several thousand view changes as they usually are, and
/// 6,000 records whatever anybody sends.
const SHORT_BYTES_MAX: usize = 48 << 20;

/// The same of long records: a quarter of all. The longest that there can be fits in.
const LONG_BYTES_MAX: usize = 16 << 20;

/// How many bytes a short record has at most, for each server: a vote and a commit with RSA of 4096
/// bits take two thirds of it, the rest is for headers.
const SHORT_RECORD_BYTES: usize = 2 << 10;

// The longest choice, with what it takes around it.
const _: () = assert!(ally_consensus::NEW_VIEW_BYTES_MAX < LONG_BYTES_MAX);

/// What the store holds of each kind.
#[derive(Debug)]
pub(super) struct Archive {
    servers: usize,
    kinds: BTreeMap<u8, Kind>,
}

#[derive(Debug, Default)]
struct Kind {
    short: Records,
    long: Records,
    next: u64,
}

#[derive(Debug, Default)]
struct Records {
    /// By ascending number.
    kept: VecDeque<TestimonyKey>,
    bytes: usize,
}

impl Archive {
    /// An archive in an alliance of so many servers, with what was kept in earlier runs, by ascending
    /// number.
    pub(super) fn with(servers: usize, kept: impl IntoIterator<Item = TestimonyKey>) -> Self {
        let mut archive = Self { servers, kinds: BTreeMap::new() };
        for key in kept {
            let (_, records) = archive.records(key.kind, key.bytes as usize);
            records.add(key);
            archive.kinds.entry(key.kind).or_default().next = key.number + 1;
        }
        archive
    }

    /// The key for something new, and what has to go for it; none if it is too long to be kept.
    pub(super) fn admit(
        &mut self,
        kind: u8,
        bytes: usize,
    ) -> Option<(TestimonyKey, Vec<TestimonyKey>)> {
        let number = self.kinds.entry(kind).or_default().next;
        let (bytes_max, records) = self.records(kind, bytes);
        let length = u32::try_from(bytes).ok().filter(|_| bytes <= bytes_max)?;
        let key = TestimonyKey { kind, number, bytes: length };
        records.add(key);
        let mut dropped = Vec::new();
        while records.bytes > bytes_max
            && let Some(oldest) = records.kept.pop_front()
        {
            records.bytes -= oldest.bytes as usize;
            dropped.push(oldest);
        }
        self.kinds.entry(kind).or_default().next = number + 1;
        Some((key, dropped))
    }

    /// Where a record of this length belongs, and how many bytes there is room for.
    fn records(&mut self, kind: u8, bytes: usize) -> (usize, &mut Records) {
        let short = bytes <= SHORT_RECORD_BYTES * self.servers;
        let kind = self.kinds.entry(kind).or_default();
        match short {
            true => (SHORT_BYTES_MAX, &mut kind.short),
            false => (LONG_BYTES_MAX, &mut kind.long),
        }
    }
}

impl Records {
    fn add(&mut self, key: TestimonyKey) {
        self.bytes += key.bytes as usize;
        self.kept.push_back(key);
    }
}

#[cfg(test)]
#[path = "archive_tests.rs"]
mod tests;
