//! When this server loses patience.
//!
//! The timer runs only while there is work: an idle alliance wakes nobody. The patience doubles with
//! each view that failed in a row, so that it outgrows the true delays, and falls back to the base
//! with the first decision. Halfway through, and then each half patience, what matters is said
//! again, so that a lost message costs time but never progress.
//!
//! # Source
//! docs/protocol.md#leaving

use super::Engine;
use crate::{Bug, Micros};

/// Why a view is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// The timer expired, or others' timers did.
    NoProgress,
    /// Its leader lied.
    Equivocation,
    /// Its leader gave it up.
    Abdication,
}

/// One server's patience.
#[derive(Clone)]
pub(super) struct Timer {
    base: Micros,
    max: Micros,
    /// Views that were left without progress since the last decision.
    failures: u32,
    /// When work began to wait, or progress was made last; none while idle.
    since: Option<Micros>,
    /// Whether patience ends: not while leaving could not help.
    expires: bool,
    repeat_at: Micros,
    repeat_every: Micros,
}

impl Timer {
    pub fn new(base: Micros, max: Micros) -> Self {
        Self {
            base,
            max: max.max(base),
            failures: 0,
            since: None,
            expires: true,
            repeat_at: Micros::ZERO,
            repeat_every: base,
        }
    }

    /// How long this view may take, in microseconds.
    pub fn patience(&self) -> Micros {
        let doubled = self.base.0.saturating_mul(1 << self.failures.min(32));
        Micros(doubled.min(self.max.0))
    }

    pub fn deadline(&self) -> Option<Micros> {
        let since = self.since?;
        let expiry = Micros(since.0.saturating_add(self.patience().0));
        Some(if self.expires { expiry.min(self.repeat_at) } else { self.repeat_at })
    }

    pub fn has_expired(&self, now: Micros) -> bool {
        let expiry = self.since.map(|since| since.0.saturating_add(self.patience().0));
        self.expires && expiry.is_some_and(|expiry| now.0 >= expiry)
    }

    /// Whether it is time to say things again; if so, sets the next time.
    pub fn take_repeat(&mut self, now: Micros) -> bool {
        let due = self.since.is_some() && now >= self.repeat_at;
        if due {
            if !self.expires {
                self.repeat_every = Micros((self.repeat_every.0.saturating_mul(2)).min(self.max.0));
            }
            self.repeat_at = Micros(now.0.saturating_add(self.repeat_every.0));
        }
        due
    }

    /// A decision: the alliance works, start over.
    pub fn progress(&mut self, now: Micros) {
        self.failures = 0;
        self.restart(now);
    }

    /// A view was left, or entered.
    pub fn change_view(&mut self, now: Micros, cause: Option<Cause>) {
        if cause == Some(Cause::NoProgress) {
            self.failures = self.failures.saturating_add(1);
        }
        self.restart(now);
    }

    /// Runs while there is work. `expires` is whether leaving could help.
    pub fn run(&mut self, now: Micros, work: bool, expires: bool) {
        if !work {
            self.since = None;
        } else if self.since.is_none() || (expires && !self.expires) {
            self.since = Some(now);
            self.restart(now);
        }
        self.expires = expires;
    }

    pub fn failures(&self) -> u32 {
        self.failures
    }

    fn restart(&mut self, now: Micros) {
        if self.since.is_some() {
            self.since = Some(now);
        }
        self.repeat_every = Micros((self.patience().0 / 2).max(1));
        self.repeat_at = Micros(now.0.saturating_add(self.repeat_every.0));
    }
}

impl Engine {
    /// Starts or stops the timer by what there is to do.
    pub(super) fn rearm_timer(&mut self) {
        let leaving = !self.acceptor.open;
        let work = leaving || self.has_work() || self.config.bugs.has(Bug::TimerRunsIdle);
        // Leaving alone helps nobody; and who is behind cannot tell a slow leader from its own gap.
        let expires = if leaving { self.change.quorum_leaves } else { self.ahead.is_none() };
        self.timer.run(self.now.monotonic, work, expires);
    }

    /// Whether something waits for a decision.
    fn has_work(&self) -> bool {
        let root = self.tree.root().block.height;
        self.work_waiting
            || self.acceptor.head.height > root
            || self.tree.highest(self.acceptor.view) > root
            || !self.wants.is_empty()
            || self.ahead.is_some()
            || !self.learner.pending_senders.is_empty()
                && self.config.policy.is_kernel(&self.learner.pending_senders)
    }
}
