//! A dealer: makes a key and splits it over a formula.

use std::sync::Arc;

use ally_policy::Formula;
use rand_core::CryptoRng;

use crate::access::{Access, ServerSecrets};
use crate::public_key::Kind;
use crate::{DealError, KeyShare, Progress, PublicKey, Scheme, SignatureShare, bls, combine, rsa};

/// A fresh key: the public half, and each server's share.
pub struct Dealt {
    /// For everybody.
    pub public: PublicKey,
    /// One for each server that the formula names, in ascending order; each for that server alone.
    pub shares: Vec<KeyShare>,
}

/// Makes a key of `scheme` and deals it over `formula`: the servers that satisfy the formula, and
/// no others, can sign with it. Whatever the dealer knew is wiped before it returns.
///
/// `epoch` is bound into shares and proofs: those of another epoch are refused. `rng` is the only
/// source of randomness.
///
/// # Errors
/// [`DealError`]: cancelled, or a formula that the scheme cannot carry.
///
/// # Panics
/// If the fresh shares do not make a signature that verifies. That would be an error in this
/// crate or in the machine, and such a key must not be used.
///
/// # Cost
/// RSA: two safe primes of half the length, searched for on all cores; seconds for 3072 bits.
pub fn deal(
    scheme: Scheme,
    formula: &Formula,
    epoch: u64,
    rng: &mut impl CryptoRng,
    progress: &dyn Progress,
) -> Result<Dealt, DealError> {
    let access = Arc::new(Access::new(formula.clone()));
    let dealt = match scheme.modulus_bits() {
        Some(bits) => {
            let shape = rsa::Shape { bits, moduli: 1 };
            shape.check(formula)?;
            let (contribution, secrets) = rsa::generation::deal(shape, &access, rng, progress)?;
            let key = rsa::generation::public_key(shape, epoch, access.clone(), &[&contribution])?;
            let by_server = access.by_server(secrets);
            Dealt::new(PublicKey::new(scheme, epoch, access, Kind::Rsa(key)), by_server)
        }
        None => {
            let (key, secrets) = bls::deal(formula, rng);
            let by_server = access.by_server(secrets);
            Dealt::new(PublicKey::new(scheme, epoch, access, Kind::Bls(key)), by_server)
        }
    };
    dealt.sign_once();
    Ok(dealt)
}

impl Dealt {
    pub(crate) fn new(public: PublicKey, secrets: Vec<ServerSecrets>) -> Self {
        let share = |(server, secrets)| KeyShare::new(public.id(), server, secrets);
        let shares = secrets.into_iter().map(share).collect();
        Self { shares, public }
    }

    /// Closes the dealing with a signature by everybody.
    fn sign_once(&self) {
        let message = b"ally/v1/dealing";
        let sign = |share: &KeyShare| -> Option<_> {
            let signature: SignatureShare = share.sign(&self.public, message).ok()?;
            Some((share.server(), signature))
        };
        let shares: Vec<_> = self.shares.iter().filter_map(sign).collect();
        assert!(combine(&self.public, message, &shares).is_ok(), "a fresh key signs");
    }
}
