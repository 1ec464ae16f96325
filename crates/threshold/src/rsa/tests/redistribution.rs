//! Keys of several dealers, refresh and reshare: all the way through the public interface, for all
//! policies of up to four leaves and all subsets; and what hostile dealers may send.

use ally_codec::{DecodeError, Encode};
use ally_policy::{Formula, ServerIndex, ServerSet};
use crypto_bigint::{BoxedUint, Resize};
use proptest::prelude::*;

use super::subsets::{check_subsets, trees};
use super::{
    TOY_BITS, deal, dealing, flat, generate, leaf, of_servers, plan, repeated, rng, sign_all,
    toy_primes,
};
use crate::deal::Dealt;
use crate::{
    Blame, CombineError, Contribution, DealError, Dealing, Handover, KeyShare, LeafShares,
    PartFault, PlanError, SecretPart, SignatureShare, combine,
};

const MESSAGE: &[u8] = b"one message, one signature";
const WIDTH: usize = TOY_BITS as usize / 8;

fn servers(list: &[u16]) -> ServerSet {
    list.iter().copied().map(ServerIndex).collect()
}

/// New shares by these dealers, everything as it would go over a wire.
fn hand_over(handover: &Handover, from: &Dealt, dealers: &ServerSet) -> Result<Dealt, PlanError> {
    let mut given: Vec<(ServerIndex, Contribution, Vec<SecretPart>)> = Vec::new();
    for share in from.shares.iter().filter(|share| dealers.contains(share.server())) {
        let (contribution, parts) = handover.deal(share, &mut rng()).unwrap();
        let read = handover.contribution(share.server(), &contribution.to_bytes()).unwrap();
        given.push((share.server(), read, parts));
    }
    let contributions: Vec<_> = given.iter().map(|(dealer, read, _)| (*dealer, read)).collect();
    let public = handover.public_key(&contributions)?;
    let share = |server: ServerIndex| {
        let part = |(dealer, read, parts): &(ServerIndex, Contribution, Vec<SecretPart>)| {
            let part = parts.iter().find(|part| part.server() == server).unwrap();
            (*dealer, handover.part(read, server, &part.encode()).unwrap())
        };
        let parts: Vec<_> = given.iter().map(part).collect();
        let own = from.shares.iter().find(|share| share.server() == server);
        handover.key_share(&public, own, &parts).unwrap()
    };
    let shares = handover.formula().servers().iter().map(share).collect();
    Ok(Dealt { public, shares })
}

fn signature(dealt: &Dealt) -> Vec<u8> {
    combine(&dealt.public, MESSAGE, &sign_all(dealt, MESSAGE)).unwrap()
}

#[test]
fn model_keys_of_several_dealers() {
    for leaves in 1..=4 {
        for tree in trees(leaves, 0) {
            check_subsets(&generate(2, &tree, 0), leaves);
        }
    }
    check_subsets(&generate(3, &repeated(), 0), 4);
    check_subsets(&generate(3, &flat(3, 0..4), 0), 4);
    check_subsets(&generate(4, &flat(3, 0..4), 0), 4);
}

/// Every policy of up to four leaves, refreshed by two servers and by one, then handed to another
/// policy by each set of servers that can, and refreshed there.
#[test]
fn model_every_policy_is_refreshed_and_reshared() {
    let all: Vec<(u16, Formula)> =
        (1..=4).flat_map(|leaves| trees(leaves, 0).into_iter().map(move |t| (leaves, t))).collect();
    for (at, (leaves, tree)) in all.iter().enumerate() {
        let (new_leaves, new) = &all[(7 * at + 3) % all.len()];
        let dealt = generate(1, tree, 4);
        let signed = signature(&dealt);
        let step = |dealt: &Dealt, dealers: &[u16]| {
            let handover = Handover::refresh(&dealt.public, dealt.public.epoch() + 2).unwrap();
            hand_over(&handover, dealt, &servers(dealers)).unwrap()
        };
        let dealt = step(&step(&dealt, &[0, leaves - 1]), &[0]);
        assert_eq!(check_subsets(&dealt, *leaves), signed);

        let handover = Handover::reshare(&dealt.public, new, 20).unwrap();
        for bits in 0..1u32 << leaves {
            let dealers = (0..*leaves).filter(|server| bits >> server & 1 == 1);
            let dealers: ServerSet = dealers.map(ServerIndex).collect();
            let reshared = hand_over(&handover, &dealt, &dealers);
            assert_eq!(reshared.is_ok(), tree.holds(&dealers), "{tree:?} {dealers:?}");
            let Ok(reshared) = reshared else { continue };
            assert_eq!(signature(&reshared), signed, "{tree:?} to {new:?}");
            if dealers.len() == usize::from(*leaves) {
                let again = step(&reshared, &[new_leaves - 1]);
                assert_eq!(check_subsets(&again, *new_leaves), signed, "{tree:?} to {new:?}");
            }
        }
    }
}

#[test]
fn keys_of_several_dealers_are_handed_over_and_lost_shares_come_back() {
    let dealt = generate(2, &repeated(), 0);
    let signed = signature(&dealt);
    let handover = Handover::refresh(&dealt.public, 1).unwrap();
    let refreshed = hand_over(&handover, &dealt, &servers(&[0, 2, 3])).unwrap();
    assert_eq!(check_subsets(&refreshed, 4), signed);
    // Server 3 has lost its share: the others give it a new one.
    let handover = Handover::reshare(&refreshed.public, &repeated(), 2).unwrap();
    let recovered = hand_over(&handover, &refreshed, &servers(&[0, 1, 2])).unwrap();
    assert_eq!(check_subsets(&recovered, 4), signed);
    assert_eq!(recovered.public.verifying_key(), dealt.public.verifying_key());
}

/// Not through their names, and not by arithmetic either.
#[test]
fn shares_of_different_epochs_never_combine() {
    let old = deal(&flat(2, 0..3), 0);
    let handover = Handover::refresh(&old.public, 1).unwrap();
    let new = hand_over(&handover, &old, &servers(&[0])).unwrap();
    let (before, after) = (sign_all(&old, MESSAGE), sign_all(&new, MESSAGE));
    let mixed = [after[0].clone(), before[1].clone()];
    let error = combine(&new.public, MESSAGE, &mixed).unwrap_err();
    let culprits = vec![(ServerIndex(1), Blame::OtherKey)];
    assert_eq!(error, CombineError::Refused { culprits });
    let renamed = |share: &SignatureShare| {
        let leaves = share.0.leaves().to_vec();
        SignatureShare(LeafShares::new(new.public.id(), share.server(), leaves))
    };
    let mixed = [after[0].clone(), (ServerIndex(1), renamed(&before[1].1))];
    let contributors = servers(&[0, 1]);
    let error = combine(&new.public, MESSAGE, &mixed).unwrap_err();
    assert_eq!(error, CombineError::Inconsistent { contributors });
    assert!(old.shares[0].check(&new.public).is_err());
}

/// Shares grow by the number of dealers first, then by a bit at most, and by a fixed amount with each
/// resharing; a key that has grown too long is not handed over any more.
#[test]
fn growth_is_bounded() {
    let bits = |dealt: &Dealt| 8 * (dealt.shares[0].encode().len() - 39);
    let mut dealt = deal(&flat(3, 0..4), 0);
    let fresh = bits(&dealt);
    let all = servers(&[0, 1, 2, 3]);
    for epoch in 1..=20 {
        let handover = Handover::refresh(&dealt.public, epoch).unwrap();
        dealt = hand_over(&handover, &dealt, &all).unwrap();
    }
    assert!((fresh..=fresh + 24).contains(&bits(&dealt)), "{fresh} {}", bits(&dealt));
    let signed = signature(&dealt);
    let mut steps = 0;
    let refused = loop {
        let handover = Handover::reshare(&dealt.public, &flat(3, 0..4), 21 + steps);
        match handover.and_then(|handover| hand_over(&handover, &dealt, &all)) {
            Ok(next) => dealt = next,
            Err(error) => break error,
        }
        steps += 1;
    };
    assert!((20..32).contains(&steps), "{steps}");
    assert_eq!(signature(&dealt), signed);
    assert!(matches!(refused, PlanError::TooLong { limit_bits: 4608, .. }), "{refused}");
}

#[test]
fn plans_that_cannot_be_are_refused() {
    let formula = flat(2, 0..3);
    let new = |scheme, moduli| crate::Plan::new(scheme, moduli, &formula, 0).map(|_| ());
    for scheme in crate::Scheme::ALL {
        for moduli in 0..=5 {
            let allowed = match scheme.modulus_bits() {
                Some(bits) => match moduli {
                    1 => true,
                    2 => bits >= 4096,
                    3 => bits == 6144,
                    4 => bits == 8192,
                    _ => false,
                },
                None => moduli == 1,
            };
            assert_eq!(new(scheme, moduli).is_ok(), allowed, "{scheme} {moduli}");
        }
    }
    let wide = Formula::gate(7, (0..400).map(|at| leaf(at % 256)).collect()).unwrap();
    let error = crate::Plan::new(crate::Scheme::Rsa2048, 1, &wide, 0).map(|_| ()).unwrap_err();
    assert_eq!(error, PlanError::TooWide { limit_bits: 2048 });

    let dealt = deal(&formula, 5);
    let error = Handover::refresh(&dealt.public, 5).map(|_| ()).unwrap_err();
    assert_eq!(error, PlanError::Epoch { from: 5, epoch: 5 });
    let error = Handover::reshare(&dealt.public, &wide, 6).map(|_| ()).unwrap_err();
    assert_eq!(error, PlanError::TooWide { limit_bits: 2048 });
    let digests = [
        plan(1, &formula, 0).digest(),
        plan(2, &formula, 0).digest(),
        plan(1, &formula, 1).digest(),
        plan(1, &flat(2, 0..4), 0).digest(),
        Handover::refresh(&dealt.public, 6).unwrap().digest(),
        Handover::refresh(&dealt.public, 7).unwrap().digest(),
        Handover::reshare(&dealt.public, &formula, 6).unwrap().digest(),
    ];
    for (at, digest) in digests.iter().enumerate() {
        assert!(!digests[..at].contains(digest));
    }
}

#[test]
fn what_does_not_belong_together_is_refused() {
    let plan_of = |epoch| plan(2, &flat(2, 0..3), epoch);
    let plan = plan_of(0);
    let dealings: Vec<Dealing> = toy_primes()[..2].iter().map(|p| dealing(&plan, p)).collect();
    let (first, second) = (&dealings[0].0, &dealings[1].0);
    let key = |all: &[&Contribution]| plan.public_key(all).map(|_| ());
    assert_eq!(key(&[first, second]), Ok(()));
    assert_eq!(key(&[first]), Err(PlanError::Count { expected: 2, actual: 1 }));
    assert_eq!(key(&[first; 3]), Err(PlanError::Count { expected: 2, actual: 3 }));
    assert_eq!(key(&[first, first]), Err(PlanError::CommonFactor { first: 0, second: 1 }));
    // A modulus that shares only one prime.
    let crossed = (toy_primes()[0].0.clone(), toy_primes()[1].1.clone());
    let crossed = dealing(&plan, &crossed).0;
    assert_eq!(key(&[&crossed, second]), Err(PlanError::CommonFactor { first: 0, second: 1 }));
    let other = dealing(&plan_of(1), &toy_primes()[0]).0;
    assert_eq!(key(&[&other, second]), Err(PlanError::OtherPlan));
    let bytes = dealings[0].1[0].encode();
    let fault = plan.part(&other, ServerIndex(0), &bytes).map(|_| ());
    assert_eq!(fault, Err(PartFault::OtherPlan));

    let public = plan.public_key(&[first, second]).unwrap();
    let part = |dealer: usize, server: u16| {
        let bytes = dealings[dealer].1[usize::from(server)].encode();
        plan.part(&dealings[dealer].0, ServerIndex(server), &bytes).unwrap()
    };
    let share = |parts: &[SecretPart]| plan.key_share(&public, parts).map(|_| ());
    assert_eq!(share(&[part(0, 1), part(1, 1)]), Ok(()));
    assert_eq!(share(&[]), Err(PlanError::Count { expected: 1, actual: 0 }));
    assert_eq!(share(&[part(0, 1)]), Err(PlanError::Mismatch { leaf: 1 }));
    assert_eq!(share(&[part(1, 1), part(0, 1)]), Err(PlanError::Mismatch { leaf: 1 }));
    assert_eq!(share(&[part(0, 1), part(1, 2)]), Err(PlanError::OtherPlan));
}

#[test]
fn handovers_take_only_what_is_their_own() {
    let dealt = deal(&repeated(), 0);
    let stranger = deal(&repeated(), 1);
    let refresh = Handover::refresh(&dealt.public, 9).unwrap();
    let reshare = Handover::reshare(&dealt.public, &flat(2, 0..3), 9).unwrap();
    for handover in [&refresh, &reshare] {
        let error = handover.deal(&stranger.shares[0], &mut rng()).map(|_| ()).unwrap_err();
        assert_eq!(error, DealError::OtherKey);
    }
    let (given, parts) = refresh.deal(&dealt.shares[0], &mut rng()).unwrap();
    let zero = ServerIndex(0);
    let key = |all: &[(ServerIndex, &Contribution)]| refresh.public_key(all).map(|_| ());
    assert_eq!(key(&[]), Err(PlanError::Count { expected: 1, actual: 0 }));
    assert_eq!(key(&[(ServerIndex(1), &given)]), Err(PlanError::OtherPlan));
    assert_eq!(key(&[(zero, &given); 2]), Err(PlanError::Duplicate { dealer: zero }));
    let (foreign, _) = reshare.deal(&dealt.shares[0], &mut rng()).unwrap();
    assert_eq!(key(&[(zero, &foreign)]), Err(PlanError::OtherPlan));
    let not_qualified = reshare.public_key(&[(zero, &foreign)]).map(|_| ());
    assert_eq!(not_qualified.is_ok(), dealt.public.formula().holds(&servers(&[0])));
    assert!(refresh.contribution(ServerIndex(7), &given.to_bytes()).is_err());

    // Without the old share, with somebody else's, and with one of another key.
    let public = refresh.public_key(&[(zero, &given)]).unwrap();
    let mine = |part: &SecretPart| {
        let server = part.server();
        vec![(zero, refresh.part(&given, server, &part.encode()).unwrap())]
    };
    let share =
        |own: Option<&KeyShare>| refresh.key_share(&public, own, &mine(&parts[1])).map(|_| ());
    assert_eq!(share(Some(&dealt.shares[1])), Ok(()));
    for own in [None, Some(&dealt.shares[0]), Some(&stranger.shares[1])] {
        assert_eq!(share(own), Err(PlanError::OtherPlan));
    }
    let later = Handover::refresh(&dealt.public, 10).unwrap();
    let other = later.key_share(&public, Some(&dealt.shares[1]), &mine(&parts[1]));
    assert_eq!(other.map(|_| ()), Err(PlanError::OtherPlan));
}

fn wide(number: &BoxedUint) -> Vec<u8> {
    let bytes = number.to_be_bytes();
    bytes[bytes.len() - WIDTH..].to_vec()
}

/// Each field of a contribution broken in turn, and the fault named.
#[test]
fn broken_contributions_are_refused_by_their_fault() {
    let plan = plan(2, &repeated(), 0);
    let good = dealing(&plan, &toy_primes()[0]).0.to_bytes();
    let read = |bytes: &[u8]| plan.contribution(bytes).map(|_| ());
    let with = |field: usize, bytes: &[u8]| {
        let mut changed = good.clone();
        changed[field * WIDTH..(field + 1) * WIDTH].copy_from_slice(bytes);
        read(&changed)
    };
    let modulus = &good[..WIDTH];
    let invalid = |what| Err(DecodeError::Invalid(what));
    assert_eq!(read(&good), Ok(()));

    let mut small = modulus.to_vec();
    small[0] = 0xe0;
    assert_eq!(with(0, &small), invalid("modulus: too small"));
    let mut even = modulus.to_vec();
    even[WIDTH - 1] ^= 1;
    assert_eq!(with(0, &even), invalid("modulus: it has a small factor"));
    // N + 65521 - N mod 65521 is a multiple of the largest prime below 2^16; made odd.
    let n = BoxedUint::from_be_slice_vartime(modulus);
    let rest = modulus.iter().fold(0u64, |rest, byte| (256 * rest + u64::from(*byte)) % 65_521);
    let mut multiple = n.wrapping_add(BoxedUint::from(65_521 - rest));
    if !multiple.bit_vartime(0) {
        multiple = multiple.wrapping_add(BoxedUint::from(65_521u64));
    }
    assert_eq!(with(0, &wide(&multiple)), invalid("modulus: it has a small factor"));
    assert_eq!(with(1, modulus), invalid("root: not below the modulus"));
    let no_root = invalid("root: no e-th root of the base");
    assert_eq!(with(1, &[0; WIDTH]), no_root);
    // Minus the root is one of minus the base.
    let root = BoxedUint::from_be_slice_vartime(&good[WIDTH..2 * WIDTH]);
    assert_eq!(with(1, &wide(&n.wrapping_sub(root))), no_root);
    let p = (*toy_primes()[0].0).clone().resize(TOY_BITS);
    for field in 2..good.len() / WIDTH {
        assert_eq!(with(field, modulus), invalid("commitment: not below the modulus"));
        assert_eq!(with(field, &[0xff; WIDTH]), invalid("commitment: not below the modulus"));
        assert_eq!(with(field, &[0; WIDTH]), invalid("commitment: not invertible"));
        assert_eq!(with(field, &wide(&p)), invalid("commitment: not invertible"));
    }
    for length in 0..good.len() {
        assert!(matches!(read(&good[..length]), Err(DecodeError::Truncated { .. })), "{length}");
    }
    let trailing = [&good[..], &[0]].concat();
    assert_eq!(read(&trailing), Err(DecodeError::TrailingBytes { left: 1 }));
}

#[test]
fn broken_contributions_to_a_handover_are_refused() {
    let dealt = generate(2, &repeated(), 0);
    let handovers = [
        Handover::refresh(&dealt.public, 1).unwrap(),
        Handover::reshare(&dealt.public, &flat(2, 0..3), 1).unwrap(),
    ];
    for handover in handovers {
        let good = handover.deal(&dealt.shares[0], &mut rng()).unwrap().0.to_bytes();
        let read = |bytes: &[u8]| handover.contribution(ServerIndex(0), bytes).map(|_| ());
        assert_eq!(read(&good), Ok(()));
        for field in 0..good.len() / WIDTH {
            for (value, what) in
                [(0, "commitment: not invertible"), (0xff, "commitment: not below the modulus")]
            {
                let mut changed = good.clone();
                changed[field * WIDTH..(field + 1) * WIDTH].fill(value);
                assert_eq!(read(&changed), Err(DecodeError::Invalid(what)), "{field}");
            }
        }
        for length in (0..good.len()).step_by(13) {
            assert!(matches!(read(&good[..length]), Err(DecodeError::Truncated { .. })));
        }
        let trailing = [&good[..], &[0]].concat();
        assert_eq!(read(&trailing), Err(DecodeError::TrailingBytes { left: 1 }));
    }
}

/// Each value of a part broken in turn: the leaf is named, or the length.
#[test]
fn broken_parts_are_refused_by_their_leaf() {
    let plan = plan(1, &repeated(), 0);
    let (contribution, parts) = dealing(&plan, &toy_primes()[0]);
    let dealt = generate(2, &repeated(), 0);
    let refresh = Handover::refresh(&dealt.public, 1).unwrap();
    let (zero, zeros) = refresh.deal(&dealt.shares[1], &mut rng()).unwrap();
    let reshare = Handover::reshare(&dealt.public, &repeated(), 1).unwrap();
    let (pieces, given) = reshare.deal(&dealt.shares[0], &mut rng()).unwrap();
    type Read<'a> = &'a dyn Fn(ServerIndex, &[u8]) -> Result<(), PartFault>;
    let cases: [(Read<'_>, &[SecretPart]); 3] = [
        (&|server, bytes| plan.part(&contribution, server, bytes).map(|_| ()), &parts),
        (&|server, bytes| refresh.part(&zero, server, bytes).map(|_| ()), &zeros),
        (&|server, bytes| reshare.part(&pieces, server, bytes).map(|_| ()), &given),
    ];
    for (read, parts) in cases {
        for part in parts {
            let (server, good) = (part.server(), part.encode());
            assert_eq!(read(server, &good), Ok(()));
            let leaves: Vec<usize> = dealt.public.access().leaves_of(server).collect();
            let width = good.len() / leaves.len();
            for (at, leaf) in leaves.iter().enumerate() {
                let mut bad = good.to_vec();
                bad[(at + 1) * width - 1] ^= 1;
                assert_eq!(read(server, &bad), Err(PartFault::Mismatch { leaf: *leaf }));
                let mut bad = good.to_vec();
                bad[at * width..(at + 1) * width].fill(0xff);
                let fault = read(server, &bad).unwrap_err();
                let named =
                    [PartFault::OutOfRange { leaf: *leaf }, PartFault::Mismatch { leaf: *leaf }];
                assert!(named.contains(&fault), "{fault}");
            }
            for actual in [0, good.len() - 1, good.len() + 1] {
                let mut bad = good.to_vec();
                bad.resize(actual, 0);
                let expected = good.len();
                assert_eq!(read(server, &bad), Err(PartFault::Length { expected, actual }));
            }
        }
        // Nothing is due to a server that holds nothing.
        assert_eq!(read(ServerIndex(200), &[]), Ok(()));
        let fault = PartFault::Length { expected: 0, actual: 1 };
        assert_eq!(read(ServerIndex(200), &[0]), Err(fault));
    }
}

/// A dealer that gives one server another secret than it committed to is found by that server, and
/// one that commits to other coefficients by some server.
#[test]
fn a_dealer_who_shares_something_else_is_found() {
    let plan = plan(1, &flat(2, 0..3), 0);
    let (_, parts) = dealing(&plan, &toy_primes()[0]);
    let (other, _) = dealing(&plan, &toy_primes()[1]);
    let part = &parts[1];
    let fault = plan.part(&other, part.server(), &part.encode()).map(|_| ());
    assert_eq!(fault, Err(PartFault::Mismatch { leaf: 1 }));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Any byte of a contribution changed: refused, or some server's part does not fit any more.
    #[test]
    fn prop_mutated_contributions(at: prop::sample::Index, value: u8, refresh: bool) {
        let dealt = deal(&flat(2, 0..3), 0);
        let handover = if refresh {
            Handover::refresh(&dealt.public, 1).unwrap()
        } else {
            Handover::reshare(&dealt.public, &flat(3, 1..5), 1).unwrap()
        };
        let plan = plan(1, &flat(2, 0..3), 0);
        let (fresh, fresh_parts) = dealing(&plan, &toy_primes()[0]);
        let (given, parts) = handover.deal(&dealt.shares[0], &mut rng()).unwrap();

        let mut bytes = fresh.to_bytes();
        let index = at.index(bytes.len());
        prop_assume!(bytes[index] != value);
        bytes[index] = value;
        if let Ok(read) = plan.contribution(&bytes) {
            let fits = |part: &SecretPart| plan.part(&read, part.server(), &part.encode()).is_ok();
            prop_assert!(!fresh_parts.iter().all(fits));
        }

        let mut bytes = given.to_bytes();
        let index = at.index(bytes.len());
        prop_assume!(bytes[index] != value);
        bytes[index] = value;
        if let Ok(read) = handover.contribution(ServerIndex(0), &bytes) {
            let fits =
                |part: &SecretPart| handover.part(&read, part.server(), &part.encode()).is_ok();
            prop_assert!(!parts.iter().all(fits));
        }
    }

    /// Any bytes at all: no panic, and nothing accepted that anything else fits to.
    #[test]
    fn prop_rubbish_is_refused(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let dealt = deal(&flat(2, 0..3), 0);
        let plan = plan(1, &flat(2, 0..3), 0);
        let handover = Handover::reshare(&dealt.public, &flat(3, 1..5), 1).unwrap();
        prop_assert!(plan.contribution(&bytes).is_err());
        // Two numbers below the modulus may be commitments: to what, the dealer would have to know.
        if let Ok(read) = handover.contribution(ServerIndex(0), &bytes) {
            prop_assert_eq!(bytes.len(), 2 * WIDTH);
            let (_, parts) = handover.deal(&dealt.shares[0], &mut rng()).unwrap();
            for part in parts {
                prop_assert!(handover.part(&read, part.server(), &part.encode()).is_err());
            }
        }
        let (given, _) = dealing(&plan, &toy_primes()[0]);
        prop_assert!(plan.part(&given, ServerIndex(0), &bytes).is_err());
    }
}

/// Everything from the search for primes on.
#[test]
fn dealers_search_for_primes_of_their_own() {
    struct Never;
    impl crate::Progress for Never {
        fn cancelled(&self) -> bool {
            true
        }
    }
    let plan = plan(2, &flat(2, 0..3), 0);
    assert_eq!(plan.deal(&mut rng(), &Never).map(|_| ()), Err(DealError::Cancelled));
    let mut rng = rng();
    let dealings = [(); 2].map(|()| plan.deal(&mut rng, &()).unwrap());
    let public = plan.public_key(&[&dealings[0].0, &dealings[1].0]).unwrap();
    let [first, second] = dealings.map(|(_, parts)| parts);
    let shares = first.into_iter().zip(second);
    let shares = shares.map(|(a, b)| plan.key_share(&public, &[a, b]).unwrap()).collect();
    check_subsets(&Dealt { public, shares }, 3);
}

/// All sets of new servers on a key that was handed over make the bytes of before.
#[test]
fn signatures_before_and_after_are_the_same_bytes() {
    let dealt = generate(3, &flat(2, 0..3), 0);
    let handover = Handover::reshare(&dealt.public, &flat(2, 2..5), 1).unwrap();
    let moved = hand_over(&handover, &dealt, &servers(&[0, 2])).unwrap();
    let before = signature(&dealt);
    let signed = sign_all(&moved, MESSAGE);
    for pair in [[2, 3], [2, 4], [3, 4]] {
        let some = of_servers(&signed, &servers(&pair));
        assert_eq!(combine(&moved.public, MESSAGE, &some), Ok(before.clone()));
    }
}
