//! Families of sets as tables over all sets.

use super::generate::Sample;

/// Which sets decide, decide fast and certify. A set is a bit mask over the crate's numbering of
/// the servers.
pub struct Families {
    names: Vec<String>,
    decide: Vec<bool>,
    fast: Vec<bool>,
    certify: Vec<bool>,
    given: [bool; 2],
}

impl Families {
    pub fn new(sample: &Sample, names: &[String]) -> Self {
        let position = |name: &str| name.strip_prefix('s').and_then(|digits| digits.parse().ok());
        let own: Vec<usize> = names.iter().map(|name| position(name).expect("sN")).collect();
        assert!(own.iter().all(|server| *server < sample.servers), "{names:?}");
        let translated = |set: usize| {
            own.iter().enumerate().map(|(at, server)| (set >> at & 1) << server).sum::<usize>()
        };
        let table = |tree: &super::generate::Tree| -> Vec<bool> {
            (0..1 << names.len()).map(|set| tree.holds(translated(set))).collect()
        };
        let decide = table(&sample.decide);
        Self {
            names: names.to_vec(),
            fast: sample.fast.as_ref().map_or_else(|| decide.clone(), table),
            certify: sample.certify.as_ref().map_or_else(|| decide.clone(), table),
            given: [sample.fast.is_some(), sample.certify.is_some()],
            decide,
        }
    }

    pub fn with_fast(&self, fast: Vec<bool>) -> Self {
        let (names, decide) = (self.names.clone(), self.decide.clone());
        Self { names, decide, fast, certify: self.certify.clone(), given: self.given }
    }

    pub fn has_fast(&self) -> bool {
        self.given[0]
    }

    pub fn has_certify(&self) -> bool {
        self.given[1]
    }

    pub fn everybody(&self) -> usize {
        self.decide.len() - 1
    }

    pub fn mask(&self, names: &[String]) -> usize {
        let bit = |name: &String| {
            1 << self.names.iter().position(|own| own == name).expect("a server's name")
        };
        names.iter().map(bit).sum()
    }

    pub fn decides(&self, set: usize) -> bool {
        self.decide[set]
    }

    pub fn may_fail(&self, set: usize) -> bool {
        self.decide[self.everybody() & !set]
    }

    pub fn may_fail_fast(&self, set: usize) -> bool {
        self.fast[self.everybody() & !set]
    }

    pub fn is_kernel(&self, set: usize) -> bool {
        // Meets every quorum.
        (0..=self.everybody()).filter(|other| self.decide[*other]).all(|other| other & set != 0)
    }

    pub fn q3(&self) -> bool {
        !self.covered(&self.failing(0), 3, &self.failing(0), 0)
    }

    pub fn fast(&self) -> bool {
        let fast = self.failing_fast();
        (0..self.names.len()).all(|leader| !self.covered(&self.failing(1 << leader), 3, &fast, 2))
    }

    pub fn q2(&self) -> bool {
        let (slow, fast) = (self.failing(0), self.failing_fast());
        !self.covered(&slow, 2, &fast, 0) && !self.covered(&slow, 1, &fast, 1)
    }

    pub fn attested_leader(&self) -> bool {
        !self.covered(&self.failing(0), 2, &self.failing_fast(), 1)
    }

    pub fn fast_implies_decide(&self) -> bool {
        (0..=self.everybody()).all(|set| !self.fast[set] || self.decide[set])
    }

    pub fn certify_live(&self) -> bool {
        (0..=self.everybody()).all(|set| !self.decide[set] || self.certify[set])
    }

    pub fn certify_unforgeable(&self) -> bool {
        (0..=self.everybody()).all(|set| !self.may_fail(set) || !self.certify[set])
    }

    /// In ascending order of their masks.
    pub fn smallest_quorums(&self) -> Vec<usize> {
        let smallest = |set: &usize| {
            let members = (0..self.names.len()).filter(|bit| set >> bit & 1 == 1);
            self.decide[*set] && members.into_iter().all(|bit| !self.decide[set & !(1 << bit)])
        };
        (0..=self.everybody()).filter(smallest).collect()
    }

    /// Whether some set that may fail, with the leader in it, leaves nothing of `outside` that a
    /// fast quorum needs.
    pub fn possibly_decided(&self, outside: usize, leader: usize) -> bool {
        (0..=self.everybody()).any(|failed| {
            failed >> leader & 1 == 1
                && self.may_fail(failed)
                && self.may_fail_fast(outside & !failed)
        })
    }

    /// How many more servers may fail, whichever they are; `None` if it stands still already.
    pub fn margin(&self, failed: usize) -> Option<usize> {
        let stops = |more: &usize| more & failed == 0 && !self.may_fail(failed | more);
        let least = (0..=self.everybody()).filter(stops).map(usize::count_ones).min()?;
        (least as usize).checked_sub(1)
    }

    /// The indicator of the sets that may fail and contain `common`.
    fn failing(&self, common: usize) -> Vec<i64> {
        let fails = |set| i64::from(self.may_fail(set) && set & common == common);
        (0..=self.everybody()).map(fails).collect()
    }

    fn failing_fast(&self) -> Vec<i64> {
        (0..=self.everybody()).map(|set| i64::from(self.may_fail_fast(set))).collect()
    }

    /// Whether `a` sets of one family and `b` of another can cover everybody: the number of such
    /// choices, by inclusion and exclusion over the sets that nothing sticks out of.
    fn covered(&self, first: &[i64], a: u32, second: &[i64], b: u32) -> bool {
        let (first, second) = (self.subsets(first), self.subsets(second));
        let mut choices: i64 = 0;
        for set in 0..=self.everybody() {
            let inside = first[set].pow(a) * second[set].pow(b);
            let missing = (self.everybody() & !set).count_ones();
            choices += if missing.is_multiple_of(2) { inside } else { -inside };
        }
        choices > 0
    }

    /// For every set the number of the family's sets inside it.
    fn subsets(&self, family: &[i64]) -> Vec<i64> {
        let mut counts = family.to_vec();
        for bit in 0..self.names.len() {
            for set in 0..counts.len() {
                if set >> bit & 1 == 1 {
                    counts[set] += counts[set & !(1 << bit)];
                }
            }
        }
        counts
    }
}
