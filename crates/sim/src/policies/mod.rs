//! The alliances that are simulated.

mod draft;
mod drawn;

use ally_policy::{Definition, FaultModel, PolicyError, TrustPolicy};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// An alliance's policy, as a person writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting {
    /// What it is called in reports.
    pub name: String,
    /// Whether its conditions may fail, to show what they are good for.
    #[serde(default)]
    pub unsound: bool,
    /// The policy file.
    pub text: String,
}

/// Settings with names, whose conditions hold.
pub const SOUND: [&str; 5] = ["four", "five", "seven", "nine", "two-level"];

/// Settings with names, each one server below the bound.
pub const UNSOUND: [&str; 3] = ["unsound-three", "unsound-six", "unsound-eight"];

impl Setting {
    /// A setting by its name ([`SOUND`], [`UNSOUND`]).
    pub fn named(name: &str) -> Option<Self> {
        let (unsound, text) = match name {
            // f = 1: always two steps.
            "four" => (false, counted(3, 3, 4)),
            // f = 1: always two steps, with one server to spare.
            "five" => (false, counted(4, 4, 5)),
            // f = 2: two steps with one failure, three with two.
            "seven" => (false, counted(5, 6, 7)),
            // f = 2: always two steps.
            "nine" => (false, counted(7, 7, 9)),
            "two-level" => (false, two_level(3, 4, 3)),
            // f = 1, always two steps.
            "unsound-three" => (true, counted(2, 2, 3)),
            // f = 2, two steps with one failure.
            "unsound-six" => (true, counted(4, 5, 6)),
            // f = 2, always two steps.
            "unsound-eight" => (true, counted(6, 6, 8)),
            _ => return None,
        };
        Some(Self { name: name.to_owned(), unsound, text })
    }

    /// The policy.
    ///
    /// # Errors
    /// [`PolicyError`] with line and column. For a setting that may be unsound a failed condition is
    /// none; in a build without planted bugs there are no such settings, and it is.
    pub fn policy(&self) -> Result<Arc<TrustPolicy>, PolicyError> {
        let definition = Definition::parse(&self.text, &self.name)?;
        #[cfg(feature = "planted-bugs")]
        if self.unsound {
            return TrustPolicy::unchecked(&definition, FaultModel::Byzantine).map(Arc::new);
        }
        TrustPolicy::new(&definition, FaultModel::Byzantine).map(Arc::new)
    }
}

/// `decide` and `fast` as counts of n servers.
pub(crate) fn counted(decide: usize, fast: usize, n: usize) -> String {
    let names: Vec<_> = (0..n).map(|index| format!("s{index}")).collect();
    let names = names.join(", ");
    format!("decide = \"{decide} of ({names})\"\nfast = \"{fast} of ({names})\"\n")
}

/// So many of the organisations, each of which is all of its servers.
pub(crate) fn two_level(decide: usize, organisations: usize, servers: usize) -> String {
    let names: Vec<_> = (0..organisations).map(|index| format!("o{index}")).collect();
    let mut text = format!("decide = \"{decide} of ({})\"\n", names.join(", "));
    for name in names {
        let own: Vec<_> = (0..servers).map(|index| format!("{name}-{index}")).collect();
        text += &format!("{name} = \"all of ({})\"\n", own.join(", "));
    }
    text
}
