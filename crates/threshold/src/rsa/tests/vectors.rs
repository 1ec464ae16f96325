//! Against an independent implementation in Python (`tests/kat/rsa.py`).

use std::convert::Infallible;

use ally_codec::Encode;
use ally_policy::{Formula, ServerIndex, ServerSet};
use crypto_bigint::{BoxedUint, ConcatenatingMul};
use rand_core::{TryCryptoRng, TryRng};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::super::generation::deal_with_primes;
use super::super::sharing::Part;
use super::super::{Denominator, PublicKey, VerifyingKey, encoding};
use super::{TOY_BITS, flat, leaf, plan, sign_all};
use crate::contribution::Kind;
use crate::deal::Dealt;
use crate::public_key::Kind as KeyKind;
use crate::threshold_scheme::ThresholdScheme;
use crate::{Contribution, Handover, Message, SecretPart, combine};

const VECTORS: &str = include_str!("../../../tests/kat/rsa.txt");
const EPOCH: u64 = 9;

/// A dealer's generator, as the script has it: block b of request r is SHA-256("label r b").
struct Script {
    label: String,
    requests: u32,
}

impl Script {
    fn new(label: &str) -> Self {
        Self { label: label.to_owned(), requests: 0 }
    }
}

impl TryRng for Script {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        unreachable!("the dealer draws bytes")
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        unreachable!("the dealer draws bytes")
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for (block, chunk) in bytes.chunks_mut(32).enumerate() {
            let hash = Sha256::digest(format!("{} {} {block}", self.label, self.requests));
            chunk.copy_from_slice(&hash[..chunk.len()]);
        }
        self.requests += 1;
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

fn number(bytes: &[u8]) -> Part {
    Zeroizing::new(BoxedUint::from_be_slice_vartime(bytes))
}

fn primes(dealer: usize) -> (Part, Part) {
    let [p, q] = ["p", "q"].map(|name| number(&general(&format!("{name}{}", dealer + 1))));
    (p, q)
}

/// A key of one dealer for each label, with the draws of the script.
fn generate(policy: &str, formula: &Formula, labels: &[&str]) -> Dealt {
    let plan = plan(labels.len() as u8, formula, EPOCH);
    let (shape, access) = plan.parts();
    let mut contributions = Vec::new();
    let mut parts: Vec<Vec<SecretPart>> = Vec::new();
    for (dealer, label) in labels.iter().enumerate() {
        let mut script = Script::new(label);
        let dealt = deal_with_primes(&primes(dealer), shape.unwrap(), access, &mut script);
        let (contribution, secrets) = dealt.unwrap().unwrap();
        contributions.push(Contribution::new(plan.digest(), None, Kind::Rsa(contribution)));
        parts.push(SecretPart::all(plan.digest(), access, secrets));
    }
    check_contributions(policy, &contributions.iter().collect::<Vec<_>>());
    let public = plan.public_key(&contributions.iter().collect::<Vec<_>>()).unwrap();
    let mut parts: Vec<_> = parts.into_iter().map(Vec::into_iter).collect();
    let share = |_| {
        let parts: Vec<SecretPart> = parts.iter_mut().map(|parts| parts.next().unwrap()).collect();
        plan.key_share(&public, &parts).unwrap()
    };
    let shares = (0..formula.servers().len()).map(share).collect();
    Dealt { public, shares }
}

/// The key with new shares, by the dealers with these numbers and draws.
fn hand_over(policy: &str, handover: &Handover, from: &Dealt, dealers: &[(u16, &str)]) -> Dealt {
    let mut dealings = Vec::new();
    for (dealer, label) in dealers {
        let own = from.shares.iter().find(|share| share.server().0 == *dealer).unwrap();
        dealings.push((ServerIndex(*dealer), handover.deal(own, &mut Script::new(label)).unwrap()));
    }
    let contributions: Vec<(ServerIndex, &Contribution)> =
        dealings.iter().map(|(dealer, (contribution, _))| (*dealer, contribution)).collect();
    check_contributions(policy, &contributions.iter().map(|(_, one)| *one).collect::<Vec<_>>());
    let public = handover.public_key(&contributions).unwrap();
    let mut parts: Vec<(ServerIndex, _)> =
        dealings.into_iter().map(|(dealer, (_, parts))| (dealer, parts.into_iter())).collect();
    let share = |server: ServerIndex| {
        let own = from.shares.iter().find(|share| share.server() == server);
        let mine = |(dealer, parts): &mut (ServerIndex, std::vec::IntoIter<SecretPart>)| {
            (*dealer, parts.next().unwrap())
        };
        let parts: Vec<_> = parts.iter_mut().map(mine).collect();
        handover.key_share(&public, own, &parts).unwrap()
    };
    let shares = handover.formula().servers().iter().map(share).collect();
    Dealt { public, shares }
}

fn check_contributions(policy: &str, contributions: &[&Contribution]) {
    let known = lines(Some(policy), "contribution");
    assert_eq!(known.len(), contributions.len());
    for (contribution, known) in contributions.iter().zip(known) {
        let bytes = contribution.to_bytes();
        let ours = [bytes.len().to_string(), hex::encode(Sha256::digest(&bytes))];
        assert_eq!(ours[..], known[..], "{policy}");
    }
}

fn rsa(dealt: &Dealt) -> &PublicKey {
    match dealt.public.kind() {
        KeyKind::Rsa(key) => key,
        KeyKind::Bls(_) => unreachable!("an RSA key was dealt"),
    }
}

/// The key and all it holds: what was written once can be read for ever.
fn check(policy: &str, dealt: &Dealt) {
    let key = rsa(dealt);
    let message = general("message");
    let denominator = Denominator::of(dealt.public.formula()).unwrap();
    let expected = u64::from_str_radix(lines(Some(policy), "denominator")[0][0], 16).unwrap();
    assert_eq!(*denominator.value(), BoxedUint::from(expected));
    let known = lines(Some(policy), "component");
    assert_eq!(known.len(), key.components().len());
    for (component, known) in key.components().iter().zip(known) {
        let multiplier = component.multiplier().to_string_radix_vartime(16);
        let group = component.group();
        let ours =
            [component.width().to_string(), multiplier, hex::encode(group.bytes(group.base()))];
        assert_eq!(ours[..], known[..], "{policy}");
    }
    assert_eq!(hex::encode(dealt.public.id().0), lines(Some(policy), "id")[0][0]);

    let signed = sign_all(dealt, &message);
    let known = lines(Some(policy), "encoding");
    assert_eq!(known.len(), dealt.shares.len());
    for ((share, (_, signed)), known) in dealt.shares.iter().zip(&signed).zip(known) {
        let hashes = [share.encode().to_vec(), signed.to_bytes()].map(Sha256::digest);
        assert_eq!(hashes.map(hex::encode)[..], known[..], "{}", share.server());
    }
    let signature = hex::decode(lines(Some(policy), "signature")[0][0]).unwrap();
    let sets = lines(Some(policy), "set");
    assert!(!sets.is_empty());
    for set in sets {
        let servers: ServerSet = set.iter().map(|one| ServerIndex(one.parse().unwrap())).collect();
        let some = super::of_servers(&signed, &servers);
        assert_eq!(combine(&dealt.public, &message, &some), Ok(signature.clone()), "{set:?}");
    }
}

/// Every leaf's secret, and the proof that the script made with it.
fn check_leaves(policy: &str, dealt: &Dealt) {
    let key = rsa(dealt);
    let prepared = key.prepare(&Message::new(&general("message"))).unwrap();
    let known = lines(Some(policy), "leaf");
    assert_eq!(known.len(), key.access().leaves().len());
    for (leaf, known) in known.iter().enumerate() {
        let [secret, proof] = [0, 1].map(|field| hex::decode(known[field]).unwrap());
        assert!(key.owns(leaf, &secret), "leaf {leaf}");
        let share = key.sign(&[(&secret, &prepared)]).unwrap().swap_remove(0);
        let share = key.parse_share(&share).unwrap();
        assert_eq!(key.verify_share(leaf, &prepared, &share, &proof), Ok(()), "leaf {leaf}");
    }
}

fn tree() -> Formula {
    let pair = |a, b| Formula::gate(2, vec![leaf(a), leaf(b)]).unwrap();
    let either = Formula::gate(1, vec![leaf(0), leaf(3)]).unwrap();
    let most = Formula::gate(3, vec![leaf(1), leaf(3), leaf(4), pair(0, 5)]).unwrap();
    Formula::gate(2, vec![flat(2, 0..3), either, pair(4, 5), most]).unwrap()
}

#[test]
fn vec_python_keys_of_one_dealer() {
    for (policy, formula) in [("flat", flat(3, 0..4)), ("all", flat(3, 0..3)), ("tree", tree())] {
        let dealt = generate(policy, &formula, &[policy]);
        check(policy, &dealt);
        check_leaves(policy, &dealt);
    }
}

/// Two dealers; refreshed; reshared over a tree; refreshed; reshared over a flat formula.
#[test]
fn vec_python_a_key_of_two_dealers_and_all_that_becomes_of_it() {
    let dealt = generate("two", &flat(3, 0..4), &["two 0", "two 1"]);
    check("two", &dealt);
    check_leaves("two", &dealt);

    let handover = Handover::refresh(&dealt.public, EPOCH + 1).unwrap();
    let dealers = [(1, "refresh 1"), (3, "refresh 3")];
    let dealt = hand_over("refresh", &handover, &dealt, &dealers);
    check("refresh", &dealt);

    let handover = Handover::reshare(&dealt.public, &tree(), EPOCH + 2).unwrap();
    let dealers = [(0, "reshare 0"), (1, "reshare 1"), (3, "reshare 3")];
    let dealt = hand_over("reshare", &handover, &dealt, &dealers);
    check("reshare", &dealt);

    let handover = Handover::refresh(&dealt.public, EPOCH + 3).unwrap();
    let dealt = hand_over("again", &handover, &dealt, &[(5, "again 5")]);
    check("again", &dealt);

    let handover = Handover::reshare(&dealt.public, &flat(3, 0..3), EPOCH + 4).unwrap();
    let dealers = [(0, "back 0"), (1, "back 1"), (3, "back 3"), (4, "back 4")];
    let dealt = hand_over("back", &handover, &dealt, &dealers);
    check("back", &dealt);
    check_leaves("back", &dealt);
}

#[test]
fn vec_python_encodings() {
    let message = general("message");
    let (p, q) = primes(0);
    let key = VerifyingKey::new(&p.concatenating_mul(&*q), TOY_BITS).unwrap();
    assert_eq!(key.fingerprint().to_vec(), general("fingerprint"));
    let encoded = key.encode(&Message::new(&message)).unwrap();
    assert_eq!(key.bytes(&encoded), general("encoded"));
    let signature = hex::decode(lines(Some("flat"), "signature")[0][0]).unwrap();
    assert!(key.verify(&encoded, &signature));
    let fingerprint = std::array::from_fn(|at| at as u8);
    assert_eq!(encoding::pss(&message, 256, &fingerprint), general("pss"));
}
