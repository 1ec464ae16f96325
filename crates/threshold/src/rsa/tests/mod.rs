//! The RSA scheme on moduli of toy size, where everything can be tried. The code under test is the
//! same at every size; keys of real size are in `tests/` of the crate.

mod hostile;
mod privacy;
mod subsets;
mod vectors;

use std::sync::{Arc, OnceLock};

use ally_policy::{Formula, ServerIndex, ServerSet};
use crypto_bigint::{BoxedUint, Resize};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use zeroize::Zeroizing;

use super::deal::deal_with_primes;
use super::sharing::Part;
use crate::access::Access;
use crate::deal::Dealt;
use crate::public_key::Kind;
use crate::{KeyShare, PublicKey, Scheme, SignatureShare, primes};

/// Bits of the toy modulus: just enough for the PKCS#1 encoding of a SHA-256 digest.
const TOY_BITS: u32 = 512;

fn rng() -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(12)
}

/// Two safe primes of half the toy length, generated once.
fn toy_primes() -> &'static (Part, Part) {
    static PRIMES: OnceLock<(Part, Part)> = OnceLock::new();
    PRIMES.get_or_init(|| primes::safe_primes(TOY_BITS / 2, &mut rng(), &()).unwrap())
}

/// A toy key over the formula.
fn deal(formula: &Formula, epoch: u64) -> Dealt {
    deal_from(toy_primes(), TOY_BITS, formula, epoch)
}

fn deal_from(primes: &(Part, Part), bits: u32, formula: &Formula, epoch: u64) -> Dealt {
    let access = Arc::new(Access::new(formula.clone()));
    let (key, secrets) = deal_with_primes(primes, bits, epoch, access.clone(), &mut rng()).unwrap();
    let by_server = access.by_server(secrets);
    // The scheme's name is only looked at where a key is decoded, which toy keys never are.
    Dealt::new(PublicKey::new(Scheme::Rsa2048, epoch, access, Kind::Rsa(key)), by_server)
}

fn leaf(server: u16) -> Formula {
    Formula::Leaf(ServerIndex(server))
}

fn flat(threshold: u16, servers: std::ops::Range<u16>) -> Formula {
    Formula::gate(threshold, servers.map(leaf).collect()).unwrap()
}

/// Two of: one of the servers 0 to 2, two of them, the server 3 and again 0.
fn repeated() -> Formula {
    Formula::gate(
        2,
        vec![flat(1, 0..3), flat(2, 0..3), Formula::gate(2, vec![leaf(3), leaf(0)]).unwrap()],
    )
    .unwrap()
}

type Contribution = (ServerIndex, SignatureShare);

fn sign(public: &PublicKey, share: &KeyShare, message: &[u8]) -> Contribution {
    (share.server(), share.sign(public, message).unwrap())
}

fn sign_all(dealt: &Dealt, message: &[u8]) -> Vec<Contribution> {
    dealt.shares.iter().map(|share| sign(&dealt.public, share, message)).collect()
}

fn of_servers(contributions: &[Contribution], set: &ServerSet) -> Vec<Contribution> {
    contributions.iter().filter(|(server, _)| set.contains(*server)).cloned().collect()
}

fn part(number: u64, bits: u32) -> Part {
    Zeroizing::new(BoxedUint::from(number).resize(bits))
}
