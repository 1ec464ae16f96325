//! The RSA scheme on moduli of toy size, where everything can be tried. The code under test is the
//! same at every size; keys of real size are in `tests/` of the crate.

mod hostile;
mod lying;
mod order;
mod privacy;
#[cfg(feature = "aws-lc")]
mod real_size;
mod redistribution;
mod subsets;
mod vectors;

use std::sync::OnceLock;

use ally_codec::Encode;
use ally_policy::{Formula, ServerIndex, ServerSet};
use crypto_bigint::{BoxedUint, Resize};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use zeroize::Zeroizing;

use super::Shape;
use super::generation::deal_with_primes;
use super::sharing::Part;
use crate::contribution::Kind;
use crate::deal::Dealt;
use crate::{
    Contribution, Dealing, KeyShare, Plan, PublicKey, Scheme, SecretPart, SignatureShare, primes,
};

/// Bits of a toy modulus: just enough for the PKCS#1 encoding of a SHA-256 digest.
const TOY_BITS: u32 = 512;

fn rng() -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(12)
}

/// The safe primes of four dealers, of half the toy length, generated once.
fn toy_primes() -> &'static [(Part, Part); 4] {
    static PRIMES: OnceLock<[(Part, Part); 4]> = OnceLock::new();
    PRIMES.get_or_init(|| {
        let mut rng = rng();
        [(); 4]
            .map(|()| primes::safe_primes(TOY_BITS / 2, primes::Top::Four, &mut rng, &()).unwrap())
    })
}

/// A plan for a toy key of so many dealers. (The scheme's name is only looked at where a key is
/// decoded, which toy keys never are.)
fn plan(moduli: u8, formula: &Formula, epoch: u64) -> Plan {
    let shape = Shape { bits: TOY_BITS * u32::from(moduli), moduli };
    Plan::with_shape(Scheme::Rsa2048, Some(shape), formula, epoch).unwrap()
}

/// What the dealer with these primes gives.
fn dealing(plan: &Plan, primes: &(Part, Part)) -> Dealing {
    let (shape, access) = plan.parts();
    let dealt = deal_with_primes(primes, shape.unwrap(), access, &mut rng()).unwrap();
    let (contribution, secrets) = dealt.expect("toy primes fit");
    let contribution = Contribution::new(plan.digest(), None, Kind::Rsa(contribution));
    (contribution, SecretPart::all(plan.digest(), access, secrets))
}

/// A toy key of one dealer over the formula.
fn deal(formula: &Formula, epoch: u64) -> Dealt {
    generate(1, formula, epoch)
}

/// A toy key of several dealers, all the way through the public interface.
fn generate(moduli: u8, formula: &Formula, epoch: u64) -> Dealt {
    let plan = plan(moduli, formula, epoch);
    let dealings: Vec<Dealing> =
        toy_primes()[..usize::from(moduli)].iter().map(|primes| dealing(&plan, primes)).collect();
    let read: Vec<Contribution> = dealings
        .iter()
        .map(|(contribution, _)| plan.contribution(&contribution.to_bytes()).unwrap())
        .collect();
    let public = plan.public_key(&read.iter().collect::<Vec<_>>()).unwrap();
    let shares = (0..dealings[0].1.len()).map(|server| {
        let parts: Vec<SecretPart> = dealings
            .iter()
            .zip(&read)
            .map(|((_, parts), read)| {
                let part = &parts[server];
                plan.part(read, part.server(), &part.encode()).unwrap()
            })
            .collect();
        plan.key_share(&public, &parts).unwrap()
    });
    Dealt { shares: shares.collect(), public }
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

type Signed = (ServerIndex, SignatureShare);

fn sign(public: &PublicKey, share: &KeyShare, message: &[u8]) -> Signed {
    (share.server(), share.sign(public, message).unwrap())
}

fn sign_all(dealt: &Dealt, message: &[u8]) -> Vec<Signed> {
    dealt.shares.iter().map(|share| sign(&dealt.public, share, message)).collect()
}

fn of_servers(contributions: &[Signed], set: &ServerSet) -> Vec<Signed> {
    contributions.iter().filter(|(server, _)| set.contains(*server)).cloned().collect()
}

fn part(number: u64, bits: u32) -> Part {
    Zeroizing::new(BoxedUint::from(number).resize(bits))
}
