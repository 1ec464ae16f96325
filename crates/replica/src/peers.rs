//! Which servers can be reached.

use ally_policy::{ServerIndex, ServerSet};

/// The servers whose links are up, this one not among them.
#[derive(Debug)]
pub(crate) struct Peers {
    me: ServerIndex,
    servers: usize,
    connected: ServerSet,
}

impl Peers {
    /// Nobody is connected yet.
    pub(crate) fn new(me: ServerIndex, servers: usize) -> Self {
        Self { me, servers, connected: ServerSet::EMPTY }
    }

    /// A link came up.
    pub(crate) fn connect(&mut self, server: ServerIndex) {
        if server != self.me && server.index() < self.servers {
            self.connected.insert(server);
        }
    }

    /// A link went down.
    pub(crate) fn disconnect(&mut self, server: ServerIndex) {
        self.connected.remove(server);
    }

    /// How many servers there are besides this one.
    pub(crate) fn count(&self) -> usize {
        self.servers.saturating_sub(1)
    }

    /// Whether a server can be reached.
    pub(crate) fn is_connected(&self, server: ServerIndex) -> bool {
        self.connected.contains(server)
    }

    /// Everybody who can be reached, and this server.
    pub(crate) fn present(&self) -> ServerSet {
        let mut present = self.connected;
        present.insert(self.me);
        present
    }

    /// One of the connected servers, in rotation by `turn`; none if there is none.
    pub(crate) fn turn(&self, turn: u64) -> Option<ServerIndex> {
        let connected: Vec<_> = self.connected.iter().collect();
        let index = turn % connected.len().max(1) as u64;
        connected.get(index as usize).copied()
    }
}
