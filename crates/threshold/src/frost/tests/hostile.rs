//! What peers may send: never a panic, always the right name.

use super::{Holders, MESSAGE, dealt, set};
use crate::frost::commitment::{Commitment, CommitmentBatch};
use crate::frost::group::{Point, SecretScalar};
use crate::frost::{KeyShare, PublicKey, Session, SignatureShare, SigningError};
use crate::{Blame, KeyShareError, LeafFault};
use ally_codec::{Decode, DecodeError, Encode};
use ally_policy::ServerIndex;
use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION};
use curve25519_dalek::{EdwardsPoint, Scalar};

/// The order of the group, little-endian.
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// Encodings that the library reads, or nearly reads, and that are no point of the group: small
/// order and identity, points with a part of small order, y at or above p, negative zero, no point.
fn bad_points() -> Vec<[u8; 32]> {
    let mut bad: Vec<[u8; 32]> = EIGHT_TORSION.iter().map(|point| point.compress().0).collect();
    for torsion in &EIGHT_TORSION[1..] {
        bad.push((ED25519_BASEPOINT_POINT + torsion).compress().0);
    }
    for low in 0xed..=0xff {
        let mut above = [0xff; 32];
        above[0] = low;
        bad.push(above);
        above[31] = 0x7f;
        bad.push(above);
    }
    let mut negative_identity = [0; 32];
    (negative_identity[0], negative_identity[31]) = (1, 0x80);
    bad.push(negative_identity);
    // y = 2 is on the curve's twist.
    let mut no_point = [0; 32];
    no_point[0] = 2;
    bad.push(no_point);
    bad
}

#[test]
fn points_outside_the_group_are_not_read() {
    for bytes in bad_points() {
        assert_eq!(Point::decode(&bytes), None, "{bytes:02x?}");
    }
    let base = ED25519_BASEPOINT_POINT.compress().0;
    assert_eq!(Point::decode(&base), Point::new(ED25519_BASEPOINT_POINT));
}

#[test]
fn keys_commitments_and_batches_with_such_points_are_not_read() {
    let holders = Holders::new(dealt(2, 3), 3, 8);
    let outside = DecodeError::Invalid("commitment: not a point of the group");
    let key = holders.dealt.public.to_bytes();
    let batch = holders.batches[0].commitments().to_bytes();
    let commitment = holders.batches[0].commitments().commitment(2).unwrap().to_bytes();
    assert_eq!((commitment.len(), batch.len()), (110, 46 + 3 * 64));
    for bad in bad_points() {
        for at in [key.len() - 64, key.len() - 32] {
            let mut key = key.clone();
            key[at..at + 32].copy_from_slice(&bad);
            assert_eq!(PublicKey::from_bytes(&key), Err(outside));
        }
        for at in [46, 78] {
            let mut commitment = commitment.clone();
            commitment[at..at + 32].copy_from_slice(&bad);
            assert_eq!(Commitment::from_bytes(&commitment), Err(outside));
            let mut batch = batch.clone();
            batch[at + 128..at + 160].copy_from_slice(&bad);
            assert_eq!(CommitmentBatch::from_bytes(&batch), Err(outside));
        }
    }
}

#[test]
fn a_key_that_gives_a_server_no_share_is_not_read() {
    // f(x) = s - s*x: server 0 gets f(1) = 0.
    let key = dealt(2, 3).public;
    let mut bytes = key.to_bytes();
    let at = bytes.len() - 32;
    let negated = -key.root().point();
    bytes[at..].copy_from_slice(&negated.compress().0);
    let zero = Err(DecodeError::Invalid("commitment: a share of zero"));
    assert_eq!(PublicKey::from_bytes(&bytes), zero);
}

#[test]
fn numbers_above_the_order_are_not_read() {
    let mut holders = Holders::new(dealt(2, 3), 1, 8);
    let session = holders.session(MESSAGE, &set(&[0, 1]), 0);
    let shares = holders.sign(&session);
    for number in [ORDER, [0xff; 32]] {
        let mut bytes = shares[0].1.to_bytes();
        assert_eq!(SignatureShare::from_bytes(&bytes), Ok(shares[0].1));
        let at = bytes.len() - 32;
        bytes[at..].copy_from_slice(&number);
        let large = Err(DecodeError::Invalid("response: too large"));
        assert_eq!(SignatureShare::from_bytes(&bytes), large);
        let mut bytes = holders.dealt.shares[0].encode();
        bytes[at - 32..].copy_from_slice(&number);
        let large = DecodeError::Invalid("secret of a FROST key share");
        assert_eq!(KeyShare::decode(&bytes).err(), Some(large));
        assert!(SecretScalar::decode(&number).is_none());
    }
}

/// Two ways to write s would be two signatures.
#[test]
fn signatures_cannot_be_bent() {
    let mut holders = Holders::new(dealt(2, 3), 1, 8);
    let session = holders.session(MESSAGE, &set(&[0, 1]), 0);
    let signature = session.aggregate(&holders.sign(&session)).unwrap();
    let public = &holders.dealt.public;
    let mut above = signature;
    let mut carry = 0;
    for (byte, order) in above[32..].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        (*byte, carry) = (sum as u8, sum >> 8);
    }
    assert!(!public.verify(MESSAGE, &above));
    for length in [0, 63] {
        assert!(!public.verify(MESSAGE, &signature[..length]));
    }
    assert!(!public.verify(MESSAGE, &[&signature[..], &[0]].concat()));
    for bit in 0..512 {
        let mut flipped = signature;
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(!public.verify(MESSAGE, &flipped), "bit {bit}");
    }
}

fn refused(culprits: &[(u16, Blame)]) -> SigningError {
    let culprits = culprits.iter().map(|(server, blame)| (ServerIndex(*server), *blame));
    SigningError::Refused { culprits: culprits.collect() }
}

#[test]
fn wrong_sets_of_commitments_are_refused() {
    let holders = Holders::new(dealt(2, 3), 2, 8);
    let other = Holders::new(dealt(2, 2), 2, 8);
    let public = &holders.dealt.public;
    let good = holders.commitments(&set(&[0, 1, 2]), 0);
    let open = |commitments: &[_]| Session::new(public, MESSAGE, commitments).err();
    assert_eq!(open(&good), None);

    let twice = [good[0], good[1], holders.commitments(&set(&[0]), 1)[0]];
    assert_eq!(open(&twice), Some(refused(&[(0, Blame::Duplicate)])));
    let named = ServerIndex(1);
    let in_others_name = [good[0], (ServerIndex(2), good[1].1)];
    assert_eq!(open(&in_others_name), Some(refused(&[(2, Blame::OtherServer { named })])));
    let mut stranger = good[2];
    (stranger.0, stranger.1.server) = (ServerIndex(3), ServerIndex(3));
    let far = (ServerIndex(u16::MAX), Commitment { server: ServerIndex(u16::MAX), ..stranger.1 });
    let strangers = [(3, Blame::UnknownServer), (u16::MAX, Blame::UnknownServer)];
    assert_eq!(open(&[good[0], good[1], stranger, far]), Some(refused(&strangers)));
    let foreign = other.commitments(&set(&[1]), 0)[0];
    assert_eq!(open(&[good[0], foreign]), Some(refused(&[(1, Blame::OtherKey)])));
    let missing = set(&[0, 2]);
    assert_eq!(open(&good[1..2]), Some(SigningError::NotQualified { missing }));
    let missing = set(&[0, 1, 2]);
    assert_eq!(open(&[]), Some(SigningError::NotQualified { missing }));
}

/// Commitments chosen to cancel the others' do not: the binding factors are not known before.
#[test]
fn commitments_made_of_others_name_who_made_them() {
    let mut holders = Holders::new(dealt(2, 2), 1, 8);
    let mut commitments = holders.commitments(&set(&[0, 1]), 0);
    let honest = commitments[0].1.points;
    let negated = |point: &Point| Point::new(-point.point()).expect("not the identity");
    commitments[1].1.points.hiding = negated(&honest.hiding);
    commitments[1].1.points.binding = negated(&honest.binding);
    let session = Session::new(&holders.dealt.public, MESSAGE, &commitments).expect("a session");
    let reserved = holders.batches[0].reserve(std::slice::from_ref(&session)).unwrap();
    let nonces = reserved.persist(&mut holders.stores[0]).unwrap().pop().unwrap();
    let right = nonces.sign(&holders.dealt.shares[0]).unwrap();
    let wrong = SignatureShare { server: ServerIndex(1), response: -right.response, ..right };
    let answers = [(ServerIndex(0), right), (ServerIndex(1), wrong)];
    let blame = Blame::Leaf { leaf: 1, fault: LeafFault::Wrong };
    assert_eq!(session.aggregate(&answers), Err(refused(&[(1, blame)])));
}

#[test]
fn wrong_shares_are_named_and_the_rest_signs_another_time() {
    let mut holders = Holders::new(dealt(3, 5), 2, 8);
    let session = holders.session(MESSAGE, &set(&[0, 1, 2, 3, 4]), 0);
    let good = holders.sign(&session);
    let mut shares = good.clone();
    shares[1].1.response += Scalar::ONE;
    shares[4].1.response = Scalar::ZERO;
    let wrong = |leaf| Blame::Leaf { leaf, fault: LeafFault::Wrong };
    let culprits = refused(&[(1, wrong(1)), (4, wrong(4))]);
    assert_eq!(session.aggregate(&shares), Err(culprits));
    let verdict = |at: usize| session.verify_share(shares[at].0, &shares[at].1);
    assert_eq!((verdict(0), verdict(1), verdict(4)), (Ok(()), Err(wrong(1)), Err(wrong(4))));
    let missing = set(&[1, 4]);
    shares.retain(|(server, _)| !missing.contains(*server));
    assert_eq!(session.aggregate(&shares), Err(SigningError::Incomplete { missing }));
    assert!(session.aggregate(&good).is_ok());

    let session = holders.session(MESSAGE, &set(&[0, 2, 3]), 1);
    assert!(session.aggregate(&holders.sign(&session)).is_ok());
}

/// Errors that cancel out make the right signature. Nobody is harmed, and no share is checked.
#[test]
fn wrong_shares_that_cancel_out_make_a_signature() {
    let mut holders = Holders::new(dealt(2, 2), 1, 8);
    let session = holders.session(MESSAGE, &set(&[0, 1]), 0);
    let mut shares = holders.sign(&session);
    let signature = session.aggregate(&shares);
    shares[0].1.response += Scalar::from(5_u64);
    shares[1].1.response -= Scalar::from(5_u64);
    assert_eq!(session.aggregate(&shares), signature);
}

#[test]
fn shares_for_something_else_are_refused_before_any_arithmetic() {
    let mut holders = Holders::new(dealt(2, 3), 3, 8);
    let session = holders.session(MESSAGE, &set(&[0, 1]), 0);
    let good = holders.sign(&session);
    let other = holders.session(b"another message", &set(&[0, 1]), 1);
    let answered_other = holders.sign(&other);
    let wider = holders.session(MESSAGE, &set(&[0, 1, 2]), 2);
    let from_wider = holders.sign(&wider);

    let of = |shares: &[_]| session.aggregate(shares);
    let blame = |blame| Err(refused(&[(1, blame)]));
    assert_eq!(of(&[good[0], answered_other[1]]), blame(Blame::OtherSession));
    assert_eq!(of(&[good[0], from_wider[1]]), blame(Blame::OtherSession));
    assert_eq!(of(&[good[0], good[1], good[1]]), blame(Blame::Duplicate));
    let named = ServerIndex(0);
    assert_eq!(of(&[(ServerIndex(1), good[0].1)]), blame(Blame::OtherServer { named }));
    let mut foreign = good[1];
    foreign.1.key.0[0] ^= 1;
    assert_eq!(of(&[good[0], foreign]), blame(Blame::OtherKey));
    let outsider = [good[0], good[1], from_wider[2]];
    assert_eq!(of(&outsider), Err(refused(&[(2, Blame::UnknownServer)])));
    assert_eq!(session.verify_share(ServerIndex(2), &good[0].1), Err(Blame::UnknownServer));
    assert_eq!(of(&[]), Err(SigningError::Incomplete { missing: set(&[0, 1]) }));
}

/// Whoever shows a server other commitments gets a share that fits nothing, and blames nobody.
#[test]
fn a_coordinator_that_shows_two_lists_cannot_have_a_server_blamed() {
    let mut holders = Holders::new(dealt(2, 3), 2, 8);
    let shown = holders.session(MESSAGE, &set(&[0, 2]), 0);
    let session = holders.session(MESSAGE, &set(&[0, 1]), 0);
    let deceived = holders.sign(&shown)[0];
    let verdict = session.verify_share(ServerIndex(0), &deceived.1);
    assert_eq!(verdict, Err(Blame::OtherSession));
    assert_eq!(shown.verify_share(ServerIndex(0), &deceived.1), Ok(()));
}

#[test]
fn key_shares_that_do_not_fit_are_noticed() {
    let (one, other) = (dealt(2, 3), dealt(2, 2));
    let share = &one.shares[1];
    assert_eq!(share.check(&other.public), Err(KeyShareError::OtherKey));
    let mut bytes = share.encode();
    let at = bytes.len() - 32;
    bytes[at] ^= 1;
    let damaged = KeyShare::decode(&bytes).expect("a number");
    assert_eq!(damaged.check(&one.public), Err(KeyShareError::Mismatch { leaf: 1 }));
    bytes[34] = 9;
    let stranger = KeyShare::decode(&bytes).expect("a number");
    assert_eq!(stranger.check(&one.public), Err(KeyShareError::OtherKey));
}

#[test]
fn sizes_are_checked_before_anything_is_set_aside() {
    let holders = Holders::new(dealt(2, 3), 2, 8);
    let mut bytes = holders.batches[0].commitments().to_bytes();
    bytes[44..46].copy_from_slice(&[0, 0]);
    let empty = DecodeError::Invalid("size of a FROST commitment batch");
    assert_eq!(CommitmentBatch::from_bytes(&bytes), Err(empty));
    bytes[44..46].copy_from_slice(&[1, 1]);
    let long = DecodeError::TooLong { claimed: 257, limit: 256 };
    assert_eq!(CommitmentBatch::from_bytes(&bytes), Err(long));
    bytes[44..46].copy_from_slice(&[0, 1]);
    let short = DecodeError::Truncated { needed: 256 * 64, left: 128 };
    assert_eq!(CommitmentBatch::from_bytes(&bytes), Err(short));
    let mut commitment = holders.batches[0].commitments().commitment(0).unwrap().to_bytes();
    commitment[45] = 1;
    let past = DecodeError::Invalid("index of a FROST commitment");
    assert_eq!(Commitment::from_bytes(&commitment), Err(past));
    let identity = EdwardsPoint::default();
    assert_eq!(Point::new(identity), None);
}
