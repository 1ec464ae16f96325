//! Proposals on their way to the log, and what is told about them.

use crate::api::Notices;
use ally_proto::Entry;

/// Proposals of one client that arrived together, numbered by it.
#[derive(Debug)]
pub struct Submission {
    /// The client's number of the first entry; the next ones follow without a gap.
    pub first_tag: u64,
    /// The entries; at least one.
    pub entries: Vec<Entry>,
    /// Where to tell what became of them.
    pub replies: Notices,
}

impl Submission {
    /// Sum of the entries' lengths, for budgets.
    pub fn bytes(&self) -> usize {
        self.entries.iter().map(|entry| entry.as_bytes().len()).sum()
    }
}
