//! Who has to agree: sets of servers, listed.
//!
//! # Source
//! docs/protocol.md#words

use std::collections::BTreeSet;

/// A server's number.
pub type Server = u8;

/// Some servers.
pub type Servers = BTreeSet<Server>;

/// A policy by its two lists: who may lie together, and whom a fast decision may do without.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Everybody.
    pub servers: Servers,
    /// The largest sets of servers that may misbehave together.
    pub fail_prone: Vec<Servers>,
    /// The largest sets of servers without which two steps decide.
    pub dispensable: Vec<Servers>,
}

impl Policy {
    /// n servers of which any f may lie, and two steps decide without any t.
    pub fn counts(n: u8, f: usize, t: usize) -> Self {
        let servers: Servers = (0..n).collect();
        let all = subsets(&servers);
        let of = |size: usize| all.iter().filter(|set| set.len() == size).cloned().collect();
        Self { fail_prone: of(f), dispensable: of(t), servers }
    }

    /// All but a set that may fail.
    pub fn is_quorum(&self, set: &Servers) -> bool {
        let absent = &self.servers - set;
        self.fail_prone.iter().any(|liars| absent.is_subset(liars))
    }

    /// Not only servers that may all lie.
    pub fn is_kernel(&self, set: &Servers) -> bool {
        !self.fail_prone.iter().any(|liars| set.is_subset(liars))
    }

    /// All but a set that a fast decision can do without.
    pub fn is_fast_quorum(&self, set: &Servers) -> bool {
        let absent = &self.servers - set;
        self.dispensable.iter().any(|spare| absent.is_subset(spare))
    }
}

/// Every subset.
pub fn subsets(set: &Servers) -> Vec<Servers> {
    let members: Vec<Server> = set.iter().copied().collect();
    (0..1_u32 << members.len())
        .map(|choice| {
            let chosen = members.iter().enumerate().filter(|(bit, _)| choice >> bit & 1 == 1);
            chosen.map(|(_, server)| *server).collect()
        })
        .collect()
}
