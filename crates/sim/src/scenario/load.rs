//! What clients do.

use serde::{Deserialize, Serialize};

/// Commands, each at a server and a time that the seed determines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Load {
    /// How many are submitted during the faults.
    pub commands: u64,
    /// Until when, µs.
    pub until: u64,
    /// How many large ones are given to one server at one moment besides: more than it may take, if
    /// they are many.
    #[serde(default)]
    pub crowd: u64,
    /// How many are submitted after the healing, to see that the alliance lives.
    pub after_healing: u64,
}
