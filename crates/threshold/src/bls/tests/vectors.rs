//! Vectors published by others, and vectors of an independent implementation in Python
//! (`tests/kat/bls.py`).

use super::{gate, leaf, threshold};
use crate::access::{Access, Secret};
use crate::bls::contribution::Dealing;
use crate::bls::curve::{Candidate, G1};
use crate::bls::deal::deal_with;
use crate::bls::scalar::SecretScalar;
use crate::bls::verifying_key::Prepared;
use crate::bls::{Contribution, PublicKey, VerifyingKey, generation, handover};
use crate::threshold_scheme::ThresholdScheme;
use ally_codec::Writer;
use ally_policy::{Formula, ServerIndex};
use sha2::{Digest, Sha256};

fn bytes<const N: usize>(hex: &str) -> [u8; N] {
    assert_eq!(hex.len(), 2 * N);
    std::array::from_fn(|at| {
        u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).expect("hexadecimal digits")
    })
}

/// RFC 9380, appendix J.9.1: the x coordinates of hashed messages.
#[test]
fn vec_hash_to_curve() {
    let tag = b"QUUX-V01-CS02-with-BLS12381G1_XMD:SHA-256_SSWU_RO_";
    let vectors: [(&[u8], &str); 2] = [
        (
            b"",
            "052926add2207b76ca4fa57a8734416c8dc95e24501772c814278700eed6d1e4\
             e8cf62d9c09db0fac349612b759e79a1",
        ),
        (
            b"abc",
            "03567bc5ef9c690c2ab2ecdf6a96ef1c139cc0b2f284dca0a9a7943388a49a3a\
             ee664ba5379a7655d3c68900be2f6903",
        ),
    ];
    for (message, x) in vectors {
        let mut encoded = G1::hash(message, tag).encode();
        // The three highest bits say how the point is compressed.
        encoded[0] &= 0x1f;
        assert_eq!(encoded, bytes(x));
    }
}

/// Beacons of drand's `quicknet`, signed by the League of Entropy: a threshold BLS key in the same
/// groups. The message is SHA-256 of the round (8, big-endian).
#[test]
fn vec_drand_beacons() {
    let key: [u8; 96] = bytes(
        "83cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760183c\
         8c4b450b6a0a6c3ac6a5776a2d1064510d1fec758c921cc22b0e17e63aaf4bcb\
         5ed66304de9cf809bd274ca73bab4af5a6e9c76a4bc09e76eae8991ef5ece45a",
    );
    let key = VerifyingKey::from_bytes(&key).expect("a point of the group");
    let beacons = [
        (
            123_u64,
            "b75c69d0b72a5d906e854e808ba7e2accb1542ac355ae486d591aa9d43765482\
             e26cd02df835d3546d23c4b13e0dfc92",
        ),
        (
            1000,
            "b44679b9a59af2ec876b1a6b1ad52ea9b1615fc3982b19576350f93447cb1125\
             e342b73a8dd2bacbe47e4b6b63ed5e39",
        ),
    ];
    let tag = b"BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_";
    for (round, signature) in beacons {
        let round = Prepared(G1::hash(&Sha256::digest(round.to_be_bytes()), tag));
        let signature: [u8; 48] = bytes(signature);
        assert!(key.verify_prepared(&round, &signature));
        let other = Prepared(G1::hash(b"another round", tag));
        assert!(!key.verify_prepared(&other, &signature));
    }
}

/// The numbers that a dealer of `tests/kat/bls.py` draws.
fn draws(name: &str) -> impl FnMut() -> SecretScalar + use<> {
    let name = name.to_owned();
    let mut counter = 0;
    move || {
        let digest = Sha256::digest(format!("{name} {counter}"));
        counter += 1;
        let mut number = [0; 32];
        number[..31].copy_from_slice(&digest[..31]);
        number[..31].reverse();
        SecretScalar::decode(&number).expect("a hash below r")
    }
}

/// What the Python script found for one policy or ceremony.
#[derive(Default)]
struct Known {
    /// What each dealer gives: commitments, and what each leaf gets.
    given: Vec<(String, Vec<String>)>,
    commitments: Vec<String>,
    /// Server, sub-share, signature share.
    leaves: Vec<(u16, String, String)>,
    signature: String,
}

fn known(section: &str) -> Known {
    let text = include_str!("../../../tests/kat/bls.txt");
    let (_, text) = text.split_once(&format!("{section}\n")).expect("the section is there");
    let mut known = Known::default();
    for line in text.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["policy", _] | ["ceremony", _] | ["sealed"] => break,
            ["contribution", points] => known.given.push((points.into(), Vec::new())),
            ["part", part] => known.given.last_mut().expect("a dealer").1.push(part.into()),
            ["commitment", point] => known.commitments.push(point.into()),
            ["leaf", server, number, share] => {
                let server = server.parse().expect("a number");
                known.leaves.push((server, number.into(), share.into()));
            }
            ["signature", point] => known.signature = point.into(),
            _ => panic!("line {line:?}"),
        }
    }
    known
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The message point of the script: RFC 9380, appendix J.9.1.
fn message() -> Prepared {
    Prepared(G1::hash(b"abc", b"QUUX-V01-CS02-with-BLS12381G1_XMD:SHA-256_SSWU_RO_"))
}

fn check_known(policy: &str, formula: &Formula) {
    let known = known(&format!("policy {policy}"));
    let message = message();
    let (public, secrets) = deal_with(formula, &mut draws("draw")).expect("no share of zero");

    let mut writer = Writer::new();
    public.encode(&mut writer);
    assert_eq!(hex(writer.as_bytes()), known.commitments.concat());
    assert_eq!(secrets.len(), known.leaves.len());
    let mut shares = Vec::new();
    for (leaf, (secret, (server, number, point))) in secrets.iter().zip(&known.leaves).enumerate() {
        assert_eq!(formula.leaves()[leaf].0, *server);
        assert_eq!(hex(secret), *number);
        assert!(public.owns(leaf, secret));
        let share = public.sign(&[(secret, &message)]).expect("in range").swap_remove(0);
        assert_eq!(hex(&share), *point);
        shares.push(public.parse_share(&share).expect("a point of the group"));
        assert_eq!(public.verify_share(leaf, &message, &shares[leaf], &[]), Ok(()));
    }
    let selection = Access::new(formula.clone()).select(&formula.servers());
    let selection = selection.expect("everyone is enough");
    let chosen: Vec<&Candidate> = selection.leaves().iter().map(|leaf| &shares[*leaf]).collect();
    let signature = public.combine(&message, &selection, &chosen).expect("some shares");
    assert_eq!(hex(&signature), known.signature);
}

#[test]
fn vec_python_flat_policy() {
    check_known("flat", &threshold(3, 4));
}

#[test]
fn vec_python_tree_with_a_repeated_server() {
    let first = gate(2, [leaf(0), leaf(1), leaf(2)]);
    let tree = gate(2, [first, gate(1, [leaf(0), leaf(3)]), gate(2, [leaf(4), leaf(5)])]);
    check_known("tree", &tree);
}

/// What dealers gave, as the script found it; returns the contributions, and what each leaf got.
fn check_given(known: &Known, dealings: Vec<Dealing>) -> (Vec<Contribution>, Vec<Vec<Secret>>) {
    assert_eq!(dealings.len(), known.given.len());
    for ((given, leaves), (points, parts)) in dealings.iter().zip(&known.given) {
        let mut writer = Writer::new();
        given.encode(&mut writer);
        assert_eq!(hex(writer.as_bytes()), *points);
        assert_eq!(leaves.iter().map(|leaf| hex(leaf)).collect::<Vec<_>>(), *parts);
        for (leaf, secret) in leaves.iter().enumerate() {
            assert_eq!(given.check_leaf(leaf, secret), Ok(()));
        }
    }
    dealings.into_iter().unzip()
}

/// A key and the secrets of its leaves, as the script found them.
fn check_key(known: &Known, public: &PublicKey, secrets: &[Secret]) {
    let mut writer = Writer::new();
    public.encode(&mut writer);
    assert_eq!(hex(writer.as_bytes()), known.commitments.concat());
    assert_eq!(secrets.len(), known.leaves.len());
    for (leaf, (secret, (_, number, point))) in secrets.iter().zip(&known.leaves).enumerate() {
        assert_eq!(hex(secret), *number);
        assert!(public.owns(leaf, secret));
        let share = public.sign(&[(secret, &message())]).expect("in range").swap_remove(0);
        assert_eq!(hex(&share), *point);
    }
}

#[test]
fn vec_python_ceremonies() {
    let first = gate(2, [leaf(0), leaf(1), leaf(2)]);
    let tree = gate(2, [first, gate(1, [leaf(0), leaf(3)]), gate(2, [leaf(4), leaf(5)])]);
    let (tree, flat) = (Access::new(tree), Access::new(threshold(3, 4)));

    // Two dealers make a key.
    let generated = known("ceremony generated");
    let deal = |dealer| {
        generation::deal_with(&tree, &mut draws(&format!("dealer {dealer}"))).expect("no zero")
    };
    let (given, leaves) = check_given(&generated, vec![deal(0), deal(1)]);
    let public = generation::public_key(&tree, &given.iter().collect::<Vec<_>>()).unwrap();
    let got = |leaf: usize| [leaves[0][leaf].as_slice(), leaves[1][leaf].as_slice()];
    let secrets: Vec<Secret> = (0..7).map(|leaf| generation::secret(&got(leaf)).unwrap()).collect();
    check_key(&generated, &public, &secrets);

    // Servers 0 and 4 refresh it.
    let refreshed = known("ceremony refreshed");
    let deal = |dealer| handover::deal_zero_with(&tree, &mut draws(&format!("refresh {dealer}")));
    let (given, leaves) = check_given(&refreshed, vec![deal(0), deal(4)]);
    let given: Vec<_> = given.iter().collect();
    let public = handover::refreshed_key(&public, &tree, &given).unwrap();
    let got = |leaf: usize| [leaves[0][leaf].as_slice(), leaves[1][leaf].as_slice()];
    let secrets: Vec<Secret> = (0..7)
        .map(|leaf| handover::refreshed_secret(&secrets[leaf], &got(leaf)).unwrap())
        .collect();
    check_key(&refreshed, &public, &secrets);

    // Servers 0, 1 and 4 reshare it to the flat policy; the leaves of 0 and 1 are enough.
    let reshared = known("ceremony reshared");
    let dealers = [0, 1, 4].map(ServerIndex);
    let deal = |dealer: &ServerIndex| {
        let own: Vec<(usize, &[u8])> =
            tree.leaves_of(*dealer).map(|leaf| (leaf, secrets[leaf].as_slice())).collect();
        let mut draw = draws(&format!("reshare {}", dealer.0));
        handover::deal_leaves_with(&public, &own, &flat, &mut draw).unwrap()
    };
    let (given, leaves) = check_given(&reshared, dealers.iter().map(deal).collect());
    let selection = tree.select(&dealers.into_iter().collect()).unwrap();
    assert_eq!(selection.leaves(), [0, 1, 3]);
    let trees = [(&given[0], 0), (&given[1], 0), (&given[0], 1)];
    let public = handover::reshared_key(&public, &selection, &trees, &flat).unwrap();
    let secret = |leaf: usize| {
        let pieces = [&leaves[0][leaf][..32], &leaves[1][leaf][..], &leaves[0][leaf][32..]];
        handover::reshared_secret(&selection, &pieces).unwrap()
    };
    check_key(&reshared, &public, &(0..4).map(secret).collect::<Vec<_>>());

    // The signature is that of the sum of what the first two dealt.
    let signature = G1::decode(&bytes(&reshared.signature)).expect("a point of the group");
    assert!(public.verify(&message(), &signature.encode()));
}
