//! Whether this server's clock and the log agree about the time.

use ally_consensus::Micros;
use std::time::Duration;

/// Blocks ahead of the clock by more than this are worth a word. Clocks with NTP differ by
/// milliseconds; at a minute a server withholds its votes.
const AHEAD_MAX: Duration = Duration::from_secs(10);

/// Compares the times of blocks with the clock, and says so in the log when they differ: once when
/// it begins, once when it is over.
///
/// The time of blocks never falls. Whoever sets a clock back therefore sees the log ahead of it, and
/// blocks keep the time that they have until the clocks are there again. Nothing else happens to the
/// alliance, but somebody should know.
#[derive(Debug, Default)]
pub(super) struct ClockWatch {
    ahead: bool,
}

impl ClockWatch {
    /// The newest block has the time `block`, while the clock shows `clock`. Returns whether the log
    /// is ahead.
    pub(super) fn compare(&mut self, block: Micros, clock: Micros) -> bool {
        let by = Duration::from_micros(block.0.saturating_sub(clock.0));
        let ahead = by > AHEAD_MAX;
        match (ahead, self.ahead) {
            (true, false) => tracing::warn!(
                seconds = by.as_secs(),
                "the clock of this machine is behind the time of the log: it was set back, or the \
                 clocks of others are ahead. Nothing is lost, and blocks keep the time that they \
                 have until it has caught up. See whether NTP runs (`timedatectl`), here and there"
            ),
            (false, true) => tracing::info!("the clock of this machine and the log agree again"),
            _ => {}
        }
        self.ahead = ahead;
        ahead
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_set_back_is_noticed_until_it_has_caught_up() {
        let hour = 3_600_000_000;
        let block = Micros(100 * hour);
        let mut watch = ClockWatch::default();
        assert!(!watch.compare(block, Micros(100 * hour)));
        assert!(!watch.compare(block, Micros(101 * hour)), "an idle alliance");
        assert!(!watch.compare(block, Micros(100 * hour - 10_000_000)), "clocks differ a little");
        assert!(watch.compare(block, Micros(95 * hour)));
        assert!(watch.compare(block, Micros(0)));
        assert!(watch.compare(block, Micros(100 * hour - 10_000_001)));
        assert!(!watch.compare(block, Micros(100 * hour)));
    }
}
