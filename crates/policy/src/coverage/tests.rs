//! What the oracle cannot see from outside: which pairs of formulas the walk alone decides, and
//! how far the search goes. That the answers are right is for tests/oracle.

use super::*;

fn leaf(server: u16) -> Formula {
    Formula::Leaf(ServerIndex(server))
}

fn flat(threshold: u16, servers: std::ops::Range<u16>) -> Formula {
    gate(threshold, servers.map(leaf).collect())
}

fn gate(threshold: u16, children: Vec<Formula>) -> Formula {
    Formula::gate(threshold, children).expect("a valid gate")
}

/// `root of` four organisations of three servers, `organisation of` which are needed.
fn two_level(root: u16, organisation: u16) -> Formula {
    gate(root, (0..4).map(|own| flat(organisation, own * 3..own * 3 + 3)).collect())
}

#[test]
fn formulas_of_one_shape_need_no_search() {
    assert!(Coverage::pair(&two_level(3, 2), &two_level(4, 3)).is_exact());
    // In whatever order the parts stand.
    let Formula::Gate(other) = two_level(3, 3) else { unreachable!("a gate") };
    let reversed = gate(3, other.children().iter().rev().cloned().collect());
    assert!(Coverage::pair(&two_level(3, 2), &reversed).is_exact());
    // Everybody, and anybody, fit every shape.
    assert!(Coverage::pair(&two_level(3, 2), &flat(12, 0..12)).is_exact());
    assert!(Coverage::pair(&flat(1, 0..12), &two_level(3, 2)).is_exact());
}

#[test]
fn formulas_of_different_shapes_need_one() {
    let crossing = Coverage::pair(&two_level(3, 2), &flat(11, 0..12));
    assert!(!crossing.is_exact());
    // Four classes of three servers: 4 ^ 4 choices with two sets.
    assert!(crossing.is_exact_within_bounds());
    let scattered: Vec<Formula> =
        (0..16).map(|at| gate(1, vec![leaf(at), leaf((at * 7 + 1) % 16)])).collect();
    assert!(!Coverage::single(&gate(12, scattered)).is_exact_within_bounds());
}

#[test]
fn a_search_stops_when_its_work_is_used_up() {
    let coverage = Coverage::pair(&two_level(3, 3), &flat(11, 0..12));
    let task = Task {
        cover: ServerSet::first(12),
        sets: [3, 2],
        common: ServerSet::from_iter([ServerIndex(0)]),
    };
    assert_eq!(coverage.search(&task, &mut Work::new(10)), Answer::Undecided);
    assert_ne!(coverage.search(&task, &mut Work::new(Work::CHECK)), Answer::Undecided);
}

#[test]
fn servers_under_the_same_gates_are_twins() {
    let coverage = Coverage::single(&gate(2, vec![flat(1, 0..3), leaf(3), leaf(4)]));
    let twins: Vec<u16> = coverage.twins().iter().map(|server| server.0).collect();
    assert_eq!(twins, [1, 2, 4]);
}

#[test]
fn sets_that_share_a_server_cover_less() {
    // One server may fail: sets that contain server 0 have room for nobody else.
    let formula = gate(3, (0..4).map(leaf).collect());
    let coverage = Coverage::single(&formula);
    let everybody = ServerSet::first(4);
    let with_leader = Task { cover: everybody, sets: [3, 0], common: ServerSet::first(1) };
    assert!(!coverage.may_be_covered(&with_leader), "three others are left");
    let free = Task { common: ServerSet::EMPTY, ..with_leader };
    assert!(!coverage.may_be_covered(&free), "three sets of one server are not four servers");
    let too_many = Task { cover: ServerSet::EMPTY, sets: [3, 0], common: ServerSet::first(2) };
    assert!(!coverage.may_be_covered(&too_many), "two servers are no set that may fail");
}
