//! What an engine is told once.

use crate::{BRANCH_HEADERS_MAX, Context, Micros, Quorums, Rotation};
use ally_policy::ServerIndex;
use std::sync::Arc;

/// Blocks that may be proposed past the last decided one, unless configured otherwise.
pub const WINDOW_BLOCKS: u64 = 64;

/// Blocks that may be voted for past the last certified one, unless configured otherwise.
pub const UNCERTIFIED_BLOCKS_MAX: u64 = BRANCH_HEADERS_MAX as u64;

/// What an engine is told once, at its start.
#[derive(Clone)]
pub struct Config {
    /// The alliance, epoch and policy that this engine agrees under.
    pub context: Context,
    /// This server.
    pub me: ServerIndex,
    /// Who has to agree.
    pub policy: Arc<dyn Quorums>,
    /// Who leads which view.
    pub rotation: Rotation,
    /// How long work may wait for a decision before this server leaves the view, in microseconds.
    pub base_timeout: Micros,
    /// Where the doubling of `base_timeout` ends.
    pub timeout_max: Micros,
    /// How many blocks may be proposed past the last decided one.
    pub window_blocks: u64,
    /// How many blocks may be voted for past the last certified one; at most
    /// [`BRANCH_HEADERS_MAX`], so that a report can hold them.
    pub uncertified_blocks_max: u64,
    /// Which rules of selection are kept: all of them, but in tests that show why.
    pub rules: Rules,
}

impl Config {
    /// A configuration with the default window, limits and rules.
    pub fn new(
        context: Context,
        me: ServerIndex,
        policy: Arc<dyn Quorums>,
        rotation: Rotation,
        base_timeout: Micros,
    ) -> Self {
        Self {
            context,
            me,
            policy,
            rotation,
            base_timeout,
            timeout_max: Micros(base_timeout.0.saturating_mul(64)),
            window_blocks: WINDOW_BLOCKS,
            uncertified_blocks_max: UNCERTIFIED_BLOCKS_MAX,
            rules: Rules::default(),
        }
    }
}

/// The rules of selection that can be broken on purpose, to show that the tests would notice.
///
/// Without the feature `planted-bugs` there is nothing to break.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rules {
    /// Rule 3 is never used: the longest block wins although the leader has equivocated.
    #[cfg(feature = "planted-bugs")]
    pub equivocation_ignored: bool,
    /// The equivocator's own report is used.
    #[cfg(feature = "planted-bugs")]
    pub equivocator_admitted: bool,
    /// The equivocator is not counted among the faulty ones when a block is weighed.
    #[cfg(feature = "planted-bugs")]
    pub equivocator_not_counted: bool,
    /// Commit certificates are ignored once the leader has equivocated.
    #[cfg(feature = "planted-bugs")]
    pub commit_ignored: bool,
}

impl Rules {
    pub(crate) fn heeds_equivocation(&self) -> bool {
        #[cfg(feature = "planted-bugs")]
        if self.equivocation_ignored {
            return false;
        }
        true
    }

    pub(crate) fn excludes_equivocator(&self) -> bool {
        #[cfg(feature = "planted-bugs")]
        if self.equivocator_admitted {
            return false;
        }
        true
    }

    pub(crate) fn counts_equivocator_as_faulty(&self) -> bool {
        #[cfg(feature = "planted-bugs")]
        if self.equivocator_not_counted {
            return false;
        }
        true
    }

    pub(crate) fn heeds_commits(&self) -> bool {
        #[cfg(feature = "planted-bugs")]
        if self.commit_ignored {
            return false;
        }
        true
    }

    /// Whether every rule is kept, so that an ambiguous outcome means a broken trust assumption.
    pub(crate) fn are_whole(&self) -> bool {
        *self == Self::default()
    }
}
