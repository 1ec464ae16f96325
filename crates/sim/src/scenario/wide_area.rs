//! Networks that span regions: delays by where two servers stand.

use serde::{Deserialize, Serialize};

/// Delays between regions, with jitter and a heavy tail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WideArea {
    /// Each server's region.
    pub regions: Vec<u8>,
    /// The least one-way delay from region to region, µs.
    pub base: Vec<Vec<u64>>,
    /// How much longer an ordinary message may take, percent of the least delay.
    pub jitter_percent: u64,
    /// Messages in a thousand that are caught in the tail; none after the healing.
    pub tail_permille: u64,
    /// The longest that the tail makes a delay: this many times the least.
    pub tail_factor: u64,
}

/// One-way delays in µs between data centres in Virginia, Oregon, Frankfurt, Tokyo and São Paulo.
const WORLD: [[u64; 5]; 5] = [
    [500, 32_000, 44_000, 75_000, 57_000],
    [32_000, 500, 70_000, 49_000, 87_000],
    [44_000, 70_000, 500, 112_000, 101_000],
    [75_000, 49_000, 112_000, 500, 128_000],
    [57_000, 87_000, 101_000, 128_000, 500],
];

/// The same between Dublin, London, Frankfurt and Stockholm.
const CONTINENT: [[u64; 4]; 4] = [
    [300, 5_500, 12_500, 20_000],
    [5_500, 300, 7_500, 15_000],
    [12_500, 7_500, 300, 11_500],
    [20_000, 15_000, 11_500, 300],
];

impl WideArea {
    /// Five regions on four continents.
    pub fn world(regions: Vec<u8>) -> Self {
        Self::new(regions, WORLD.iter().map(|row| row.to_vec()).collect())
    }

    /// Four regions on one continent.
    pub fn continent(regions: Vec<u8>) -> Self {
        Self::new(regions, CONTINENT.iter().map(|row| row.to_vec()).collect())
    }

    fn new(regions: Vec<u8>, base: Vec<Vec<u64>>) -> Self {
        Self { regions, base, jitter_percent: 10, tail_permille: 10, tail_factor: 8 }
    }

    /// The least delay between two servers, µs.
    pub fn least(&self, from: usize, to: usize) -> u64 {
        let region = |server: usize| {
            let region = self.regions.get(server).copied().unwrap_or(0);
            usize::from(region) % self.base.len().max(1)
        };
        let row = self.base.get(region(from));
        row.and_then(|row| row.get(region(to))).copied().unwrap_or(0)
    }

    /// The longest ordinary delay between any two regions, µs.
    pub fn longest(&self) -> u64 {
        let longest = self.base.iter().flatten().copied().max().unwrap_or(0);
        longest + longest * self.jitter_percent / 100
    }
}
