//! What the clocks of a server show.

use crate::Micros;

/// What the clocks of a server show, at one moment. The cores have none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// Microseconds from a monotonic source: for timers.
    pub monotonic: Micros,
    /// Microseconds since 1970-01-01 UTC: for the time of blocks; may be wrong or go back.
    pub unix: Micros,
}

/// The earlier of two deadlines, of which there may be none.
pub fn earlier(one: Option<Micros>, other: Option<Micros>) -> Option<Micros> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

impl Now {
    /// Before anything was read.
    pub const ZERO: Self = Self { monotonic: Micros::ZERO, unix: Micros::ZERO };

    /// This reading, but no monotonic time before `earlier`'s. Time of day may go back.
    #[must_use]
    pub fn not_before(self, earlier: Self) -> Self {
        Self { monotonic: self.monotonic.max(earlier.monotonic), unix: self.unix }
    }

    /// The monotonic time at which the time of day will be `unix`, if nobody sets the clock.
    #[must_use]
    pub fn when(self, unix: Micros) -> Micros {
        let wait = unix.0.saturating_sub(self.unix.0);
        Micros(self.monotonic.0.saturating_add(wait))
    }
}
