//! On an order so small that every choice of the dealer can be tried: what an unqualified set holds
//! has the same distribution whatever the secret is, and what a qualified set holds fixes it.

use std::collections::BTreeMap;

use ally_policy::{Formula, ServerIndex, ServerSet};
use crypto_bigint::BoxedUint;

use super::super::sharing::split;
use super::{flat, leaf, part};

/// Composite, as the order of the squares is, with all factors above every fan-in tried here.
const ORDER: u64 = 7 * 11;

/// The parts of all leaves, for every choice of `draws` numbers by the dealer.
fn all_dealings(formula: &Formula, secret: u64, draws: u32) -> Vec<Vec<u64>> {
    let order = BoxedUint::from(ORDER).to_nz().unwrap();
    let deal = |mut code: u64| {
        let mut uniform = || {
            let number = code % ORDER;
            code /= ORDER;
            part(number, 64)
        };
        let parts = split(formula, part(secret, 64), &order, &mut uniform);
        parts.iter().map(|part| u64::from(part.as_limbs()[0])).collect()
    };
    (0..ORDER.pow(draws)).map(deal).collect()
}

/// What `set` sees, and in how many dealings.
fn views(formula: &Formula, dealings: &[Vec<u64>], set: &ServerSet) -> BTreeMap<Vec<u64>, u64> {
    let owners = formula.leaves();
    let mut views = BTreeMap::new();
    for parts in dealings {
        let seen = owners.iter().zip(parts).filter(|(owner, _)| set.contains(**owner));
        *views.entry(seen.map(|(_, part)| *part).collect()).or_insert(0) += 1;
    }
    views
}

fn check(formula: &Formula, servers: u16, draws: u32) {
    let dealings = [0, 59].map(|secret| all_dealings(formula, secret, draws));
    for bits in 0..1u32 << servers {
        let set: ServerSet =
            (0..servers).filter(|server| bits >> server & 1 == 1).map(ServerIndex).collect();
        let [first, second] = dealings.each_ref().map(|dealings| views(formula, dealings, &set));
        if formula.holds(&set) {
            assert!(first.keys().all(|view| !second.contains_key(view)), "{formula:?} {set:?}");
        } else {
            assert_eq!(first, second, "{formula:?} {set:?}");
        }
    }
}

#[test]
fn model_unqualified_sets_learn_nothing() {
    check(&flat(1, 0..3), 3, 0);
    check(&flat(2, 0..4), 4, 1);
    check(&flat(3, 0..3), 3, 2);
    check(&flat(3, 0..4), 4, 2);
    let nested = |k| Formula::gate(k, vec![flat(2, 0..3), leaf(3), flat(1, 1..3)]).unwrap();
    check(&nested(1), 4, 1);
    check(&nested(2), 4, 2);
}
