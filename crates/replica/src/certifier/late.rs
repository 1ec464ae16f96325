//! Servers that let their turn pass, and are passed over for a while.
//!
//! A server can be connected and have nothing to share: it is behind, or it lies. If it were preferred
//! as often as the others, each of its turns would cost everybody's patience, and an alliance that has
//! several blocks to certify one after the other would wait as many times.

use ally_policy::{ServerIndex, ServerSet};
use std::collections::BTreeMap;

/// For how many rounds a server is passed over at first: about as many as it takes from any block
/// to the newest ([`super::target`]), so that on this way nobody's silence is waited for twice.
const ROUNDS_FIRST: u32 = 8;

/// The most rounds that a server is passed over.
const ROUNDS_MAX: u32 = 64;

/// Who is passed over, and for how many rounds. Twice as many each time that a turn passes, half as
/// many after each turn that does not: who is slow once is soon asked again, and who is never there
/// costs one wait in [`ROUNDS_MAX`] rounds.
#[derive(Debug, Default)]
pub(super) struct Late(BTreeMap<ServerIndex, Penalty>);

#[derive(Debug, Default)]
struct Penalty {
    /// For how many rounds in all.
    rounds: u32,
    /// For how many more.
    left: u32,
}

impl Late {
    /// Those that are passed over now.
    pub(super) fn servers(&self) -> ServerSet {
        let now = self.0.iter().filter(|(_, penalty)| penalty.left > 0);
        now.map(|(server, _)| *server).collect()
    }

    /// A round ended in which those who `missed` their turn gave nothing, and those who `kept` it did.
    pub(super) fn round(&mut self, missed: &ServerSet, kept: &ServerSet) {
        for penalty in self.0.values_mut() {
            penalty.left = penalty.left.saturating_sub(1);
        }
        for server in missed.iter() {
            let penalty = self.0.entry(server).or_default();
            penalty.rounds = (2 * penalty.rounds).clamp(ROUNDS_FIRST, ROUNDS_MAX);
            penalty.left = penalty.rounds;
        }
        for server in kept.iter() {
            if let Some(penalty) = self.0.get_mut(&server) {
                penalty.rounds /= 2;
            }
        }
        self.0.retain(|_, penalty| penalty.rounds >= ROUNDS_FIRST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In how many of `rounds` a server has a turn that does what `keeps` says.
    fn turns(rounds: u32, mut keeps: impl FnMut(u32) -> bool) -> u32 {
        let one: ServerSet = [ServerIndex(3)].into_iter().collect();
        let (mut late, mut turns) = (Late::default(), 0);
        for round in 0..rounds {
            let (mut missed, mut kept) = (ServerSet::EMPTY, ServerSet::EMPTY);
            if late.servers().is_empty() {
                turns += 1;
                *(if keeps(round) { &mut kept } else { &mut missed }) = one;
            }
            late.round(&missed, &kept);
        }
        turns
    }

    #[test]
    fn who_is_never_there_is_asked_ever_more_seldom() {
        let asked = turns(10_000, |_| false);
        assert!((150..=170).contains(&asked), "{asked}");
    }

    #[test]
    fn who_is_there_is_always_asked_and_who_comes_back_soon_again() {
        assert_eq!(turns(1_000, |_| true), 1_000);
        let asked = turns(1_000, |round| round >= 100);
        assert!(asked > 800, "{asked}");
    }

    #[test]
    fn who_keeps_every_other_turn_gains_nothing() {
        let mut keeps = false;
        let asked = turns(1_000, |_| {
            keeps = !keeps;
            keeps
        });
        assert!(asked < 1_000, "{asked}");
    }
}
