//! What an unqualified set holds looks the same for every secret.
//!
//! Over the integers "the same" cannot be exact: a share of a larger secret is larger. What is exact
//! is the argument: with the sweeping coefficients of the set, dealings of one secret are paired with
//! dealings of another that look the same to the set, and only dealings at the edge of the range have
//! no partner. Here the sweeping coefficients are computed, by code of the test's own, for all sets
//! and all trees of up to five leaves, and held against the lengths that hiding counts on; and on
//! ranges so small that every dealing can be tried, the views are counted.

use std::collections::BTreeMap;

use ally_policy::{Formula, ServerIndex, ServerSet};
use crypto_bigint::BoxedUint;

use super::subsets::trees;
use super::{flat, leaf, part, repeated};
use crate::access::Spread;
use crate::rsa::Denominator;
use crate::rsa::sharing::share;
use crate::rsa::width::Widths;

fn set_of(bits: u32) -> ServerSet {
    (0..32).filter(|server| bits >> server & 1 == 1).map(ServerIndex).collect()
}

/// The values of all leaves.
fn values(formula: &Formula, root: u64, coefficients: &[u64]) -> Vec<u64> {
    let coefficients: Vec<_> = coefficients.iter().map(|a| part(*a, 64)).collect();
    let leaves = share(formula, &BoxedUint::from(root), &coefficients, 64);
    leaves.iter().map(|leaf| u64::from(leaf.as_limbs()[0])).collect()
}

fn denominator(formula: &Formula) -> u64 {
    u64::from(Denominator::of(formula).unwrap().value().as_limbs()[0])
}

/// The sweeping coefficients of a set: those of a tree whose root has the value `value` and in which
/// all leaves of the set are 0. A subtree that the set satisfies has to have the value 0.
fn sweeping(formula: &Formula, set: &ServerSet, value: i128, all: &mut Vec<i128>) {
    let Formula::Gate(gate) = formula else { return };
    let (threshold, fan_in) = (usize::from(gate.threshold()), gate.children().len());
    let known: Vec<usize> =
        (0..fan_in).filter(|child| gate.children()[*child].holds(set)).collect();
    assert!(value == 0 || known.len() < threshold);
    let mut own = vec![0; threshold - 1];
    let children: Vec<i128> = match Spread::of(threshold, fan_in) {
        Spread::Copy => vec![value; fan_in],
        Spread::Sum => {
            let mut children = vec![0; fan_in];
            let unknown = (0..fan_in).rev().find(|child| !known.contains(child));
            match unknown {
                Some(last) if last == fan_in - 1 => children[last] = value,
                Some(other) => (children[other], own[other]) = (-value, -value),
                None => {}
            }
            children
        }
        Spread::Shamir => {
            // value * product of (1 - X/b); with value 0 all of it is 0.
            let mut polynomial = vec![value];
            for b in known.iter().map(|child| *child as i128 + 1).filter(|_| value != 0) {
                let mut next = polynomial.clone();
                next.push(0);
                for (at, coefficient) in polynomial.iter().enumerate() {
                    assert_eq!(coefficient % b, 0, "an integer");
                    next[at + 1] -= coefficient / b;
                }
                polynomial = next;
            }
            own[..polynomial.len() - 1].copy_from_slice(&polynomial[1..]);
            let at = |x: i128| polynomial.iter().rev().fold(0, |sum, c| sum * x + c);
            (1..=fan_in as i128).map(at).collect()
        }
    };
    all.extend(own);
    for (child, value) in gate.children().iter().zip(children) {
        sweeping(child, set, value, all);
    }
}

/// Dealings of secrets 5 and 8 that an unqualified set cannot tell apart.
fn check_sweeping(formula: &Formula, servers: u16) {
    let d = denominator(formula);
    let room = Widths::of(formula, &Denominator::of(formula).unwrap(), 0).coefficient - 139;
    let owners = formula.leaves();
    for bits in 0..1u32 << servers {
        let set = set_of(bits);
        if formula.holds(&set) {
            continue;
        }
        let mut sweep = Vec::new();
        sweeping(formula, &set, i128::from(d), &mut sweep);
        assert!(sweep.iter().all(|a| a.unsigned_abs() < 1 << room), "{formula:?} {set:?}");
        let middle = vec![1u64 << 40; sweep.len()];
        let moved: Vec<u64> =
            middle.iter().zip(&sweep).map(|(a, s)| (i128::from(*a) + 3 * s) as u64).collect();
        let dealings = [values(formula, 5 * d, &middle), values(formula, 8 * d, &moved)];
        for (leaf, owner) in owners.iter().enumerate().filter(|(_, owner)| set.contains(**owner)) {
            assert_eq!(dealings[0][leaf], dealings[1][leaf], "{formula:?} {set:?} {owner}");
        }
        if !sweep.is_empty() {
            assert_ne!(dealings[0], dealings[1]);
        }
    }
}

#[test]
fn model_every_unqualified_set_can_be_swept() {
    for leaves in 1..=5 {
        trees(leaves, 0).iter().for_each(|tree| check_sweeping(tree, leaves));
    }
    check_sweeping(&repeated(), 4);
}

/// What `set` sees, and in how many of all dealings with coefficients below 2^`bits`.
fn views(formula: &Formula, root: u64, set: &ServerSet, bits: u32) -> BTreeMap<Vec<u64>, i64> {
    let owners = formula.leaves();
    let count = crate::rsa::sharing::coefficient_count(formula) as u32;
    let mut views = BTreeMap::new();
    for code in 0..1u64 << (count * bits) {
        let coefficients: Vec<u64> =
            (0..count).map(|at| code >> (at * bits) & ((1 << bits) - 1)).collect();
        let leaves = values(formula, root, &coefficients);
        let seen = owners.iter().zip(&leaves).filter(|(owner, _)| set.contains(**owner));
        *views.entry(seen.map(|(_, value)| *value).collect()).or_insert(0) += 1;
    }
    views
}

/// Counts dealings of two secrets: to an unqualified set they differ at most in those that
/// sweeping moves across the edge; to a qualified one in all.
fn check_counts(formula: &Formula, servers: u16, bits: u32) {
    let d = denominator(formula);
    let count = crate::rsa::sharing::coefficient_count(formula) as u32;
    let dealings = 1i64 << (count * bits);
    for subset in 0..1u32 << servers {
        let set = set_of(subset);
        let [first, second] = [0, d].map(|root| views(formula, root, &set, bits));
        let alike: i64 =
            first.iter().map(|(view, count)| *count.min(second.get(view).unwrap_or(&0))).sum();
        if formula.holds(&set) {
            assert_eq!(alike, 0, "{formula:?} {set:?}");
            continue;
        }
        let mut sweep = Vec::new();
        sweeping(formula, &set, i128::from(d), &mut sweep);
        let range = 1i64 << bits;
        let moved = |a: &i128| range - a.unsigned_abs() as i64;
        let expected: i64 = sweep.iter().map(moved).product();
        assert!(expected > 0 && alike >= expected && alike <= dealings, "{formula:?} {set:?}");
        if sweep.len() == 1 && !set.is_empty() {
            assert_eq!(alike, expected, "{formula:?} {set:?}");
        }
    }
}

#[test]
fn model_views_of_two_secrets_count_alike() {
    check_counts(&flat(2, 0..3), 3, 10);
    check_counts(&flat(2, 0..4), 4, 10);
    check_counts(&flat(3, 0..3), 3, 7);
    check_counts(&flat(3, 0..4), 4, 7);
    let nested = |k| Formula::gate(k, vec![flat(2, 0..3), leaf(3), flat(1, 1..3)]).unwrap();
    check_counts(&nested(1), 4, 10);
    check_counts(&nested(2), 4, 7);
}
