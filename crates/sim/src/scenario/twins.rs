//! Two faces: servers that run twice with one key.
//!
//! Source: Bano, Sonnino, Chursin, Perelman, Malkhi, "Twins: White-Glove Approach for BFT Testing"
//! (2020). Two honest copies with one key, and a script of who hears which, make an equivocating
//! leader, a double voter and a liar about what it voted for, all consistent in themselves.

use super::servers;
use ally_policy::{ServerIndex, ServerSet};
use serde::{Deserialize, Serialize};

/// The servers that run twice, and the script. None of them lies in any other way.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Twins {
    /// Whose second copies run; all of them are Byzantine.
    #[serde(with = "servers")]
    pub members: ServerSet,
    /// Who hears which copies, by ascending time. After the healing everybody hears both.
    pub script: Vec<Camps>,
}

/// Who hears which copies from a time on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Camps {
    /// From when, µs.
    pub at: u64,
    /// Who hears the first copies, and is heard by them.
    #[serde(with = "servers")]
    pub first: ServerSet,
    /// Who hears the second ones.
    #[serde(with = "servers")]
    pub second: ServerSet,
    /// Whether honest servers that are in one camp only do not hear those of the other, so that nobody
    /// compares the two faces before the next step.
    #[serde(default)]
    pub apart: bool,
}

impl Camps {
    /// Whether two servers with one face are kept apart.
    pub(crate) fn part(&self, one: ServerIndex, other: ServerIndex) -> bool {
        let only = |camp: &ServerSet, not: &ServerSet, server| {
            camp.contains(server) && !not.contains(server)
        };
        let across = |one, other| {
            only(&self.first, &self.second, one) && only(&self.second, &self.first, other)
        };
        self.apart && (across(one, other) || across(other, one))
    }

    /// The same with the lowest server that is in one camp only in the first: which copy is called
    /// the second makes no difference, so half of the scripts need not be run.
    pub fn reduced(self) -> Self {
        let only_first = self.first.difference(&self.second).iter().next();
        let only_second = self.second.difference(&self.first).iter().next();
        match (only_first, only_second) {
            (Some(first), Some(second)) if second < first => {
                Self { first: self.second, second: self.first, ..self }
            }
            (None, Some(_)) => Self { first: self.second, second: self.first, ..self },
            _ => self,
        }
    }
}
