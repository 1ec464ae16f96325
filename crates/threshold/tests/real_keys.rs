//! Keys of real size: what they sign is accepted by verifiers that know nothing of Ally.

mod scratch;

use std::process::Command;
use std::sync::OnceLock;

use ally_codec::{Decode, Encode};
use ally_policy::{Formula, ServerIndex};
use ally_threshold::{
    CombineError, DealError, Dealt, KeyError, KeyShare, Message, PlanError, Progress, PublicKey,
    Scheme, SignatureShare, VerifyingKey, combine, deal, verify_share,
};
use aws_lc_rs::signature::{
    RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, UnparsedPublicKey, VerificationAlgorithm,
};
use base64::Engine as _;
use proptest::prelude::*;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use scratch::Scratch;

const MESSAGE: &[u8] = b"example.org/clearing\n13\nroot\n";

fn rng() -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(2048)
}

/// Two of: three of four servers, or the first of them with a fifth.
fn formula() -> Formula {
    let leaf = |server| Formula::Leaf(ServerIndex(server));
    let three = Formula::gate(3, (0..4).map(leaf).collect()).unwrap();
    let pair = Formula::gate(2, vec![leaf(0), leaf(4)]).unwrap();
    Formula::gate(2, vec![three, pair, leaf(1)]).unwrap()
}

/// One key of 2048 bits for all tests here: its primes take a moment to find.
fn dealt() -> &'static Dealt {
    static DEALT: OnceLock<Dealt> = OnceLock::new();
    DEALT.get_or_init(|| deal(Scheme::Rsa2048, &formula(), 3, &mut rng(), &()).unwrap())
}

fn sign<'m>(servers: &[usize], message: Message<'m>) -> Vec<(ServerIndex, SignatureShare)> {
    let one = |server: &usize| {
        let share = &dealt().shares[*server];
        (share.server(), share.sign(&dealt().public, message).unwrap())
    };
    servers.iter().map(one).collect()
}

fn signature(message: Message<'_>) -> Vec<u8> {
    combine(&dealt().public, message, &sign(&[0, 4, 1], message)).unwrap()
}

/// What `openssl dgst -sha256 -verify` says.
fn openssl_accepts(scratch: &Scratch, options: &[&str], message: &[u8], signature: &[u8]) -> bool {
    let key = scratch.file("key.pem", dealt().public.to_pem().as_bytes());
    let output = Command::new("openssl")
        .args(["dgst", "-sha256"])
        .args(options)
        .arg("-verify")
        .arg(key)
        .arg("-signature")
        .arg(scratch.file("signature", signature))
        .arg(scratch.file("message", message))
        .output()
        .expect("this test needs the `openssl` program");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.success(), said.contains("Verified OK"), "{output:?}");
    output.status.success()
}

#[test]
fn e2e_openssl_accepts_what_servers_sign_together() {
    let scratch = Scratch::new();
    let good = signature(Message::new(MESSAGE));
    assert!(openssl_accepts(&scratch, &[], MESSAGE, &good));
    assert!(!openssl_accepts(&scratch, &[], b"example.org/clearing\n14\nroot\n", &good));
    let mut bad = good.clone();
    bad[100] ^= 4;
    assert!(!openssl_accepts(&scratch, &[], MESSAGE, &bad));
    // Strict about the salt: exactly as long as the hash.
    let pss = ["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest"];
    assert!(openssl_accepts(&scratch, &pss, MESSAGE, &signature(Message::pss(MESSAGE))));
    assert!(!openssl_accepts(&scratch, &pss, MESSAGE, &good));
}

#[test]
fn e2e_openssl_prints_the_fingerprint() {
    let scratch = Scratch::new();
    let key = scratch.file("key.pem", dealt().public.to_pem().as_bytes());
    let output = Command::new("openssl")
        .args(["pkey", "-pubin", "-outform", "DER", "-in"])
        .arg(key)
        .output()
        .expect("this test needs the `openssl` program");
    let digest = Command::new("openssl")
        .args(["dgst", "-sha256", "-r"])
        .arg(scratch.file("der", &output.stdout))
        .output()
        .expect("this test needs the `openssl` program");
    let printed = String::from_utf8_lossy(&digest.stdout).into_owned();
    assert!(printed.starts_with(&hex::encode(dealt().public.fingerprint())), "{printed}");
}

#[test]
fn aws_lc_accepts_both_encodings() {
    let pem = dealt().public.to_pem();
    let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let der = base64::engine::general_purpose::STANDARD.decode(body).unwrap();
    let cases: [(&dyn VerificationAlgorithm, Message<'_>); 2] = [
        (&RSA_PKCS1_2048_8192_SHA256, Message::new(MESSAGE)),
        (&RSA_PSS_2048_8192_SHA256, Message::pss(MESSAGE)),
    ];
    for (algorithm, message) in cases {
        let good = signature(message);
        assert_eq!(good.len(), 256);
        assert!(dealt().public.verify(message, &good));
        let key = UnparsedPublicKey::new(algorithm, &der);
        key.verify(MESSAGE, &good).unwrap();
        assert!(key.verify(b"other", &good).is_err());
    }
}

#[test]
fn every_qualified_set_makes_the_same_bytes() {
    let public = &dealt().public;
    let message = Message::new(MESSAGE);
    let expected = signature(message);
    for servers in [&[0, 1, 2][..], &[0, 2, 3, 4], &[1, 2, 3], &[0, 1, 4], &[0, 1, 2, 3, 4]] {
        assert_eq!(combine(public, message, &sign(servers, message)), Ok(expected.clone()));
    }
    let error = combine(public, message, &sign(&[2, 3, 4], message)).unwrap_err();
    let missing = [ServerIndex(0), ServerIndex(1)].into_iter().collect();
    assert_eq!(error, CombineError::NotQualified { missing });
}

#[test]
fn proofs_at_real_size() {
    let message = Message::new(MESSAGE);
    let (server, share) = &sign(&[0], message)[0];
    assert_eq!(share.to_bytes().len(), dealt().public.share_bytes(*server), "of two leaves");
    let proof = dealt().shares[0].prove(&dealt().public, message, share, &mut rng()).unwrap();
    let check =
        |message: Message<'_>| verify_share(&dealt().public, message, *server, share, Some(&proof));
    assert_eq!(check(message), Ok(()));
    assert!(check(Message::pss(MESSAGE)).is_err());
}

#[test]
fn keys_come_back_from_their_encodings() {
    let public = &dealt().public;
    let decoded = PublicKey::from_bytes(&public.to_bytes()).unwrap();
    assert_eq!(&decoded, public);
    assert_eq!((decoded.scheme(), decoded.epoch()), (Scheme::Rsa2048, 3));
    assert_eq!(decoded.formula(), &formula());
    for share in &dealt().shares {
        let share = KeyShare::decode(&share.encode()).unwrap();
        assert_eq!(share.check(&decoded), Ok(()));
    }
    let pem = public.to_pem();
    let key = VerifyingKey::from_pem(&pem).unwrap();
    assert_eq!(key, public.verifying_key());
    assert_eq!((key.to_pem(), key.fingerprint()), (pem, public.fingerprint()));
    assert!(key.verify(MESSAGE, &signature(Message::new(MESSAGE))));
}

#[test]
fn signatures_of_the_wrong_length_or_range_do_not_verify() {
    let public = &dealt().public;
    let good = signature(Message::new(MESSAGE));
    for bad in [&good[..255], &[&[0], &good[..]].concat(), &[], &[0xff; 256], &[0; 256]] {
        assert!(!public.verify(MESSAGE, bad));
    }
    for bit in (0..2048).step_by(61) {
        let mut flipped = good.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(!public.verify(MESSAGE, &flipped));
    }
    assert!(!public.verify(Message::tagged(MESSAGE, b"beacon"), &good));
}

/// Offsets in the encoding: version, scheme, epoch, formula with its length; number of moduli, bits
/// of a secret, length of the multiplier, multiplier; then the modulus and the leaves' keys.
#[test]
fn public_keys_out_of_range_are_refused() {
    let encoded = dealt().public.to_bytes();
    let numbers = encoded.len() - 256 * (1 + formula().leaf_count());
    let head = numbers - 6;
    let with = |at: usize, bytes: &[u8]| {
        let mut changed = encoded.clone();
        changed[at..at + bytes.len()].copy_from_slice(bytes);
        PublicKey::from_bytes(&changed).is_ok()
    };
    assert!(with(0, &encoded[..1]), "unchanged");
    assert!(!with(0, &[2]), "version");
    for scheme in [0, 2, 3, 4, 5, 6, 7] {
        assert!(!with(1, &[scheme]), "scheme {scheme}");
    }
    for moduli in [0, 2, 3, 4, 5, 255] {
        assert!(!with(head, &[moduli]), "{moduli} moduli");
    }
    assert!(with(head + 1, &6144u16.to_le_bytes()), "as long as secrets may be");
    for bits in [0, 6145, u16::MAX] {
        assert!(!with(head + 1, &bits.to_le_bytes()), "secrets of {bits} bits");
    }
    assert!(!with(head + 3, &257u16.to_le_bytes()), "a multiplier too long");
    assert!(!with(head + 3, &0u16.to_le_bytes()), "a multiplier of no bytes");
    assert!(!with(head + 5, &[0]), "a multiplier of 0");
    assert!(!with(numbers, &[encoded[numbers] & 0x7f]), "a modulus of 2047 bits");
    assert!(!with(numbers + 255, &[encoded[numbers + 255] ^ 1]), "an even modulus");
    for number in 1..1 + formula().leaf_count() {
        let at = numbers + 256 * number;
        assert!(!with(at, &[0; 256]), "zero");
        assert!(!with(at, &[0xff; 256]), "above the modulus");
        assert!(!with(at, &encoded[numbers..numbers + 256]), "the modulus");
    }
    // A multiplier that e divides has no Bezout coefficients.
    let multiple = [&encoded[..head + 3], &[3, 0, 1, 0, 1], &encoded[numbers..]].concat();
    assert!(PublicKey::from_bytes(&multiple).is_err());
    let prime = [&encoded[..head + 3], &[3, 0, 1, 0, 0], &encoded[numbers..]].concat();
    assert!(PublicKey::from_bytes(&prime).is_ok());
    for length in (0..encoded.len()).step_by(17) {
        assert!(PublicKey::from_bytes(&encoded[..length]).is_err());
    }
    assert!(PublicKey::from_bytes(&[&encoded[..], &[0]].concat()).is_err());
}

/// All messages at once make the shares that they make one by one.
#[test]
fn batches_are_signed_as_single_messages_are() {
    let share = &dealt().shares[0];
    let messages = [Message::new(MESSAGE), Message::pss(MESSAGE), Message::new(b"")];
    let batch = share.sign_batch(&dealt().public, &messages).unwrap();
    let single = messages.map(|message| share.sign(&dealt().public, message).unwrap());
    assert_eq!(batch, single);
    assert_eq!(share.sign_batch(&dealt().public, &[]), Ok(Vec::new()));
    let one_bad = [Message::new(MESSAGE), Message::tagged(MESSAGE, b"beacon")];
    assert!(share.sign_batch(&dealt().public, &one_bad).is_err());
}

#[test]
fn dealing_ends_early_where_it_has_to() {
    struct Never;
    impl Progress for Never {
        fn cancelled(&self) -> bool {
            true
        }
    }
    let cancelled = deal(Scheme::Rsa4096, &formula(), 0, &mut rng(), &Never);
    assert_eq!(cancelled.err(), Some(DealError::Cancelled));
    // 400! is longer than any denominator may be; known before the search for primes.
    let leaves = (0..400).map(|at| Formula::Leaf(ServerIndex(at % 256))).collect();
    let wide = Formula::gate(7, leaves).unwrap();
    let refused = deal(Scheme::Rsa4096, &wide, 0, &mut rng(), &());
    assert_eq!(refused.err(), Some(DealError::Plan(PlanError::TooWide { limit_bits: 2048 })));
}

/// As many shares as a key may have that is dealt over one gate: exponents as long as they get.
#[test]
fn the_widest_gate_combines() {
    let leaf = |server| Formula::Leaf(ServerIndex(server));
    let wide = Formula::gate(3, (0..256).map(leaf).collect()).unwrap();
    let dealt = deal(Scheme::Rsa2048, &wide, 0, &mut rng(), &()).unwrap();
    let one = |at: usize| {
        (dealt.shares[at].server(), dealt.shares[at].sign(&dealt.public, MESSAGE).unwrap())
    };
    let first = combine(&dealt.public, MESSAGE, &[0, 1, 255].map(one)).unwrap();
    assert_eq!(combine(&dealt.public, MESSAGE, &[97, 101, 254].map(one)), Ok(first));
}

#[test]
fn foreign_pem_files_are_refused() {
    assert_eq!(VerifyingKey::from_pem(""), Err(KeyError::NoBlock));
    let pem = dealt().public.to_pem();
    let cut: String =
        pem.lines().filter(|line| !line.contains("AQAB")).collect::<Vec<_>>().join("\n");
    assert!(matches!(VerifyingKey::from_pem(&cut), Err(KeyError::Rsa | KeyError::Base64)));
    // Ed25519, as openssl writes it.
    let other = "-----BEGIN PUBLIC KEY-----\n\
                 MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n\
                 -----END PUBLIC KEY-----\n";
    assert_eq!(VerifyingKey::from_pem(other), Err(KeyError::Rsa));
    let bls = "-----BEGIN ALLY BLS12-381 PUBLIC KEY-----\nAAAA\n\
               -----END ALLY BLS12-381 PUBLIC KEY-----\n";
    assert_eq!(VerifyingKey::from_pem(bls), Err(KeyError::Bls));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Public keys with any byte changed: refused, or another key, under which nothing that was
    /// signed with the true one is worth anything, and nothing panics.
    #[test]
    fn prop_mutated_public_keys(at: prop::sample::Index, value: u8) {
        let mut encoded = dealt().public.to_bytes();
        let at = at.index(encoded.len());
        prop_assume!(encoded[at] != value);
        encoded[at] = value;
        let Ok(mutated) = PublicKey::from_bytes(&encoded) else { return Ok(()) };
        prop_assert_ne!(mutated.id(), dealt().public.id());
        let shares = sign(&[0, 1, 4], Message::new(MESSAGE));
        let refused = combine(&mutated, MESSAGE, &shares);
        prop_assert!(matches!(refused, Err(CombineError::Refused { .. })), "{:?}", refused);
        prop_assert!(dealt().shares[0].sign(&mutated, MESSAGE).is_err());
        prop_assert!(dealt().shares[0].check(&mutated).is_err());
    }

    /// Any bytes at all.
    #[test]
    fn prop_rubbish_is_refused(bytes in prop::collection::vec(any::<u8>(), 0..600), text: String) {
        prop_assert!(PublicKey::from_bytes(&bytes).is_err());
        prop_assert!(VerifyingKey::from_pem(&text).is_err());
        prop_assert!(!dealt().public.verify(MESSAGE, &bytes));
        if let Ok(share) = KeyShare::decode(&bytes) {
            prop_assert!(share.check(&dealt().public).is_err());
        }
        if let Ok(share) = SignatureShare::from_bytes(&bytes) {
            let refused = combine(&dealt().public, MESSAGE, &[(share.server(), share)]);
            prop_assert!(matches!(refused, Err(CombineError::Refused { .. })), "{:?}", refused);
        }
    }
}
