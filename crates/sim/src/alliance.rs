//! The alliances that are simulated: sound ones, and some that no checked policy allows.

use crate::policy::{Counts, Policy};
use ally_policy::{FaultModel, TrustPolicy};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The alliances that are simulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Alliance {
    /// n = 4, f = 1: always two steps.
    Four,
    /// n = 5, f = 1: always two steps, with one server to spare.
    Five,
    /// n = 7, f = 2: two steps with one failure, three with two.
    Seven,
    /// n = 9, f = 2: always two steps.
    Nine,
    /// Four organisations of three servers each, any one organisation may fail.
    TwoLevel,
    /// One server below the bound, which no checked policy allows: n = 3, f = 1.
    UnsoundThree,
    /// As [`Alliance::UnsoundThree`]: n = 6, f = 2, two steps with one failure.
    UnsoundSix,
    /// As [`Alliance::UnsoundThree`]: n = 8, f = 2, always two steps.
    UnsoundEight,
}

impl Alliance {
    /// Those whose policy is sound.
    pub const SOUND: [Self; 5] = [Self::Four, Self::Five, Self::Seven, Self::Nine, Self::TwoLevel];

    /// Those below the bound too.
    pub const ALL: [Self; 8] = [
        Self::Four,
        Self::Five,
        Self::Seven,
        Self::Nine,
        Self::TwoLevel,
        Self::UnsoundThree,
        Self::UnsoundSix,
        Self::UnsoundEight,
    ];

    /// The policy, as a person writes it.
    pub fn definition(self) -> String {
        let flat = |count: usize| {
            let names: Vec<_> = (0..count).map(|index| format!("s{index}")).collect();
            names.join(", ")
        };
        match self {
            Self::Four => format!("decide = \"3 of ({})\"\n", flat(4)),
            Self::Five => format!("decide = \"4 of ({})\"\n", flat(5)),
            Self::Seven => {
                let names = flat(7);
                format!("decide = \"5 of ({names})\"\nfast = \"6 of ({names})\"\n")
            }
            Self::Nine => format!("decide = \"7 of ({})\"\n", flat(9)),
            Self::TwoLevel => {
                let mut text = String::from("decide = \"3 of (a, b, c, d)\"\n");
                for name in ["a", "b", "c", "d"] {
                    text += &format!("{name} = \"all of ({name}0, {name}1, {name}2)\"\n");
                }
                text
            }
            Self::UnsoundThree | Self::UnsoundSix | Self::UnsoundEight => {
                let Counts { n, f, t } = self.counts();
                format!("# unsound: n = {n}, f = {f}, t = {t}\n")
            }
        }
    }

    /// The alliance below the bound in numbers.
    fn counts(self) -> Counts {
        match self {
            Self::UnsoundThree => Counts { n: 3, f: 1, t: 1 },
            Self::UnsoundSix => Counts { n: 6, f: 2, t: 1 },
            _ => Counts { n: 8, f: 2, t: 2 },
        }
    }

    /// The policy; checked, but for those below the bound.
    ///
    /// # Panics
    /// If a sound one does not pass its conditions: these do.
    pub fn policy(self) -> Arc<Policy> {
        if !Self::SOUND.contains(&self) {
            return Arc::new(Policy::Counted(self.counts()));
        }
        let text = self.definition();
        let policy = TrustPolicy::from_toml(&text, "scenario", FaultModel::Byzantine);
        let policy = policy.expect("the simulated policies are sound");
        Arc::new(Policy::Sound(Box::new(policy)))
    }
}

impl fmt::Display for Alliance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Four => "four",
            Self::Seven => "seven",
            Self::Nine => "nine",
            Self::Five => "five",
            Self::TwoLevel => "two-level",
            Self::UnsoundThree => "unsound-three",
            Self::UnsoundSix => "unsound-six",
            Self::UnsoundEight => "unsound-eight",
        })
    }
}

impl FromStr for Alliance {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|alliance| alliance.to_string() == name).ok_or(())
    }
}
