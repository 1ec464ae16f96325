//! The engine's journal in the store: where each record stands, and when it is rewritten.

use crate::io::{StoreOp, When, WritePosition};
use crate::outbox::Outbox;
use ally_consensus::{JournalPosition, Record};
use std::collections::VecDeque;

/// Places of journal records among all writes. The engine numbers its records by itself; a rewritten
/// journal has other numbers in the store.
#[derive(Debug)]
pub(crate) struct Journal {
    /// The last place in use in the store.
    stored: JournalPosition,
    /// Records that may not be durable yet: the engine's number and the write.
    marks: VecDeque<(JournalPosition, WritePosition)>,
    records: usize,
    /// Records after which it is long.
    long: usize,
}

impl Journal {
    /// A journal of `records` records, the last of which stands at `stored`; it is long once it has
    /// `long`.
    pub(crate) fn new(stored: JournalPosition, records: usize, long: usize) -> Self {
        Self { stored, marks: VecDeque::new(), records, long }
    }

    /// Writes the engine's record `number`.
    pub(crate) fn append(&mut self, number: JournalPosition, record: Record, out: &mut Outbox) {
        self.stored = self.stored.next();
        self.records += 1;
        let written = out.write(StoreOp::Journal { position: self.stored, record });
        self.marks.push_back((number, written));
    }

    /// When everything up to the engine's record `number` is durable.
    pub(crate) fn when(&self, number: JournalPosition) -> When {
        let after = self.marks.partition_point(|(mark, _)| *mark <= number);
        let written = after.checked_sub(1).and_then(|index| self.marks.get(index));
        When::Durable(written.map_or(WritePosition::default(), |(_, written)| *written))
    }

    /// All writes up to here are durable.
    pub(crate) fn durable(&mut self, durable: WritePosition) {
        while self.marks.front().is_some_and(|(_, written)| *written <= durable) {
            self.marks.pop_front();
        }
    }

    /// Whether it has grown long enough to be rewritten.
    pub(crate) fn is_long(&self) -> bool {
        self.records >= self.long
    }

    /// Replaces it by records that stand for it.
    pub(crate) fn rewrite(&mut self, records: Vec<Record>, out: &mut Outbox) {
        let first = self.stored.next();
        self.stored = JournalPosition(self.stored.0 + records.len() as u64);
        self.records = 0;
        out.write(StoreOp::RewriteJournal { first, records });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ally_consensus::View;

    const LONG: usize = 2048;

    fn record(view: u64) -> Record {
        Record::Leave(View(view))
    }

    #[test]
    fn a_message_waits_for_its_record_and_for_all_before() {
        let (mut journal, mut out) =
            (Journal::new(JournalPosition(40), 3, LONG), Outbox::default());
        journal.append(JournalPosition(5), record(1), &mut out);
        let other =
            out.write(StoreOp::RewriteJournal { first: JournalPosition(1), records: vec![] });
        journal.append(JournalPosition(6), record(2), &mut out);
        assert_eq!(journal.when(JournalPosition(5)), When::Durable(WritePosition(1)));
        assert_eq!(journal.when(JournalPosition(6)), When::Durable(WritePosition(3)));
        out.durable_up_to(other);
        journal.durable(other);
        assert_eq!(journal.when(JournalPosition(5)), When::Durable(WritePosition(0)));
        assert_eq!(journal.when(JournalPosition(6)), When::Durable(WritePosition(3)));
    }

    #[test]
    fn a_rewritten_journal_goes_on_after_what_it_replaced() {
        let (mut journal, mut out) =
            (Journal::new(JournalPosition(40), 0, LONG), Outbox::default());
        for number in 0..LONG as u64 {
            assert!(!journal.is_long());
            journal.append(JournalPosition(number + 1), record(number), &mut out);
        }
        assert!(journal.is_long());
        journal.rewrite(vec![record(7), record(8)], &mut out);
        journal.append(JournalPosition(9999), record(9), &mut out);
        let mut outputs = Vec::new();
        out.drain_into(&mut outputs);
        let last = outputs.split_off(outputs.len() - 2);
        let text = format!("{last:?}");
        assert!(text.contains("first: JournalPosition(2089)"), "{text}");
        assert!(text.contains("position: JournalPosition(2091)"), "{text}");
    }
}
