//! The order of the squares stays unknown to everybody but the dealer.

use ally_policy::{Formula, ServerIndex};
use crypto_bigint::BoxedUint;

use super::{dealing, flat, leaf, plan, toy_primes};
use crate::rsa::width::read_secret;

/// The secrets of the first three leaves: an organisation's own, 2 of 3, below a root that also asks
/// for others.
fn organisation() -> [BoxedUint; 3] {
    let formula = Formula::gate(2, vec![flat(2, 0..3), leaf(3), leaf(4)]).unwrap();
    let plan = plan(1, &formula, 0);
    let (_, parts) = dealing(&plan, &toy_primes()[0]);
    [0, 1, 2].map(|server| {
        assert_eq!(parts[server].server(), ServerIndex(server as u16));
        let bytes = parts[server].encode();
        let bits = 8 * bytes.len() as u32;
        (*read_secret(&bytes, bits).unwrap()).clone()
    })
}

/// Modulo the order three shares of a gate 2 of 3 lie on a line: s_1 - 2 s_2 + s_3 is a multiple of
/// the order. Were they reduced by it, this would be the order itself, or its negative, every other
/// time, and the organisation would factor the modulus without asking anybody.
#[test]
fn an_organisation_cannot_compute_the_order() {
    let [first, second, third] = organisation();
    assert_eq!(first.wrapping_add(&third), second.wrapping_add(&second));
}
