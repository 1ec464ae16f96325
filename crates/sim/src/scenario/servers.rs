//! A set of servers in a scenario file: a list of numbers.

use ally_policy::{ServerIndex, ServerSet};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub(super) fn serialize<S: Serializer>(set: &ServerSet, to: S) -> Result<S::Ok, S::Error> {
    set.iter().map(|server| server.0).collect::<Vec<u16>>().serialize(to)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<ServerSet, D::Error> {
    Ok(Vec::<u16>::deserialize(from)?.into_iter().map(ServerIndex).collect())
}
