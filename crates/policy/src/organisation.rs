//! Organisations: who runs which servers.

use crate::ServerIndex;

/// A member of the alliance and the servers it runs.
///
/// In a document that lists organisations these are the ones listed. In a policy file an
/// organisation is the innermost named formula around a server; a server that `decide` names
/// itself is an organisation of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organisation {
    name: String,
    servers: Vec<ServerIndex>,
}

impl Organisation {
    pub(crate) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), servers: Vec::new() }
    }

    pub(crate) fn add(&mut self, server: ServerIndex) {
        self.servers.push(server);
    }

    /// The organisation's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its servers in ascending order; at least one.
    pub fn servers(&self) -> &[ServerIndex] {
        &self.servers
    }
}
