//! Which entries of the log are repetitions of earlier ones.

use crate::ProposalId;
use hashbrown::HashTable;
use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};

/// How far back an entry looks for an earlier copy of itself, in entries of the log.
pub const DUPLICATE_WINDOW: usize = 1_000_000;

/// The rule that applies a proposal once although its client sent it twice.
///
/// An entry is a duplicate if an entry with the same id stands among the [`DUPLICATE_WINDOW`] entries
/// before it. The answer depends on these entries alone: servers, listeners and auditors agree on it
/// without a word, wherever in the log they begin. State machines skip duplicates.
///
/// # Source
/// Ours. The id covers the command, so that a hostile member cannot occupy the id of another's
/// proposal; the bound is in entries rather than in time, so that everybody draws the same line.
///
/// # Cost
/// 42 MB once a million entries were seen; one keyed hash of 32 bytes per entry.
#[derive(Debug)]
pub struct DuplicateWindow {
    entries_max: usize,
    /// Index of the oldest entry in `ids`.
    first_index: u64,
    /// Ids of the newest entries, oldest first.
    ids: VecDeque<ProposalId>,
    /// The newest entry of each id, as the low half of its index: the window is far shorter than
    /// 2^32 entries, so that the oldest index tells the rest.
    newest: HashTable<u32>,
    /// Keyed, because clients choose what the ids are.
    hasher: RandomState,
}

impl DuplicateWindow {
    /// A window before the entry with index `next_index`, which knows nothing yet. Its answers are
    /// right once it has seen [`DUPLICATE_WINDOW`] entries, or at once if `next_index` is 0.
    pub fn new(next_index: u64) -> Self {
        Self::with_entries(DUPLICATE_WINDOW, next_index)
    }

    fn with_entries(entries_max: usize, next_index: u64) -> Self {
        Self {
            entries_max,
            first_index: next_index,
            ids: VecDeque::new(),
            newest: HashTable::new(),
            hasher: RandomState::new(),
        }
    }

    /// Index of the entry that comes next.
    pub fn next_index(&self) -> u64 {
        self.first_index + self.ids.len() as u64
    }

    /// Where the newest entry with this id stands, if it is in the window.
    pub fn find(&self, id: &ProposalId) -> Option<u64> {
        let low = self.newest.find(self.hasher.hash_one(id), |low| self.id_at(*low) == id)?;
        Some(self.first_index + u64::from(self.offset(*low)))
    }

    /// Takes in the next entry of the log.
    ///
    /// Returns the index of the copy before it if it is a duplicate.
    pub fn observe(&mut self, id: ProposalId) -> Option<u64> {
        let earlier = self.find(&id);
        if self.ids.len() == self.entries_max {
            self.forget_oldest();
        }
        let low = self.next_index() as u32;
        self.ids.push_back(id);
        let hash = self.hasher.hash_one(id);
        let (ids, first, hasher) = (&self.ids, self.first_index as u32, &self.hasher);
        let id_at = |low: u32| &ids[low.wrapping_sub(first) as usize];
        let slot =
            self.newest.entry(hash, |low| *id_at(*low) == id, |low| hasher.hash_one(id_at(*low)));
        *slot.or_insert(low).get_mut() = low;
        earlier
    }

    fn forget_oldest(&mut self) {
        let Some(id) = self.ids.front() else { return };
        let (hash, first) = (self.hasher.hash_one(id), self.first_index as u32);
        // A newer copy of the same id keeps its place in the table.
        if let Ok(slot) = self.newest.find_entry(hash, |low| *low == first) {
            slot.remove();
        }
        self.ids.pop_front();
        self.first_index += 1;
    }

    fn offset(&self, low: u32) -> u32 {
        low.wrapping_sub(self.first_index as u32)
    }

    fn id_at(&self, low: u32) -> &ProposalId {
        &self.ids[self.offset(low) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u64) -> ProposalId {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&n.to_le_bytes());
        ProposalId(bytes.into())
    }

    #[test]
    fn a_copy_inside_the_window_is_a_duplicate() {
        let mut window = DuplicateWindow::with_entries(3, 0);
        let answers = [5, 6, 5, 5, 7, 6, 5].map(|n| window.observe(id(n)));
        //  index:          0     1     2        3        4     5 (1 is four back)  6
        assert_eq!(answers, [None, None, Some(0), Some(2), None, None, Some(3)]);
        assert_eq!(window.next_index(), 7);
        assert_eq!((window.find(&id(5)), window.find(&id(9))), (Some(6), None));
    }

    #[test]
    fn a_window_that_begins_late_agrees_once_it_is_full() {
        let log: Vec<u64> = (0..4000u64).map(|n| (n * n + 7 * n) % 8191 % 150).collect();
        // Starts where the low half of the index wraps: the answers must not notice.
        let base = u64::from(u32::MAX) - 2000;
        let mut whole = DuplicateWindow::with_entries(100, base);
        let mut late = DuplicateWindow::with_entries(100, base + 500);
        let mut duplicates = 0;
        for (offset, n) in log.iter().enumerate() {
            let expected = log[offset.saturating_sub(100)..offset]
                .iter()
                .rposition(|earlier| earlier == n)
                .map(|at| base + (offset.saturating_sub(100) + at) as u64);
            assert_eq!(whole.observe(id(*n)), expected);
            duplicates += usize::from(expected.is_some());
            let answer = (offset >= 500).then(|| late.observe(id(*n)));
            assert!(offset < 600 || answer == Some(expected), "entry {offset}");
        }
        assert!(duplicates > 1000 && duplicates < 4000, "{duplicates}");
        assert!(whole.newest.len() <= 100 && whole.ids.len() == 100);
    }
}
