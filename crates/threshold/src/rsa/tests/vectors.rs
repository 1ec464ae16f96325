//! Against an independent implementation in Python (`tests/kat/rsa.py`).

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;

use ally_codec::Encode;
use ally_policy::{Formula, ServerIndex, ServerSet};
use crypto_bigint::{BoxedUint, ConcatenatingMul};
use rand_core::{TryCryptoRng, TryRng};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::super::{Denominator, PublicKey, VerifyingKey, deal::deal_with_primes, encoding};
use super::{TOY_BITS, flat, leaf};
use crate::access::{Access, Secret};
use crate::deal::Dealt;
use crate::public_key::Kind;
use crate::threshold_scheme::ThresholdScheme;
use crate::{Message, Scheme};

const VECTORS: &str = include_str!("../../../tests/kat/rsa.txt");
const EPOCH: u64 = 9;

/// A generator that returns the dealer's draws one after the other.
struct Script(VecDeque<Vec<u8>>);

impl TryRng for Script {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        unreachable!("the dealer draws bytes")
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        unreachable!("the dealer draws bytes")
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        bytes.copy_from_slice(&self.0.pop_front().expect("a draw is left"));
        Ok(())
    }
}

impl TryCryptoRng for Script {}

/// The fields of each line with this name, in the part before the policies or in one policy's.
fn lines(policy: Option<&str>, name: &str) -> Vec<Vec<&'static str>> {
    let mut parts = VECTORS.split("policy ");
    let general = parts.next().unwrap();
    let part = match policy {
        None => general,
        Some(policy) => parts.find(|part| part.lines().next() == Some(policy)).unwrap(),
    };
    let fields = |line: &'static str| line.split(' ').collect::<Vec<_>>();
    let named = part.lines().map(fields).filter(|fields| fields[0] == name);
    named.map(|fields| fields[1..].to_vec()).collect()
}

fn general(name: &str) -> Vec<u8> {
    hex::decode(lines(None, name)[0][0]).unwrap()
}

fn number(bytes: &[u8]) -> Zeroizing<BoxedUint> {
    Zeroizing::new(BoxedUint::from_be_slice_vartime(bytes))
}

fn deal(policy: &str, formula: &Formula) -> (PublicKey, Vec<Secret>) {
    let primes = (number(&general("p")), number(&general("q")));
    let draws = lines(Some(policy), "draw").into_iter().map(|draw| hex::decode(draw[0]).unwrap());
    let mut script = Script(draws.collect());
    let access = Arc::new(Access::new(formula.clone()));
    let dealt = deal_with_primes(&primes, TOY_BITS, EPOCH, access, &mut script).unwrap();
    assert!(script.0.is_empty(), "all draws are used");
    dealt
}

fn check(policy: &str, formula: &Formula) {
    let message = general("message");
    let (key, secrets) = deal(policy, formula);
    let prepared = key.prepare(&Message::new(&message)).unwrap();
    let bytes = |number: &BoxedUint| key.verifying_key().bytes(number);
    assert_eq!(hex::encode(bytes(key.base())), lines(Some(policy), "base")[0][0]);
    let denominator = Denominator::of(formula).unwrap();
    let expected = u64::from_str_radix(lines(Some(policy), "denominator")[0][0], 16).unwrap();
    assert_eq!(*denominator.value(), BoxedUint::from(expected));

    let known = lines(Some(policy), "leaf");
    assert_eq!(known.len(), secrets.len());
    let mut shares = Vec::new();
    for (leaf, (secret, known)) in secrets.iter().zip(&known).enumerate() {
        let share = key.sign(&[(secret, &prepared)]).unwrap().swap_remove(0);
        let ours = [secret.to_vec(), bytes(key.leaf_key(leaf)), share.clone()].map(hex::encode);
        assert_eq!(ours[..], known[..3], "leaf {leaf}");
        let share = key.parse_share(&share).unwrap();
        let proof = hex::decode(known[3]).unwrap();
        assert_eq!(key.verify_share(leaf, &prepared, &share, &proof), Ok(()), "leaf {leaf}");
        assert!(key.owns(leaf, secret));
        shares.push(share);
    }
    let sets = lines(Some(policy), "set");
    assert!(!sets.is_empty());
    for set in sets {
        let servers: ServerSet = set.iter().map(|one| ServerIndex(one.parse().unwrap())).collect();
        let selection = key.access().select(&servers).unwrap();
        let chosen: Vec<_> = selection.leaves().iter().map(|leaf| &shares[*leaf]).collect();
        assert_eq!(key.combine(&prepared, &selection, &chosen), Some(general("signature")));
    }
}

/// The bytes of keys and shares: what was written once can be read for ever.
fn check_encodings(policy: &str, formula: &Formula) {
    let message = general("message");
    let (key, secrets) = deal(policy, formula);
    let access = Arc::new(Access::new(formula.clone()));
    let by_server = access.by_server(secrets);
    let public = crate::PublicKey::new(Scheme::Rsa2048, EPOCH, access, Kind::Rsa(key));
    let dealt = Dealt::new(public, by_server);
    assert_eq!(hex::encode(dealt.public.id().0), lines(Some(policy), "id")[0][0]);
    let known = lines(Some(policy), "encoding");
    assert_eq!(known.len(), dealt.shares.len());
    for (share, known) in dealt.shares.iter().zip(known) {
        let signed = share.sign(&dealt.public, &message).unwrap();
        let hashes = [share.encode().to_vec(), signed.to_bytes()].map(Sha256::digest);
        assert_eq!(hashes.map(hex::encode)[..], known[..], "{}", share.server());
    }
}

#[test]
fn vec_python_flat_policies() {
    for (policy, formula) in [("flat", flat(3, 0..4)), ("all", flat(3, 0..3))] {
        check(policy, &formula);
        check_encodings(policy, &formula);
    }
}

#[test]
fn vec_python_tree_with_repeated_servers() {
    let pair = |a, b| Formula::gate(2, vec![leaf(a), leaf(b)]).unwrap();
    let either = Formula::gate(1, vec![leaf(0), leaf(3)]).unwrap();
    let most = Formula::gate(3, vec![leaf(1), leaf(3), leaf(4), pair(0, 5)]).unwrap();
    let tree = Formula::gate(2, vec![flat(2, 0..3), either, pair(4, 5), most]).unwrap();
    check("tree", &tree);
    check_encodings("tree", &tree);
}

#[test]
fn vec_python_encodings() {
    let message = general("message");
    let (p, q) = (number(&general("p")), number(&general("q")));
    let key = VerifyingKey::new(&p.concatenating_mul(&*q), TOY_BITS).unwrap();
    assert_eq!(key.fingerprint().to_vec(), general("fingerprint"));
    let encoded = key.encode(&Message::new(&message)).unwrap();
    assert_eq!(key.bytes(&encoded), general("encoded"));
    assert!(key.verify(&encoded, &general("signature")));
    let fingerprint = std::array::from_fn(|at| at as u8);
    assert_eq!(encoding::pss(&message, 256, &fingerprint), general("pss"));
}
