//! Servers and sets of servers.

use std::fmt;

/// The most servers an alliance can have; sets of servers are bit sets of this size.
pub const SERVERS_MAX: usize = 256;

/// A server's position in the alliance document, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerIndex(pub u16);

impl ServerIndex {
    /// The position as an index into per-server tables.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

impl fmt::Display for ServerIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "server {}", self.0)
    }
}

/// A set of servers. A server is in it or not: it never counts twice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ServerSet([u64; SERVERS_MAX / 64]);

impl ServerSet {
    /// The set without members.
    pub const EMPTY: Self = Self([0; SERVERS_MAX / 64]);

    /// The servers `0..count`.
    ///
    /// # Panics
    /// If `count` is above [`SERVERS_MAX`].
    pub fn first(count: usize) -> Self {
        assert!(count <= SERVERS_MAX, "{count} servers, at most {SERVERS_MAX}");
        Self(std::array::from_fn(|word| match count.saturating_sub(64 * word) {
            rest @ ..64 => (1 << rest) - 1,
            _ => u64::MAX,
        }))
    }

    /// Adds a server; true if it was not in the set. A server at or past [`SERVERS_MAX`] cannot be
    /// added.
    pub fn insert(&mut self, server: ServerIndex) -> bool {
        let fresh = server.index() < SERVERS_MAX && !self.contains(server);
        if fresh {
            self.0[server.index() / 64] |= 1 << (server.index() % 64);
        }
        fresh
    }

    /// Takes a server out; true if it was in the set.
    pub fn remove(&mut self, server: ServerIndex) -> bool {
        let present = self.contains(server);
        if present {
            self.0[server.index() / 64] &= !(1 << (server.index() % 64));
        }
        present
    }

    /// Whether the server is in the set.
    pub fn contains(&self, server: ServerIndex) -> bool {
        self.0.get(server.index() / 64).is_some_and(|word| word >> (server.index() % 64) & 1 == 1)
    }

    /// How many servers are in the set.
    pub fn len(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Whether no server is in the set.
    pub fn is_empty(&self) -> bool {
        *self == Self::EMPTY
    }

    /// The members in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = ServerIndex> + use<> {
        let mut rest = self.0;
        let mut place = 0;
        std::iter::from_fn(move || {
            while *rest.get(place)? == 0 {
                place += 1;
            }
            let lowest = rest[place].trailing_zeros();
            // Takes the lowest bit away, so that empty places cost nothing.
            rest[place] &= rest[place] - 1;
            Some(ServerIndex(64 * place as u16 + lowest as u16))
        })
    }

    /// Members of either set.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        self.zip(other, |a, b| a | b)
    }

    /// Members of both sets.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        self.zip(other, |a, b| a & b)
    }

    /// Members of this set that are not in the other.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        self.zip(other, |a, b| a & !b)
    }

    /// Whether every member is in the other set too.
    pub fn is_subset(&self, other: &Self) -> bool {
        self.difference(other).is_empty()
    }

    fn zip(&self, other: &Self, combine: impl Fn(u64, u64) -> u64) -> Self {
        Self(std::array::from_fn(|word| combine(self.0[word], other.0[word])))
    }
}

impl FromIterator<ServerIndex> for ServerSet {
    fn from_iter<I: IntoIterator<Item = ServerIndex>>(servers: I) -> Self {
        let mut set = Self::EMPTY;
        for server in servers {
            set.insert(server);
        }
        set
    }
}

impl fmt::Debug for ServerSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(|server| server.0)).finish()
    }
}
