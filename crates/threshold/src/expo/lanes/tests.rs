//! The kernel against crypto-bigint: through the double everywhere, and through AVX-512 IFMA
//! where the processor has it. Elsewhere the tests say that they did without.

use crypto_bigint::{BoxedUint, Odd, Resize};
use proptest::prelude::*;

use super::super::portable;
use super::plain::Plain;
use super::vector::{LIMB_MASK, Row, Vector};
use super::{LANES, Lane, available, pow, pow_plain};

/// Operands of one lane, owned.
type Operands = (Odd<BoxedUint>, BoxedUint, BoxedUint);

fn lanes(operands: &[Operands]) -> Vec<Lane<'_>> {
    operands.iter().map(|(modulus, base, exponent)| (modulus, base, exponent)).collect()
}

fn expected(operands: &[Operands]) -> Vec<BoxedUint> {
    let oracle = |(modulus, base, exponent): &Operands| {
        portable::Modulus::secret(modulus).unwrap().pow_secret(base, exponent)
    };
    operands.iter().map(oracle).collect()
}

/// An odd modulus above 1 of the precision that is asked for, from any bytes.
fn modulus(bytes: &[u8], bits: u32) -> Odd<BoxedUint> {
    let number = BoxedUint::from_be_slice_truncated(bytes, bits);
    let number = number.bitor(&BoxedUint::one().resize(bits));
    if number.is_one().to_bool() { modulus(&[3], bits) } else { number.to_odd().unwrap() }
}

/// Bytes that look random, different for every seed.
fn pattern(bytes: usize, seed: u64) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..bytes).map(|_| next()).collect()
}

fn number(bytes: usize, seed: u64) -> BoxedUint {
    BoxedUint::from_be_slice_vartime(&pattern(bytes, seed))
}

/// Moduli, bases and exponents with structure, each combined with each: `bits` of modulus.
fn edges(bits: u32, exponent_bits: u32) -> Vec<Operands> {
    let one = BoxedUint::one().resize(bits);
    let ones = BoxedUint::zero().resize(bits).wrapping_sub(&one);
    // The top limb of 52 bits and the top word of 64 small and great, limbs of ones and of zeros.
    let moduli = [
        ones.clone(),
        ones.wrapping_sub(one.shl(bits - 1)),
        one.shl(bits - 1).bitor(&one),
        one.shl(bits - 1).bitor(&ones.shr(bits - 52)),
        one.shl(52 * ((bits - 1) / 52)).bitor(&one),
        one.shl(52).wrapping_sub(&one),
        one.shl(1).bitor(&one),
        modulus(&pattern(bits as usize / 8, 1), bits).get(),
    ];
    let wide = |number: &BoxedUint| number.resize_unchecked(exponent_bits);
    let exponents = {
        let one = wide(&one);
        let ones = wide(&BoxedUint::zero()).wrapping_sub(&one);
        [
            wide(&BoxedUint::zero()),
            one.clone(),
            one.shl(exponent_bits - 1),
            ones.shr(exponent_bits / 2),
            one.shl(5),
            ones,
        ]
    };
    let mut operands = Vec::new();
    for n in moduli {
        let n_odd = n.to_odd().unwrap();
        let around = [n.wrapping_sub(&one), n.clone(), n.wrapping_add(&one)];
        for base in
            [BoxedUint::zero().resize(bits), one.clone(), ones.clone()].iter().chain(&around)
        {
            for exponent in &exponents {
                operands.push((n_odd.clone(), base.clone(), exponent.clone()));
            }
        }
    }
    operands
}

fn check_plain<const L: usize>(operands: &[Operands]) {
    for chunk in operands.chunks(LANES) {
        assert_eq!(pow_plain::<L>(&lanes(chunk)), expected(chunk), "{chunk:?}");
    }
}

/// The same through the processor's vector, if it has one.
fn check_ifma(operands: &[Operands]) {
    for chunk in operands.chunks(LANES) {
        match pow(&lanes(chunk)) {
            Some(powers) => assert_eq!(powers, expected(chunk), "{chunk:?}"),
            None => assert!(!available(chunk[0].0.bits_precision())),
        }
    }
}

fn say_whether_ifma_ran() {
    let ran = if available(2048) { "ran" } else { "NOT RUN: this processor has no AVX-512 IFMA" };
    println!("through AVX-512 IFMA: {ran}");
}

#[test]
fn numbers_with_structure_and_short_moduli() {
    check_plain::<2>(&edges(64, 64));
    check_plain::<3>(&edges(128, 128));
    check_plain::<5>(&edges(256, 192));
}

#[test]
fn numbers_with_structure_at_the_sizes_of_keys() {
    say_whether_ifma_ran();
    for bits in [2048, 3072, 4096] {
        let operands = edges(bits, 64);
        check_ifma(&operands);
        // Every eleventh meets each modulus and each exponent; all of them take the double minutes.
        let some: Vec<Operands> = operands.into_iter().step_by(11).collect();
        match bits {
            2048 => check_plain::<40>(&some),
            3072 => check_plain::<60>(&some),
            _ => check_plain::<79>(&some),
        }
    }
}

#[test]
fn full_exponents_at_the_sizes_of_keys() {
    say_whether_ifma_ran();
    for bits in [2048, 3072, 4096] {
        let bytes = bits as usize / 8;
        // The exponent of a proof is longer than the modulus.
        let operands: Vec<Operands> = (0..8)
            .map(|seed| {
                let modulus = modulus(&pattern(bytes, 10 * seed), bits);
                (modulus, number(bytes, 10 * seed + 1), number(bytes + 33, 10 * seed + 2))
            })
            .collect();
        check_ifma(&operands);
        check_ifma(&operands[..3]);
    }
    let lane = (modulus(&pattern(256, 5), 2048), number(256, 6), number(256, 7));
    check_plain::<40>(&[lane]);
}

/// Nothing of one lane is seen in another: a lane's power is the same in every company.
#[test]
fn lanes_are_independent_and_absent_ones_are_not_returned() {
    let lane =
        |seed: u64| (modulus(&pattern(16, seed), 128), number(16, seed + 1), number(16, seed));
    let all: Vec<Operands> = (1..9).map(lane).collect();
    let powers = expected(&all);
    for count in 1..=8 {
        assert_eq!(pow_plain::<3>(&lanes(&all[..count])), powers[..count]);
    }
    let reversed: Vec<Lane<'_>> = lanes(&all).into_iter().rev().collect();
    assert!(pow_plain::<3>(&reversed).into_iter().rev().eq(powers));
}

/// Operands that do not fit are no reason to compute, nor to fail.
#[test]
fn lanes_that_do_not_go_together_are_refused() {
    let lane = |bits: u32| (modulus(&pattern(256, 1), bits), number(8, 2), number(8, 3));
    let (one, other) = (lane(2048), lane(3072));
    assert!(pow(&[]).is_none());
    assert!(pow(&lanes(&[one.clone(), other])).is_none());
    assert!(pow(&lanes(&vec![one; 9])).is_none());
    assert!(pow(&lanes(&[lane(1024)])).is_none());
    assert!(!available(1024) && !available(0));
}

/// The double does what Intel's manual says of VPMADD52LUQ and VPMADD52HUQ: it takes the lower 52
/// bits of both factors, multiplies them to 104, and adds one half of these to all 64 of the sum.
#[test]
fn the_double_multiplies_as_the_manual_says() {
    let words = [0, 1, 2, LIMB_MASK, LIMB_MASK + 1, u64::MAX, 1 << 63, 0x0123_4567_89ab_cdef];
    for shift in 0..8 {
        let mut others = words;
        others.rotate_left(shift);
        let (a, b) = (Plain::load(&Row(words)), Plain::load(&Row(others)));
        let (mut low, mut high) = (Row::default(), Row::default());
        Plain::splat(u64::MAX).add_product_low(a, b).store(&mut low);
        Plain::splat(u64::MAX).add_product_high(a, b).store(&mut high);
        for at in 0..8 {
            let [a, b] = [words[at], others[at]].map(|word| u128::from(word % (1 << 52)));
            let (low_half, high_half) = (a * b % (1 << 52), a * b / (1 << 52));
            assert_eq!(u128::from(low.0[at]), (u128::from(u64::MAX) + low_half) % (1 << 64));
            assert_eq!(u128::from(high.0[at]), (u128::from(u64::MAX) + high_half) % (1 << 64));
        }
        let (mut equal, mut unequal) = (Row::default(), Row::default());
        a.equal_mask(a).store(&mut equal);
        a.equal_mask(b).store(&mut unequal);
        assert_eq!(equal, Row([u64::MAX; 8]));
        let mask = |at: usize| if words[at] == others[at] { u64::MAX } else { 0 };
        assert_eq!(unequal, Row(std::array::from_fn(mask)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn prop_eight_lanes_agree_with_crypto_bigint(
        all in prop::collection::vec(
            (prop::collection::vec(any::<u8>(), 32), prop::collection::vec(any::<u8>(), 1..48),
             prop::collection::vec(any::<u8>(), 1..48)),
            1..9,
        ),
    ) {
        let operands: Vec<Operands> = all
            .iter()
            .map(|(n, base, exponent)| {
                let number = |bytes: &[u8]| BoxedUint::from_be_slice_vartime(bytes);
                (modulus(n, 256), number(base), number(exponent))
            })
            .collect();
        prop_assert_eq!(pow_plain::<5>(&lanes(&operands)), expected(&operands));
    }
}
