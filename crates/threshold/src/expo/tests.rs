//! AWS-LC against crypto-bigint on the same operands.

use crypto_bigint::{BoxedUint, Resize};
use proptest::prelude::*;

use super::{Modulus, portable, pow_secret_all};

/// An odd modulus above 1 of `bits` (8 to 2048, the top bit set) from any bytes.
fn modulus(bytes: &[u8]) -> BoxedUint {
    let mut bytes = bytes.to_vec();
    let last = bytes.len() - 1;
    bytes[0] |= 0x80;
    bytes[last] |= 1;
    BoxedUint::from_be_slice_vartime(&bytes)
}

fn uint(bytes: &[u8]) -> BoxedUint {
    BoxedUint::from_be_slice_vartime(bytes)
}

fn bytes(lengths: std::ops::Range<usize>) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), lengths)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn prop_both_implementations_agree(
        n in bytes(1..257), a in bytes(1..300), b in bytes(1..300), x in bytes(1..64),
        y in bytes(1..64),
    ) {
        let n = modulus(&n);
        let (a, b, x, y) = (uint(&a), uint(&b), uint(&x), uint(&y));
        let (ours, oracle) = (Modulus::public(&n).unwrap(), portable::Modulus::public(&n).unwrap());
        let secret = Modulus::secret(&n).unwrap();
        prop_assert_eq!(ours.pow_secret(&a, &x), oracle.pow_secret(&a, &x));
        prop_assert_eq!(secret.pow_secret(&a, &x), oracle.pow_secret(&a, &x));
        let terms = [(&a, &x), (&b, &y)];
        prop_assert_eq!(ours.pow_product(&terms), oracle.pow_product(&terms));
        let inverse = ours.reduce(&a).invert_odd_mod_vartime(oracle.value()).into_option();
        prop_assert_eq!(ours.invert(&a), inverse.clone());
        prop_assert_eq!(oracle.invert(&a), inverse);
        prop_assert_eq!(
            Modulus::pow_secret_pair((&ours, &a, &x), (&secret, &b, &y)),
            portable::Modulus::pow_secret_pair((&oracle, &a, &x), (&oracle, &b, &y))
        );
        prop_assert_eq!(ours.value(), oracle.value());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// With a table and without, in both implementations, for exponents that are narrower than the
    /// table is made for and as wide.
    #[test]
    fn prop_combs_agree(
        n in bytes(1..80), a in bytes(1..100), b in bytes(1..80), x in bytes(1..60),
        y in bytes(1..20), spare in 0u32..200,
    ) {
        let n = modulus(&n);
        let (a, b, x, y) = (uint(&a), uint(&b), uint(&x), uint(&y));
        let bits = x.bits_precision() + spare;
        let (ours, oracle) = (Modulus::public(&n).unwrap(), portable::Modulus::public(&n).unwrap());
        let (comb, other) = (ours.comb(&a, bits), oracle.comb(&a, bits));
        let expected = oracle.pow_secret(&a, &x);
        prop_assert_eq!(ours.pow_comb_secret(&comb, &x), expected.clone());
        prop_assert_eq!(oracle.pow_comb_secret(&other, &x), expected.clone());
        prop_assert_eq!(ours.pow_comb_product((&comb, &x), &[]), expected);
        let expected = oracle.pow_product(&[(&a, &x), (&b, &y)]);
        prop_assert_eq!(ours.pow_comb_product((&comb, &x), &[(&b, &y)]), expected.clone());
        prop_assert_eq!(oracle.pow_comb_product((&other, &x), &[(&b, &y)]), expected);
    }
}

/// Exponents of a single bit find every entry's place, and those of no bit or all find all of them.
#[test]
fn combs_know_every_bit() {
    let n = Modulus::public(&modulus(&[0xa7; 24])).unwrap();
    let base = uint(&[0x35; 30]);
    for bits in [64, 128, 320] {
        let comb = n.comb(&base, bits);
        let one = BoxedUint::one().resize(bits);
        let all = BoxedUint::zero_with_precision(bits).wrapping_sub(&one);
        let powers = (0..bits).map(|bit| one.wrapping_shl(bit));
        for exponent in powers.chain([all, BoxedUint::zero_with_precision(bits)]) {
            let expected = n.pow_product(&[(&base, &exponent)]);
            assert_eq!(n.pow_comb_secret(&comb, &exponent), expected, "{exponent}");
            assert_eq!(n.pow_comb_product((&comb, &exponent), &[]), expected, "{exponent}");
        }
    }
}

/// A wider exponent would be cut, and the power be another one.
#[test]
#[should_panic(expected = "not wider than the table")]
fn combs_refuse_wider_exponents() {
    let n = Modulus::public(&modulus(&[0xa7; 24])).unwrap();
    let comb = n.comb(&uint(&[3]), 640);
    n.pow_comb_secret(&comb, &BoxedUint::one().resize(704));
}

/// Numbers with structure, where quotients are long or leading parts deceive.
#[test]
fn inverses_of_numbers_that_are_close_far_apart_or_smooth() {
    let ones = |bytes: usize| modulus(&vec![0xff; bytes]);
    let moduli = [uint(&[3]), uint(&[0xff; 8]), ones(16), ones(64), modulus(&[1; 40])];
    for n in moduli {
        let n = Modulus::public(&n).unwrap();
        let bits = n.value().bits_precision();
        let power = |bit: u32| BoxedUint::one().resize(bits).wrapping_shl(bit);
        let mut values = vec![n.value().wrapping_sub(BoxedUint::one())];
        for bit in 0..bits {
            values.push(power(bit));
            values.push(power(bit).wrapping_sub(BoxedUint::one()));
            values.push(n.value().wrapping_sub(power(bit)));
        }
        for value in values {
            let expected = n.reduce(&value).invert_odd_mod(n.value()).into_option();
            assert_eq!(n.invert(&value), expected, "{value} modulo {}", n.value().as_ref());
        }
    }
}

/// The sizes at which AWS-LC takes its paired code path, and the ones beside it.
#[test]
fn pairs_agree_at_every_size_with_a_path_of_its_own() {
    for bytes in [127, 128, 136, 192, 256, 264] {
        let pattern = |seed: u8| -> Vec<u8> {
            (0..bytes).map(|at| seed.wrapping_mul(at as u8 | 1).wrapping_add(at as u8)).collect()
        };
        let moduli = [modulus(&pattern(7)), modulus(&pattern(11))];
        let bits = moduli[0].bits_precision();
        let (base, exponent) = (uint(&pattern(13)).resize(bits), uint(&pattern(17)).resize(bits));
        let ours = moduli.clone().map(|n| Modulus::secret(&n).unwrap());
        let oracle = moduli.map(|n| portable::Modulus::secret(&n).unwrap());
        assert_eq!(
            Modulus::pow_secret_pair((&ours[0], &base, &exponent), (&ours[1], &exponent, &base)),
            (oracle[0].pow_secret(&base, &exponent), oracle[1].pow_secret(&exponent, &base)),
            "{bytes} bytes"
        );
    }
}

#[test]
fn corner_cases() {
    let seven = Modulus::public(&uint(&[21])).unwrap();
    let (zero, one) = (BoxedUint::zero(), BoxedUint::one());
    assert_eq!(seven.pow_product(&[]), one);
    assert_eq!(seven.pow_product(&[(&zero, &zero)]), one);
    assert_eq!(seven.pow_product(&[(&zero, &one)]), zero);
    assert_eq!(seven.pow_secret(&uint(&[22]), &uint(&[5])), one);
    assert_eq!(seven.pow_secret(&uint(&[2]), &zero), one);
    assert_eq!(seven.invert(&uint(&[2])), Some(uint(&[11])));
    assert_eq!(seven.invert(&uint(&[7])), None);
    assert_eq!(seven.invert(&uint(&[21])), None);
    for refused in [0, 1, 2, 20] {
        assert!(Modulus::public(&uint(&[refused])).is_none());
        assert!(Modulus::secret(&uint(&[refused])).is_none());
    }
}

/// Batches of every length up to nine, of moduli and exponents of mixed widths.
#[test]
fn batches_agree_with_single_calls_whatever_their_length_and_widths() {
    let pattern = |bytes: usize, seed: u8| -> Vec<u8> {
        (0..bytes).map(|at| seed.wrapping_mul(at as u8 | 1).wrapping_add(at as u8)).collect()
    };
    let operands: Vec<_> = [(128, 128), (128, 64), (64, 128), (128, 128), (8, 1), (128, 128)]
        .into_iter()
        .cycle()
        .zip(1..10)
        .map(|((width, length), seed)| {
            let n = modulus(&pattern(width, seed));
            let (base, exponent) =
                (uint(&pattern(width + 3, seed + 1)), uint(&pattern(length, seed)));
            (Modulus::secret(&n).unwrap(), portable::Modulus::secret(&n).unwrap(), base, exponent)
        })
        .collect();
    let jobs: Vec<_> = operands.iter().map(|(n, _, base, exponent)| (n, base, exponent)).collect();
    let expected: Vec<_> =
        operands.iter().map(|(_, n, base, exponent)| n.pow_secret(base, exponent)).collect();
    for length in 0..=jobs.len() {
        assert_eq!(pow_secret_all(&jobs[..length]), expected[..length]);
    }
}

/// Exponents longer than the modulus, through the code for pairs and on from there; on processors
/// that pair nothing the same code is longer, and as right.
#[cfg(feature = "aws-lc")]
#[test]
fn pairs_with_longer_exponents_agree() {
    use super::aws::long_pair;

    let pattern = |bytes: usize, seed: u8| -> Vec<u8> {
        (0..bytes).map(|at| seed.wrapping_mul(at as u8 | 1).wrapping_add(at as u8)).collect()
    };
    for (width, length) in [(128, 136), (192, 193), (256, 292), (256, 512)] {
        let moduli = [modulus(&pattern(width, 7)), modulus(&pattern(width, 11))];
        let ours = moduli.clone().map(|n| Modulus::secret(&n).unwrap());
        let oracle = moduli.map(|n| portable::Modulus::secret(&n).unwrap());
        let bases = [uint(&pattern(width, 13)), uint(&pattern(width + 8, 17))];
        let mut sparse = vec![0; length];
        (sparse[0], sparse[length - 1]) = (0x80, 1);
        for exponents in [
            [pattern(length, 3), pattern(length, 5)],
            [vec![0xff; length], vec![0; length]],
            [sparse, pattern(width, 19)],
        ] {
            let exponents = exponents.map(|bytes| uint(&bytes));
            let job = |at: usize| (&ours[at], &bases[at], &exponents[at]);
            let power = |at: usize| oracle[at].pow_secret(&bases[at], &exponents[at]);
            assert_eq!(
                long_pair::pow(job(0), job(1)),
                Some((power(0), power(1))),
                "{width} bytes, exponents of {length}"
            );
        }
    }
    let n = Modulus::secret(&modulus(&pattern(256, 7))).unwrap();
    let (as_long, too_long) = (uint(&pattern(256, 3)), uint(&pattern(520, 3)));
    assert!(long_pair::pow((&n, &as_long, &as_long), (&n, &as_long, &as_long)).is_none());
    assert!(long_pair::pow((&n, &as_long, &as_long), (&n, &as_long, &too_long)).is_none());
    let small = Modulus::secret(&modulus(&pattern(128, 7))).unwrap();
    assert!(long_pair::pow((&n, &as_long, &as_long), (&small, &as_long, &as_long)).is_none());
}

/// Powers that Python computed: one by one, all at once, and in eight lanes.
#[test]
fn vec_powers_of_an_independent_implementation() {
    use sha2::{Digest, Sha256};

    let stream = |label: u8, seed: u8, bits: u32| -> Vec<u8> {
        let blocks = (0..bits.div_ceil(256)).map(|at| Sha256::digest([label, seed, at as u8]));
        blocks.flatten().take(bits as usize / 8).collect()
    };
    let mut expected = Vec::new();
    let mut operands = Vec::new();
    for line in include_str!("../../tests/kat/powers.txt").lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let numbers = [0, 1, 2].map(|at| words[at].parse::<u32>().unwrap());
        let [bits, exponent_bits, seed] = numbers;
        let bytes = |label: u8, bits: u32| stream(label, seed as u8, bits);
        let n = Modulus::public(&modulus(&bytes(b'n', bits))).unwrap();
        operands.push((n, uint(&bytes(b'b', bits)), uint(&bytes(b'e', exponent_bits))));
        expected.push(words[3].to_owned());
    }
    assert_eq!(expected.len(), 18);
    let digest = |power: &BoxedUint| hex::encode(Sha256::digest(power.to_be_bytes()));
    let jobs: Vec<_> = operands.iter().map(|(n, base, e)| (n, base, e)).collect();
    let all: Vec<String> = pow_secret_all(&jobs).iter().map(digest).collect();
    assert_eq!(all, expected);
    let single = |(n, base, e): &(Modulus, BoxedUint, BoxedUint)| digest(&n.pow_secret(base, e));
    assert_eq!(operands.iter().map(single).collect::<Vec<_>>(), expected);
    let public =
        |(n, base, e): &(Modulus, BoxedUint, BoxedUint)| digest(&n.pow_product(&[(base, e)]));
    assert_eq!(operands.iter().map(public).collect::<Vec<_>>(), expected);
    let comb = |(n, base, e): &(Modulus, BoxedUint, BoxedUint)| {
        digest(&n.pow_comb_secret(&n.comb(base, e.bits_precision()), e))
    };
    assert_eq!(operands.iter().map(comb).collect::<Vec<_>>(), expected);
    let lanes: Vec<_> = operands[..6].iter().map(|(n, base, e)| (n.value(), base, e)).collect();
    let lanes: Vec<String> = super::lanes::pow_plain::<40>(&lanes).iter().map(digest).collect();
    assert_eq!(lanes, expected[..6]);
}
