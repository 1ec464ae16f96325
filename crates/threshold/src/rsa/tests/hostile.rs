//! What others may send: nothing panics, nothing wrong is accepted, and the right one is blamed.

use ally_codec::{Decode, Encode};
use ally_policy::{ServerIndex, ServerSet};
use crypto_bigint::{BoxedUint, Resize};
use proptest::prelude::*;

use super::{Signed, deal, flat, generate, of_servers, repeated, rng, sign, sign_all, toy_primes};
use crate::deal::Dealt;
use crate::public_key::Kind;
use crate::threshold_scheme::ThresholdScheme;
use crate::{
    Blame, CombineError, KeyShare, KeyShareError, LeafFault, LeafShares, Message, ShareProof,
    SignError, SignatureShare, UnsupportedEncoding, combine, verify_share,
};

const MESSAGE: &[u8] = b"pay 13 to globex";
const WIDTH: usize = super::TOY_BITS as usize / 8;

fn servers(list: &[u16]) -> ServerSet {
    list.iter().copied().map(ServerIndex).collect()
}

/// The share with `value` at the first leaf, and everything else as it was.
fn with_first_leaf(share: &SignatureShare, value: &[u8]) -> SignatureShare {
    let mut leaves = share.0.leaves().to_vec();
    leaves[0] = value.to_vec();
    SignatureShare(LeafShares::new(share.0.key(), share.0.server(), leaves))
}

fn modulus(dealt: &Dealt) -> BoxedUint {
    match dealt.public.kind() {
        Kind::Rsa(key) => (**key.verifying_key().modulus().value()).clone(),
        Kind::Bls(_) => unreachable!("an RSA key was dealt"),
    }
}

fn bytes(value: &BoxedUint) -> Vec<u8> {
    let bytes = value.to_be_bytes();
    bytes[bytes.len() - WIDTH..].to_vec()
}

fn refused(error: CombineError) -> Vec<(ServerIndex, Blame)> {
    match error {
        CombineError::Refused { culprits } => culprits,
        other => panic!("{other}"),
    }
}

#[test]
fn out_of_range_and_non_units_are_refused_by_name() {
    let dealt = deal(&flat(2, 0..3), 0);
    let contributions = of_servers(&sign_all(&dealt, MESSAGE), &servers(&[0, 1]));
    let n = modulus(&dealt);
    let (p, q) = &toy_primes()[0];
    let p = BoxedUint::clone(p);
    let one = BoxedUint::one();
    let cases = [
        (vec![0; WIDTH], LeafFault::OutOfRange),
        (bytes(&n), LeafFault::OutOfRange),
        (bytes(&n.wrapping_add(&one)), LeafFault::OutOfRange),
        (vec![0xff; WIDTH], LeafFault::OutOfRange),
        (bytes(&p.resize(super::TOY_BITS)), LeafFault::NotInvertible),
        (bytes(&n.wrapping_sub(&**q)), LeafFault::NotInvertible),
        (vec![1; WIDTH - 1], LeafFault::Length { expected: WIDTH, actual: WIDTH - 1 }),
        (vec![1; WIDTH + 1], LeafFault::Length { expected: WIDTH, actual: WIDTH + 1 }),
        (Vec::new(), LeafFault::Length { expected: WIDTH, actual: 0 }),
    ];
    for (value, fault) in cases {
        for culprit in 0..2 {
            let mut bad = contributions.clone();
            bad[culprit].1 = with_first_leaf(&bad[culprit].1, &value);
            let blame = Blame::Leaf { leaf: culprit, fault };
            let error = combine(&dealt.public, MESSAGE, &bad).unwrap_err();
            assert_eq!(refused(error), [(ServerIndex(culprit as u16), blame)]);
            let server = ServerIndex(culprit as u16);
            let proof = dealt.shares[culprit]
                .prove(&dealt.public, MESSAGE, &contributions[culprit].1, &mut rng())
                .unwrap();
            let verdict =
                verify_share(&dealt.public, MESSAGE, server, &bad[culprit].1, Some(&proof));
            assert_eq!(verdict, Err(blame));
        }
    }
}

#[test]
fn strangers_duplicates_and_other_keys_are_refused_by_name() {
    let dealt = deal(&flat(2, 0..3), 5);
    let other_epoch = deal(&flat(2, 0..3), 6);
    let other_formula = deal(&flat(2, 0..4), 5);
    let good = sign_all(&dealt, MESSAGE);
    let blame_of = |contribution: Signed| {
        let all = [good[0].clone(), contribution];
        refused(combine(&dealt.public, MESSAGE, &all).unwrap_err())
    };
    let share = |server: usize| good[server].1.clone();
    for index in [3, 255, 256, u16::MAX] {
        let stranger = ServerIndex(index);
        assert_eq!(blame_of((stranger, share(1))), [(stranger, Blame::UnknownServer)]);
    }
    assert_eq!(blame_of(good[0].clone()), [(ServerIndex(0), Blame::Duplicate)]);
    let masked = blame_of((ServerIndex(2), share(1)));
    assert_eq!(masked, [(ServerIndex(2), Blame::OtherServer { named: ServerIndex(1) })]);
    for foreign in [other_epoch, other_formula] {
        let foreign = sign_all(&foreign, MESSAGE).swap_remove(1);
        assert_eq!(blame_of(foreign), [(ServerIndex(1), Blame::OtherKey)]);
    }
    for leaves in [vec![], vec![vec![1; WIDTH]; 2]] {
        let actual = leaves.len();
        let share = SignatureShare(LeafShares::new(dealt.public.id(), ServerIndex(1), leaves));
        let blame = Blame::LeafCount { expected: 1, actual };
        assert_eq!(blame_of((ServerIndex(1), share)), [(ServerIndex(1), blame)]);
    }
}

#[test]
fn a_wrong_share_is_found_by_proofs() {
    let dealt = deal(&repeated(), 0);
    let mut contributions = sign_all(&dealt, MESSAGE);
    contributions[2] = sign(&dealt.public, &dealt.shares[2], b"pay 1300 to globex");
    let contributions = of_servers(&contributions, &servers(&[1, 2]));
    let error = combine(&dealt.public, MESSAGE, &contributions).unwrap_err();
    assert_eq!(error, CombineError::Inconsistent { contributors: servers(&[1, 2]) });
    let check = |server: usize, proof: Option<&ShareProof>| {
        let (index, share) = &contributions[server - 1];
        verify_share(&dealt.public, MESSAGE, *index, share, proof)
    };
    let prove = |server: usize| {
        let (_, share) = &contributions[server - 1];
        dealt.shares[server].prove(&dealt.public, MESSAGE, share, &mut rng()).unwrap()
    };
    assert_eq!(check(1, Some(&prove(1))), Ok(()));
    assert_eq!(check(1, None), Err(Blame::NoProof));
    // The honest prover of a wrong share cannot make a proof that holds.
    let leaf = dealt.public.access().leaves_of(ServerIndex(2)).next().unwrap();
    assert_eq!(check(2, Some(&prove(2))), Err(Blame::Leaf { leaf, fault: LeafFault::Wrong }));
    assert_eq!(check(2, Some(&prove(1))), Err(Blame::OtherServer { named: ServerIndex(1) }));
}

#[test]
fn proofs_hold_for_one_statement_only() {
    let dealt = deal(&repeated(), 0);
    let share = &dealt.shares[0];
    let contribution = sign(&dealt.public, share, MESSAGE).1;
    let proof = share.prove(&dealt.public, MESSAGE, &contribution, &mut rng()).unwrap();
    let check = |message: &[u8], share: &SignatureShare, proof: &ShareProof| {
        verify_share(&dealt.public, message, ServerIndex(0), share, Some(proof))
    };
    assert_eq!(check(MESSAGE, &contribution, &proof), Ok(()));
    assert!(check(b"another message", &contribution, &proof).is_err());
    let mut swapped = proof.0.leaves().to_vec();
    swapped.swap(0, 1);
    let swapped = ShareProof(LeafShares::new(dealt.public.id(), ServerIndex(0), swapped));
    assert!(check(MESSAGE, &contribution, &swapped).is_err());
    // The same secrets under another epoch: the proof does not carry over.
    let later = deal(&repeated(), 1);
    let moved = |shares: &LeafShares| {
        LeafShares::new(later.public.id(), ServerIndex(0), shares.leaves().to_vec())
    };
    let (share, proof) = (SignatureShare(moved(&contribution.0)), ShareProof(moved(&proof.0)));
    let verdict = verify_share(&later.public, MESSAGE, ServerIndex(0), &share, Some(&proof));
    assert_eq!(verdict, Err(Blame::Leaf { leaf: 0, fault: LeafFault::Wrong }));
}

/// Made together or one after the other, for one leaf and for several, under one modulus and two.
#[test]
fn a_share_with_its_proof_is_the_share_and_its_proof() {
    for dealt in [deal(&repeated(), 0), generate(2, &flat(2, 0..3), 0)] {
        for key in &dealt.shares {
            let share = sign(&dealt.public, key, MESSAGE).1;
            let proof = key.prove(&dealt.public, MESSAGE, &share, &mut rng()).unwrap();
            let both = key.sign_with_proof(&dealt.public, MESSAGE, &mut rng()).unwrap();
            assert_eq!(both, (share, proof));
            let verdict =
                verify_share(&dealt.public, MESSAGE, key.server(), &both.0, Some(&both.1));
            assert_eq!(verdict, Ok(()));
        }
    }
    let (dealt, other) = (deal(&flat(2, 0..3), 0), deal(&flat(2, 0..3), 1));
    let refused = dealt.shares[0].sign_with_proof(&other.public, MESSAGE, &mut rng());
    assert_eq!(refused.err(), Some(SignError::OtherKey));
    let tagged = Message::tagged(MESSAGE, b"beacon");
    let refused = dealt.shares[0].sign_with_proof(&dealt.public, tagged, &mut rng());
    assert_eq!(refused.err(), Some(SignError::Encoding(UnsupportedEncoding)));
}

/// Its inverse is what the check takes to the challenge.
#[test]
fn a_proof_of_a_share_without_an_inverse_does_not_hold() {
    let dealt = deal(&flat(2, 0..3), 0);
    let (p, _) = &toy_primes()[0];
    let share = sign(&dealt.public, &dealt.shares[0], MESSAGE).1;
    let bad = with_first_leaf(&share, &bytes(&BoxedUint::clone(p).resize(super::TOY_BITS)));
    let proof = dealt.shares[0].prove(&dealt.public, MESSAGE, &bad, &mut rng()).unwrap();
    let Kind::Rsa(key) = dealt.public.kind() else { unreachable!("an RSA key was dealt") };
    let prepared = key.prepare(&MESSAGE.into()).unwrap();
    let parsed = key.parse_share(&bad.0.leaves()[0]).unwrap();
    let verdict = key.verify_share(0, &prepared, &parsed, &proof.0.leaves()[0]);
    assert_eq!(verdict, Err(LeafFault::Wrong));
}

/// An unbounded response would be an exponent of any length: a denial of service.
#[test]
fn the_response_of_a_proof_is_bounded_before_it_is_used() {
    let dealt = deal(&flat(1, 0..1), 0);
    let share = sign(&dealt.public, &dealt.shares[0], MESSAGE).1;
    let proof = dealt.shares[0].prove(&dealt.public, MESSAGE, &share, &mut rng()).unwrap();
    let check = |bytes: Vec<u8>| {
        let proof = LeafShares::new(dealt.public.id(), ServerIndex(0), vec![bytes]);
        verify_share(&dealt.public, MESSAGE, ServerIndex(0), &share, Some(&ShareProof(proof)))
    };
    let good = proof.0.leaves()[0].clone();
    assert_eq!(check(good.clone()), Ok(()));
    let malformed = Err(Blame::Leaf { leaf: 0, fault: LeafFault::MalformedProof });
    let mut too_large = good.clone();
    too_large[16] = 2;
    assert_eq!(check(too_large), malformed);
    for length in [0, 15, 16, good.len() - 1] {
        assert_eq!(check(good[..length].to_vec()), malformed);
    }
    assert_eq!(check([good.clone(), vec![0]].concat()), malformed);
    assert_eq!(check([&good[..16], &vec![0; 100_000]].concat()), malformed);
}

/// Else one of them would open two branches.
#[test]
fn a_server_at_several_leaves_has_as_many_secrets() {
    let dealt = deal(&repeated(), 0);
    let encoded = dealt.shares[0].encode();
    // version, key id, server, count, width; then the secrets.
    let width = usize::from(encoded[37]) + 256 * usize::from(encoded[38]);
    let secrets: Vec<&[u8]> = encoded[39..].chunks(width).collect();
    let owned = dealt.public.access().leaves_of(ServerIndex(0)).count();
    assert_eq!((owned, secrets.len()), (3, 3));
    for (at, secret) in secrets.iter().enumerate() {
        assert!(!secrets[..at].contains(secret));
        // As long whatever its value, so that its length tells nothing.
        assert_eq!(secret.len(), width);
    }
}

/// A generator that repeats itself must not repeat a nonce: z1 - z2 = s' (c1 - c2) gives s' away.
#[test]
fn a_stuck_generator_does_not_repeat_nonces() {
    let dealt = deal(&flat(1, 0..1), 0);
    let response = |message: &[u8]| {
        let share = sign(&dealt.public, &dealt.shares[0], message).1;
        let proof = dealt.shares[0].prove(&dealt.public, message, &share, &mut rng()).unwrap();
        let leaf = proof.0.leaves()[0].clone();
        let number = |bytes: &[u8]| BoxedUint::from_be_slice_truncated(bytes, 1024);
        (number(&leaf[..16]), number(&leaf[16..]))
    };
    let (c1, z1) = response(b"one");
    let (c2, z2) = response(b"two");
    assert_eq!(response(b"one"), (c1.clone(), z1.clone()), "one statement, the same proof");
    let secret = dealt.shares[0].encode();
    let s = BoxedUint::from_be_slice_truncated(&secret[39..], 1024);
    let nonce = |c: &BoxedUint, z: &BoxedUint| z.wrapping_sub(s.wrapping_mul(c));
    assert_ne!(nonce(&c1, &z1), nonce(&c2, &z2));
}

#[test]
fn shares_sign_with_their_own_key_only() {
    let dealt = deal(&flat(2, 0..3), 0);
    let other = deal(&flat(2, 0..3), 1);
    let share = &dealt.shares[0];
    assert_eq!(share.sign(&other.public, MESSAGE).err(), Some(SignError::OtherKey));
    assert_eq!(share.check(&other.public), Err(KeyShareError::OtherKey));
    assert_eq!(share.check(&dealt.public), Ok(()));
    let tagged = Message::tagged(MESSAGE, b"beacon");
    let expected = Some(SignError::Encoding(UnsupportedEncoding));
    assert_eq!(share.sign(&dealt.public, tagged).err(), expected);
    let of_another = sign(&dealt.public, &dealt.shares[1], MESSAGE).1;
    let proof = share.prove(&dealt.public, MESSAGE, &of_another, &mut rng());
    assert_eq!(proof.err(), Some(SignError::OtherShare));
    let mut damaged = share.encode();
    let last = damaged.len() - 1;
    damaged[last] ^= 1;
    let damaged = KeyShare::decode(&damaged).unwrap();
    assert_eq!(damaged.check(&dealt.public), Err(KeyShareError::Mismatch { leaf: 0 }));
}

#[test]
fn share_encodings_come_back_and_are_bounded() {
    let dealt = deal(&repeated(), 0);
    let share = sign(&dealt.public, &dealt.shares[0], MESSAGE).1;
    assert_eq!(SignatureShare::from_bytes(&share.to_bytes()), Ok(share.clone()));
    let encoded = dealt.shares[0].encode();
    assert_eq!(*KeyShare::decode(&encoded).unwrap().encode(), *encoded);
    for length in 0..encoded.len() {
        assert!(KeyShare::decode(&encoded[..length]).is_err());
    }
    assert!(KeyShare::decode(&[&encoded[..], &[0]].concat()).is_err());
    // Claimed sizes are refused before anything is set aside for them.
    let mut claims = share.to_bytes();
    claims[34..38].copy_from_slice(&[0xff; 4]);
    assert!(SignatureShare::from_bytes(&claims).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Any change to the bytes of a share: no panic, no wrong signature, and never is the honest
    /// one blamed.
    #[test]
    fn prop_mutated_shares(at in 0usize..200, value: u8, cut in 0usize..200) {
        let dealt = deal(&flat(2, 0..2), 0);
        let good = sign_all(&dealt, MESSAGE);
        let mut bytes = good[1].1.to_bytes();
        let index = at % bytes.len();
        bytes[index] = value;
        bytes.truncate(bytes.len() - cut.saturating_sub(150) % bytes.len());
        let Ok(mutated) = SignatureShare::from_bytes(&bytes) else { return Ok(()) };
        let unchanged = mutated == good[1].1;
        let all = [good[0].clone(), (ServerIndex(1), mutated)];
        match combine(&dealt.public, MESSAGE, &all) {
            Ok(signature) => {
                prop_assert!(unchanged);
                prop_assert!(dealt.public.verify(MESSAGE, &signature));
            }
            Err(CombineError::Refused { culprits }) => {
                prop_assert!(culprits.iter().all(|(server, _)| *server == ServerIndex(1)));
            }
            Err(CombineError::Inconsistent { contributors }) => {
                prop_assert!(contributors.contains(ServerIndex(1)));
            }
            Err(other) => prop_assert!(false, "{}", other),
        }
    }

    /// Any change to the bytes of a proof is noticed.
    #[test]
    fn prop_mutated_proofs(at in 0usize..1000, value: u8) {
        let dealt = deal(&flat(1, 0..1), 0);
        let share = sign(&dealt.public, &dealt.shares[0], MESSAGE).1;
        let proof = dealt.shares[0].prove(&dealt.public, MESSAGE, &share, &mut rng()).unwrap();
        let mut bytes = proof.to_bytes();
        let index = at % bytes.len();
        bytes[index] = value;
        let Ok(mutated) = ShareProof::from_bytes(&bytes) else { return Ok(()) };
        let verdict =
            verify_share(&dealt.public, MESSAGE, ServerIndex(0), &share, Some(&mutated));
        prop_assert_eq!(verdict.is_ok(), mutated == proof);
    }
}
