//! Who leads which view.

use crate::{Epoch, View};
use ally_policy::ServerIndex;

/// The fixed order in which servers lead: organisations take equal turns, and inside an organisation
/// its servers do, so that an organisation gains nothing by bringing more servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotation {
    epoch: Epoch,
    organisations: Vec<Vec<ServerIndex>>,
}

impl Rotation {
    /// A rotation over organisations in the order of the alliance document, each with its servers.
    ///
    /// # Panics
    /// If there is no organisation, or one without a server: a checked policy has neither.
    pub fn new(epoch: Epoch, organisations: Vec<Vec<ServerIndex>>) -> Self {
        assert!(!organisations.is_empty(), "a policy has an organisation");
        assert!(organisations.iter().all(|servers| !servers.is_empty()), "each has a server");
        Self { epoch, organisations }
    }

    /// The leader of `view`.
    pub fn leader(&self, view: View) -> ServerIndex {
        let organisations = self.organisations.len() as u64;
        let turn = view.0.wrapping_add(self.epoch.0);
        let servers = &self.organisations[(turn % organisations) as usize];
        servers[((view.0 / organisations) % servers.len() as u64) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn organisations_take_equal_turns_whatever_they_bring() {
        let of = |servers: &[u16]| servers.iter().copied().map(ServerIndex).collect::<Vec<_>>();
        let rotation = Rotation::new(Epoch(5), vec![of(&[0, 1, 2]), of(&[3]), of(&[4, 5])]);
        let mut turns = BTreeMap::new();
        for view in 0..18 {
            *turns.entry(rotation.leader(View(view)).0).or_insert(0) += 1;
        }
        let expected = [(0, 2), (1, 2), (2, 2), (3, 6), (4, 3), (5, 3)];
        assert_eq!(turns, BTreeMap::from(expected));
    }
}
