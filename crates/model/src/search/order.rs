//! Whose turn it is: the orders of events that are tried.
//!
//! Most orders come to the same as another one. What is looked for, a decision or NV that should not
//! be, never goes away again once it is there; messages are never lost, and what is on offer only
//! grows. So a step that tells others nothing may be put off until nothing else can happen, and one
//! that needs nothing of others may be taken at once. Both need that votes and commits are not heard.

use super::hearing::At;
use crate::Setting;
use ally_policy::ServerIndex;

/// Servers that may move, each in every way that it can.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Turn {
    /// By their places among the honest.
    pub(super) lanes: Vec<usize>,
}

/// Who may move, given where the honest servers stand: those of the first turn in which anybody can.
///
/// 1. A server in view 0 hears its leader only. So each order comes to the same as one in which the
///    leader, then the others one by one, do all that they do in view 0 and leave it.
/// 2. Then an honest leader of the next view goes on alone until it has chosen: all that it could hear
///    has been said, and nobody can enter that view without its choice.
/// 3. Then everybody but those who have entered the last view and do not lead it.
/// 4. These vote there, and nobody hears it: so they do last what they do, one by one.
pub(super) fn turns(setting: &Setting, servers: &[(ServerIndex, At)]) -> Vec<Turn> {
    let everybody: Vec<usize> = (0..servers.len()).collect();
    if setting.votes_heard || setting.has_slow_path() {
        return vec![Turn { lanes: everybody }];
    }
    let leads = |lane: usize, view: u64| servers[lane].0 == setting.leader(view);
    let at = |lane: usize| &servers[lane].1;
    let alone = |lane: usize| Turn { lanes: vec![lane] };
    let first = |wanted: &dyn Fn(usize) -> bool| {
        let leader = everybody.iter().copied().find(|lane| leads(*lane, 0) && wanted(*lane));
        leader.or_else(|| everybody.iter().copied().find(|lane| wanted(*lane)))
    };
    let beginning = first(&|lane| setting.views > 0 && at(lane).view == 0);
    let choosing = || {
        first(&|lane| leads(lane, 1) && at(lane).view == 1 && !at(lane).open && !at(lane).chosen)
    };
    let ending = |lane: &usize| {
        at(*lane).open && at(*lane).view == setting.views && !leads(*lane, setting.views)
    };
    let (last, others): (Vec<usize>, Vec<usize>) = everybody.iter().partition(|lane| ending(lane));
    let mut turns: Vec<Turn> = beginning.or_else(choosing).map(alone).into_iter().collect();
    turns.push(Turn { lanes: others });
    turns.extend(last.into_iter().map(alone));
    turns
}
