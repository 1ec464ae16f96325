//! The order of the squares stays unknown to everybody but the dealer.

use ally_policy::Formula;
use crypto_bigint::BoxedUint;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

use super::super::generation::deal_with_primes;
use super::super::width::read_secret;
use super::{flat, leaf, plan, toy_primes};

/// The secrets of an organisation's leaves: a gate 2 of 3 below a root that also asks for others.
fn organisation(seed: u64) -> [BoxedUint; 3] {
    let formula = Formula::gate(2, vec![flat(2, 0..3), leaf(3), leaf(4)]).unwrap();
    let plan = plan(1, &formula, 0);
    let (shape, access) = plan.parts();
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let dealt = deal_with_primes(&toy_primes()[0], shape.unwrap(), access, &mut rng);
    let (_, secrets) = dealt.unwrap().unwrap();
    [0, 1, 2].map(|leaf| {
        let bits = 8 * secrets[leaf].len() as u32;
        (*read_secret(&secrets[leaf], bits).unwrap()).clone()
    })
}

/// Modulo the order three shares of a gate 2 of 3 lie on a line: s_1 - 2 s_2 + s_3 is a multiple of
/// the order. Were they reduced by it, this would be the order itself, or its negative, every other
/// time, and the organisation would factor the modulus without asking anybody.
#[test]
fn an_organisation_cannot_compute_the_order() {
    for seed in 0..20 {
        let [first, second, third] = organisation(seed);
        assert_eq!(first.wrapping_add(&third), second.wrapping_add(&second), "{seed}");
    }
}
