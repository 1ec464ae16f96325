//! Time: it does not go back along the chain, and nobody moves it far ahead of the clocks.
//!
//! Source: docs/protocol.md#time.

use super::{Invariant, Kind};
use crate::observation::Observation;
use crate::scenario::Clocks;
use ally_consensus::{BlockHeader, Height, Micros};
use ally_policy::ServerSet;

/// The time of the last decided block, and the clocks.
pub(super) struct Time {
    clocks: Clocks,
    honest: ServerSet,
    last: (Height, Micros),
}

impl Time {
    pub(super) fn new(clocks: Clocks, honest: ServerSet) -> Self {
        Self { clocks, honest, last: (Height::ZERO, Micros::ZERO) }
    }

    /// Looks at each height once, when the first honest server delivers it.
    fn delivered(&mut self, header: &BlockHeader, now: Micros) -> Result<(), String> {
        let (height, time) = (header.height, header.timestamp_us);
        if height <= self.last.0 {
            return Ok(());
        }
        let before = std::mem::replace(&mut self.last, (height, time)).1;
        if time < before {
            return Err(format!("time: block {height} goes back from {before} to {time}"));
        }
        let latest = self.clocks.latest(&self.honest, now);
        if time.0 > latest.0 + 2 * self.clocks.tolerance {
            return Err(format!("time: block {height} of {time}, and no clock is past {latest}"));
        }
        Ok(())
    }
}

impl Invariant for Time {
    fn looks_at(&self) -> &'static [Kind] {
        &[Kind::Delivered]
    }

    fn see(&mut self, now: Micros, what: &Observation<'_>) -> Result<(), String> {
        match what {
            Observation::Delivered { block, .. } => self.delivered(block.header(), now),
            _ => Ok(()),
        }
    }
}
