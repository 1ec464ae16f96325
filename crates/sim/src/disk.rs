//! A server's disk: a journal whose unsynced tail a crash may lose.

use ally_consensus::{JournalPosition, Record};

/// Journal records in order, durable up to some position.
#[derive(Default)]
pub struct Disk {
    records: Vec<Record>,
    durable: usize,
    syncing: Option<usize>,
}

impl Disk {
    /// Writes a record at the end; it is not durable yet.
    ///
    /// # Panics
    /// If `position` is not one above the last: the engine numbers its records without a gap.
    pub fn append(&mut self, position: JournalPosition, record: Record) {
        self.records.push(record);
        assert_eq!(position.0 as usize, self.records.len(), "journal positions have no gaps");
    }

    /// Starts a sync of all that is written; false if one is under way or nothing waits.
    pub fn start_sync(&mut self) -> bool {
        let starts = self.syncing.is_none() && self.durable < self.records.len();
        if starts {
            self.syncing = Some(self.records.len());
        }
        starts
    }

    /// Ends the sync: what was written when it started is durable.
    pub fn end_sync(&mut self) {
        if let Some(end) = self.syncing.take() {
            self.durable = self.durable.max(end);
        }
    }

    /// How far the journal is durable.
    pub fn durable(&self) -> JournalPosition {
        JournalPosition(self.durable as u64)
    }

    /// A crash: of the records that were not durable, the first `kept` happen to survive.
    pub fn crash(&mut self, kept: usize) {
        self.records.truncate(self.durable.saturating_add(kept));
        self.durable = self.records.len();
        self.syncing = None;
    }

    /// Records that a crash could lose.
    pub fn at_risk(&self) -> usize {
        self.records.len() - self.durable
    }

    /// The records that no crash can lose.
    pub fn durable_records(&self) -> &[Record] {
        &self.records[..self.durable]
    }

    /// Position of the last record.
    pub fn last(&self) -> JournalPosition {
        JournalPosition(self.records.len() as u64)
    }

    /// All records, for a restart.
    pub fn records(&self) -> &[Record] {
        &self.records
    }
}
