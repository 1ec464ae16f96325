//! Keys made without a dealer, and refreshed; dealers that lie.

use super::{Holders, MESSAGE, rng, set, subsets, threshold};
use crate::frost::contribution::{Contribution, Dealing, SecretPart};
use crate::frost::group::{Point, SecretScalar};
use crate::frost::sharing::Polynomial;
use crate::frost::{Dealt, KeyShare, Plan, PublicKey, Refresh, SigningError};
use crate::{KeyShareError, PartFault, PlanError};
use ally_codec::{DecodeError, Encode};
use ally_policy::ServerIndex;

const CEREMONY: [u8; 32] = [9; 32];

fn plan(needed: u16, count: u16) -> Plan {
    Plan::new(CEREMONY, &threshold(needed, count), 3).expect("a plain threshold")
}

fn dealings(plan: &Plan, dealers: &[u16]) -> Vec<Dealing> {
    let deal = |dealer: &u16| {
        let mut rng = rng(100 + u64::from(*dealer));
        plan.deal(ServerIndex(*dealer), &mut rng).expect("a holder")
    };
    dealers.iter().map(deal).collect()
}

/// What a server does with what dealers send it, as bytes.
fn received(plan: &Plan, dealings: &[Dealing], server: u16) -> (PublicKey, KeyShare) {
    let read = |(given, _): &Dealing| {
        plan.contribution(given.dealer(), &given.digest(), &given.to_bytes()).expect("a right one")
    };
    let given: Vec<Contribution> = dealings.iter().map(read).collect();
    let public = plan.public_key(&given.iter().collect::<Vec<_>>()).expect("enough dealers");
    let part = |(given, (_, parts)): (&Contribution, &Dealing)| {
        let part = parts.iter().find(|part| part.server().0 == server).expect("one for each");
        plan.part(given, part.server(), &part.encode()).expect("a right part")
    };
    let parts: Vec<SecretPart> = given.iter().zip(dealings).map(part).collect();
    let share = plan.key_share(&public, &parts).expect("parts that fit");
    (public, share)
}

fn generated(needed: u16, count: u16, dealers: &[u16]) -> Dealt {
    let plan = plan(needed, count);
    let dealings = dealings(&plan, dealers);
    let mut keys = Vec::new();
    let mut shares = Vec::new();
    for server in 0..count {
        let (public, share) = received(&plan, &dealings, server);
        keys.push(public);
        shares.push(share);
    }
    assert!(keys.iter().all(|key| *key == keys[0]), "all come to one key");
    Dealt { public: keys.remove(0), shares }
}

fn refreshed(old: &Dealt, dealers: &[u16]) -> Dealt {
    let refresh = Refresh::new(&old.public, old.public.epoch() + 1).expect("a later epoch");
    let deal = |dealer: &u16| {
        let mut rng = rng(200 + u64::from(*dealer));
        refresh.deal(ServerIndex(*dealer), &mut rng).expect("a holder")
    };
    let dealings: Vec<Dealing> = dealers.iter().map(deal).collect();
    let read = |(given, _): &Dealing| refresh.contribution(given.dealer(), &given.to_bytes());
    let given: Vec<Contribution> = dealings.iter().map(|dealing| read(dealing).unwrap()).collect();
    let public = refresh.public_key(&given.iter().collect::<Vec<_>>()).expect("enough dealers");
    let share = |own: &KeyShare| {
        let part = |(given, (_, parts)): (&Contribution, &Dealing)| {
            let part = parts.iter().find(|part| part.server() == own.server()).expect("a part");
            refresh.part(given, own.server(), &part.encode()).expect("a right part")
        };
        let parts: Vec<SecretPart> = given.iter().zip(&dealings).map(part).collect();
        refresh.key_share(&public, own, &parts).expect("parts that fit")
    };
    let shares = old.shares.iter().map(share).collect();
    Dealt { public, shares }
}

#[test]
fn keys_without_a_dealer_sign_and_are_refreshed() {
    for (needed, count, dealers) in [
        (1, 1, &[0][..]),
        (1, 3, &[2]),
        (2, 3, &[0, 1, 2]),
        (3, 4, &[3, 0, 1]),
        (5, 5, &[0, 1, 2, 3, 4]),
    ] {
        let first = generated(needed, count, dealers);
        let second = refreshed(&first, dealers);
        assert_eq!(first.public.verifying_key(), second.public.verifying_key());
        assert_ne!(first.public.id(), second.public.id());
        let moved = first
            .shares
            .iter()
            .zip(&second.shares)
            .filter(|(old, new)| old.secret().encode() != new.secret().encode());
        assert_eq!(moved.count(), if needed == 1 { 0 } else { usize::from(count) });
        for dealt in [first, second] {
            let public = dealt.public.clone();
            let mut holders = Holders::new(dealt, 32, 8);
            for (index, signers) in (0..).zip(subsets(count)) {
                if signers.len() == usize::from(needed) {
                    let session = holders.session(MESSAGE, &signers, index);
                    let signature = session.aggregate(&holders.sign(&session)).unwrap();
                    assert!(public.verify(MESSAGE, &signature));
                }
            }
        }
    }
}

#[test]
fn epochs_do_not_mix() {
    let old = generated(2, 3, &[0, 1]);
    let new = refreshed(&old, &[1, 2]);
    assert_eq!(old.shares[0].check(&new.public), Err(KeyShareError::OtherKey));
    let (old, new) = (Holders::new(old, 1, 8), Holders::new(new, 1, 8));
    let mixed = [old.commitments(&set(&[0]), 0), new.commitments(&set(&[1]), 0)].concat();
    for public in [&old.dealt.public, &new.dealt.public] {
        let opened = crate::frost::Session::new(public, MESSAGE, &mixed);
        assert!(
            matches!(opened.err(), Some(SigningError::Refused { culprits }) if culprits.len() == 1)
        );
    }
    // Not even the numbers fit: a share of each epoch is not the key.
    let servers = [ServerIndex(0), ServerIndex(1)];
    let weight = |server| crate::frost::threshold::weight(server, &servers);
    let sum = weight(servers[0]) * old.dealt.shares[0].secret().number()
        + weight(servers[1]) * new.dealt.shares[1].secret().number();
    assert_ne!(SecretScalar::new(sum).times_base(), *new.dealt.public.root().point());
}

#[test]
fn contributions_other_than_those_committed_to_are_refused() {
    let plan = plan(2, 3);
    let [one, other] = [1, 2].map(|seed| plan.deal(ServerIndex(0), &mut rng(seed)).unwrap().0);
    let read = |dealer: u16, committed: &[u8; 32], bytes: &[u8]| {
        plan.contribution(ServerIndex(dealer), committed, bytes).err()
    };
    let swapped = DecodeError::Invalid("contribution: not the one committed to");
    assert_eq!(read(0, &one.digest(), &one.to_bytes()), None);
    assert_eq!(read(0, &one.digest(), &other.to_bytes()), Some(swapped));
    assert_eq!(read(1, &one.digest(), &one.to_bytes()), Some(swapped), "another dealer's");
    let unnamed = DecodeError::Invalid("dealer: the formula does not name it");
    assert_eq!(read(3, &one.digest(), &one.to_bytes()), Some(unnamed));
    assert_eq!(plan.deal(ServerIndex(3), &mut rng(1)).err(), Some(PlanError::OtherPlan));
}

/// A commitment to whatever bytes a liar shows.
fn read_lie(plan: &Plan, dealer: u16, bytes: &[u8]) -> Option<DecodeError> {
    let dealer = ServerIndex(dealer);
    let committed = crate::frost::contribution::digest(&plan.digest(), dealer, bytes);
    plan.contribution(dealer, &committed, bytes).err()
}

#[test]
fn a_dealer_that_does_not_know_its_value_is_refused() {
    let first = plan(2, 3);
    let honest = first.deal(ServerIndex(0), &mut rng(1)).unwrap().0;
    let bytes = honest.to_bytes();
    let unknown = Some(DecodeError::Invalid("contribution: the dealer does not know its value"));
    assert_eq!(read_lie(&first, 0, &bytes), None);
    assert_eq!(read_lie(&first, 1, &bytes), unknown, "the proof of another dealer");
    let other = Plan::new([8; 32], &threshold(2, 3), 3).unwrap();
    assert_eq!(read_lie(&other, 0, &bytes), unknown, "the proof of another ceremony");

    // A key of the liar's choice less the honest dealer's: the sum would be the liar's key.
    let (value, _) = honest.value.as_ref().unwrap();
    let own = SecretScalar::random(&mut rng(5));
    let rogue = Point::new(own.times_base() - value.point()).unwrap();
    let polynomial = Polynomial::new(own, 2, &mut || SecretScalar::random(&mut rng(6)));
    let nonce = SecretScalar::random(&mut rng(7));
    let mut lie = first.deal_with(ServerIndex(1), &polynomial, &nonce).unwrap().0;
    assert_eq!(read_lie(&first, 1, &lie.to_bytes()), None);
    lie.value.as_mut().unwrap().0 = rogue;
    assert_eq!(read_lie(&first, 1, &lie.to_bytes()), unknown);
    // No bit of the honest one may change.
    for bit in (0..bytes.len() * 8).step_by(3) {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(read_lie(&first, 0, &flipped).is_some(), "bit {bit}");
    }
    let short = DecodeError::Truncated { needed: 64, left: 63 };
    assert_eq!(read_lie(&first, 0, &bytes[..63]), Some(short));
    let long = [&bytes[..], &[0]].concat();
    assert_eq!(read_lie(&first, 0, &long), Some(DecodeError::TrailingBytes { left: 1 }));
}

#[test]
fn wrong_parts_name_the_dealer_and_others_do_not_take_its_key() {
    let plan = plan(2, 3);
    let (given, parts) = plan.deal(ServerIndex(0), &mut rng(1)).unwrap();
    let read = |bytes: &[u8]| plan.part(&given, ServerIndex(1), bytes).err();
    assert_eq!(read(&parts[1].encode()), None);
    assert_eq!(read(&parts[2].encode()), Some(PartFault::Mismatch { leaf: 1 }));
    assert_eq!(read(&[0; 32]), Some(PartFault::Mismatch { leaf: 1 }));
    assert_eq!(read(&[0xff; 32]), Some(PartFault::OutOfRange { leaf: 1 }));
    assert_eq!(read(&[]), Some(PartFault::Length { expected: 32, actual: 0 }));
    assert_eq!(read(&[0; 33]), Some(PartFault::Length { expected: 32, actual: 33 }));
    let stranger = plan.part(&given, ServerIndex(3), &parts[1].encode());
    assert_eq!(stranger.err(), Some(PartFault::OtherPlan));
    let other = Plan::new([8; 32], &threshold(2, 3), 3).unwrap();
    let foreign = other.part(&given, ServerIndex(1), &parts[1].encode());
    assert_eq!(foreign.err(), Some(PartFault::OtherPlan));
}

#[test]
fn what_does_not_belong_together_makes_no_key() {
    let plan = plan(2, 3);
    let mut all = dealings(&plan, &[0, 1, 2]);
    let given: Vec<Contribution> = all.iter().map(|(given, _)| given.clone()).collect();
    let key = |given: &[&Contribution]| plan.public_key(given);
    assert_eq!(key(&[&given[0]]), Err(PlanError::Count { expected: 2, actual: 1 }));
    let twice = PlanError::Duplicate { dealer: ServerIndex(0) };
    assert_eq!(key(&[&given[0], &given[1], &given[0]]), Err(twice));
    assert_eq!(key(&[&given[1], &given[0]]), key(&[&given[0], &given[1]]));
    let public = key(&[&given[0], &given[1]]).unwrap();

    // Parts of server 0 from dealers 0 and 2: not those of the key.
    let mut take = |dealer: usize| all[dealer].1.remove(0);
    let parts = [take(0), take(2)];
    let wrong = plan.key_share(&public, &parts).err();
    assert_eq!(wrong, Some(PlanError::Mismatch { leaf: 0 }));
    let [first, _] = parts;
    let few = plan.key_share(&public, &[first]).err();
    assert_eq!(few, Some(PlanError::Count { expected: 2, actual: 1 }));
    // What is left first in each list is for server 1 by now.
    let mixed = [take(0), all[1].1.remove(0)];
    assert_eq!(plan.key_share(&public, &mixed).err(), Some(PlanError::OtherPlan));
    assert!(plan.key_share(&public, &[]).is_err());

    let refresh = Refresh::new(&public, 4).unwrap();
    assert_eq!(refresh.public_key(&[&given[0], &given[1]]), Err(PlanError::OtherPlan));
    assert_eq!(Refresh::new(&public, 3).err(), Some(PlanError::Epoch { from: 3, epoch: 3 }));
    let zero = [0, 1].map(|dealer| refresh.deal(ServerIndex(dealer), &mut rng(3)).unwrap().0);
    assert_eq!(key(&[&zero[0], &zero[1]]), Err(PlanError::OtherPlan));
    assert!(refresh.deal(ServerIndex(3), &mut rng(3)).is_err());
    let renewed = refresh.public_key(&[&zero[0], &zero[1]]).unwrap();
    let old = generated(2, 3, &[0, 1]);
    let foreign = generated(3, 3, &[0, 1, 2]);
    for own in [&old.shares[1], &foreign.shares[0]] {
        let parts = [0, 1]
            .map(|dealer| refresh.deal(ServerIndex(dealer), &mut rng(3)).unwrap().1.remove(0));
        let wrong = refresh.key_share(&renewed, own, &parts).err();
        assert_eq!(wrong, Some(PlanError::OtherPlan), "a share of {:?}", own.server());
    }
    let unnamed = refresh.contribution(ServerIndex(3), &zero[0].to_bytes()).err();
    assert_eq!(unnamed, Some(DecodeError::Invalid("dealer: it holds no share of the key")));
}

/// A dealer of a refresh cannot share anything but 0: what it commits to has no constant, and parts
/// with one do not fit.
#[test]
fn a_refresh_cannot_move_the_key() {
    let old = generated(2, 3, &[0, 1]);
    let refresh = Refresh::new(&old.public, 4).unwrap();
    let draw = || SecretScalar::random(&mut rng(6));
    let honest = Polynomial::new(SecretScalar::zero(), 2, &mut draw.clone());
    let (given, _) = refresh.deal_with(ServerIndex(0), &honest).unwrap();
    let shifted = Polynomial::new(draw(), 2, &mut draw.clone());
    let part = shifted.share(ServerIndex(1)).encode();
    let wrong = refresh.part(&given, ServerIndex(1), &*part).err();
    assert_eq!(wrong, Some(PartFault::Mismatch { leaf: 1 }));
}
