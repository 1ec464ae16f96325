//! The smaller of the small cases, to their end; the others are searched by the `model` program.

use ally_model::{Search, Setting};

fn search(name: &str) {
    let cases = Setting::cases();
    let (_, setting) = cases.into_iter().find(|(other, _)| *other == name).expect("it is listed");
    let found = Search::new(setting).run(1_000_000);
    assert_eq!(found.violation, None, "{}", found.violation.as_ref().expect("it is there"));
    assert!(found.complete, "more than a million states");
    // A search that cannot get anywhere would find nothing either.
    assert!(found.states > 1_000, "{found:?}");
}

#[test]
fn all_orders_of_events_where_a_follower_lies() {
    search("a follower lies");
}

#[test]
fn all_orders_of_events_where_the_first_leader_lies() {
    search("first leader lies, one height");
}

#[test]
fn all_orders_of_events_where_the_second_leader_lies() {
    search("second leader lies, one height");
}

#[test]
fn a_search_that_is_cut_short_says_so() {
    let found = Search::new(Setting::small(0, 1)).run(100);
    assert!(!found.complete && found.violation.is_none());
}

/// One liar more than there may be breaks agreement, and the search says how.
#[test]
fn three_servers_do_not_bear_a_liar() {
    let setting = Setting { servers: 3, heights: 1, ..Setting::small(0, 1) };
    let found = Search::new(setting).run(1_000_000);
    let violation = found.violation.expect("n = 3 is below the bound");
    assert!(!violation.trace.is_empty());
}
