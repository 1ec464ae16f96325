//! All subsets of all policies of up to six leaves: a set of servers makes a signature exactly if
//! it satisfies the formula, and all sets make the same one.

use ally_policy::{Formula, ServerIndex, ServerSet};

use super::{deal, leaf, of_servers, repeated, sign_all};
use crate::deal::Dealt;
use crate::{CombineError, combine};

const MESSAGE: &[u8] = b"one message, one signature";

/// All trees with this many leaves in which no gate has a single child, children in ascending
/// order of their size, the leaves numbered by `first` on.
pub(super) fn trees(leaves: u16, first: u16) -> Vec<Formula> {
    if leaves == 1 {
        return vec![leaf(first)];
    }
    let mut all = Vec::new();
    for children in forests(leaves, first, 1, leaves - 1) {
        for threshold in 1..=children.len() as u16 {
            all.push(Formula::gate(threshold, children.clone()).unwrap());
        }
    }
    all
}

/// All lists of trees with `leaves` together, each of `least` to `most`, in ascending order.
fn forests(leaves: u16, first: u16, least: u16, most: u16) -> Vec<Vec<Formula>> {
    if leaves == 0 {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for size in least..=leaves.min(most) {
        for tree in trees(size, first) {
            for rest in forests(leaves - size, first + size, size, most) {
                all.push([vec![tree.clone()], rest].concat());
            }
        }
    }
    all
}

/// Whether a set satisfies a formula, by counting: shares no code with what it checks.
fn satisfied(formula: &Formula, set: u32) -> bool {
    match formula {
        Formula::Leaf(server) => set >> server.0 & 1 == 1,
        Formula::Gate(gate) => {
            let count = gate.children().iter().filter(|child| satisfied(child, set)).count();
            count >= usize::from(gate.threshold())
        }
    }
}

fn check(formula: &Formula, servers: u16) {
    check_subsets(&deal(formula, 0), servers);
}

/// All subsets of the servers below `servers`. Returns the signature on the one message that this
/// module signs.
pub(super) fn check_subsets(dealt: &Dealt, servers: u16) -> Vec<u8> {
    let formula = dealt.public.formula();
    let contributions = sign_all(dealt, MESSAGE);
    let all = combine(&dealt.public, MESSAGE, &contributions).unwrap();
    assert!(dealt.public.verify(MESSAGE, &all));
    for bits in 0..1u32 << servers {
        let set: ServerSet =
            (0..servers).filter(|server| bits >> server & 1 == 1).map(ServerIndex).collect();
        let some = of_servers(&contributions, &set);
        match combine(&dealt.public, MESSAGE, &some) {
            Ok(signature) => {
                assert!(satisfied(formula, bits), "{formula:?} {set:?}");
                assert_eq!(signature, all, "{formula:?} {set:?}");
            }
            Err(CombineError::NotQualified { missing }) => {
                assert!(!satisfied(formula, bits), "{formula:?} {set:?}");
                assert_eq!(missing, formula.servers().difference(&set));
            }
            Err(other) => panic!("{formula:?} {set:?}: {other}"),
        }
    }
    all
}

#[test]
fn model_all_trees_of_up_to_five_leaves() {
    let counts = [1, 2, 3, 4, 5].map(|leaves| {
        let trees = trees(leaves, 0);
        trees.iter().for_each(|tree| check(tree, leaves));
        trees.len()
    });
    assert_eq!(counts, [1, 2, 7, 32, 138]);
}

#[test]
fn model_all_trees_of_six_leaves() {
    let trees = trees(6, 0);
    trees.iter().for_each(|tree| check(tree, 6));
    assert_eq!(trees.len(), 724);
}

/// Trees of up to six leaves in which servers repeat: every way to give the leaves to three
/// servers, on a few shapes.
#[test]
fn model_servers_that_repeat() {
    check(&repeated(), 4);
    let shape = |owners: [u16; 4]| {
        let pair = Formula::gate(2, vec![leaf(owners[1]), leaf(owners[2])]).unwrap();
        Formula::gate(2, vec![leaf(owners[0]), pair, leaf(owners[3])]).unwrap()
    };
    for code in 0..81u16 {
        check(&shape([code % 3, code / 3 % 3, code / 9 % 3, code / 27]), 3);
    }
}
