//! Who does not hear whom for a while.

use super::servers;
use ally_policy::ServerSet;
use serde::{Deserialize, Serialize};

/// A time in which some servers do not hear some others. One-way as it stands; a partition with a
/// server that hears both sides, an organisation cut off, and an eclipse are a few of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cut {
    /// When it begins, µs.
    pub from: u64,
    /// When it ends, µs.
    pub to: u64,
    /// What these say...
    #[serde(with = "servers")]
    pub speakers: ServerSet,
    /// ...does not reach these.
    #[serde(with = "servers")]
    pub hearers: ServerSet,
    /// What becomes of it.
    pub manner: Manner,
}

/// What becomes of messages on a link that is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Manner {
    /// They are lost, and nobody is told: the link seems to stand.
    Lost,
    /// They are lost, and both ends are told that the link is down and later up again.
    Noticed,
    /// The link is clogged: it keeps them all and lets them go when the cut ends.
    Held,
}

impl Cut {
    /// The other direction of it.
    pub fn reversed(self) -> Self {
        Self { speakers: self.hearers, hearers: self.speakers, ..self }
    }
}
