//! How far ahead of the clocks the time of a block may be.
//!
//! The time of a block is what its leader says, and time never goes back along the chain: a single
//! lie would move it ahead for good. So a server holds it against its own clock, twice, and waits
//! where it is ahead. It never refuses: what it waits for becomes right when its clock gets there,
//! or is passed over.
//!
//! 1. It **votes** for a block only if the block's time is at most the later of its parent's time
//!    and its own clock plus the tolerance. So what is decided by votes of a view is ahead of the
//!    clock of a correct voter by no more, or has its parent's time.
//! 2. A **report** that names a block which is further ahead than twice the tolerance (and than its
//!    parent) does not count, neither for the new leader nor for those who recompute its choice.
//!    Otherwise a block that only liars voted for could become the tip of a view, and all that
//!    follows would have its time. The report does count if a kernel of reports, or a commit
//!    certificate in one, speaks for that block: then a correct server has held it against its
//!    clock before, and the clocks were set back since.
//!
//! Safety does not rest on any clock: to withhold a vote, a share or a report is always allowed.
//! Liveness: while the clocks of correct servers are within the tolerance of each other, a correct
//! leader's block is within the tolerance of every correct voter, and what a correct server voted
//! for within twice the tolerance of whoever counts its report. So nothing correct ever waits. Once
//! the chain is ahead of the clocks, blocks keep their parent's time until the clocks are there.
//!
//! # Source
//! docs/protocol.md#time. Ours: see docs/adr/0006-block-times.md.

use super::Engine;
use crate::{BlockHeader, BlockRef, Branch, Bug, Micros, Signed, ViewChange, earlier};
use ally_policy::ServerSet;
use std::sync::Arc;

impl Engine {
    /// Whether this server's vote for a block, whose parent is known, has to wait for its clock; if
    /// so, until which monotonic time.
    pub(super) fn withheld_until(&self, header: &BlockHeader) -> Option<Micros> {
        let tolerance = self.config.clock_tolerance.0;
        let early = !self.config.bugs.has(Bug::EarlyBlocksVotedFor)
            && header.timestamp_us > self.time_of(&header.parent)
            && header.timestamp_us.0 > self.now.unix.0.saturating_add(tolerance);
        let due = Micros(header.timestamp_us.0.saturating_sub(tolerance));
        early.then(|| self.now.when(due))
    }

    /// Those of the reports that count, as far as the clock is concerned; and until when, in
    /// monotonic time, the first of the others has to wait.
    ///
    /// # Cost
    /// One look at each report's top; where one is early, a look-up in all others for each time that
    /// the set has shrunk.
    pub(super) fn without_early(
        &self,
        mut reports: Vec<Arc<Signed<ViewChange>>>,
    ) -> (Vec<Arc<Signed<ViewChange>>>, Option<Micros>) {
        let mut wait = None;
        loop {
            let mut kept = Vec::with_capacity(reports.len());
            for report in &reports {
                match self.early_block(&report.body).filter(|h| !self.is_vouched(h, &reports)) {
                    None => kept.push(Arc::clone(report)),
                    Some(header) => {
                        let due = header.timestamp_us.0.saturating_sub(self.report_tolerance());
                        let until = self.now.when(Micros(due));
                        wait = Some(wait.map_or(until, |other: Micros| other.min(until)));
                    }
                }
            }
            // Without a report, blocks of others may lack a kernel that speaks for them.
            if kept.len() == reports.len() {
                return (kept, wait);
            }
            reports = kept;
        }
    }

    /// The highest undecided block among those that a report was voted for that is further ahead of
    /// this server's clock than a correct server's could be.
    ///
    /// Time does not go back along a chain that can be chosen, so only the last header that moves it
    /// needs a look.
    fn early_block<'a>(&self, report: &'a ViewChange) -> Option<&'a BlockHeader> {
        let limit = self.now.unix.0.saturating_add(self.report_tolerance());
        let headers = &report.voted.as_ref()?.headers;
        let top = headers.last()?.body.timestamp_us;
        if top.0 <= limit || self.config.bugs.has(Bug::EarlyReportsCounted) {
            return None;
        }
        let before = |index: usize| match index.checked_sub(1) {
            Some(below) => headers[below].body.timestamp_us,
            None => self.time_of(&headers[index].body.parent),
        };
        let moves =
            (0..headers.len()).rev().find(|i| headers[*i].body.timestamp_us > before(*i))?;
        let header = &headers[moves].body;
        (header.height > self.tree.root().block.height).then_some(header)
    }

    /// Whether a correct server has held a block against its clock: a kernel reports to have voted
    /// for it, or a quorum's certificate says so.
    fn is_vouched(&self, header: &BlockHeader, reports: &[Arc<Signed<ViewChange>>]) -> bool {
        let block = header.block_ref();
        let voted = |report: &ViewChange| report.voted.as_ref().is_some_and(|b| holds(b, block));
        let voters: ServerSet = reports
            .iter()
            .filter(|report| voted(&report.body))
            .map(|report| report.signer)
            .collect();
        self.config.policy.is_kernel(&voters)
            || reports.iter().any(|report| {
                report.body.committed.as_ref().is_some_and(|(_, branch)| holds(branch, block))
            })
    }

    /// Two clocks that are within the tolerance of a third one.
    fn report_tolerance(&self) -> u64 {
        self.config.clock_tolerance.0.saturating_mul(2)
    }

    /// The time of a block; the earliest of all if it is not known here.
    fn time_of(&self, block: &crate::BlockHash) -> Micros {
        self.tree.parent(block).map_or(Micros::ZERO, |parent| parent.timestamp_us)
    }

    /// If a report waited for the clock, and it is time, looks at all of them again.
    pub(super) fn heed_clock(&mut self) {
        if self.change.early_until.is_some_and(|until| until <= self.now.monotonic) {
            self.change.stirred = true;
        }
        if self.change.stirred {
            self.change.early_until = None;
        }
    }

    /// When the clock will be where a vote or a report waits for it.
    pub(super) fn clock_deadline(&self) -> Option<Micros> {
        earlier(self.acceptor.withheld_until, self.change.early_until)
    }
}

/// Whether a branch, which is gap-free, holds a block.
fn holds(branch: &Branch, block: BlockRef) -> bool {
    let first = branch.headers.first().map(|header| header.body.height.0);
    let place = first.and_then(|first| block.height.0.checked_sub(first));
    let header = place.and_then(|place| branch.headers.get(usize::try_from(place).ok()?));
    header.is_some_and(|header| header.body.block_ref() == block)
}
