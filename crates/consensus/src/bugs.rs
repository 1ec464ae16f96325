//! Mistakes that can be made on purpose, to show that the tests would notice them.
//!
//! Where a rule stands in the code, the code asks [`Bugs::has`]. Without the feature `planted-bugs`
//! the answer is always no, known when the code is compiled: no server holds a switch that breaks a
//! rule.

/// Declares the mistakes with their names.
macro_rules! bugs {
    ($($(#[doc = $doc:literal])+ $bug:ident = $name:literal,)+) => {
        /// A mistake that can be planted.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Bug {
            $($(#[doc = $doc])+ $bug,)+
        }

        impl Bug {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$bug,)+];

            /// What it is called on command lines and in reports.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$bug => $name,)+
                }
            }
        }
    };
}

bugs! {
    /// Selection, rule 3 is never used: the longest block wins although the leader has equivocated.
    EquivocationIgnored = "equivocation-ignored",
    /// The equivocator's own report is used in selection.
    EquivocatorAdmitted = "equivocator-admitted",
    /// The equivocator is not counted among the faulty ones when a block is weighed.
    EquivocatorNotCounted = "equivocator-not-counted",
    /// Commit certificates are ignored once the leader has equivocated.
    CommitIgnored = "commit-ignored",
    /// Votes are given however far a block's time is ahead.
    EarlyBlocksVotedFor = "early-blocks-voted-for",
    /// Reports count however far their blocks' time is ahead.
    EarlyReportsCounted = "early-reports-counted",
}

/// The mistakes that are made: none, but in tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Bugs {
    #[cfg(feature = "planted-bugs")]
    planted: u64,
}

impl Bugs {
    /// No mistake.
    pub const NONE: Self = Self {
        #[cfg(feature = "planted-bugs")]
        planted: 0,
    };

    /// One mistake.
    #[cfg(feature = "planted-bugs")]
    pub const fn planted(bug: Bug) -> Self {
        Self { planted: 1 << bug as u64 }
    }

    /// Whether this mistake is made.
    #[inline]
    pub fn has(self, bug: Bug) -> bool {
        #[cfg(feature = "planted-bugs")]
        return self.planted & (1 << bug as u64) != 0;
        #[cfg(not(feature = "planted-bugs"))]
        {
            let _ = bug;
            false
        }
    }

    /// Whether no mistake is made.
    #[inline]
    pub fn is_empty(self) -> bool {
        self == Self::NONE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_differ_and_all_fit() {
        let mut names: Vec<_> = Bug::ALL.iter().map(|bug| bug.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Bug::ALL.len());
        assert!(Bug::ALL.len() <= 64);
    }

    #[test]
    fn nothing_is_planted_unless_asked_for() {
        assert!(Bug::ALL.iter().all(|bug| !Bugs::NONE.has(*bug)));
    }

    #[cfg(feature = "planted-bugs")]
    #[test]
    fn one_is_planted_at_a_time() {
        for bug in Bug::ALL {
            let planted = Bugs::planted(*bug);
            assert!(Bug::ALL.iter().all(|other| planted.has(*other) == (other == bug)));
        }
    }
}
