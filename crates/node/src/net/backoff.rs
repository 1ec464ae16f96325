//! How long to wait before dialling again.

use super::Timing;
use std::time::Duration;

/// Doubles up to a cap, with jitter, and starts over once there was progress: a peer that restarts is
/// found again quickly, one that is gone costs next to nothing, and servers that lost each other at
/// the same moment do not dial in step.
pub(super) struct Backoff {
    min: Duration,
    max: Duration,
    next: Duration,
}

impl Backoff {
    pub(super) fn new(timing: &Timing) -> Self {
        Self { min: timing.retry_min, max: timing.retry_max, next: timing.retry_min }
    }

    /// A connection has stood for a while.
    pub(super) fn reset(&mut self) {
        self.next = self.min;
    }

    /// The pause before the next attempt: between half and all of the step that is due. `noise` is
    /// any random number.
    pub(super) fn pause(&mut self, noise: u32) -> Duration {
        let step = self.next;
        self.next = (step * 2).min(self.max);
        step / 2 + step.mul_f64(f64::from(noise) / f64::from(u32::MAX) / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_the_cap_and_fall_back_on_progress() {
        let timing = Timing {
            retry_min: Duration::from_millis(50),
            retry_max: Duration::from_millis(300),
            ..Timing::default()
        };
        let mut backoff = Backoff::new(&timing);
        let pauses: Vec<u128> = (0..5).map(|_| backoff.pause(u32::MAX).as_millis()).collect();
        assert_eq!(pauses, [50, 100, 200, 300, 300]);
        assert_eq!(backoff.pause(0).as_millis(), 150);
        backoff.reset();
        assert_eq!(backoff.pause(0).as_millis(), 25);
    }
}
