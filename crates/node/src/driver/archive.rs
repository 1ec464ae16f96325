//! How much is kept of what others have signed.

use crate::store::TestimonyKey;
use std::collections::{BTreeMap, VecDeque};

/// The most bytes of testimony of one kind that are kept: the newest. With four servers that is about
/// 70,000 blocks, or thousands of view changes.
pub(super) const TESTIMONY_BYTES_MAX: usize = 64 << 20;

/// What the store holds of each kind.
#[derive(Debug, Default)]
pub(super) struct Archive {
    kinds: BTreeMap<u8, Kind>,
}

#[derive(Debug, Default)]
struct Kind {
    /// By ascending number.
    kept: VecDeque<TestimonyKey>,
    bytes: usize,
    next: u64,
}

impl Archive {
    /// An archive with what was kept in earlier runs, by ascending number.
    pub(super) fn with(kept: impl IntoIterator<Item = TestimonyKey>) -> Self {
        let mut archive = Self::default();
        for key in kept {
            archive.kinds.entry(key.kind).or_default().add(key);
        }
        archive
    }

    /// The key for something new, and what has to go for it; none if it is too long to be kept.
    pub(super) fn admit(
        &mut self,
        kind: u8,
        bytes: usize,
    ) -> Option<(TestimonyKey, Vec<TestimonyKey>)> {
        let length = u32::try_from(bytes).ok().filter(|_| bytes <= TESTIMONY_BYTES_MAX)?;
        let own = self.kinds.entry(kind).or_default();
        let key = TestimonyKey { kind, number: own.next, bytes: length };
        own.add(key);
        let mut dropped = Vec::new();
        while own.bytes > TESTIMONY_BYTES_MAX
            && let Some(oldest) = own.kept.pop_front()
        {
            own.bytes -= oldest.bytes as usize;
            dropped.push(oldest);
        }
        Some((key, dropped))
    }
}

impl Kind {
    fn add(&mut self, key: TestimonyKey) {
        self.bytes += key.bytes as usize;
        self.next = key.number + 1;
        self.kept.push_back(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUARTER: usize = TESTIMONY_BYTES_MAX / 4;

    #[test]
    fn the_newest_are_kept_of_each_kind_and_no_more_than_fit() {
        let mut archive = Archive::default();
        let mut kept = Vec::new();
        for number in 0..10 {
            let (key, dropped) = archive.admit(1, QUARTER).expect("it fits");
            assert_eq!(key.number, number);
            kept.push(key);
            kept.retain(|key| !dropped.contains(key));
            assert!(kept.len() <= 4);
        }
        assert_eq!(kept.iter().map(|key| key.number).collect::<Vec<_>>(), [6, 7, 8, 9]);
        let (other, dropped) = archive.admit(2, TESTIMONY_BYTES_MAX).expect("it fits");
        assert_eq!((other.number, dropped), (0, Vec::new()), "kinds do not drive each other out");
        assert_eq!(archive.admit(1, TESTIMONY_BYTES_MAX + 1), None);
    }

    #[test]
    fn what_was_kept_before_a_restart_counts_and_its_numbers_are_not_used_again() {
        let bytes = QUARTER as u32;
        let old = (6..10).map(|number| TestimonyKey { kind: 1, number, bytes });
        let mut archive = Archive::with(old);
        let (key, dropped) = archive.admit(1, 1).expect("it fits");
        assert_eq!(key.number, 10);
        assert_eq!(dropped.iter().map(|key| key.number).collect::<Vec<_>>(), [6]);
    }
}
