//! Keys that nobody dealt, refreshed and reshared: the same signatures over every small policy.

use super::subsets::trees;
use super::{Held, MESSAGE, gate, leaf, rng, subsets, threshold};
use crate::signature_share::LeafShares;
use crate::{
    Blame, CombineError, DealError, Handover, LeafFault, PlanError, PublicKey, SignatureShare,
    combine,
};
use ally_codec::{Decode, Encode};
use ally_policy::{Formula, ServerIndex, ServerSet};
use proptest::prelude::*;

/// Every set signs iff the formula holds on it, all to the bytes of `signature`.
fn check_all_subsets(held: &Held, signature: &[u8]) {
    let formula = held.public.formula();
    let shares = held.sign(MESSAGE, &formula.servers());
    for set in subsets(&formula.servers()) {
        let chosen = shares.iter().filter(|(server, _)| set.contains(*server)).cloned();
        let combined = combine(&held.public, MESSAGE, &chosen.collect::<Vec<_>>());
        if formula.holds(&set) {
            assert_eq!(combined.as_deref(), Ok(signature), "{formula:?} {set:?}");
        } else {
            let missing = formula.servers().difference(&set);
            assert_eq!(combined, Err(CombineError::NotQualified { missing }), "{formula:?}");
        }
    }
}

fn signature(held: &Held) -> Vec<u8> {
    let everyone = held.public.formula().servers();
    combine(&held.public, MESSAGE, &held.sign(MESSAGE, &everyone)).expect("all together sign")
}

/// For each formula: a key generated over it, that key refreshed, and reshared to the next formula.
fn check_policies(policies: &[Formula]) {
    for (formula, next) in policies.iter().zip(policies.iter().cycle().skip(1)) {
        let generated = Held::generated(formula, 2);
        let signature = signature(&generated);
        assert!(generated.public.verify(MESSAGE, &signature));
        check_all_subsets(&generated, &signature);
        let handover = Handover::refresh(&generated.public, 2).unwrap();
        let refreshed = generated.handed_over(&handover, &ServerSet::first(2));
        check_all_subsets(&refreshed, &signature);
        let fewest = subsets(&formula.servers()).into_iter().filter(|set| formula.holds(set));
        let fewest = fewest.min_by_key(ServerSet::len).expect("all together");
        let reshared = refreshed.reshared(next, &fewest);
        check_all_subsets(&reshared, &signature);
        assert_eq!(reshared.public.verifying_key(), generated.public.verifying_key());
    }
}

#[test]
fn all_subsets_of_all_trees_up_to_four_leaves() {
    for count in 1..=4 {
        check_policies(&trees(0, count, &|leaf| leaf));
    }
}

#[test]
fn all_subsets_of_all_trees_of_five_leaves() {
    check_policies(&trees(0, 5, &|leaf| leaf));
}

#[test]
fn all_subsets_where_a_server_stands_at_several_leaves() {
    check_policies(&trees(0, 4, &|leaf| leaf % 2));
}

/// Every qualified set of dealers hands over the same key; no other set hands over any.
#[test]
fn any_qualified_dealers_reshare() {
    let from =
        gate(2, [gate(2, [leaf(0), leaf(1), leaf(2)]), leaf(0), gate(1, [leaf(3), leaf(1)])]);
    let to = gate(2, [leaf(7), leaf(0), gate(2, [leaf(8), leaf(9)])]);
    let old = Held::generated(&from, 3);
    let signature = signature(&old);
    let handover = Handover::reshare(&old.public, &to, 2).unwrap();
    for dealers in subsets(&from.servers()) {
        if from.holds(&dealers) {
            let new = old.handed_over(&handover, &dealers);
            check_all_subsets(&new, &signature);
            assert_eq!(PublicKey::from_bytes(&new.public.to_bytes()), Ok(new.public.clone()));
        } else {
            let holders = old.shares.iter().filter(|own| dealers.contains(own.server()));
            let given: Vec<_> = holders
                .map(|own| (own.server(), handover.deal(own, &mut rng(1)).unwrap().0))
                .collect();
            let given: Vec<_> = given.iter().map(|(dealer, given)| (*dealer, given)).collect();
            assert_eq!(handover.public_key(&given).err(), Some(PlanError::NotQualified));
        }
    }
}

/// Any one dealer refreshes, and after it has no old share fits a new one.
#[test]
fn any_dealers_refresh() {
    let formula = gate(2, [gate(2, [leaf(0), leaf(1), leaf(2)]), leaf(0), leaf(3)]);
    let old = Held::generated(&formula, 2);
    let signature = signature(&old);
    let handover = Handover::refresh(&old.public, 5).unwrap();
    for dealers in subsets(&formula.servers()).into_iter().filter(|set| !set.is_empty()) {
        let new = old.handed_over(&handover, &dealers);
        check_all_subsets(&new, &signature);
        for (old, new) in old.shares.iter().zip(&new.shares) {
            assert_ne!(old.encode()[39..], new.encode()[39..], "secrets of {:?}", old.server());
        }
    }
    assert_eq!(handover.public_key(&[]).err(), Some(PlanError::Count { expected: 1, actual: 0 }));
}

/// Below gates of which one child is enough there is nothing to add.
#[test]
fn what_cannot_be_refreshed_stays() {
    for formula in [leaf(0), threshold(1, 3), gate(1, [leaf(0), gate(1, [leaf(1), leaf(2)])])] {
        let old = Held::generated(&formula, 2);
        let new = old.refreshed();
        assert_eq!(signature(&old), signature(&new));
        assert_ne!(old.public.id(), new.public.id(), "another epoch");
    }
    // Only the part under the other gate changes.
    let half = gate(1, [leaf(0), gate(2, [leaf(1), leaf(2)])]);
    let (old, new) = (Held::generated(&half, 2), Held::generated(&half, 2).refreshed());
    let same: Vec<bool> = old
        .shares
        .iter()
        .zip(&new.shares)
        .map(|(old, new)| old.encode()[39..] == new.encode()[39..])
        .collect();
    assert_eq!(same, [true, false, false]);
}

/// Shares of two epochs do not combine: by their name, nor when one is relabelled.
#[test]
fn epochs_never_mix() {
    let formula = threshold(2, 4);
    let old = Held::generated(&formula, 2);
    let refreshed = old.refreshed();
    let again = refreshed.reshared(&formula, &ServerSet::first(3));
    for (one, other) in
        [(&old, &refreshed), (&refreshed, &old), (&refreshed, &again), (&again, &old)]
    {
        let everyone = formula.servers();
        let (shares, foreign) = (one.sign(MESSAGE, &everyone), other.sign(MESSAGE, &everyone));
        for set in subsets(&everyone) {
            let choose = |(ours, theirs): (&(ServerIndex, _), &(_, _))| {
                if set.contains(ours.0) { ours.clone() } else { theirs.clone() }
            };
            let mixed: Vec<_> = shares.iter().zip(&foreign).map(choose).collect();
            let outside: Vec<_> = everyone.difference(&set).iter().collect();
            let combined = combine(&one.public, MESSAGE, &mixed);
            if outside.is_empty() {
                assert!(combined.is_ok());
                continue;
            }
            let culprits = outside.iter().map(|server| (*server, Blame::OtherKey)).collect();
            assert_eq!(combined, Err(CombineError::Refused { culprits }));
            // Under the right name, each is provably wrong.
            let relabel = |(server, share): &(ServerIndex, SignatureShare)| {
                let leaves = share.0.leaves().to_vec();
                (*server, SignatureShare(LeafShares::new(one.public.id(), *server, leaves)))
            };
            let mixed: Vec<_> = mixed.iter().map(relabel).collect();
            let wrong = |server: &ServerIndex| {
                let leaf = usize::from(server.0);
                (*server, Blame::Leaf { leaf, fault: LeafFault::Wrong })
            };
            let culprits = outside.iter().map(wrong).collect();
            // The leftmost two are enough, and nobody looks at the others. Two old ones make the
            // signature that two old ones always made.
            let one_epoch = set.contains(ServerIndex(0)) == set.contains(ServerIndex(1));
            match combine(&one.public, MESSAGE, &mixed) {
                Ok(_) => assert!(one_epoch),
                Err(error) => {
                    assert!(!one_epoch);
                    assert_eq!(error, CombineError::Refused { culprits });
                }
            }
        }
    }
}

#[test]
fn only_holders_hand_over() {
    let formula = threshold(2, 3);
    let (old, other) = (Held::generated(&formula, 2), Held::generated(&formula, 3));
    let new = old.refreshed();
    for handover in [
        Handover::refresh(&old.public, 2).unwrap(),
        Handover::reshare(&old.public, &threshold(1, 2), 2).unwrap(),
    ] {
        for foreign in [&other, &new] {
            let refused = handover.deal(&foreign.shares[0], &mut rng(1)).err();
            assert_eq!(refused, Some(DealError::OtherKey));
        }
    }
    for epoch in [0, 1] {
        let refused = Some(PlanError::Epoch { from: 1, epoch });
        assert_eq!(Handover::refresh(&old.public, epoch).err(), refused);
        assert_eq!(Handover::reshare(&old.public, &formula, epoch).err(), refused);
    }
}

/// A random tree over servers 0 to 5 of which no gate has more than four children.
fn formulas() -> impl Strategy<Value = Formula> {
    let leaves = (0_u16..6).prop_map(leaf);
    leaves.prop_recursive(2, 10, 4, |inner| {
        (prop::collection::vec(inner, 1..=4), any::<prop::sample::Index>()).prop_map(
            |(children, threshold)| {
                let threshold = threshold.index(children.len()) as u16 + 1;
                Formula::gate(threshold, children).expect("a sound gate")
            },
        )
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Through any chain of formulas, with any number of dealers, signatures stay what they were.
    #[test]
    fn prop_signatures_outlive_handovers(
        first in formulas(),
        second in formulas(),
        dealers in 1_u64..4,
        members in any::<u8>(),
    ) {
        let generated = Held::generated(&first, dealers);
        let signature = signature(&generated);
        let reshared = generated.reshared(&second, &first.servers());
        let refreshed = reshared.refreshed();
        let set: ServerSet = (0..6).filter(|at| members >> at & 1 == 1).map(ServerIndex).collect();
        for held in [&reshared, &refreshed] {
            let shares = held.sign(MESSAGE, &set);
            let combined = combine(&held.public, MESSAGE, &shares);
            prop_assert_eq!(combined.ok(), second.holds(&set).then(|| signature.clone()));
        }
    }
}
