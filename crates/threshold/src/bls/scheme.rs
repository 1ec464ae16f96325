//! BLS as one of the schemes of this crate: what it does at one leaf.

use ally_policy::Formula;
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use super::combine::lagrange_at_zero;
use super::curve::{G1, G1_BYTES, G2, G2_BYTES, same_exponent};
use super::scalar::{Scalar, SecretScalar};
use super::{Prepared, PublicKey};
use crate::access::{Selection, ServerSecrets};
use crate::message::Encoding;
use crate::threshold_scheme::ThresholdScheme;
use crate::{LeafFault, Message, UnsupportedEncoding};

/// The tag of messages that have none of their own.
const TAG: &[u8] = b"ALLY-V1-STATEMENT-BLS12381G1_XMD:SHA-256_SSWU_RO_";

/// What stands before a tag that a caller gives. No such tag leads to [`TAG`].
const TAG_PREFIX: &[u8] = b"ALLY-V1-TAGGED-BLS12381G1_XMD:SHA-256_SSWU_RO_";

/// A BLS public key: a point of G2.
#[derive(Clone)]
pub struct VerifyingKey(G2);

impl VerifyingKey {
    /// Reads a compressed point; `None` unless it is in the group and not its neutral element.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().and_then(G2::decode).map(Self)
    }

    /// The compressed point.
    pub(crate) fn to_bytes(&self) -> [u8; G2_BYTES] {
        self.0.encode()
    }

    pub(crate) fn verify(&self, message: &Message<'_>, signature: &[u8]) -> bool {
        prepare(message).is_ok_and(|prepared| verify_point(&self.0, &prepared, signature))
    }
}

impl PublicKey {
    pub(crate) fn verifying_key(&self) -> VerifyingKey {
        VerifyingKey(*self.point())
    }
}

/// Deals a key; the secrets as byte strings, by server in ascending order.
pub(crate) fn deal(
    formula: &Formula,
    mut rng: &mut dyn CryptoRng,
) -> (PublicKey, Vec<ServerSecrets>) {
    let dealt = super::deal(formula, &mut rng);
    let bytes = |leaf: &SecretScalar| Zeroizing::new(leaf.encode().to_vec());
    let secrets = dealt.shares.iter().map(|share| {
        let leaves = share.leaves().iter().map(bytes).collect();
        (share.server(), leaves)
    });
    (dealt.public, secrets.collect())
}

fn prepare(message: &Message<'_>) -> Result<Prepared, UnsupportedEncoding> {
    match message.encoding() {
        Encoding::Ordinary => Ok(Prepared::new(message.bytes(), TAG)),
        Encoding::Tagged(tag) => Ok(Prepared::new(message.bytes(), &[TAG_PREFIX, tag].concat())),
        Encoding::Pss => Err(UnsupportedEncoding),
    }
}

fn secret(bytes: &[u8]) -> Option<SecretScalar> {
    bytes.try_into().ok().and_then(SecretScalar::decode)
}

fn verify_point(key: &G2, message: &Prepared, signature: &[u8]) -> bool {
    let signature = signature.try_into().ok().and_then(G1::decode);
    signature.is_some_and(|signature| same_exponent(&signature, &message.0, key))
}

impl ThresholdScheme for PublicKey {
    type Prepared = Prepared;
    type Share = G1;
    const SELF_EVIDENT: bool = true;

    fn prepare(&self, message: &Message<'_>) -> Result<Prepared, UnsupportedEncoding> {
        prepare(message)
    }

    fn owns(&self, leaf: usize, bytes: &[u8]) -> bool {
        let expected = self.leaves().get(leaf).map(|(_, key)| *key);
        expected.is_some() && secret(bytes).map(|secret| G2::public_key(&secret)) == expected
    }

    fn sign(&self, bytes: &[u8], message: &Prepared) -> Option<Vec<u8>> {
        Some(message.0.times_secret(&secret(bytes)?).encode().to_vec())
    }

    fn prove(
        &self,
        _leaf: usize,
        _secret: &[u8],
        _message: &Prepared,
        _share: &G1,
        _rng: &mut dyn CryptoRng,
    ) -> Vec<u8> {
        Vec::new()
    }

    fn parse_share(&self, share: &[u8]) -> Result<G1, LeafFault> {
        let bytes = share
            .try_into()
            .map_err(|_| LeafFault::Length { expected: G1_BYTES, actual: share.len() })?;
        G1::decode(bytes).ok_or(LeafFault::OutOfRange)
    }

    fn verify_share(
        &self,
        leaf: usize,
        message: &Prepared,
        share: &G1,
        _proof: &[u8],
    ) -> Result<(), LeafFault> {
        let key = self.leaves().get(leaf).map(|(_, key)| key);
        let right = key.is_some_and(|key| same_exponent(share, &message.0, key));
        if right { Ok(()) } else { Err(LeafFault::Wrong) }
    }

    fn inspect(&self, _share: &G1) -> Result<(), LeafFault> {
        Ok(())
    }

    fn combine(
        &self,
        _message: &Prepared,
        selection: &Selection,
        shares: &[&G1],
    ) -> Option<Vec<u8>> {
        let mut factors = Vec::with_capacity(shares.len());
        collect_factors(selection, Scalar::small(1), &mut factors);
        let terms: Vec<(G1, Scalar)> = shares.iter().map(|share| **share).zip(factors).collect();
        Some(G1::linear_combination(&terms)?.encode().to_vec())
    }

    fn verify(&self, message: &Prepared, signature: &[u8]) -> bool {
        verify_point(self.point(), message, signature)
    }
}

/// The product of the Lagrange coefficients along the path to each leaf, in the order of the
/// leaves. Here every gate is a polynomial, also those of 1 of m (a constant) and m of m.
fn collect_factors(selection: &Selection, factor: Scalar, factors: &mut Vec<Scalar>) {
    let chosen = match selection {
        Selection::Leaf(_) => return factors.push(factor),
        Selection::Gate { chosen, .. } => chosen,
    };
    let points: Vec<Scalar> = chosen.iter().map(|(point, _)| Scalar::small(*point)).collect();
    for (x, (_, child)) in points.iter().zip(chosen) {
        collect_factors(child, factor.times(&lagrange_at_zero(x, &points)), factors);
    }
}
