//! Which client waits for which entry of this server's batches.

use crate::api::{Notice, Notices, Refusal, Submission};
use ally_consensus::Height;
use ally_proto::Entry;
use std::collections::VecDeque;

/// The entries that were submitted here and wait for a decision, in the order of submission.
///
/// A server's batches hold exactly the entries submitted to it, first in, first out, so that no
/// entry needs to be looked up: each batch of ours that is decided takes its entries from the front.
/// (Batches from before a restart belong to nobody here: the driver does not report them.) The
/// ordering service bounds how much is undecided, and with it this queue.
#[derive(Debug, Default)]
pub struct Undecided {
    runs: VecDeque<Run>,
    entries: u64,
}

#[derive(Debug)]
struct Run {
    first_tag: u64,
    left: u32,
    replies: Notices,
}

impl Undecided {
    /// Notes who waits for the entries of `submission`, and hands out the entries.
    pub fn push(&mut self, submission: Submission) -> Vec<Entry> {
        let Submission { first_tag, entries, replies } = submission;
        let left = u32::try_from(entries.len()).expect("a submission fits into a message");
        if left > 0 {
            self.runs.push_back(Run { first_tag, left, replies });
            self.entries += u64::from(left);
        }
        entries
    }

    /// How many entries wait.
    pub fn entries(&self) -> u64 {
        self.entries
    }

    /// Tells the clients that the next entries of ours are decided.
    ///
    /// `first_index` is the place of the first in the log; `earlier` holds one item for each, with
    /// the place of an earlier copy if it is a duplicate.
    ///
    /// # Cost
    /// One notice per run, not per entry.
    pub fn ordered(&mut self, first_index: u64, height: Height, earlier: &[Option<u64>]) {
        let mut at = 0;
        while at < earlier.len() {
            // A duplicate stands alone, all others up to the next one go together.
            let together = match earlier[at] {
                Some(_) => 1,
                None => earlier[at..].iter().take_while(|copy| copy.is_none()).count(),
            };
            let (first_index, copy) = (first_index + at as u64, earlier[at]);
            at += self.tell_front(together, |first_tag, count| match copy {
                Some(index) => Notice::Repeated { tag: first_tag, index },
                None => Notice::Ordered { first_tag, count, first_index, height },
            });
        }
    }

    /// Tells all who wait that nothing more will be ordered here.
    pub fn refuse_all(&mut self, refusal: &Refusal) {
        while let Some(front) = self.runs.front() {
            let left = front.left as usize;
            self.tell_front(left, |first_tag, count| Notice::Refused {
                first_tag,
                count,
                refusal: refusal.clone(),
            });
        }
    }

    /// Takes up to `entries` from the run in front; returns how many.
    fn tell_front(&mut self, entries: usize, notice: impl FnOnce(u64, u32) -> Notice) -> usize {
        // Nobody waits: the batch is not from this run of the server.
        let Some(front) = self.runs.front_mut() else { return entries };
        let count = front.left.min(u32::try_from(entries).unwrap_or(u32::MAX));
        front.replies.tell(notice(front.first_tag, count));
        front.first_tag += u64::from(count);
        front.left -= count;
        self.entries -= u64::from(count);
        if front.left == 0 {
            self.runs.pop_front();
        }
        count as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ally_proto::Nonce;

    fn submission(first_tag: u64, entries: usize, replies: &Notices) -> Submission {
        let entry = Entry::new(Nonce([1; 16]), b"x").expect("short");
        Submission { first_tag, entries: vec![entry; entries], replies: replies.clone() }
    }

    fn ordered(first_tag: u64, count: u32, first_index: u64, height: u64) -> Notice {
        let height = Height(height);
        Notice::Ordered { first_tag, count, first_index, height }
    }

    #[tokio::test]
    async fn batches_and_submissions_need_not_align() {
        let ((one, mut one_reader), (two, mut two_reader)) = (Notices::new(), Notices::new());
        let mut undecided = Undecided::default();
        assert_eq!(undecided.push(submission(10, 3, &one)).len(), 3);
        undecided.push(submission(0, 2, &two));
        undecided.push(submission(13, 1, &one));
        undecided.ordered(100, Height(7), &[None; 4]);
        assert_eq!(
            (undecided.entries(), one_reader.take().await),
            (2, vec![ordered(10, 3, 100, 7)])
        );
        undecided.ordered(200, Height(8), &[None; 2]);
        assert_eq!(two_reader.take().await, [ordered(0, 1, 103, 7), ordered(1, 1, 200, 8)]);
        assert_eq!(
            (undecided.entries(), one_reader.take().await),
            (0, vec![ordered(13, 1, 201, 8)])
        );
        undecided.ordered(300, Height(9), &[None; 2]);
        assert_eq!(undecided.entries(), 0);
    }

    #[tokio::test]
    async fn duplicates_are_told_apart() {
        let (replies, mut reader) = Notices::new();
        let mut undecided = Undecided::default();
        undecided.push(submission(0, 5, &replies));
        undecided.ordered(50, Height(3), &[None, None, Some(9), None]);
        let duplicate = Notice::Repeated { tag: 2, index: 9 };
        assert_eq!(reader.take().await, [ordered(0, 2, 50, 3), duplicate, ordered(3, 1, 53, 3)]);
        undecided.refuse_all(&Refusal::Stopping);
        let refused = Notice::Refused { first_tag: 4, count: 1, refusal: Refusal::Stopping };
        assert_eq!((reader.take().await, undecided.entries()), (vec![refused], 0));
    }
}
