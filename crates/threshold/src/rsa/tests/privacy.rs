//! On an order so small that every choice of the dealer can be tried: what an unqualified set holds
//! has the same distribution whatever the secret is, and what a qualified set holds fixes it.

use std::collections::BTreeMap;

use ally_policy::{Formula, ServerIndex, ServerSet};
use crypto_bigint::BoxedUint;

use super::super::sharing::split;
use super::{flat, leaf, part};

/// The order of the squares modulo 23 * 47: composite, all factors above every fan-in tried here.
const ORDER: u64 = 11 * 23;

/// The view of `set` for every secret, as a count of how often each view comes up over all draws.
fn views(formula: &Formula, secret: u64, draws: u32, set: &ServerSet) -> BTreeMap<Vec<u64>, u64> {
    let order = BoxedUint::from(ORDER).to_nz().unwrap();
    let owners = formula.leaves();
    let mut views = BTreeMap::new();
    for mut code in 0..ORDER.pow(draws) {
        let mut uniform = || {
            let number = code % ORDER;
            code /= ORDER;
            part(number, 64)
        };
        let parts = split(formula, part(secret, 64), &order, &mut uniform);
        let seen = owners.iter().zip(parts).filter(|(owner, _)| set.contains(**owner));
        let view = seen.map(|(_, part)| part.as_words()[0]).collect();
        *views.entry(view).or_insert(0) += 1;
    }
    views
}

fn check(formula: &Formula, servers: u16, draws: u32) {
    for bits in 0..1u32 << servers {
        let set: ServerSet =
            (0..servers).filter(|server| bits >> server & 1 == 1).map(ServerIndex).collect();
        let [first, second] = [0, 177].map(|secret| views(formula, secret, draws, &set));
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
