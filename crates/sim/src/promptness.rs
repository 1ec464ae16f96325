//! How much of the time that runs were granted after the healing they took.

/// Runs by the part of the bound that they took, in hundredths, rounded up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promptness([u64; 101]);

impl Default for Promptness {
    fn default() -> Self {
        Self([0; 101])
    }
}

impl Promptness {
    /// Adds a run that took `settled_after` of `bound`, both in µs.
    pub(crate) fn add(&mut self, settled_after: u64, bound: u64) {
        let percent = (100 * u128::from(settled_after)).div_ceil(u128::from(bound.max(1)));
        self.0[percent.min(100) as usize] += 1;
    }

    /// The part of the bound, in hundredths, within which so many of a thousand runs were done; 0 if
    /// there were none.
    pub fn percent(&self, permille: u64) -> usize {
        let runs: u64 = self.0.iter().sum();
        let wanted = (runs * permille).div_ceil(1_000);
        let mut seen = 0;
        let within = self.0.iter().position(|count| {
            seen += count;
            seen >= wanted
        });
        within.unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_the_bound_are_rounded_up() {
        let mut promptness = Promptness::default();
        assert_eq!(promptness.percent(1_000), 0);
        (0..98).for_each(|_| promptness.add(10, 1_000));
        promptness.add(501, 1_000);
        promptness.add(2_000, 1_000);
        let parts = [500, 980, 990, 1_000].map(|permille| promptness.percent(permille));
        assert_eq!(parts, [1, 1, 51, 100]);
    }
}
