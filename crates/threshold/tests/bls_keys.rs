//! BLS keys through the interface that serves both schemes.

use ally_codec::{Decode, Encode};
use ally_policy::{Formula, ServerIndex, ServerSet};
use ally_threshold::{
    Blame, CombineError, Dealt, KeyShare, LeafFault, Message, PublicKey, Scheme, SignError,
    SignatureShare, UnsupportedEncoding, VerifyingKey, combine, deal, verify_share,
};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

const MESSAGE: &[u8] = b"example.org/clearing\n13\nroot\n";

type Contribution = (ServerIndex, SignatureShare);

fn dealt() -> Dealt {
    let leaf = |server| Formula::Leaf(ServerIndex(server));
    let two = Formula::gate(2, (0..3).map(leaf).collect()).unwrap();
    let either = Formula::gate(1, vec![leaf(0), leaf(3)]).unwrap();
    let both = Formula::gate(2, vec![leaf(1), leaf(3)]).unwrap();
    let formula = Formula::gate(2, vec![two, either, both]).unwrap();
    deal(Scheme::Bls12381, &formula, 1, &mut ChaCha20Rng::seed_from_u64(1), &()).unwrap()
}

fn sign_all(dealt: &Dealt, message: Message<'_>) -> Vec<Contribution> {
    let one = |share: &KeyShare| (share.server(), share.sign(&dealt.public, message).unwrap());
    dealt.shares.iter().map(one).collect()
}

#[test]
fn qualified_sets_and_no_others_make_the_one_signature() {
    let dealt = dealt();
    let shares = sign_all(&dealt, Message::new(MESSAGE));
    let all = combine(&dealt.public, MESSAGE, &shares).unwrap();
    for (server, share) in &shares {
        assert_eq!(share.to_bytes().len(), dealt.public.share_bytes(*server), "{server}");
    }
    assert_eq!(dealt.public.share_bytes(ServerIndex(4)), 0, "it holds nothing");
    assert!(dealt.public.verify(MESSAGE, &all));
    for bits in 0..16 {
        let chosen: Vec<_> =
            shares.iter().filter(|(server, _)| bits >> server.0 & 1 == 1).cloned().collect();
        let set: ServerSet = chosen.iter().map(|(server, _)| *server).collect();
        match combine(&dealt.public, MESSAGE, &chosen) {
            Ok(signature) => {
                assert!(dealt.public.formula().holds(&set));
                assert_eq!(signature, all);
            }
            Err(error) => {
                assert!(!dealt.public.formula().holds(&set));
                assert!(matches!(error, CombineError::NotQualified { .. }));
            }
        }
    }
}

#[test]
fn culprits_are_named_without_proofs() {
    let dealt = dealt();
    let good = sign_all(&dealt, Message::new(MESSAGE));
    let wrong = sign_all(&dealt, Message::new(b"something else"));
    let mixed = [good[0].clone(), wrong[1].clone(), good[2].clone()];
    match combine(&dealt.public, MESSAGE, &mixed) {
        Err(CombineError::Refused { culprits }) => {
            let [(culprit, Blame::Leaf { fault: LeafFault::Wrong, .. })] = culprits[..] else {
                panic!("{culprits:?}");
            };
            assert_eq!(culprit, ServerIndex(1));
        }
        other => panic!("{other:?}"),
    }
    for ((server, share), expected) in mixed.iter().zip([true, false, true]) {
        let verdict = verify_share(&dealt.public, MESSAGE, *server, share, None);
        assert_eq!(verdict.is_ok(), expected);
    }
}

#[test]
fn tags_keep_uses_apart() {
    let dealt = dealt();
    let uses =
        [Message::new(MESSAGE), Message::tagged(MESSAGE, b""), Message::tagged(MESSAGE, b"beacon")];
    let signatures = uses.map(|one| combine(&dealt.public, one, &sign_all(&dealt, one)).unwrap());
    for (at, signature) in signatures.iter().enumerate() {
        for (of, one) in uses.iter().enumerate() {
            assert_eq!(dealt.public.verify(*one, signature), at == of);
        }
    }
    let pss = dealt.shares[0].sign(&dealt.public, Message::pss(MESSAGE));
    assert_eq!(pss.err(), Some(SignError::Encoding(UnsupportedEncoding)));
    let (server, share) = &sign_all(&dealt, Message::new(MESSAGE))[0];
    let verdict = verify_share(&dealt.public, Message::pss(MESSAGE), *server, share, None);
    assert_eq!(verdict, Err(Blame::Encoding(UnsupportedEncoding)));
}

#[test]
fn everything_comes_back_from_its_encoding() {
    let dealt = dealt();
    let public = PublicKey::from_bytes(&dealt.public.to_bytes()).unwrap();
    assert_eq!(public, dealt.public);
    for share in &dealt.shares {
        let share = KeyShare::decode(&share.encode()).unwrap();
        assert_eq!(share.check(&public), Ok(()));
        let signed = share.sign(&public, MESSAGE).unwrap();
        assert_eq!(SignatureShare::from_bytes(&signed.to_bytes()), Ok(signed));
    }
    let key = VerifyingKey::from_pem(&public.to_pem()).unwrap();
    assert_eq!(key, public.verifying_key());
    assert_eq!(key.scheme(), Scheme::Bls12381);
    let shares = sign_all(&dealt, Message::new(MESSAGE));
    assert!(key.verify(MESSAGE, &combine(&public, MESSAGE, &shares).unwrap()));
}
