//! What peers may send: never a panic, always the right name.

use super::{MESSAGE, dealt, gate, leaf, sign, threshold};
use crate::access::Access;
use crate::bls::curve::{Candidate, G1, G1_BYTES, G2_BYTES};
use crate::bls::scalar::{Scalar, SecretScalar};
use crate::bls::{PublicKey as BlsKey, VerifyingKey as BlsVerifyingKey};
use crate::signature_share::LeafShares;
use crate::threshold_scheme::ThresholdScheme;
use crate::{
    Blame, CombineError, LeafFault, Message, PublicKey, SignatureShare, combine, verify_share,
};
use ally_codec::{Decode, DecodeError, Encode, Reader};
use ally_policy::{Formula, ServerIndex, ServerSet};
use rand_chacha::rand_core::SeedableRng;

/// A share of one leaf with these bytes.
fn share(key: &PublicKey, server: u16, bytes: &[u8]) -> SignatureShare {
    SignatureShare(LeafShares::new(key.id(), ServerIndex(server), vec![bytes.to_vec()]))
}

fn point(share: &SignatureShare) -> G1 {
    let bytes = share.0.leaves()[0].as_slice().try_into().expect("48 bytes");
    G1::decode(bytes).expect("a point of the group")
}

fn refused(culprits: &[(u16, LeafFault)]) -> CombineError {
    let blame = |(server, fault): &(u16, LeafFault)| {
        (ServerIndex(*server), Blame::Leaf { leaf: usize::from(*server), fault: *fault })
    };
    CombineError::Refused { culprits: culprits.iter().map(blame).collect() }
}

#[test]
fn wrong_shares_are_named_and_the_rest_still_signs() {
    let dealt = dealt(&threshold(3, 6));
    let good = sign(&dealt, MESSAGE, &ServerSet::first(6));
    let mut shares = good.clone();
    shares[1].1 = share(&dealt.public, 1, &point(&good[2].1).encode());
    shares[5].1 = share(&dealt.public, 5, &G1::hash(b"noise", b"tag").encode());
    let wrong = refused(&[(1, LeafFault::Wrong), (5, LeafFault::Wrong)]);
    assert_eq!(combine(&dealt.public, MESSAGE, &shares), Err(wrong));
    let blame = Blame::Leaf { leaf: 1, fault: LeafFault::Wrong };
    let verdict =
        |at: usize| verify_share(&dealt.public, MESSAGE, shares[at].0, &shares[at].1, None);
    assert_eq!((verdict(0), verdict(1)), (Ok(()), Err(blame)));
    shares.retain(|(server, _)| ![1, 5].contains(&server.0));
    let signature = combine(&dealt.public, MESSAGE, &shares).unwrap();
    assert_eq!(combine(&dealt.public, MESSAGE, &good), Ok(signature));
}

#[test]
fn wrong_shares_that_cancel_out_make_the_one_signature() {
    // Lagrange coefficients 2 and -1: errors E and 2*E add up to nothing. Nobody is harmed, and no
    // verification of single shares is paid for.
    let dealt = dealt(&threshold(2, 2));
    let good = sign(&dealt, MESSAGE, &ServerSet::first(2));
    let signature = combine(&dealt.public, MESSAGE, &good);
    let error = G1::hash(b"error", b"tag");
    let wrong = |at: u16, times: u16| {
        let right = point(&good[usize::from(at)].1);
        let terms = [(right.into(), Scalar::small(1)), (error.into(), Scalar::small(times))];
        let point = Candidate::linear_combination(&terms).expect("two points");
        (ServerIndex(at), share(&dealt.public, at, &point))
    };
    let shares = [wrong(0, 1), wrong(1, 2)];
    assert_eq!(combine(&dealt.public, MESSAGE, &shares), signature);
    for (server, share) in &shares {
        assert!(verify_share(&dealt.public, MESSAGE, *server, share, None).is_err());
    }
    let both = refused(&[(0, LeafFault::Wrong), (1, LeafFault::Wrong)]);
    assert_eq!(combine(&dealt.public, MESSAGE, &[wrong(0, 1), wrong(1, 1)]), Err(both));
}

/// The point at infinity, compressed.
fn infinity<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    bytes[0] = 0xc0;
    bytes
}

/// A point of the curve that is not in the subgroup of prime order: the first x that has one.
fn outside_the_subgroup() -> [u8; G1_BYTES] {
    use blst::{BLST_ERROR, min_sig::Signature};
    let candidates = (1..=u8::MAX).map(|x| {
        let mut bytes = [0; G1_BYTES];
        (bytes[0], bytes[G1_BYTES - 1]) = (0x80, x);
        bytes
    });
    let on_curve = |bytes: &[u8; G1_BYTES]| {
        let point = Signature::from_bytes(bytes);
        point.is_ok_and(|point| point.validate(true) == Err(BLST_ERROR::BLST_POINT_NOT_IN_GROUP))
    };
    candidates.into_iter().find(on_curve).expect("the subgroup is a small part of the curve")
}

#[test]
fn shares_outside_the_group_are_refused() {
    let dealt = dealt(&threshold(1, 1));
    for bytes in [infinity(), outside_the_subgroup(), [0; G1_BYTES], [0xff; G1_BYTES]] {
        let shares = [(ServerIndex(0), share(&dealt.public, 0, &bytes))];
        let out_of_range = refused(&[(0, LeafFault::OutOfRange)]);
        assert_eq!(combine(&dealt.public, MESSAGE, &shares), Err(out_of_range));
        assert!(!dealt.public.verify(MESSAGE, &bytes));
    }
    let good = sign(&dealt, MESSAGE, &ServerSet::first(1));
    let signature = combine(&dealt.public, MESSAGE, &good).unwrap();
    for length in [0, 1, 47] {
        let cut = &signature[..length];
        let shares = [(ServerIndex(0), share(&dealt.public, 0, cut))];
        let fault = LeafFault::Length { expected: G1_BYTES, actual: length };
        assert_eq!(combine(&dealt.public, MESSAGE, &shares), Err(refused(&[(0, fault)])));
        assert!(!dealt.public.verify(MESSAGE, cut));
    }
}

fn decode(formula: &Formula, bytes: &[u8]) -> Option<DecodeError> {
    let access = Access::new(formula.clone());
    BlsKey::decode(&mut Reader::new(bytes), &access).err()
}

/// Points of small order are where addition formulas have their exceptions: blst does not read
/// those of order 3 (x = 0), but it reads those of order 11.
#[test]
fn a_share_of_small_order_harms_nobody_else() {
    const ORDER_11: &str = "b9b3e2c8c6bbf59d3c326b531fc1e639d29200c28624ac604f251a12908c9b7f\
                            735318617f625954cc71cdf03229b1ef";
    let dealt = dealt(&threshold(3, 4));
    let mut shares = sign(&dealt, MESSAGE, &ServerSet::first(4));
    let order_11: [u8; G1_BYTES] = std::array::from_fn(|at| {
        u8::from_str_radix(&ORDER_11[2 * at..2 * at + 2], 16).expect("digits")
    });
    let in_group = Candidate::decode(&order_11).map(|point| point.in_group().is_some());
    assert_eq!(in_group, Some(false), "on the curve, outside the group");
    for at in [0_u16, 1, 2] {
        let good = shares[usize::from(at)].clone();
        shares[usize::from(at)].1 = share(&dealt.public, at, &order_11);
        let outside = refused(&[(at, LeafFault::OutOfRange)]);
        assert_eq!(combine(&dealt.public, MESSAGE, &shares), Err(outside));
        shares[usize::from(at)] = good;
    }
    assert!(combine(&dealt.public, MESSAGE, &shares).is_ok());
}

#[test]
fn keys_outside_the_group_are_refused() {
    // A key of infinity would accept the signature of infinity on everything.
    for key in [infinity(), [0; G2_BYTES], [0xff; G2_BYTES]] {
        assert_eq!(BlsVerifyingKey::from_bytes(&key), None);
        let outside = Some(DecodeError::Invalid("commitment: not a point of the group"));
        assert_eq!(decode(&threshold(1, 1), &key), outside);
    }
    assert_eq!(BlsVerifyingKey::from_bytes(&[]), None);
    let short = Some(DecodeError::Truncated { needed: 2 * G2_BYTES, left: G2_BYTES });
    assert_eq!(decode(&threshold(2, 2), &infinity::<G2_BYTES>()), short);
}

#[test]
fn commitments_that_give_a_leaf_no_secret_are_refused() {
    // f(x) = s - s*x: the first leaf gets f(1) = 0.
    let (public, _) = crate::bls::deal(&threshold(1, 1), &mut super::rng(7));
    let key = public.verifying_key().to_bytes();
    let mut negated = key;
    negated[0] ^= 0x20;
    let bytes = [key, negated].concat();
    let zero = Some(DecodeError::Invalid("commitment: a key of zero"));
    assert_eq!(decode(&threshold(2, 2), &bytes), zero);
}

/// A gate below the root gets 0: its leaves have keys like any other, but who holds the other leaf
/// would sign alone.
#[test]
fn commitments_that_give_a_gate_no_secret_are_refused() {
    let formula = gate(2, [threshold(2, 2), leaf(2)]);
    let [key, other] = [7, 8].map(|seed| {
        let (public, _) = crate::bls::deal(&threshold(1, 1), &mut super::rng(seed));
        public.verifying_key().to_bytes()
    });
    let mut negated = key;
    negated[0] ^= 0x20;
    let zero = Some(DecodeError::Invalid("commitment: a key of zero"));
    assert_eq!(decode(&formula, &[key, negated, other].concat()), zero);
    assert_eq!(decode(&formula, &[key, other, negated].concat()), None);
}

#[test]
fn secrets_are_in_range() {
    let order = "01000000fffffffffe5bfeff02a4bd5305d8a10908d83933487d9d2953a7ed73";
    let digit = |at: usize| u8::from_str_radix(&order[2 * at..2 * at + 2], 16).expect("digits");
    let mut number: [u8; 32] = std::array::from_fn(digit);
    assert!(SecretScalar::decode(&number).is_none(), "r");
    number[0] = 0;
    let largest = SecretScalar::decode(&number).expect("r - 1");
    assert_eq!(*largest.encode(), number);
    assert!(SecretScalar::decode(&[0; 32]).is_none(), "0");
    assert!(SecretScalar::decode(&[0xff; 32]).is_none());
    // What cannot be a secret is nobody's, and signs nothing.
    let (public, _) = crate::bls::deal(&threshold(1, 1), &mut super::rng(7));
    let prepared = public.prepare(&Message::new(MESSAGE)).expect("the ordinary encoding");
    for secret in [&[0_u8; 32][..], &[0xff; 32], &[1; 31]] {
        assert!(!public.owns(0, secret));
        assert_eq!(public.sign(&[(secret, &prepared)]), None);
    }
}

#[test]
fn no_flipped_bit_survives() {
    let dealt = dealt(&threshold(2, 3));
    let shares = sign(&dealt, MESSAGE, &ServerSet::first(2));
    let signature = combine(&dealt.public, MESSAGE, &shares).unwrap();
    for bit in (0..signature.len() * 8).step_by(5) {
        let mut flipped = signature.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(!dealt.public.verify(MESSAGE, &flipped), "bit {bit}");
    }
    let bytes = shares[0].1.to_bytes();
    for bit in (0..bytes.len() * 8).step_by(5) {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let verifies = |share: SignatureShare| {
            verify_share(&dealt.public, MESSAGE, ServerIndex(0), &share, None).is_ok()
        };
        assert!(!SignatureShare::from_bytes(&flipped).is_ok_and(verifies), "bit {bit}");
    }
    let bytes = dealt.public.to_bytes();
    for bit in (0..bytes.len() * 8).step_by(13) {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let read = PublicKey::from_bytes(&flipped);
        assert_ne!(read.as_ref(), Ok(&dealt.public), "bit {bit}");
    }
}

/// Shares prove themselves, so what comes with them is empty.
#[test]
fn a_share_with_proof_is_the_share_alone() {
    let dealt = dealt(&threshold(2, 3));
    let mut rng = rand_chacha::ChaCha20Rng::from_seed([5; 32]);
    let (share, proof) = dealt.shares[1].sign_with_proof(&dealt.public, MESSAGE, &mut rng).unwrap();
    assert_eq!(share, dealt.shares[1].sign(&dealt.public, MESSAGE).unwrap());
    assert_eq!(proof.0.leaves(), [Vec::new()]);
    let verdict = verify_share(&dealt.public, MESSAGE, ServerIndex(1), &share, Some(&proof));
    assert_eq!(verdict, Ok(()));
}
