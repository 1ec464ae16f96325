//! Sealing to threshold keys, to signatures to come, and the beacon, through the public interface.

use ally_codec::{Decode, DecodeError, Encode};
use ally_policy::{Formula, ServerIndex, ServerSet};
use ally_threshold::{
    Beacon, BeaconRound, Blame, Ciphertext, CombineError, Contribution, Dealt, DecryptionShare,
    EncryptionKey, Handover, KeyShare, LeafFault, Message, OpenError, PublicKey, SEALED_BYTES_MAX,
    Scheme, SealContext, SealError, SecretPart, SignError, SignatureShare, TimeSealed,
    UnsupportedEncoding, VerifyingKey, combine, combine_decryption, deal, open_with, seal_until,
    verify_decryption_share, verify_share,
};
use proptest::prelude::*;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use sha2::{Digest, Sha256};

const MESSAGE: &[u8] = b"the third drawer";

const CONTEXT: SealContext<'static> = SealContext::new(b"reports", b"7");

/// An RSA public key of 2048 bits.
const RSA: &str = "-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAx6MbFiq9knZnxU4pZBpB
KGSDs7lCJx1jd6WXxe54vqAuerha8/UiygaT0yVMMSZsgQkxbqwQFxUTIzbaQsvb
926UCfhjKrLo5OFRltUPNIYVRlN3vyM6LKNXznP7teLAESPTVpW3gRiMD0/4a3ol
ng7vije7uO2QE1KPtViNp5b8uKmfTroXLY/tM6EkM2bN3im1hPtqb11bl2c3tE+y
XWevcxq39f1U7xrJDhQ67ODtjF3f5/z13+yw6SCXoXOTcght70uOGx5G5zjD6tFc
3zrmyX91h/MHpS+nHzTi3akBjte0UkELlc63rP+jbgUkzyyAFy8qfaDFE7tm6rGw
PwIDAQAB
-----END PUBLIC KEY-----
";

type Shares = Vec<(ServerIndex, DecryptionShare)>;

fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

fn leaf(server: u16) -> Formula {
    Formula::Leaf(ServerIndex(server))
}

/// Two of (two of 0, 1, 2; 0 or 3; both 1 and 3).
fn formula() -> Formula {
    let two = Formula::gate(2, (0..3).map(leaf).collect()).unwrap();
    let either = Formula::gate(1, vec![leaf(0), leaf(3)]).unwrap();
    let both = Formula::gate(2, vec![leaf(1), leaf(3)]).unwrap();
    Formula::gate(2, vec![two, either, both]).unwrap()
}

fn dealt(seed: u64) -> Dealt {
    deal(Scheme::Bls12381, &formula(), 1, &mut rng(seed), &()).unwrap()
}

fn sealed(public: &PublicKey, message: &[u8]) -> Ciphertext {
    let key = EncryptionKey::new(&public.verifying_key()).unwrap();
    key.seal(message, &CONTEXT, &mut rng(9)).unwrap()
}

fn open_all(public: &PublicKey, shares: &[KeyShare], ciphertext: &Ciphertext) -> Shares {
    let one = |share: &KeyShare| {
        (share.server(), share.open_share(public, ciphertext, &CONTEXT).unwrap())
    };
    shares.iter().map(one).collect()
}

fn check_all_subsets(public: &PublicKey, shares: &[KeyShare], ciphertext: &Ciphertext) {
    let given = open_all(public, shares, ciphertext);
    for bits in 0..16 {
        let chosen: Shares =
            given.iter().filter(|(server, _)| bits >> server.0 & 1 == 1).cloned().collect();
        let set: ServerSet = chosen.iter().map(|(server, _)| *server).collect();
        let opened = combine_decryption(public, ciphertext, &CONTEXT, &chosen);
        if public.formula().holds(&set) {
            assert_eq!(opened.unwrap().as_slice(), MESSAGE);
        } else {
            let missing = public.formula().servers().difference(&set);
            let refused = OpenError::Combine(CombineError::NotQualified { missing });
            assert_eq!(opened, Err(refused));
        }
    }
}

/// The key in its next epoch, everybody dealing.
fn handed_over(handover: &Handover, old: &[KeyShare]) -> (PublicKey, Vec<KeyShare>) {
    let dealt: Vec<(ServerIndex, (Contribution, Vec<SecretPart>))> = old
        .iter()
        .map(|own| (own.server(), handover.deal(own, &mut rng(u64::from(own.server().0))).unwrap()))
        .collect();
    let given: Vec<_> = dealt.iter().map(|(dealer, (given, _))| (*dealer, given)).collect();
    let public = handover.public_key(&given).unwrap();
    let share = |server: ServerIndex| {
        let part = |(dealer, (given, parts)): &(ServerIndex, (Contribution, Vec<SecretPart>))| {
            let part = parts.iter().find(|part| part.server() == server).unwrap();
            (*dealer, handover.part(given, server, &part.encode()).unwrap())
        };
        let parts: Vec<_> = dealt.iter().map(part).collect();
        let own = old.iter().find(|own| own.server() == server);
        handover.key_share(&public, own, &parts).unwrap()
    };
    let shares = handover.formula().servers().iter().map(share).collect();
    (public, shares)
}

#[test]
fn qualified_sets_and_no_others_open_in_every_epoch() {
    let Dealt { public, shares } = dealt(1);
    let ciphertext = sealed(&public, MESSAGE);
    check_all_subsets(&public, &shares, &ciphertext);
    let (public, shares) = handed_over(&Handover::refresh(&public, 2).unwrap(), &shares);
    check_all_subsets(&public, &shares, &ciphertext);
    let three = Formula::gate(3, (0..4).map(leaf).collect()).unwrap();
    let (public, shares) = handed_over(&Handover::reshare(&public, &three, 3).unwrap(), &shares);
    check_all_subsets(&public, &shares, &ciphertext);
}

#[test]
fn messages_of_every_length_come_back() {
    let Dealt { public, shares } = dealt(1);
    let key = EncryptionKey::new(&public.verifying_key()).unwrap();
    for length in [0, 1, 63, 64, 65, SEALED_BYTES_MAX] {
        let message = vec![5; length];
        let ciphertext = sealed(&public, &message);
        let bytes = ciphertext.to_bytes();
        assert_eq!(bytes.len(), 1 + 96 + 48 + 4 + length + 16);
        let read = Ciphertext::from_bytes(&bytes).unwrap();
        assert_eq!(read, ciphertext);
        let given = open_all(&public, &shares, &read);
        let opened = combine_decryption(&public, &read, &CONTEXT, &given).unwrap();
        assert_eq!(*opened, message);
    }
    let bytes = SEALED_BYTES_MAX + 1;
    let refused = key.seal(&vec![0; bytes], &CONTEXT, &mut rng(1)).err();
    assert_eq!(refused, Some(SealError::TooLong { bytes }));
}

/// The encodings are frozen. Whoever has to change one of these hashes breaks what others have kept:
/// raise the version in front of the encoding.
#[test]
fn conformance_of_encodings() {
    let dealt = dealt(1);
    let Dealt { public, shares } = &dealt;
    let ciphertext = sealed(public, MESSAGE);
    let share = shares[0].open_share(public, &ciphertext, &CONTEXT).unwrap();
    let key = public.verifying_key();
    let beacon = Beacon::new(&key, b"example.org").unwrap();
    let message = beacon.round_message(7);
    let locked = seal_until(&key, &message, MESSAGE, &CONTEXT, &mut rng(9)).unwrap();
    let signature = signature(&dealt, (&message).into(), &[0, 1]);
    let round = BeaconRound::new(7, &signature).unwrap();
    let value = round.verify(&beacon).unwrap();
    let hash = |bytes: &[u8]| hex::encode(&Sha256::digest(bytes)[..8]);
    let hashes = [
        hash(&ciphertext.to_bytes()),
        hash(&share.to_bytes()),
        hash(&locked.to_bytes()),
        hash(&round.to_bytes()),
        hash(&value),
    ];
    assert_eq!(
        hashes,
        [
            "e06d4744d2251c63",
            "0e8ce9bf9d017410",
            "c0fd244ac701b2d0",
            "4eae0daaa47c69de",
            "1ee034bba4cf528d"
        ]
    );
}

#[test]
fn a_claimed_length_is_not_believed() {
    let Dealt { public, .. } = dealt(1);
    let mut bytes = sealed(&public, b"").to_bytes();
    let claimed = SEALED_BYTES_MAX + 17;
    bytes[145..149].copy_from_slice(&(claimed as u32).to_le_bytes());
    let limit = SEALED_BYTES_MAX + 16;
    assert_eq!(Ciphertext::from_bytes(&bytes), Err(DecodeError::TooLong { claimed, limit }));
    bytes[145..149].copy_from_slice(&(limit as u32).to_le_bytes());
    let truncated = DecodeError::Truncated { needed: limit, left: 16 };
    assert_eq!(Ciphertext::from_bytes(&bytes), Err(truncated));
}

/// Whatever byte is changed, nobody gives a share for the result.
#[test]
fn ciphertexts_cannot_be_changed() {
    let Dealt { public, shares } = dealt(1);
    let bytes = sealed(&public, MESSAGE).to_bytes();
    for at in 0..bytes.len() {
        for flip in [0x01, 0x20, 0x80] {
            let mut changed = bytes.clone();
            changed[at] ^= flip;
            if let Ok(changed) = Ciphertext::from_bytes(&changed) {
                let share = shares[0].open_share(&public, &changed, &CONTEXT);
                assert_eq!(share, Err(OpenError::Invalid), "byte {at}");
            }
        }
    }
    // Parts of two ciphertexts do not go together.
    let key = EncryptionKey::new(&public.verifying_key()).unwrap();
    let other = key.seal(MESSAGE, &CONTEXT, &mut rng(10)).unwrap().to_bytes();
    for (from, to) in [(1, 97), (97, 145), (149, bytes.len())] {
        let mut mixed = bytes.clone();
        mixed[from..to].copy_from_slice(&other[from..to]);
        let mixed = Ciphertext::from_bytes(&mixed).unwrap();
        assert!(!mixed.verify(&key, &CONTEXT));
    }
}

#[test]
fn a_ciphertext_belongs_to_its_key_purpose_and_context() {
    let (ours, theirs) = (dealt(1), dealt(2));
    let ciphertext = sealed(&ours.public, MESSAGE);
    let key = EncryptionKey::new(&ours.public.verifying_key()).unwrap();
    assert!(ciphertext.verify(&key, &CONTEXT));
    let others = [
        SealContext::new(b"reports", b"8"),
        SealContext::new(b"report", b"s7"),
        SealContext::new(b"reports7", b""),
        SealContext::new(b"", b"reports7"),
    ];
    for other in &others {
        assert!(!ciphertext.verify(&key, other));
        let share = ours.shares[0].open_share(&ours.public, &ciphertext, other);
        assert_eq!(share, Err(OpenError::Invalid));
        let given = open_all(&ours.public, &ours.shares, &ciphertext);
        let opened = combine_decryption(&ours.public, &ciphertext, other, &given);
        assert_eq!(opened, Err(OpenError::Invalid));
    }
    let share = theirs.shares[0].open_share(&theirs.public, &ciphertext, &CONTEXT);
    assert_eq!(share, Err(OpenError::Invalid));
    let share = theirs.shares[0].open_share(&ours.public, &ciphertext, &CONTEXT);
    assert_eq!(share, Err(OpenError::Share(SignError::OtherKey)));
}

#[test]
fn wrong_shares_are_named_and_the_rest_still_opens() {
    let Dealt { public, shares } = dealt(1);
    let ciphertext = sealed(&public, MESSAGE);
    let other = sealed(&public, b"another message");
    let good = open_all(&public, &shares, &ciphertext);
    let mut given = good.clone();
    given[2] = open_all(&public, &shares, &other).swap_remove(2);
    let wrong = Blame::Leaf { leaf: 2, fault: LeafFault::Wrong };
    let culprits = vec![(ServerIndex(2), wrong)];
    let refused = OpenError::Combine(CombineError::Refused { culprits });
    // With 0, 1 and 3 alone it would have opened: the leftmost leaves do not need 2.
    let chosen = [given[0].clone(), given[2].clone()];
    let opened = combine_decryption(&public, &ciphertext, &CONTEXT, &chosen);
    assert_eq!(opened, Err(refused));
    let blamed = OpenError::Blamed { server: ServerIndex(2), blame: wrong };
    for ((server, share), expected) in given.iter().zip([Ok(()), Ok(()), Err(blamed), Ok(())]) {
        let verdict = verify_decryption_share(&public, &ciphertext, &CONTEXT, *server, share);
        assert_eq!(verdict, expected);
    }
    let opened = combine_decryption(
        &public,
        &ciphertext,
        &CONTEXT,
        &[good[0].clone(), good[3].clone(), good[1].clone()],
    );
    assert_eq!(opened.unwrap().as_slice(), MESSAGE);

    // Contributed twice, in another name, of another epoch.
    let twice = [good[0].clone(), good[0].clone()];
    let misnamed = [(ServerIndex(3), good[0].1.clone())];
    let (next, next_shares) = handed_over(&Handover::refresh(&public, 2).unwrap(), &shares);
    let epoch = &open_all(&next, &next_shares, &ciphertext)[..1];
    for (given, culprit, blame) in [
        (&twice[..], 0, Blame::Duplicate),
        (&misnamed[..], 3, Blame::OtherServer { named: ServerIndex(0) }),
        (epoch, 0, Blame::OtherKey),
    ] {
        let culprits = vec![(ServerIndex(culprit), blame)];
        let refused = OpenError::Combine(CombineError::Refused { culprits });
        let opened = combine_decryption(&public, &ciphertext, &CONTEXT, given);
        assert_eq!(opened, Err(refused));
    }
}

#[test]
fn shares_come_back_and_no_flipped_bit_survives() {
    let Dealt { public, shares } = dealt(1);
    let ciphertext = sealed(&public, MESSAGE);
    let share = shares[1].open_share(&public, &ciphertext, &CONTEXT).unwrap();
    assert_eq!((share.server(), share.key()), (ServerIndex(1), public.id()));
    let bytes = share.to_bytes();
    assert_eq!(DecryptionShare::from_bytes(&bytes), Ok(share));
    for bit in (0..bytes.len() * 8).step_by(3) {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        if let Ok(share) = DecryptionShare::from_bytes(&flipped) {
            let server = ServerIndex(1);
            let verdict = verify_decryption_share(&public, &ciphertext, &CONTEXT, server, &share);
            assert!(matches!(verdict, Err(OpenError::Blamed { .. })), "bit {bit}");
        }
    }
}

/// The two kinds of shares look alike and are worth nothing in each other's place, whatever message
/// and tag a caller finds.
#[test]
fn signatures_open_nothing_and_openings_sign_nothing() {
    let Dealt { public, shares } = dealt(1);
    let ciphertext = sealed(&public, MESSAGE);
    let bytes = ciphertext.to_bytes();
    let (own, server) = (&shares[0], shares[0].server());
    let opening = own.open_share(&public, &ciphertext, &CONTEXT).unwrap();
    let as_signature = SignatureShare::from_bytes(&opening.to_bytes()).unwrap();

    // What is hashed to the curve for an opening: everybody knows it, and may have it signed, under
    // any tag.
    let context = Sha256::new()
        .chain_update(b"ally/v1/seal-context")
        .chain_update(public.fingerprint())
        .chain_update(7_u64.to_le_bytes())
        .chain_update(b"reports")
        .chain_update(1_u64.to_le_bytes())
        .chain_update(b"7")
        .finalize();
    let identity = [&context[..], &bytes[1..97]].concat();
    let tags: [&[u8]; 3] = [b"", b"opening", b"ALLY-V1-OPENING-BLS12381G1_XMD:SHA-256_SSWU_RO_"];
    let messages = [&identity[..], &bytes, &bytes[1..97], MESSAGE];
    for message in messages {
        let tagged = tags.iter().map(|tag| Message::tagged(message, tag));
        for message in tagged.chain([Message::new(message)]) {
            let signed = own.sign(&public, message).unwrap();
            let as_opening = DecryptionShare::from_bytes(&signed.to_bytes()).unwrap();
            let verdict =
                verify_decryption_share(&public, &ciphertext, &CONTEXT, server, &as_opening);
            let blame = Blame::Leaf { leaf: 0, fault: LeafFault::Wrong };
            assert_eq!(verdict, Err(OpenError::Blamed { server, blame }));
            let verdict = verify_share(&public, message, server, &as_signature, None);
            assert_eq!(verdict, Err(blame));
        }
    }
}

#[test]
fn a_repeating_generator_does_not_repeat_a_key() {
    let Dealt { public, .. } = dealt(1);
    let (one, other) = (sealed(&public, b"one").to_bytes(), sealed(&public, b"two").to_bytes());
    assert_ne!(one[1..97], other[1..97], "ephemeral keys");
    let seal = |message: &[u8]| {
        let round = Message::new(b"round");
        seal_until(&public.verifying_key(), round, message, &CONTEXT, &mut rng(9)).unwrap()
    };
    let (one, other) = (seal(b"one").to_bytes(), seal(b"two").to_bytes());
    assert_ne!(one[1..97], other[1..97], "ephemeral keys");
}

#[test]
fn nothing_is_sealed_to_rsa() {
    let rsa = VerifyingKey::from_pem(RSA).unwrap();
    let refused = SealError::Scheme(Scheme::Rsa2048);
    assert_eq!(EncryptionKey::new(&rsa).err(), Some(refused.clone()));
    assert_eq!(Beacon::new(&rsa, b"").err(), Some(refused.clone()));
    let sealed = seal_until(&rsa, b"round", MESSAGE, &CONTEXT, &mut rng(1));
    assert_eq!(sealed.err(), Some(refused));
}

fn signature(dealt: &Dealt, message: Message<'_>, holders: &[usize]) -> Vec<u8> {
    let one = |holder: &usize| {
        let share = &dealt.shares[*holder];
        (share.server(), share.sign(&dealt.public, message).unwrap())
    };
    let shares: Vec<_> = holders.iter().map(one).collect();
    combine(&dealt.public, message, &shares).unwrap()
}

#[test]
fn what_is_sealed_to_a_message_opens_with_its_signature_alone() {
    let dealt = dealt(1);
    let key = dealt.public.verifying_key();
    let rounds = [Message::new(b"7"), Message::tagged(b"7", b"beacon"), Message::new(b"8")];
    let signatures = rounds.map(|round| signature(&dealt, round, &[0, 1]));
    for (at, round) in rounds.iter().enumerate() {
        let sealed = seal_until(&key, *round, MESSAGE, &CONTEXT, &mut rng(9)).unwrap();
        let sealed = TimeSealed::from_bytes(&sealed.to_bytes()).unwrap();
        for (of, signature) in signatures.iter().enumerate() {
            let opened = open_with(&key, *round, signature, &sealed, &CONTEXT);
            if at == of {
                assert_eq!(opened.unwrap().as_slice(), MESSAGE);
                // A signature, but not on what it was sealed to.
                let other = rounds[(at + 1) % 3];
                let opened = open_with(&key, other, &signatures[(at + 1) % 3], &sealed, &CONTEXT);
                assert_eq!(opened, Err(OpenError::Unreadable));
            } else {
                assert_eq!(opened, Err(OpenError::Signature));
            }
        }
        let context = SealContext::new(b"reports", b"8");
        let opened = open_with(&key, *round, &signatures[at], &sealed, &context);
        assert_eq!(opened, Err(OpenError::Unreadable));
        for bad in [&[][..], &[0xc0; 48], &signatures[at][1..]] {
            let opened = open_with(&key, *round, bad, &sealed, &CONTEXT);
            assert_eq!(opened, Err(OpenError::Signature));
        }
    }
    let pss = Message::pss(b"7");
    let refused = seal_until(&key, pss, MESSAGE, &CONTEXT, &mut rng(1)).err();
    assert_eq!(refused, Some(SealError::Encoding(UnsupportedEncoding)));
    let bytes = SEALED_BYTES_MAX + 1;
    let refused = seal_until(&key, rounds[0], &vec![0; bytes], &CONTEXT, &mut rng(1)).err();
    assert_eq!(refused, Some(SealError::TooLong { bytes }));
}

#[test]
fn time_sealed_messages_cannot_be_changed() {
    let dealt = dealt(1);
    let key = dealt.public.verifying_key();
    let round = Message::new(b"7");
    let signature = signature(&dealt, round, &[0, 1]);
    let bytes = seal_until(&key, round, MESSAGE, &CONTEXT, &mut rng(9)).unwrap().to_bytes();
    assert_eq!(bytes.len(), 1 + 96 + 32 + 4 + MESSAGE.len() + 16);
    for at in 0..bytes.len() {
        for flip in [0x01, 0x20, 0x80] {
            let mut changed = bytes.clone();
            changed[at] ^= flip;
            if let Ok(changed) = TimeSealed::from_bytes(&changed) {
                let opened = open_with(&key, round, &signature, &changed, &CONTEXT);
                assert_eq!(opened, Err(OpenError::Unreadable), "byte {at}");
            }
        }
    }
}

#[test]
fn a_round_has_one_value_whoever_signs() {
    let dealt = dealt(1);
    let key = dealt.public.verifying_key();
    let beacon = Beacon::new(&key, b"example.org").unwrap();
    let message = beacon.round_message(7);
    let round = |holders: &[usize]| {
        BeaconRound::new(7, &signature(&dealt, (&message).into(), holders)).unwrap()
    };
    let value = round(&[0, 1]).verify(&beacon).unwrap();
    assert_eq!(round(&[1, 2, 3]).verify(&beacon), Some(value));
    let published = BeaconRound::from_bytes(&round(&[0, 3, 1]).to_bytes()).unwrap();
    assert_eq!(published.verify(&beacon), Some(value));
    assert_eq!((published.height(), published.to_bytes().len()), (7, 56));

    // The signature is good for its height, purpose and key alone.
    let signature = published.signature();
    assert_eq!(BeaconRound::new(8, signature).unwrap().verify(&beacon), None);
    let elsewhere = Beacon::new(&key, b"example.com").unwrap();
    assert_eq!(published.verify(&elsewhere), None);
    let other = self::dealt(2);
    let other = Beacon::new(&other.public.verifying_key(), b"example.org").unwrap();
    assert_eq!(published.verify(&other), None);
    assert_eq!(BeaconRound::new(7, &signature[1..]), None);
    assert_eq!(BeaconRound::from_bytes(&[0; 55]).ok(), None);

    // And each has a value of its own.
    let next = beacon.round_message(8);
    let next = BeaconRound::new(8, &self::signature(&dealt, (&next).into(), &[0, 1])).unwrap();
    assert_ne!(next.verify(&beacon), Some(value));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// No bytes make anybody panic, and none are a valid ciphertext or share.
    #[test]
    fn prop_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(Ciphertext::from_bytes(&bytes).is_err());
        prop_assert!(TimeSealed::from_bytes(&bytes).is_err());
        if let Ok(share) = DecryptionShare::from_bytes(&bytes) {
            prop_assert_eq!(share.to_bytes(), bytes);
        }
    }

    /// What is sealed opens, to the same message.
    #[test]
    fn prop_messages_come_back(
        message in prop::collection::vec(any::<u8>(), 0..2000),
        purpose in prop::collection::vec(any::<u8>(), 0..40),
        data in prop::collection::vec(any::<u8>(), 0..40),
        seed in any::<u64>(),
    ) {
        let dealt = deal(Scheme::Bls12381, &leaf(3), 0, &mut rng(seed), &()).unwrap();
        let (key, context) = (dealt.public.verifying_key(), SealContext::new(&purpose, &data));
        let sealer = EncryptionKey::new(&key).unwrap();
        let ciphertext = sealer.seal(&message, &context, &mut rng(seed)).unwrap();
        let share = dealt.shares[0].open_share(&dealt.public, &ciphertext, &context).unwrap();
        let shares = [(ServerIndex(3), share)];
        let opened = combine_decryption(&dealt.public, &ciphertext, &context, &shares).unwrap();
        prop_assert_eq!(&*opened, &message);
        let sealed = seal_until(&key, &purpose, &message, &context, &mut rng(seed)).unwrap();
        let signature = signature(&dealt, (&purpose).into(), &[0]);
        let opened = open_with(&key, &purpose, &signature, &sealed, &context).unwrap();
        prop_assert_eq!(&*opened, &message);
    }
}
