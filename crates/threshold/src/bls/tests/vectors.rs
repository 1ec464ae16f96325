//! Vectors published by others, and vectors of an independent implementation in Python
//! (`tests/kat/bls.py`).

use super::{gate, leaf, threshold};
use crate::access::Access;
use crate::bls::VerifyingKey;
use crate::bls::curve::{Candidate, G1};
use crate::bls::deal::deal_with;
use crate::bls::scalar::SecretScalar;
use crate::bls::verifying_key::Prepared;
use crate::threshold_scheme::ThresholdScheme;
use ally_codec::Writer;
use ally_policy::Formula;
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

/// The numbers that the dealer of `tests/kat/bls.py` draws.
fn draws() -> impl FnMut() -> SecretScalar {
    let mut counter = 0;
    move || {
        let digest = Sha256::digest(format!("draw {counter}"));
        counter += 1;
        let mut number = [0; 32];
        number[..31].copy_from_slice(&digest[..31]);
        number[..31].reverse();
        SecretScalar::decode(&number).expect("a hash below r")
    }
}

/// What the Python script found for one policy.
#[derive(Default)]
struct Known {
    commitments: Vec<String>,
    /// Server, sub-share, signature share.
    leaves: Vec<(u16, String, String)>,
    signature: String,
}

fn known(policy: &str) -> Known {
    let text = include_str!("../../../tests/kat/bls.txt");
    let (_, text) = text.split_once(&format!("policy {policy}\n")).expect("the policy is there");
    let mut known = Known::default();
    for line in text.lines().take_while(|line| !line.starts_with("policy")) {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
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

fn check_known(policy: &str, formula: &Formula) {
    let known = known(policy);
    let tag = b"QUUX-V01-CS02-with-BLS12381G1_XMD:SHA-256_SSWU_RO_";
    let message = Prepared(G1::hash(b"abc", tag));
    let (public, secrets) = deal_with(formula, &mut draws()).expect("no share of zero");

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
