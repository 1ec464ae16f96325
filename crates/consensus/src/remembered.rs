//! What a verifier remembers, so that the same thing is not checked again and again.

use crate::{BRANCH_HEADERS_MAX, BlockHash, Bounds, Height, View};
use ally_policy::ServerIndex;
use std::collections::{BTreeSet, VecDeque};

/// Reports and choices of one server with a nested part that is wrong, after which no more of them
/// are looked at, until they are forgiven. A correct server never sends one.
pub(crate) const FAULTY_REPORTS_MAX: u32 = 16;

/// Blocks certified after which wrong reports are forgiven: as many as the longest branch holds, so
/// that the checks that a liar causes are few for each block.
const FORGIVEN_AFTER_BLOCKS: u64 = BRANCH_HEADERS_MAX as u64;

/// A header by its hash, with a signature that was found right.
type Known = (BlockHash, [u8; 64]);

/// Headers whose signature was found right, of each leader the newest, and who has sent reports that
/// were wrong.
///
/// A leader that signs headers without end drives out its own only. A server whose fault has passed is
/// heard again once the alliance has come further: a liar alone cannot bring that about.
#[derive(Debug)]
pub(crate) struct Remembered {
    leaders: Vec<Headers>,
    headers_max: usize,
    faulty_reports: Vec<u32>,
    /// The highest view whose NV was found right.
    opened: View,
    /// The height that was certified when wrong reports were forgiven for it last.
    forgiven_at: Height,
}

#[derive(Debug, Clone, Default)]
struct Headers {
    known: BTreeSet<Known>,
    order: VecDeque<Known>,
}

impl Remembered {
    /// Nothing yet. Two of the longest branches of each leader will be remembered.
    pub fn new(bounds: &Bounds) -> Self {
        Self {
            leaders: vec![Headers::default(); bounds.servers()],
            headers_max: 2 * bounds.branch_headers_max(),
            faulty_reports: vec![0; bounds.servers()],
            opened: View::ZERO,
            forgiven_at: Height::ZERO,
        }
    }

    /// Whether this leader's signature on this header was found right.
    pub fn has(&self, leader: ServerIndex, header: BlockHash, signature: [u8; 64]) -> bool {
        let headers = self.leaders.get(leader.index());
        headers.is_some_and(|headers| headers.known.contains(&(header, signature)))
    }

    /// Remembers that it is.
    pub fn note(&mut self, leader: ServerIndex, header: BlockHash, signature: [u8; 64]) {
        let Some(headers) = self.leaders.get_mut(leader.index()) else { return };
        if headers.known.insert((header, signature)) {
            headers.order.push_back((header, signature));
        }
        if headers.order.len() > self.headers_max
            && let Some(oldest) = headers.order.pop_front()
        {
            headers.known.remove(&oldest);
        }
    }

    /// A report or choice that this server has signed is wrong inside.
    pub fn note_faulty_report(&mut self, sender: ServerIndex) {
        if let Some(count) = self.faulty_reports.get_mut(sender.index()) {
            *count = count.saturating_add(1);
        }
    }

    /// NV of a view was found right. A higher one than before forgives.
    pub fn note_opened(&mut self, view: View) {
        if view > self.opened {
            self.opened = view;
            self.faulty_reports.fill(0);
        }
    }

    /// A certificate of this height was found right. One that is far above the last forgives.
    pub fn note_certified(&mut self, height: Height) {
        if height.0 >= self.forgiven_at.0.saturating_add(FORGIVEN_AFTER_BLOCKS) {
            self.forgiven_at = height;
            self.faulty_reports.fill(0);
        }
    }

    /// Whether this server has sent so many of them that no more are looked at.
    pub fn is_ignored(&self, sender: ServerIndex) -> bool {
        let count = self.faulty_reports.get(sender.index());
        count.is_none_or(|count| *count >= FAULTY_REPORTS_MAX)
    }
}
