//! The prepared check says what the plain one says, about honest signatures and about crafted ones.

use super::*;
use crate::keys::Signing;
use curve25519_dalek::constants::EIGHT_TORSION;
use ed25519_dalek::{Signer, SigningKey, VerifyingKey};

fn signer(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

fn key_of(point: &VerifyingKey) -> PublicKey<Signing> {
    PublicKey::from_bytes(point.as_bytes()).unwrap()
}

/// Whether a signature is taken; both checks must agree.
fn taken(prepared: &PreparedKey<Signing>, message: &[u8], signature: &[u8; 64]) -> bool {
    let plain = prepared.public().verify(message, signature);
    assert_eq!(prepared.verify(message, signature), plain, "{message:?} {signature:?}");
    plain
}

fn hash(r: &[u8; 32], key: &PublicKey<Signing>, message: &[u8]) -> Scalar {
    let hash = Sha512::new_with_prefix(r).chain_update(key.as_bytes()).chain_update(message);
    Scalar::from_bytes_mod_order_wide(&hash.finalize().into())
}

fn joined(r: EdwardsPoint, s: Scalar) -> [u8; 64] {
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(r.compress().as_bytes());
    signature[32..].copy_from_slice(s.as_bytes());
    signature
}

#[test]
fn signatures_are_taken_and_changed_ones_are_not() {
    for seed in 0..8 {
        let signer = signer(seed);
        let prepared = PreparedKey::new(key_of(&signer.verifying_key()));
        for length in [0, 1, 63, 200] {
            let message = vec![seed; length];
            let signature = signer.sign(&message).to_bytes();
            assert!(taken(&prepared, &message, &signature));
            assert!(!taken(&prepared, b"something else", &signature));
        }
    }
}

#[test]
fn no_bit_of_a_signature_may_change() {
    let signer = signer(1);
    let prepared = PreparedKey::new(key_of(&signer.verifying_key()));
    let signature = signer.sign(b"message").to_bytes();
    for bit in 0..512 {
        let mut changed = signature;
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(!taken(&prepared, b"message", &changed), "bit {bit}");
    }
}

#[test]
fn every_digit_counts() {
    let negated = Multiples::of(-ED25519_BASEPOINT_POINT);
    let doubled = |scalar: &Scalar| Some(scalar + scalar);
    let powers = std::iter::successors(Some(Scalar::ONE), doubled);
    let mut scalars: Vec<_> = powers.take(252).collect();
    scalars.extend([Scalar::ZERO, -Scalar::ONE]);
    scalars
        .extend((0..64_u8).map(|seed| hash(&[seed; 32], &key_of(&signer(1).verifying_key()), b"")));
    for scalar in scalars {
        let product = BASE.add(EdwardsPoint::identity(), &scalar);
        assert_eq!(product, EdwardsPoint::mul_base(&scalar));
        assert_eq!(negated.add(product, &scalar), EdwardsPoint::identity());
    }
}

/// s and s + L are the same scalar: only one of them is an encoding.
#[test]
fn a_scalar_that_is_not_reduced_is_refused() {
    let signer = signer(2);
    let prepared = PreparedKey::new(key_of(&signer.verifying_key()));
    let mut signature = signer.sign(b"message").to_bytes();
    // L, the group's order, little-endian.
    let order = (-Scalar::ONE).to_bytes();
    let mut carry = 1;
    for (byte, add) in signature[32..].iter_mut().zip(order) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        (*byte, carry) = (sum as u8, sum >> 8);
    }
    assert!(!taken(&prepared, b"message", &signature));
}

/// Whoever holds the key can make signatures with R of small order that fit the equation.
#[test]
fn small_orders_are_refused() {
    let signer = signer(3);
    let key = key_of(&signer.verifying_key());
    let prepared = PreparedKey::new(key);
    let mut fitting = 0;
    for torsion in EIGHT_TORSION {
        for message in 0..64_u8 {
            let k = hash(torsion.compress().as_bytes(), &key, &[message]);
            let s = k * signer.to_scalar();
            let signature = joined(torsion, s);
            // The equation holds for the neutral element.
            fitting += usize::from(
                BASE.add(prepared.negated.add(EdwardsPoint::identity(), &k), &s) == torsion,
            );
            assert!(!taken(&prepared, &[message], &signature));
        }
    }
    assert!(fitting >= 64, "no signature was worth refusing");
}

/// A key, or an R, outside the prime-order group: the equation without cofactor decides, and it
/// depends on the message.
#[test]
fn mixed_orders_are_judged_alike() {
    let signer = signer(4);
    let mut outcomes = [0; 2];
    for torsion in &EIGHT_TORSION[1..] {
        let point = signer.verifying_key().to_edwards() + torsion;
        let key = PublicKey::from_bytes(&point.compress().to_bytes()).unwrap();
        let prepared = PreparedKey::<Signing>::new(key);
        for message in 0..64_u8 {
            for r_torsion in [EIGHT_TORSION[0], *torsion] {
                let nonce = Scalar::from(u64::from(message) + 1);
                let r = EdwardsPoint::mul_base(&nonce) + r_torsion;
                let k = hash(r.compress().as_bytes(), &key, &[message]);
                let signature = joined(r, nonce + k * signer.to_scalar());
                outcomes[usize::from(taken(&prepared, &[message], &signature))] += 1;
            }
        }
    }
    assert!(outcomes.iter().all(|count| *count > 50), "{outcomes:?}");
}

/// Encodings of R that are not canonical: y at or above the field's prime, or minus zero.
#[test]
fn other_encodings_of_a_point_are_refused() {
    let prepared = PreparedKey::new(key_of(&signer(5).verifying_key()));
    for low in 0xed..=0xff_u8 {
        for top in [0x7f, 0xff] {
            let mut signature = [0xff; 64];
            (signature[0], signature[31]) = (low, top);
            signature[32..].fill(0);
            assert!(!taken(&prepared, b"message", &signature));
        }
    }
}
