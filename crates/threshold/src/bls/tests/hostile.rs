//! What peers may send: never a panic, always the right name.

use super::{dealt, message, sign, threshold};
use crate::bls::curve::G1;
use crate::bls::scalar::Scalar;
use crate::bls::{
    CombineError, G1_BYTES, G2_BYTES, KeyShare, PublicKey, SignatureShare, combine, verify,
};
use ally_codec::{Decode, DecodeError, Encode, Reader, Writer};
use ally_policy::{ServerIndex, ServerSet};

fn named(servers: &[u16]) -> CombineError {
    let culprits = servers.iter().copied().map(ServerIndex).collect();
    CombineError::Refused { culprits }
}

#[test]
fn wrong_shares_are_named_and_the_rest_still_signs() {
    let (dealt, message) = (dealt(&threshold(3, 6)), message());
    let good = sign(&dealt, &message, &ServerSet::first(6));
    let mut shares = good.clone();
    shares[1].1 = good[2].1.clone();
    shares[5].1 = SignatureShare::new(vec![G1::hash(b"noise", b"tag")]);
    assert_eq!(combine(&dealt.public, &message, &shares), Err(named(&[1, 5])));
    shares.retain(|(server, _)| ![1, 5].contains(&server.0));
    let signature = combine(&dealt.public, &message, &shares).unwrap();
    assert_eq!(combine(&dealt.public, &message, &good), Ok(signature));
}

#[test]
fn wrong_shares_that_cancel_out_make_the_one_signature() {
    // Lagrange coefficients 2 and -1: errors E and 2*E add up to nothing. Nobody is harmed, and no
    // verification of single shares is paid for.
    let (dealt, message) = (dealt(&threshold(2, 2)), message());
    let good = sign(&dealt, &message, &ServerSet::first(2));
    let signature = combine(&dealt.public, &message, &good);
    let error = G1::hash(b"error", b"tag");
    let wrong = |at: usize, times: u16| {
        let terms = [(good[at].1.points()[0], Scalar::small(1)), (error, Scalar::small(times))];
        SignatureShare::new(G1::linear_combination(&terms).into_iter().collect())
    };
    let shares = [(ServerIndex(0), wrong(0, 1)), (ServerIndex(1), wrong(1, 2))];
    assert_eq!(combine(&dealt.public, &message, &shares), signature);
    for (server, share) in &shares {
        assert!(!share.verify(&dealt.public, &message, *server));
    }
    let shares = [(ServerIndex(0), wrong(0, 1)), (ServerIndex(1), wrong(1, 1))];
    assert_eq!(combine(&dealt.public, &message, &shares), Err(named(&[0, 1])));
}

#[test]
fn shares_that_cannot_be_assigned_are_named() {
    let (dealt, message) = (dealt(&threshold(2, 3)), message());
    let good = sign(&dealt, &message, &ServerSet::first(3));
    let with = |server: u16, share: &SignatureShare| {
        let mut shares = good.clone();
        shares.push((ServerIndex(server), share.clone()));
        combine(&dealt.public, &message, &shares)
    };
    assert_eq!(with(0, &good[0].1), Err(named(&[0])), "twice");
    assert_eq!(with(3, &good[0].1), Err(named(&[3])), "no such leaf");
    assert_eq!(with(u16::MAX, &good[0].1), Err(named(&[u16::MAX])), "no such server");
    let mut shares = good.clone();
    shares[2].1 = SignatureShare::new(vec![]);
    assert_eq!(combine(&dealt.public, &message, &shares), Err(named(&[2])), "no point");
    assert!(!shares[2].1.verify(&dealt.public, &message, ServerIndex(2)));
    shares[2].1 = SignatureShare::new([good[2].1.points(), good[2].1.points()].concat());
    assert_eq!(combine(&dealt.public, &message, &shares), Err(named(&[2])), "two points");
    assert!(!shares[2].1.verify(&dealt.public, &message, ServerIndex(2)));
    assert!(!SignatureShare::new(vec![]).verify(&dealt.public, &message, ServerIndex(9)));
}

/// The point at infinity, compressed.
fn infinity<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    bytes[0] = 0xc0;
    bytes
}

/// A point on the curve E(Fp) that is not in the subgroup of prime order: the first x that has one.
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
fn points_outside_the_group_are_refused() {
    let (dealt, message) = (dealt(&threshold(1, 1)), message());
    let key = dealt.public.to_bytes();
    for bytes in [infinity(), outside_the_subgroup(), [0; G1_BYTES], [0xff; G1_BYTES]] {
        let share = [&1_u32.to_le_bytes()[..], &bytes].concat();
        let refused = DecodeError::Invalid("signature share: not a point of the group");
        assert_eq!(SignatureShare::from_bytes(&share), Err(refused));
        assert!(!verify(&key, &message, &bytes));
        assert!(!dealt.public.verify(&message, &bytes));
    }
    let good = dealt.shares[0].sign(&message);
    let signature = combine(&dealt.public, &message, &[(ServerIndex(0), good)]).unwrap();
    for length in 0..G1_BYTES {
        assert!(!dealt.public.verify(&message, &signature[..length]));
    }
    for key in [infinity(), [0; G2_BYTES], [0xff; G2_BYTES]] {
        assert!(!verify(&key, &message, &signature));
        // A key of infinity would accept the signature of infinity on everything.
        assert!(!verify(&key, &message, &infinity::<G1_BYTES>()));
        let refused = DecodeError::Invalid("commitment: not a point of the group");
        let read = PublicKey::decode_commitments(threshold(1, 1), &mut Reader::new(&key));
        assert_eq!(read, Err(refused));
    }
}

#[test]
fn commitments_that_give_a_leaf_no_secret_are_refused() {
    // f(x) = s - s*x: the first leaf gets f(1) = 0.
    let key = dealt(&threshold(1, 1)).public.to_bytes();
    let mut negated = key;
    negated[0] ^= 0x20;
    let bytes = [key, negated].concat();
    let read = PublicKey::decode_commitments(threshold(2, 2), &mut Reader::new(&bytes));
    assert_eq!(read, Err(DecodeError::Invalid("commitment: a key of zero")));
}

#[test]
fn claims_are_bounded_before_they_are_believed() {
    let claim = |count: u32| SignatureShare::from_bytes(&count.to_le_bytes()).unwrap_err();
    assert_eq!(claim(u32::MAX), DecodeError::TooLong { claimed: u32::MAX as usize, limit: 1024 });
    assert_eq!(claim(1024), DecodeError::Truncated { needed: 49_152, left: 0 });
    let key_share = |bytes: &[u8]| KeyShare::decode(&mut Reader::new(bytes)).err();
    let count = Some(DecodeError::Invalid("key share: number of leaves"));
    assert_eq!(key_share(&[0, 0, 0, 0]), count);
    assert_eq!(key_share(&[0, 0, 0xff, 0xff]), count);
    let order_of_the_group = "01000000fffffffffe5bfeff02a4bd5305d8a10908d83933487d9d2953a7ed73";
    let mut bytes = vec![0, 0, 1, 0];
    bytes.extend((0..32).map(|at| {
        u8::from_str_radix(&order_of_the_group[2 * at..2 * at + 2], 16).expect("hexadecimal")
    }));
    let range = Some(DecodeError::Invalid("key share: number out of range"));
    assert_eq!(key_share(&bytes), range, "r");
    bytes[4] = 0;
    assert_eq!(key_share(&bytes), None, "r - 1");
    bytes[4..].fill(0);
    assert_eq!(key_share(&bytes), range, "0");
}

#[test]
fn no_flipped_bit_survives() {
    let (dealt, message) = (dealt(&threshold(2, 3)), message());
    let shares = sign(&dealt, &message, &ServerSet::first(2));
    let signature = combine(&dealt.public, &message, &shares).unwrap();
    for bit in (0..signature.len() * 8).step_by(5) {
        let mut flipped = signature;
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(!dealt.public.verify(&message, &flipped), "bit {bit}");
    }
    let bytes = shares[0].1.to_bytes();
    for bit in (0..bytes.len() * 8).step_by(5) {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let read = SignatureShare::from_bytes(&flipped);
        assert!(
            !read.is_ok_and(|share| share.verify(&dealt.public, &message, ServerIndex(0))),
            "bit {bit}"
        );
    }
    let mut writer = Writer::new();
    dealt.public.encode_commitments(&mut writer);
    let bytes = writer.into_bytes();
    for bit in (0..bytes.len() * 8).step_by(13) {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let read = PublicKey::decode_commitments(threshold(2, 3), &mut Reader::new(&flipped));
        assert_ne!(read.as_ref(), Ok(&dealt.public), "bit {bit}");
    }
}
