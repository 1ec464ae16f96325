//! Every subset of every small policy: it signs iff the formula holds on it, and all that sign make
//! the same bytes.

use super::{MESSAGE, dealt, dealt_from, gate, leaf, sign, threshold};
use crate::{
    Blame, CombineError, KeyShare, LeafFault, Message, PublicKey, SignError, SignatureShare,
    UnsupportedEncoding, VerifyingKey, combine,
};
use ally_codec::{Decode, Encode};
use ally_policy::{Formula, ServerIndex, ServerSet};

fn check_all_subsets(formula: &Formula) {
    let dealt = dealt(formula);
    let servers: Vec<ServerIndex> = formula.servers().iter().collect();
    let mut signature: Option<Vec<u8>> = None;
    for bits in 0..1_u32 << servers.len() {
        let members = servers.iter().enumerate().filter(|(at, _)| bits >> at & 1 == 1);
        let set: ServerSet = members.map(|(_, server)| *server).collect();
        let combined = combine(&dealt.public, MESSAGE, &sign(&dealt, MESSAGE, &set));
        if formula.holds(&set) {
            let combined = combined.expect("a qualified set signs");
            let first = signature.get_or_insert_with(|| combined.clone());
            assert_eq!(*first, combined, "{set:?} signs otherwise");
        } else {
            let missing = formula.servers().difference(&set);
            assert_eq!(combined, Err(CombineError::NotQualified { missing }));
        }
    }
    let signature = signature.expect("all servers together sign");
    assert!(dealt.public.verifying_key().verify(MESSAGE, &signature));
}

/// All trees over `count` leaves of which gates have two or more children; server of leaf `i` is
/// what `server` says.
pub(super) fn trees(first: u16, count: u16, server: &dyn Fn(u16) -> u16) -> Vec<Formula> {
    if count == 1 {
        return vec![leaf(server(first))];
    }
    let mut all = Vec::new();
    for children in splits(first, count, server) {
        for k in 1..=children.len() as u16 {
            all.push(Formula::gate(k, children.clone()).expect("a sound gate"));
        }
    }
    all
}

/// All ways to cut `count` leaves into two or more neighbouring trees.
fn splits(first: u16, count: u16, server: &dyn Fn(u16) -> u16) -> Vec<Vec<Formula>> {
    let mut all = Vec::new();
    for head in 1..count {
        for tree in trees(first, head, server) {
            let rest = count - head;
            all.extend(
                trees(first + head, rest, server).into_iter().map(|last| vec![tree.clone(), last]),
            );
            for mut tail in splits(first + head, rest, server) {
                // A tail is a list of two or more trees already.
                tail.insert(0, tree.clone());
                all.push(tail);
            }
        }
    }
    all
}

#[test]
fn all_subsets_of_all_trees_up_to_four_leaves() {
    for count in 1..=4 {
        for formula in trees(0, count, &|leaf| leaf) {
            check_all_subsets(&formula);
        }
    }
}

#[test]
fn all_subsets_where_a_server_stands_at_several_leaves() {
    for formula in trees(0, 4, &|leaf| leaf % 2) {
        check_all_subsets(&formula);
    }
    for formula in trees(0, 3, &|leaf| leaf / 2 * 5) {
        check_all_subsets(&formula);
    }
}

#[test]
fn all_subsets_of_threshold_policies_up_to_six_leaves() {
    for n in 1..=6 {
        for k in 1..=n {
            check_all_subsets(&threshold(k, n));
        }
    }
}

#[test]
fn all_subsets_of_policies_with_six_leaves() {
    let pair = |first| gate(2, [leaf(first), leaf(first + 1)]);
    let either = |first| gate(1, [leaf(first), leaf(first + 1)]);
    check_all_subsets(&gate(2, [pair(0), pair(2), pair(4)]));
    check_all_subsets(&gate(2, [either(0), either(2), either(4)]));
    check_all_subsets(&gate(3, [pair(0), either(2), leaf(4), leaf(5)]));
    check_all_subsets(&gate(2, [gate(2, [leaf(0), leaf(1), leaf(2)]), leaf(0), pair(3)]));
    check_all_subsets(&gate(1, [gate(1, [gate(2, [pair(0), either(2)])]), pair(4)]));
}

/// From 32 points on blst adds by another algorithm.
#[test]
fn many_servers_sign() {
    let dealt = dealt(&threshold(34, 50));
    assert_eq!(PublicKey::from_bytes(&dealt.public.to_bytes()), Ok(dealt.public.clone()));
    let everyone = ServerSet::first(50);
    let last: ServerSet = everyone.difference(&ServerSet::first(16));
    let signature = combine(&dealt.public, MESSAGE, &sign(&dealt, MESSAGE, &last)).unwrap();
    let other = combine(&dealt.public, MESSAGE, &sign(&dealt, MESSAGE, &everyone)).unwrap();
    assert_eq!(signature, other);
    let one_less = last.difference(&ServerSet::first(17));
    let missing = ServerSet::first(17);
    let too_few = combine(&dealt.public, MESSAGE, &sign(&dealt, MESSAGE, &one_less));
    assert_eq!(too_few, Err(CombineError::NotQualified { missing }));
}

#[test]
fn receivers_check_their_shares() {
    let formula = gate(2, [gate(2, [leaf(0), leaf(1), leaf(2)]), leaf(0), leaf(3)]);
    let (good, other) = (dealt(&formula), dealt_from(&formula, 8));
    assert_eq!(good.shares.len(), 4);
    for (share, foreign) in good.shares.iter().zip(&other.shares) {
        assert_eq!(share.check(&good.public), Ok(()));
        assert!(foreign.check(&good.public).is_err());
        // The same with the right name on the wrong numbers: key id (32) after the version.
        let mut bytes = foreign.encode();
        bytes[1..33].copy_from_slice(&good.public.id().0);
        assert!(KeyShare::decode(&bytes).unwrap().check(&good.public).is_err());
    }
}

#[test]
fn a_share_counts_for_its_message_alone() {
    let dealt = dealt(&threshold(2, 3));
    let signature = combine(&dealt.public, b"here", &sign(&dealt, b"here", &ServerSet::first(2)));
    let signature = signature.unwrap();
    assert!(dealt.public.verify(b"here", &signature));
    assert!(!dealt.public.verify(b"there", &signature));
    assert!(!dealt.public.verify(b"", &signature));
    let mut shares = sign(&dealt, b"here", &ServerSet::first(1));
    shares.extend(sign(&dealt, b"there", &ServerSet::first(2)).pop());
    let blame = Blame::Leaf { leaf: 1, fault: LeafFault::Wrong };
    let refused = CombineError::Refused { culprits: vec![(ServerIndex(1), blame)] };
    assert_eq!(combine(&dealt.public, b"here", &shares), Err(refused));
}

#[test]
fn a_signature_counts_under_its_tag_alone() {
    let dealt = dealt(&threshold(1, 1));
    let [here, there] = [b"here", b"thou"].map(|tag| Message::tagged(MESSAGE, tag));
    let share = dealt.shares[0].sign(&dealt.public, here).unwrap();
    let signature = combine(&dealt.public, here, &[(ServerIndex(0), share)]).unwrap();
    assert!(dealt.public.verify(here, &signature));
    assert!(!dealt.public.verify(there, &signature));
    assert!(!dealt.public.verify(MESSAGE, &signature));
}

#[test]
fn there_is_no_pss_here() {
    let dealt = dealt(&threshold(1, 1));
    let pss = Message::pss(MESSAGE);
    let refused = dealt.shares[0].sign(&dealt.public, pss).err();
    assert_eq!(refused, Some(SignError::Encoding(UnsupportedEncoding)));
    assert!(!dealt.public.verify(pss, &[0xc0; 48]));
}

#[test]
fn keys_and_shares_come_back() {
    let formula = gate(2, [gate(2, [leaf(0), leaf(1), leaf(2)]), leaf(0), leaf(3)]);
    let dealt = dealt(&formula);
    let public = PublicKey::from_bytes(&dealt.public.to_bytes()).unwrap();
    assert_eq!(public, dealt.public);
    assert_eq!(public.formula(), &formula);
    let everyone = sign(&dealt, MESSAGE, &formula.servers());
    for (share, (_, signed)) in dealt.shares.iter().zip(&everyone) {
        let read = KeyShare::decode(&share.encode()).unwrap();
        assert_eq!(read.check(&public), Ok(()));
        assert_eq!(read.sign(&public, MESSAGE).as_ref(), Ok(signed));
        assert_eq!(SignatureShare::from_bytes(&signed.to_bytes()).as_ref(), Ok(signed));
    }
    let signature = combine(&public, MESSAGE, &everyone).unwrap();
    let key = VerifyingKey::from_pem(&public.to_pem()).unwrap();
    assert_eq!(key, public.verifying_key());
    assert!(key.verify(MESSAGE, &signature));
}
