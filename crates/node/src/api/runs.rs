//! What a propose stream still owes its client.

use crate::api::clients::Charge;
use ally_proto::v1::Until;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// Runs of entries that were handed over and are not answered in full, with the budget they hold.
///
/// A run is what came in one message, or a part of that. It passes through up to three steps: ordered, certified,
/// receipt sent; its budget is given back when all its entries are where the client wanted them.
#[derive(Debug, Default)]
pub(crate) struct Runs {
    /// By first tag.
    open: BTreeMap<u64, Run>,
    /// Ordered, but no certificate covers them: by index and tag of the first. (One index may stand
    /// for two tags: a client that sends an entry twice gets two answers.)
    uncertified: BTreeMap<(u64, u64), Span>,
    /// Certified, receipts wanted.
    due: VecDeque<Span>,
}

#[derive(Debug)]
struct Run {
    left: u32,
    until: Until,
    /// Shared with the other runs of the message.
    _charge: Arc<Charge>,
}

/// Entries with consecutive tags and indexes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) first_tag: u64,
    pub(crate) first_index: u64,
    pub(crate) count: u32,
}

impl Runs {
    /// Takes in `count` entries that were handed over.
    pub(crate) fn open(&mut self, first_tag: u64, count: u32, until: Until, charge: Arc<Charge>) {
        self.open.insert(first_tag, Run { left: count, until, _charge: charge });
    }

    /// Whether everything is answered.
    pub(crate) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Whether a certificate would bring news.
    pub(crate) fn wants_certificate(&self) -> bool {
        !self.uncertified.is_empty()
    }

    /// Entries that will not be ordered: nothing more is owed for them.
    pub(crate) fn refused(&mut self, first_tag: u64, count: u32) {
        self.settle(first_tag, count);
    }

    /// Entries that are ordered.
    pub(crate) fn ordered(&mut self, span: Span) {
        match self.until(span.first_tag) {
            Some(Until::Certified | Until::Receipt) => {
                self.uncertified.insert((span.first_index, span.first_tag), span);
            }
            _ => self.settle(span.first_tag, span.count),
        }
    }

    /// A certificate covers the first `log_size` entries of the log. Returns whether that is what
    /// some run was waiting for.
    pub(crate) fn certified(&mut self, log_size: u64) -> bool {
        // A span lies in one block, and a certificate ends with a block: all of it or nothing.
        let later = self.uncertified.split_off(&(log_size, 0));
        let covered = std::mem::replace(&mut self.uncertified, later);
        let news = !covered.is_empty();
        for span in covered.into_values() {
            match self.until(span.first_tag) {
                Some(Until::Receipt) => self.due.push_back(span),
                _ => self.settle(span.first_tag, span.count),
            }
        }
        news
    }

    /// Whether receipts are to be made.
    pub(crate) fn receipts_due(&self) -> bool {
        !self.due.is_empty()
    }

    /// Takes up to `limit` entries whose receipts are to be made, as (tag, index).
    pub(crate) fn take_due(&mut self, limit: usize) -> Vec<(u64, u64)> {
        let mut entries = Vec::new();
        while entries.len() < limit {
            let Some(span) = self.due.front_mut() else { break };
            entries.push((span.first_tag, span.first_index));
            *span = Span {
                first_tag: span.first_tag + 1,
                first_index: span.first_index + 1,
                count: span.count - 1,
            };
            if span.count == 0 {
                self.due.pop_front();
            }
        }
        entries
    }

    /// The receipt of `tag` was sent.
    pub(crate) fn receipt_sent(&mut self, tag: u64) {
        self.settle(tag, 1);
    }

    fn until(&self, tag: u64) -> Option<Until> {
        Some(self.open.range(..=tag).next_back()?.1.until)
    }

    fn settle(&mut self, tag: u64, count: u32) {
        let Some((first_tag, run)) = self.open.range_mut(..=tag).next_back() else { return };
        run.left = run.left.saturating_sub(count);
        if run.left == 0 {
            let first_tag = *first_tag;
            self.open.remove(&first_tag);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::clients::Budget;
    use crate::api::limits::UNANSWERED_ENTRIES_PER_CLIENT_MAX;

    fn span(first_tag: u64, first_index: u64, count: u32) -> Span {
        Span { first_tag, first_index, count }
    }

    #[tokio::test]
    async fn each_run_goes_as_far_as_its_client_wants() {
        let budget = Budget::default();
        let mut runs = Runs::default();
        for (first_tag, until) in [
            (0, Until::Decided),
            (10, Until::Certified),
            (20, Until::Receipt),
            (30, Until::Receipt),
        ] {
            runs.open(first_tag, 3, until, Arc::new(budget.charge(100, 3).await));
        }
        runs.ordered(span(0, 100, 3));
        runs.ordered(span(10, 103, 1));
        runs.ordered(span(11, 110, 2));
        runs.ordered(span(20, 112, 3));
        runs.refused(30, 3);
        assert_eq!(runs.open.keys().copied().collect::<Vec<_>>(), [10, 20]);
        assert!(!runs.certified(103) && runs.certified(104) && runs.certified(115));
        assert_eq!(runs.open.keys().copied().collect::<Vec<_>>(), [20]);
        assert!(runs.receipts_due() && !runs.wants_certificate());
        assert_eq!(runs.take_due(2), [(20, 112), (21, 113)]);
        assert_eq!(runs.take_due(2), [(22, 114)]);
        (20..23).for_each(|tag| runs.receipt_sent(tag));
        assert!(runs.is_empty() && !runs.receipts_due());
        // The whole budget is back.
        let all = budget.charge(1, UNANSWERED_ENTRIES_PER_CLIENT_MAX);
        tokio::time::timeout(std::time::Duration::from_secs(5), all).await.expect("budget is back");
    }

    #[tokio::test]
    async fn two_tags_may_stand_at_one_index() {
        let mut runs = Runs::default();
        runs.open(0, 2, Until::Receipt, Arc::new(Budget::default().charge(2, 2).await));
        runs.ordered(span(0, 7, 1));
        runs.ordered(span(1, 7, 1));
        assert!(runs.certified(8));
        assert_eq!(runs.take_due(9), [(0, 7), (1, 7)]);
    }
}
