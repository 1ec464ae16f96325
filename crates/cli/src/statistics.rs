//! Latencies, and what is said of them.

use serde_json::{Value, json};
use std::time::Duration;

/// Measured times, kept one by one: percentiles are exact.
#[derive(Debug, Clone, Default)]
pub struct Latencies {
    micros: Vec<u32>,
    sorted: bool,
}

impl Latencies {
    /// Adds one; beyond an hour it counts as an hour.
    pub fn add(&mut self, latency: Duration) {
        let longest = Duration::from_secs(3600);
        self.micros.push(u32::try_from(latency.min(longest).as_micros()).unwrap_or(u32::MAX));
        self.sorted = false;
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.micros.len()
    }

    /// The time that `share` (0 to 1) of them do not exceed; none if there are none.
    pub fn percentile(&mut self, share: f64) -> Option<Duration> {
        if !self.sorted {
            self.micros.sort_unstable();
            self.sorted = true;
        }
        let last = self.micros.len().checked_sub(1)?;
        let at = (last as f64 * share.clamp(0.0, 1.0)).round() as usize;
        self.micros.get(at).map(|micros| Duration::from_micros(u64::from(*micros)))
    }

    /// `p50 1.2 ms, p99 3.4 ms`.
    pub fn text(&mut self) -> String {
        match (self.percentile(0.5), self.percentile(0.99)) {
            (Some(half), Some(most)) => {
                format!("p50 {}, p99 {}", duration(half), duration(most))
            }
            _ => "no measurement".to_owned(),
        }
    }

    /// `{count, p50_us, p99_us, max_us}`.
    pub fn json(&mut self) -> Value {
        let mut micros = |share| self.percentile(share).map(|time| time.as_micros() as u64);
        let (half, most, max) = (micros(0.5), micros(0.99), micros(1.0));
        json!({ "count": self.count(), "p50_us": half, "p99_us": most, "max_us": max })
    }
}

/// A time with three digits and the unit that suits it.
pub fn duration(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    let (value, unit) = match seconds {
        seconds if seconds < 1e-3 => (seconds * 1e6, "us"),
        seconds if seconds < 1.0 => (seconds * 1e3, "ms"),
        seconds => (seconds, "s"),
    };
    match value {
        value if value < 10.0 => format!("{value:.2} {unit}"),
        value if value < 100.0 => format!("{value:.1} {unit}"),
        value => format!("{value:.0} {unit}"),
    }
}

/// A number with commas between thousands.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_measured_values() {
        let mut latencies = Latencies::default();
        assert_eq!(latencies.percentile(0.5), None);
        (1..=101).rev().for_each(|ms| latencies.add(Duration::from_millis(ms)));
        assert_eq!(latencies.percentile(0.0), Some(Duration::from_millis(1)));
        assert_eq!(latencies.percentile(0.5), Some(Duration::from_millis(51)));
        assert_eq!(latencies.percentile(0.99), Some(Duration::from_millis(100)));
        assert_eq!(latencies.percentile(1.0), Some(Duration::from_millis(101)));
        latencies.add(Duration::from_secs(7200));
        assert_eq!(latencies.percentile(1.0), Some(Duration::from_secs(3600)));
    }

    #[test]
    fn times_and_numbers_are_written_for_people() {
        assert_eq!(duration(Duration::from_micros(7)), "7.00 us");
        assert_eq!(duration(Duration::from_micros(12_345)), "12.3 ms");
        assert_eq!(duration(Duration::from_millis(123_456)), "123 s");
        assert_eq!(thousands(7), "7");
        assert_eq!(thousands(123_456), "123,456");
        assert_eq!(thousands(1_234_567), "1,234,567");
    }
}
