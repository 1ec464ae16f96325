//! A set of servers in a scenario file: a list of numbers.

use ally_policy::{SERVERS_MAX, ServerIndex, ServerSet};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub(super) fn serialize<S: Serializer>(set: &ServerSet, to: S) -> Result<S::Ok, S::Error> {
    set.iter().map(|server| server.0).collect::<Vec<u16>>().serialize(to)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<ServerSet, D::Error> {
    let servers = Vec::<u16>::deserialize(from)?;
    // A set does not take such a server in, and nobody would be told.
    match servers.iter().find(|server| usize::from(**server) >= SERVERS_MAX) {
        Some(server) => Err(D::Error::custom(format_args!("no alliance has a server {server}"))),
        None => Ok(servers.into_iter().map(ServerIndex).collect()),
    }
}
