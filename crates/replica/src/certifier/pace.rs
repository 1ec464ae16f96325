//! How often certificates are begun: as often as what they cost this server allows.

use ally_consensus::Micros;
use std::collections::VecDeque;

/// Over how many of the last rounds the cost is averaged: servers take turns in giving shares, so
/// that a single round says little.
const ROUNDS: usize = 16;

/// How much quiet counts, in microseconds: what was not used for so long may be used at once.
const CREDIT: u64 = 100_000;

/// A bound on the processor time that goes into certificates.
///
/// While it is quiet a certificate is begun as soon as a block is decided. Under load they are begun
/// so far apart that their cost, averaged over the last rounds, stays within the budget: over any
/// time T, certificates take at most the budget's part of T + 0.1 s, and what one round may cost
/// more than the average. Costs are measured outside and come as input.
#[derive(Debug)]
pub(super) struct Pace {
    /// How much of one core may be used, in thousandths.
    budget: u64,
    /// The least time between two rounds, in microseconds.
    interval_min: u64,
    /// What each of the last rounds cost here, in microseconds.
    costs: VecDeque<u64>,
    /// What was spent since the last round began.
    spent: u64,
    /// What the last combination cost.
    combination: u64,
    /// Until when the rounds that were begun use up the budget.
    paid: Micros,
}

impl Pace {
    /// A pace at which nothing was spent yet.
    pub(super) fn new(budget_permille: u32, interval_min: Micros) -> Self {
        Self {
            budget: u64::from(budget_permille.max(1)),
            interval_min: interval_min.0,
            costs: VecDeque::with_capacity(ROUNDS),
            spent: 0,
            combination: 0,
            paid: Micros::ZERO,
        }
    }

    /// Notes the processor time of a job.
    pub(super) fn spent(&mut self, cost: Micros) {
        self.spent = self.spent.saturating_add(cost.0);
    }

    /// Notes the processor time of a combination.
    pub(super) fn combined(&mut self, cost: Micros) {
        self.combination = cost.0;
        self.spent(cost);
    }

    /// Notes that a certificate came which another server made. It was verified, and that is most of
    /// a combination; how long it took here is not measured, because peers decide how often it is
    /// done.
    pub(super) fn verified(&mut self) {
        self.spent(Micros(self.combination));
    }

    /// When the next round may begin.
    pub(super) fn next(&self) -> Micros {
        Micros(self.paid.0.saturating_sub(CREDIT))
    }

    /// A round begins. If it does before [`Pace::next`], what the rounds before it cost beyond that is
    /// forgiven: else a quiet time would leave debts to a busy one.
    pub(super) fn begin(&mut self, now: Micros) {
        if self.costs.len() == ROUNDS {
            self.costs.pop_front();
        }
        self.costs.push_back(std::mem::take(&mut self.spent));
        let paid = self.paid.0.clamp(now.0, now.0.saturating_add(CREDIT));
        self.paid = Micros(paid.saturating_add(self.interval()));
    }

    /// The time between two rounds that keeps to the budget, in microseconds.
    fn interval(&self) -> u64 {
        let cost = self.costs.iter().fold(0, |sum: u64, cost| sum.saturating_add(*cost));
        let average = cost / self.costs.len().max(1) as u64;
        (average.saturating_mul(1000) / self.budget).max(self.interval_min)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Begins rounds as often as allowed from `from` to `to`; each costs `cost`.
    fn rounds(pace: &mut Pace, from: u64, to: u64, cost: u64) -> u64 {
        let (mut now, mut count) = (from, 0);
        loop {
            now = now.max(pace.next().0);
            if now >= to {
                return count;
            }
            pace.begin(Micros(now));
            pace.spent(Micros(cost));
            (now, count) = (now + cost, count + 1);
        }
    }

    #[test]
    fn under_load_certificates_keep_to_their_part_of_a_core() {
        for cost in [700, 2_000, 15_000] {
            let mut pace = Pace::new(100, Micros(1_000));
            rounds(&mut pace, 0, 2_000_000, cost);
            let spent = cost * rounds(&mut pace, 2_000_000, 12_000_000, cost);
            assert!((950_000..=1_050_000).contains(&spent), "{cost}: {spent} us of 10 s");
        }
    }

    #[test]
    fn rounds_that_cost_nothing_here_keep_a_distance_too() {
        let mut pace = Pace::new(100, Micros(5_000));
        rounds(&mut pace, 0, 1_000_000, 0);
        assert_eq!(rounds(&mut pace, 1_000_000, 2_000_000, 0), 200);
    }

    #[test]
    fn what_others_combine_costs_a_verification_here() {
        let mut pace = Pace::new(100, Micros(1_000));
        pace.combined(Micros(1_500));
        let mut now = Micros::ZERO;
        for _ in 0..1_000 {
            now = now.max(pace.next());
            pace.begin(now);
            pace.verified();
        }
        assert!((14_500_000..=15_500_000).contains(&now.0), "1000 rounds in {now:?}");
    }

    #[test]
    fn what_was_begun_early_leaves_no_debt() {
        let mut pace = Pace::new(100, Micros(1_000));
        for round in 0..1_000 {
            pace.begin(Micros(round * 10_000));
            pace.spent(Micros(50_000));
        }
        let (last, interval) = (999 * 10_000, 500_000);
        assert_eq!(pace.next(), Micros(last + interval));
    }

    #[test]
    fn after_a_quiet_time_nothing_waits() {
        let mut pace = Pace::new(100, Micros(5_000));
        rounds(&mut pace, 0, 1_000_000, 2_000);
        assert!(pace.next() >= Micros(1_000_000));
        let quiet = 1_000_000 + CREDIT + 20_000;
        assert!(pace.next() <= Micros(quiet));
        // Five rounds of 20 ms' worth each, one after the other.
        assert_eq!(rounds(&mut pace, quiet, quiet + 10_000, 2_000), 5);
    }
}
