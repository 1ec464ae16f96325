//! The orders that are left out lead nowhere else.

use super::*;
use std::collections::BTreeSet;

/// What the honest servers have said in some state, one by one.
type Outcome = Vec<Testimony>;

/// The outcomes of all states of a search that no other outcome goes beyond.
fn furthest(setting: &Setting, every_order: bool) -> (usize, BTreeSet<Outcome>) {
    let mut search = Search::new(setting.clone());
    search.every_order = every_order;
    let mut next = 0;
    while next < search.states.len() {
        for state in search.successors(search.states[next]) {
            search.visit(state, next as u32);
        }
        next += 1;
        assert!(next < 1_000_000, "the case is too large");
    }
    let outcome = |state: &State| -> Outcome {
        let lanes = search.lanes.iter().zip(state);
        lanes.map(|(lane, local)| Testimony::of(&lane.members[*local as usize])).collect()
    };
    let all: BTreeSet<Outcome> = search.states.iter().map(outcome).collect();
    let beyond = |one: &Outcome, other: &Outcome| {
        one != other && other.iter().zip(one).all(|(other, one)| other.says_all_of(one))
    };
    let furthest = all.iter().filter(|one| !all.iter().any(|other| beyond(one, other)));
    (search.states.len(), furthest.cloned().collect())
}

/// `outcomes` is how many there must be at least: with one, there is nothing to lose.
fn assert_nothing_lost(setting: &Setting, outcomes: usize) {
    let (all_states, all) = furthest(setting, true);
    let (some_states, some) = furthest(setting, false);
    assert!(some_states < all_states, "{some_states} of {all_states}");
    assert!(all.len() >= outcomes, "{}", all.len());
    assert!(all == some, "{} outcomes in every order, {} in some", all.len(), some.len());
}

#[test]
fn nothing_is_lost_where_the_second_leader_lies() {
    assert_nothing_lost(&Setting { heights: 1, ..Setting::small(1, 1) }, 10);
}

#[test]
fn nothing_is_lost_where_a_follower_lies() {
    assert_nothing_lost(&Setting { heights: 1, ..Setting::small(2, 1) }, 2);
}

#[test]
fn nothing_is_lost_where_the_first_leader_lies() {
    assert_nothing_lost(&Setting { heights: 1, ..Setting::small(0, 1) }, 10);
}
