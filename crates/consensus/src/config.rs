//! What an engine is told once.

use crate::{Bounds, Bugs, Context, Micros, Quorums, Rotation};
use ally_policy::ServerIndex;
use std::sync::Arc;

/// Blocks that may be proposed past the last decided one, unless configured otherwise.
pub const WINDOW_BLOCKS: u64 = 64;

/// How far the clocks of correct servers may be apart, unless configured otherwise: a minute.
///
/// A server that is set by anybody is closer; one that nobody sets takes weeks to drift that far.
pub const CLOCK_TOLERANCE: Micros = Micros(60_000_000);

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
    /// [`Bounds::branch_headers_max`], so that a report can hold them.
    pub uncertified_blocks_max: u64,
    /// How far the clocks of correct servers may be apart, in microseconds. No decided block is
    /// further ahead of the latest of them than twice that.
    pub clock_tolerance: Micros,
    /// Mistakes made on purpose: none, but in tests.
    pub bugs: Bugs,
}

impl Config {
    /// A configuration with the default window, and limits.
    pub fn new(
        context: Context,
        me: ServerIndex,
        policy: Arc<dyn Quorums>,
        rotation: Rotation,
        base_timeout: Micros,
    ) -> Self {
        let uncertified_blocks_max = Bounds::of(policy.as_ref()).branch_headers_max() as u64;
        Self {
            context,
            me,
            policy,
            rotation,
            base_timeout,
            timeout_max: Micros(base_timeout.0.saturating_mul(64)),
            window_blocks: WINDOW_BLOCKS,
            uncertified_blocks_max,
            clock_tolerance: CLOCK_TOLERANCE,
            bugs: Bugs::NONE,
        }
    }
}
