//! Every subset of every small policy: it signs iff the formula holds on it, and all that sign make
//! the same bytes.

use super::{dealt, gate, leaf, message, sign, threshold};
use crate::bls::{CombineError, Prepared, PublicKey, SignatureBytes, combine, deal, verify};
use ally_policy::{Formula, ServerIndex, ServerSet};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

fn check_all_subsets(formula: &Formula) {
    let (dealt, message) = (dealt(formula), message());
    let servers: Vec<ServerIndex> = formula.servers().iter().collect();
    let mut signature: Option<SignatureBytes> = None;
    for bits in 0..1_u32 << servers.len() {
        let members = servers.iter().enumerate().filter(|(at, _)| bits >> at & 1 == 1);
        let set: ServerSet = members.map(|(_, server)| *server).collect();
        let combined = combine(&dealt.public, &message, &sign(&dealt, &message, &set));
        if formula.holds(&set) {
            let combined = combined.expect("a qualified set signs");
            assert_eq!(*signature.get_or_insert(combined), combined, "{set:?} signs otherwise");
        } else {
            assert_eq!(combined, Err(CombineError::NotQualified { have: set }));
        }
    }
    let signature = signature.expect("all servers together sign");
    assert!(verify(&dealt.public.to_bytes(), &message, &signature));
}

/// All trees over `count` leaves of which gates have two or more children; server of leaf `i` is
/// what `server` says.
fn trees(first: u16, count: u16, server: &dyn Fn(u16) -> u16) -> Vec<Formula> {
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

#[test]
fn receivers_check_their_shares() {
    let formula = gate(2, [gate(2, [leaf(0), leaf(1), leaf(2)]), leaf(0), leaf(3)]);
    let good = dealt(&formula);
    let other = deal(&formula, &mut ChaCha20Rng::seed_from_u64(8));
    assert_eq!(good.shares.len(), 4);
    for (share, foreign) in good.shares.iter().zip(&other.shares) {
        assert!(share.matches(&good.public));
        assert!(!foreign.matches(&good.public));
    }
}

#[test]
fn a_signature_counts_for_its_message_and_use_alone() {
    let dealt = dealt(&threshold(2, 3));
    let here = Prepared::new(b"statement", b"ALLY-TEST-A");
    let signature = combine(&dealt.public, &here, &sign(&dealt, &here, &ServerSet::first(2)));
    let signature = signature.unwrap();
    assert!(dealt.public.verify(&here, &signature));
    for other in [Prepared::new(b"statement", b"ALLY-TEST-B"), Prepared::new(b"", b"ALLY-TEST-A")] {
        assert!(!dealt.public.verify(&other, &signature));
        // A share given elsewhere is no share here.
        let mut shares = sign(&dealt, &here, &ServerSet::first(1));
        shares.extend(sign(&dealt, &other, &ServerSet::first(2)).pop());
        let refused = CombineError::Refused { culprits: vec![ServerIndex(1)] };
        assert_eq!(combine(&dealt.public, &here, &shares), Err(refused));
    }
}

#[test]
fn keys_and_shares_come_back() {
    use crate::bls::{KeyShare, SignatureShare};
    use ally_codec::{Decode, Encode, Reader, Writer};
    let formula = gate(2, [gate(2, [leaf(0), leaf(1), leaf(2)]), leaf(0), leaf(3)]);
    let (dealt, message) = (dealt(&formula), message());
    let mut writer = Writer::new();
    dealt.public.encode_commitments(&mut writer);
    let bytes = writer.into_bytes();
    let mut reader = Reader::new(&bytes);
    let public = PublicKey::decode_commitments(formula, &mut reader).unwrap();
    assert_eq!((reader.finish(), &public), (Ok(()), &dealt.public));
    for share in &dealt.shares {
        let mut writer = Writer::new();
        share.encode(&mut writer);
        let read = KeyShare::decode(&mut Reader::new(writer.as_bytes())).unwrap();
        assert_eq!(read.sign(&message), share.sign(&message));
        let signature = share.sign(&message);
        assert_eq!(SignatureShare::from_bytes(&signature.to_bytes()), Ok(signature));
    }
}
