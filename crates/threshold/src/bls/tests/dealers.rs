//! What hostile dealers may send: never a panic, always the right fault.

use super::{Held, MESSAGE, gate, leaf, part_of, rng, threshold};
use crate::bls::curve::{G2, G2_BYTES};
use crate::bls::scalar::SecretScalar;
use crate::{
    Contribution, Dealing, Handover, PartFault, Plan, PlanError, PublicKey, Scheme, SecretPart,
    combine,
};
use ally_codec::{DecodeError, Encode};
use ally_policy::{Formula, ServerIndex, ServerSet};
use proptest::prelude::*;

/// The order of the group, little-endian.
const ORDER: &str = "01000000fffffffffe5bfeff02a4bd5305d8a10908d83933487d9d2953a7ed73";

fn order() -> [u8; 32] {
    std::array::from_fn(|at| u8::from_str_radix(&ORDER[2 * at..2 * at + 2], 16).expect("digits"))
}

fn plan(formula: &Formula) -> Plan {
    Plan::new(Scheme::Bls12381, 1, formula, 1).unwrap()
}

fn deal(plan: &Plan, seed: u64) -> Dealing {
    plan.deal(&mut rng(seed), &()).unwrap()
}

fn refused(result: Result<Contribution, DecodeError>) -> DecodeError {
    result.err().expect("a contribution to be refused")
}

/// The compressed point times -1.
fn negated(point: &[u8]) -> Vec<u8> {
    let mut point = point.to_vec();
    point[0] ^= 0x20;
    point
}

/// A point on the curve around G2 but outside the group: the first x that has one.
fn outside_the_group() -> [u8; G2_BYTES] {
    use blst::{BLST_ERROR, min_sig::PublicKey as Point};
    let candidates = (1..=u8::MAX).map(|x| {
        let mut bytes = [0; G2_BYTES];
        (bytes[0], bytes[G2_BYTES - 1]) = (0x80, x);
        bytes
    });
    let on_curve = |bytes: &[u8; G2_BYTES]| {
        let point = Point::from_bytes(bytes);
        point.is_ok_and(|point| point.validate() == Err(BLST_ERROR::BLST_POINT_NOT_IN_GROUP))
    };
    candidates.into_iter().find(on_curve).expect("the group is a small part of the curve")
}

#[test]
fn contributions_have_one_length() {
    let plan = plan(&gate(2, [threshold(2, 3), leaf(3)]));
    let bytes = deal(&plan, 1).0.to_bytes();
    assert_eq!(bytes.len(), 3 * G2_BYTES);
    for length in [0, 1, G2_BYTES, bytes.len() - 1] {
        let truncated = DecodeError::Truncated { needed: bytes.len(), left: length };
        assert_eq!(refused(plan.contribution(&bytes[..length])), truncated);
    }
    let long = [&bytes[..], &bytes[..G2_BYTES]].concat();
    let trailing = DecodeError::TrailingBytes { left: G2_BYTES };
    assert_eq!(refused(plan.contribution(&long)), trailing);

    // A contribution over another formula has another length: nobody raises the threshold.
    let more = deal(&self::plan(&gate(2, [threshold(3, 3), leaf(3)])), 1).0.to_bytes();
    assert_eq!(refused(plan.contribution(&more)), trailing);
}

#[test]
fn commitments_outside_the_group_are_refused() {
    let held = Held::generated(&threshold(2, 3), 2);
    let plan = plan(&threshold(2, 3));
    let refresh = Handover::refresh(&held.public, 2).unwrap();
    let reshare = Handover::reshare(&held.public, &threshold(3, 3), 2).unwrap();
    let mut infinity = [0; G2_BYTES];
    infinity[0] = 0xc0;
    let outside = DecodeError::Invalid("commitment: not a point of the group");
    let fresh = deal(&plan, 1).0.to_bytes();
    let zero = refresh.deal(&held.shares[0], &mut rng(1)).unwrap().0.to_bytes();
    let again = reshare.deal(&held.shares[0], &mut rng(1)).unwrap().0.to_bytes();
    assert_eq!((zero.len(), again.len()), (G2_BYTES, 2 * G2_BYTES), "roots are not sent");
    let dealer = ServerIndex(0);
    for bad in [infinity, outside_the_group(), [0; G2_BYTES], [0xff; G2_BYTES]] {
        for at in 0..2 {
            let mut bytes = fresh.clone();
            bytes[at * G2_BYTES..][..G2_BYTES].copy_from_slice(&bad);
            assert_eq!(refused(plan.contribution(&bytes)), outside);
            let mut bytes = again.clone();
            bytes[at * G2_BYTES..][..G2_BYTES].copy_from_slice(&bad);
            assert_eq!(refused(reshare.contribution(dealer, &bytes)), outside);
        }
        assert_eq!(refused(refresh.contribution(dealer, &bad)), outside);
    }
    for handover in [refresh, reshare] {
        let stranger = refused(handover.contribution(ServerIndex(3), &zero));
        assert_eq!(stranger, DecodeError::Invalid("dealer: it holds no part of the key"));
        assert!(handover.contribution(dealer, &zero[1..]).is_err());
        assert!(handover.contribution(dealer, &[&again[..], &[0]].concat()).is_err());
    }
}

/// Whoever sees the others' contributions first could cancel them, or their highest coefficients.
#[test]
fn contributions_that_cancel_make_no_key() {
    let plan = plan(&threshold(2, 3));
    let bytes = deal(&plan, 1).0.to_bytes();
    let (root, coefficient) = bytes.split_at(G2_BYTES);
    let other = deal(&plan, 2).0.to_bytes();
    let honest = plan.contribution(&bytes).unwrap();
    let cancelling = [
        // The key itself, the coefficient that makes it 2 of 3, and the same thing once more.
        [&negated(root)[..], &other[G2_BYTES..]].concat(),
        [&other[..G2_BYTES], &negated(coefficient)[..]].concat(),
        [root, &other[G2_BYTES..]].concat(),
        bytes.clone(),
    ];
    for bytes in cancelling {
        let hostile = plan.contribution(&bytes).expect("nothing is wrong with it alone");
        assert_eq!(plan.public_key(&[&honest, &hostile]).err(), Some(PlanError::NoKey));
    }
    // A leaf of 0: f(1) = root + coefficient of the sum.
    let first = G2::sum(&[point(root), point(coefficient), point(&other[..G2_BYTES])]).unwrap();
    let bytes = [&other[..G2_BYTES], &negated(&first.encode())[..]].concat();
    let hostile = plan.contribution(&bytes).unwrap();
    assert_eq!(plan.public_key(&[&honest, &hostile]).err(), Some(PlanError::NoKey));

    let none = Some(PlanError::Count { expected: 1, actual: 0 });
    assert_eq!(plan.public_key(&[]).err(), none);
    assert!(plan.public_key(&[&honest]).is_ok());
    let elsewhere = self::plan(&threshold(2, 4));
    assert_eq!(elsewhere.public_key(&[&honest]).err(), Some(PlanError::OtherPlan));
}

fn point(bytes: &[u8]) -> G2 {
    G2::decode(bytes.try_into().expect("96 bytes")).expect("a point of the group")
}

#[test]
fn refreshes_that_cancel_make_no_key() {
    let held = Held::generated(&threshold(2, 3), 2);
    let handover = Handover::refresh(&held.public, 2).unwrap();
    // The old coefficient times -1: the sum would be 1 of 3.
    let bytes = held.public.to_bytes();
    let bytes = negated(&bytes[bytes.len() - G2_BYTES..]);
    let hostile = handover.contribution(ServerIndex(1), &bytes).unwrap();
    let refused = handover.public_key(&[(ServerIndex(1), &hostile)]);
    assert_eq!(refused.err(), Some(PlanError::NoKey));
    // In the name of somebody else, or twice.
    let misnamed = handover.public_key(&[(ServerIndex(0), &hostile)]);
    assert_eq!(misnamed.err(), Some(PlanError::OtherPlan));
    let twice = handover.public_key(&[(ServerIndex(1), &hostile), (ServerIndex(1), &hostile)]);
    assert_eq!(twice.err(), Some(PlanError::Duplicate { dealer: ServerIndex(1) }));
}

/// The verdict on every wrong part, for a reader that knows the right one.
fn check_parts(
    read: impl Fn(ServerIndex, &[u8]) -> Result<SecretPart, PartFault>,
    parts: &[SecretPart],
    leaves: &[(u16, Vec<usize>)],
) {
    for (server, leaves) in leaves {
        let server = ServerIndex(*server);
        let good = part_of(parts, server);
        let width = good.len() / leaves.len();
        assert!(read(server, &good).is_ok());
        for length in [0, good.len() - 1, good.len() + 1] {
            let mut bytes = good.to_vec();
            bytes.resize(length, 0);
            let expected = PartFault::Length { expected: good.len(), actual: length };
            assert_eq!(read(server, &bytes).err(), Some(expected));
        }
        for at in (0..good.len()).step_by(32) {
            let leaf = leaves[at / width];
            let with = |number: &[u8; 32]| {
                let mut bytes = good.to_vec();
                bytes[at..at + 32].copy_from_slice(number);
                read(server, &bytes).err()
            };
            assert_eq!(with(&order()), Some(PartFault::OutOfRange { leaf }));
            assert_eq!(with(&[0xff; 32]), Some(PartFault::OutOfRange { leaf }));
            assert_eq!(with(&[0; 32]), Some(PartFault::Mismatch { leaf }));
            let mut flipped: [u8; 32] = good[at..at + 32].try_into().unwrap();
            flipped[7] ^= 0x10;
            assert_eq!(with(&flipped), Some(PartFault::Mismatch { leaf }));
        }
    }
}

fn leaves_by_server(formula: &Formula) -> Vec<(u16, Vec<usize>)> {
    let leaves = formula.leaves();
    let own = |server: ServerIndex| {
        (server.0, (0..leaves.len()).filter(|leaf| leaves[*leaf] == server).collect())
    };
    formula.servers().iter().map(own).collect()
}

#[test]
fn wrong_parts_convict_the_dealer() {
    let formula = gate(2, [threshold(2, 3), leaf(0), gate(1, [leaf(3), leaf(1)])]);
    let plan = plan(&formula);
    let (given, parts) = deal(&plan, 1);
    let leaves = leaves_by_server(&formula);
    check_parts(|server, bytes| plan.part(&given, server, bytes), &parts, &leaves);

    let held = Held::generated(&formula, 2);
    let refresh = Handover::refresh(&held.public, 2).unwrap();
    let (given, parts) = refresh.deal(&held.shares[0], &mut rng(1)).unwrap();
    check_parts(|server, bytes| refresh.part(&given, server, bytes), &parts, &leaves);

    let to = gate(2, [leaf(4), leaf(5), leaf(4)]);
    let reshare = Handover::reshare(&held.public, &to, 2).unwrap();
    let (given, parts) = reshare.deal(&held.shares[0], &mut rng(1)).unwrap();
    assert_eq!(part_of(&parts, ServerIndex(4)).len(), 2 * 2 * 32, "two old leaves, two new ones");
    let leaves = leaves_by_server(&to);
    check_parts(|server, bytes| reshare.part(&given, server, bytes), &parts, &leaves);

    // Another server's part, and a part for somebody who gets none.
    let mismatch = reshare.part(&given, ServerIndex(5), &part_of(&parts, ServerIndex(4))[..64]);
    assert_eq!(mismatch.err(), Some(PartFault::Mismatch { leaf: 1 }));
    let nothing = PartFault::Length { expected: 0, actual: 64 };
    assert_eq!(reshare.part(&given, ServerIndex(0), &[1; 64]).err(), Some(nothing));
    assert_eq!(plan.part(&given, ServerIndex(0), &[1; 64]).err(), Some(PartFault::OtherPlan));
}

/// A dealer that shares something else than its old leaf commits to something else, and everybody
/// who gets a part sees it.
#[test]
fn nobody_reshares_what_it_does_not_hold() {
    let held = Held::generated(&threshold(2, 3), 2);
    let handover = Handover::reshare(&held.public, &threshold(2, 4), 2).unwrap();
    let (given, parts) = handover.deal(&held.shares[1], &mut rng(1)).unwrap();
    // The same bytes in the name of server 0, whose leaf has another verification key.
    let claimed = handover.contribution(ServerIndex(0), &given.to_bytes()).unwrap();
    for server in (0..4).map(ServerIndex) {
        let mismatch = PartFault::Mismatch { leaf: usize::from(server.0) };
        let verdict = handover.part(&claimed, server, &part_of(&parts, server));
        assert_eq!(verdict.err(), Some(mismatch));
    }
}

#[test]
fn parts_and_contributions_belong_together() {
    let formula = threshold(2, 3);
    let plan = plan(&formula);
    let [(first, first_parts), (second, second_parts)] = [deal(&plan, 1), deal(&plan, 2)];
    let public = plan.public_key(&[&first, &second]).unwrap();
    let part = |given: &Contribution, parts: &[SecretPart], server: u16| {
        let server = ServerIndex(server);
        plan.part(given, server, &part_of(parts, server)).unwrap()
    };
    let share = |parts: Vec<SecretPart>| plan.key_share(&public, &parts).err();
    let own = || part(&first, &first_parts, 0);
    assert_eq!(share(vec![own(), part(&second, &second_parts, 0)]), None);
    assert_eq!(share(vec![]), Some(PlanError::Count { expected: 1, actual: 0 }));
    assert_eq!(share(vec![own()]), Some(PlanError::Mismatch { leaf: 0 }));
    assert_eq!(share(vec![own(), own()]), Some(PlanError::Mismatch { leaf: 0 }));
    let mixed = vec![own(), part(&second, &second_parts, 1)];
    assert_eq!(share(mixed), Some(PlanError::OtherPlan));
}

/// Every flipped bit of a contribution is refused when it is read, or by whoever gets a part.
#[test]
fn no_flipped_bit_of_a_contribution_survives() {
    let plan = plan(&threshold(2, 2));
    let (given, parts) = deal(&plan, 1);
    let bytes = given.to_bytes();
    for bit in (0..bytes.len() * 8).step_by(7) {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        if let Ok(given) = plan.contribution(&flipped) {
            let part = plan.part(&given, ServerIndex(0), &part_of(&parts, ServerIndex(0)));
            assert_eq!(part.err(), Some(PartFault::Mismatch { leaf: 0 }), "bit {bit}");
        }
    }
}

/// A share of nothing: the sum of what two dealers gave a leaf is 0. Its key would be infinite, so
/// there is no such key.
#[test]
fn secrets_that_add_up_to_nothing_are_none() {
    let secret = SecretScalar::random(&mut rng(1));
    let mut opposite = [0; 32];
    let mut borrow = 0;
    for (at, (digit, own)) in order().iter().zip(secret.encode().iter()).enumerate() {
        let difference = i16::from(*digit) - i16::from(*own) - borrow;
        borrow = i16::from(difference < 0);
        opposite[at] = difference.rem_euclid(256) as u8;
    }
    let parts: [&[u8]; 2] = [&*secret.encode(), &opposite];
    let nothing = crate::bls::generation::secret(&parts);
    assert_eq!(nothing.err(), Some(PlanError::NoKey));
    assert!(crate::bls::generation::secret(&parts[..1]).is_ok());
    for bad in [&order()[..], &[1; 31], &[]] {
        assert!(crate::bls::generation::secret(&[parts[0], bad]).is_err());
        assert!(crate::bls::handover::refreshed_secret(parts[0], &[bad]).is_err());
    }
    // 0 is nothing wrong as one summand among others.
    let zero: &[u8] = &[0; 32];
    let same = crate::bls::handover::refreshed_secret(parts[0], &[zero]).unwrap();
    assert_eq!(&same[..], parts[0]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// No bytes make anybody panic, and none but the right ones pass.
    #[test]
    fn prop_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..400), server in 0_u16..5) {
        let plan = plan(&threshold(2, 3));
        let (given, _) = deal(&plan, 1);
        prop_assert!(plan.contribution(&bytes).is_err());
        let part = plan.part(&given, ServerIndex(server), &bytes);
        prop_assert_eq!(part.is_ok(), server >= 3 && bytes.is_empty());
    }
}

/// The whole ceremony with one dealer that is left out for a wrong part: the others' key signs.
#[test]
fn a_convicted_dealer_is_left_out() {
    let formula = threshold(2, 3);
    let plan = plan(&formula);
    let dealt: Vec<Dealing> = (1..=3).map(|seed| deal(&plan, seed)).collect();
    let wrong = part_of(&dealt[0].1, ServerIndex(1));
    let verdict = plan.part(&dealt[2].0, ServerIndex(1), &wrong);
    assert_eq!(verdict.err(), Some(PartFault::Mismatch { leaf: 1 }));

    let public = plan.public_key(&[&dealt[0].0, &dealt[1].0]).unwrap();
    let share = |server: u16| {
        let server = ServerIndex(server);
        let part = |(given, parts): &Dealing| plan.part(given, server, &part_of(parts, server));
        let parts: Result<Vec<_>, _> = dealt[..2].iter().map(part).collect();
        plan.key_share(&public, &parts.unwrap()).unwrap()
    };
    let signed: Vec<_> = (0..2)
        .map(|server| (ServerIndex(server), share(server).sign(&public, MESSAGE).unwrap()))
        .collect();
    assert!(combine(&public, MESSAGE, &signed).is_ok());
    let everyone: PublicKey =
        plan.public_key(&dealt.iter().map(|(given, _)| given).collect::<Vec<_>>()).unwrap();
    assert_ne!(everyone.verifying_key(), public.verifying_key());
    assert_eq!(formula.servers(), ServerSet::first(3));
}
