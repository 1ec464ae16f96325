//! A trust formula as an access structure: which leaves a set of servers opens it with.

use std::collections::BTreeMap;

use ally_policy::{Formula, ServerIndex, ServerSet};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// The secret of one leaf, encoded as its scheme does it.
pub(crate) type Secret = Zeroizing<Vec<u8>>;

/// A server with the secrets of its leaves, in the order of the leaves.
pub(crate) type ServerSecrets = (ServerIndex, Vec<Secret>);

/// A formula over whose leaves a key is dealt. Each leaf has a sub-share of its own; leaves are
/// numbered from 0, from left to right.
pub(crate) struct Access {
    formula: Formula,
    leaves: Vec<ServerIndex>,
    digest: [u8; 32],
}

/// A smallest part of the tree that opens the secret: of every gate just as many children as it
/// needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Selection {
    /// A leaf by number.
    Leaf(usize),
    /// A gate with exactly `threshold` of its `fan_in` children.
    Gate {
        /// How many children the gate has.
        fan_in: u16,
        /// Their positions, from 1 (the points of the gate's polynomial), ascending.
        chosen: Vec<(u16, Selection)>,
    },
}

/// How a gate spreads the secret it got over its children.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spread {
    /// 1 of m: every child gets the secret.
    Copy,
    /// m of m: the children's parts add up to the secret.
    Sum,
    /// k of m: child j gets the value at j of a polynomial of degree k - 1 with the secret at 0.
    Shamir,
}

impl Spread {
    /// The spread of a `threshold of (fan_in)` gate.
    pub(crate) fn of(threshold: usize, fan_in: usize) -> Self {
        if threshold == 1 {
            Self::Copy
        } else if threshold == fan_in {
            Self::Sum
        } else {
            Self::Shamir
        }
    }
}

impl Access {
    pub(crate) fn new(formula: Formula) -> Self {
        let leaves = formula.leaves();
        let digest = Sha256::new()
            .chain_update(b"ally/v1/access-structure")
            .chain_update(formula.to_bytes())
            .finalize();
        Self { leaves, digest: digest.into(), formula }
    }

    /// The formula.
    pub(crate) fn formula(&self) -> &Formula {
        &self.formula
    }

    /// SHA-256 of the formula's canonical encoding under a tag: the "policy hash" of proofs.
    pub(crate) fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// The server of each leaf.
    pub(crate) fn leaves(&self) -> &[ServerIndex] {
        &self.leaves
    }

    /// The numbers of a server's leaves, ascending; empty for a server the formula does not name.
    pub(crate) fn leaves_of(&self, server: ServerIndex) -> impl Iterator<Item = usize> {
        let with_server = move |(leaf, owner): (usize, &ServerIndex)| {
            if *owner == server { Some(leaf) } else { None }
        };
        self.leaves.iter().enumerate().filter_map(with_server)
    }

    /// The servers that hold a sub-share.
    pub(crate) fn servers(&self) -> ServerSet {
        self.leaves.iter().copied().collect()
    }

    /// The secrets of all leaves, given in their order, by server in ascending order.
    pub(crate) fn by_server(&self, secrets: Vec<Secret>) -> Vec<ServerSecrets> {
        let mut by_server = BTreeMap::<ServerIndex, Vec<Secret>>::new();
        for (owner, secret) in self.leaves.iter().zip(secrets) {
            by_server.entry(*owner).or_default().push(secret);
        }
        by_server.into_iter().collect()
    }

    /// A selection out of the leaves of `servers`, the leftmost one; `None` where these servers do
    /// not satisfy the formula.
    pub(crate) fn select(&self, servers: &ServerSet) -> Option<Selection> {
        select(&self.formula, servers, &mut 0)
    }
}

fn select(formula: &Formula, servers: &ServerSet, next_leaf: &mut usize) -> Option<Selection> {
    let gate = match formula {
        Formula::Leaf(server) => {
            let leaf = *next_leaf;
            *next_leaf += 1;
            return servers.contains(*server).then_some(Selection::Leaf(leaf));
        }
        Formula::Gate(gate) => gate,
    };
    let threshold = usize::from(gate.threshold());
    let mut chosen = Vec::with_capacity(threshold);
    for (point, child) in (1..).zip(gate.children()) {
        // Every child is walked, chosen or not: the walk counts the leaves.
        let selection = select(child, servers, next_leaf);
        if let Some(selection) = selection
            && chosen.len() < threshold
        {
            chosen.push((point, selection));
        }
    }
    let fan_in = gate.children().len() as u16;
    (chosen.len() == threshold).then_some(Selection::Gate { fan_in, chosen })
}

impl Selection {
    /// The leaves of the selection, ascending.
    pub(crate) fn leaves(&self) -> Vec<usize> {
        match self {
            Self::Leaf(leaf) => vec![*leaf],
            Self::Gate { chosen, .. } => {
                chosen.iter().flat_map(|(_, selection)| selection.leaves()).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf(server: u16) -> Formula {
        Formula::Leaf(ServerIndex(server))
    }

    fn servers(list: &[u16]) -> ServerSet {
        list.iter().copied().map(ServerIndex).collect()
    }

    #[test]
    fn a_selection_has_no_leaf_too_many() {
        let inner = Formula::gate(1, vec![leaf(2), leaf(0)]).unwrap();
        let access = Access::new(Formula::gate(2, vec![leaf(0), inner, leaf(1), leaf(3)]).unwrap());
        assert_eq!(access.leaves_of(ServerIndex(0)).collect::<Vec<_>>(), [0, 2]);
        assert_eq!(access.leaves_of(ServerIndex(9)).count(), 0);
        let select = |list: &[u16]| access.select(&servers(list)).map(|chosen| chosen.leaves());
        assert_eq!(select(&[0]), Some(vec![0, 2]));
        assert_eq!(select(&[0, 1, 2, 3]), Some(vec![0, 1]));
        assert_eq!(select(&[1, 3]), Some(vec![3, 4]));
        assert_eq!(select(&[3, 9]), None);
    }
}
