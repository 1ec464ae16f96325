//! An RSA key with what verifies single shares of it.

use std::sync::Arc;

use ally_codec::{DecodeError, Reader, Writer};
use crypto_bigint::BoxedUint;
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use super::proof::{Proof, Statement};
use super::{Denominator, EXPONENT, VerifyingKey, combine};
use crate::access::{Access, Selection};
use crate::threshold_scheme::ThresholdScheme;
use crate::{LeafFault, Message, UnsupportedEncoding};

const _: () = assert!(EXPONENT > 1024, "the exponent is above every fan-in");

/// The RSA half of [`PublicKey`](crate::PublicKey).
pub(crate) struct PublicKey {
    key: VerifyingKey,
    access: Arc<Access>,
    epoch: u64,
    denominator: Denominator,
    base: BoxedUint,
    leaf_keys: Vec<BoxedUint>,
}

impl PublicKey {
    /// `base` is v, `leaf_keys` are the v^s' in the order of the leaves. `None` where a number is
    /// out of range or has a factor in common with the modulus, where their count is not that of
    /// the leaves, or where the formula is too wide.
    pub(crate) fn new(
        key: VerifyingKey,
        access: Arc<Access>,
        epoch: u64,
        base: BoxedUint,
        leaf_keys: Vec<BoxedUint>,
    ) -> Option<Self> {
        let denominator = Denominator::of(access.formula())?;
        let one = BoxedUint::one();
        if base <= one || leaf_keys.len() != access.leaves().len() {
            return None;
        }
        // One inversion instead of one for each: the product is invertible iff all factors are.
        let terms: Vec<_> = leaf_keys.iter().chain([&base]).map(|value| (value, &one)).collect();
        key.modulus().invert(&key.modulus().pow_product(&terms))?;
        Some(Self { key, access, epoch, denominator, base, leaf_keys })
    }

    /// Reads what [`PublicKey::encode`] wrote, for a modulus of exactly `bits`.
    pub(crate) fn decode(
        reader: &mut Reader<'_>,
        bits: u32,
        epoch: u64,
        access: Arc<Access>,
    ) -> Result<Self, DecodeError> {
        let width = bits.div_ceil(8) as usize;
        let modulus = BoxedUint::from_be_slice_vartime(reader.raw(width)?);
        let key = VerifyingKey::new(&modulus, bits)
            .ok_or(DecodeError::Invalid("modulus of a threshold key"))?;
        let number = |reader: &mut Reader<'_>| {
            key.number(reader.raw(width)?).ok_or(DecodeError::Invalid("number above the modulus"))
        };
        let base = number(reader)?;
        let leaves = access.leaves().len();
        let leaf_keys = (0..leaves).map(|_| number(reader)).collect::<Result<Vec<_>, _>>()?;
        Self::new(key.clone(), access, epoch, base, leaf_keys)
            .ok_or(DecodeError::Invalid("verification keys of a threshold key"))
    }

    /// `modulus || v || v_leaf of each leaf`, each as long as the modulus, big-endian.
    pub(crate) fn encode(&self, writer: &mut Writer) {
        writer.raw(&self.key.bytes(self.key.modulus().value()));
        writer.raw(&self.key.bytes(&self.base));
        for leaf_key in &self.leaf_keys {
            writer.raw(&self.key.bytes(leaf_key));
        }
    }

    pub(crate) fn verifying_key(&self) -> &VerifyingKey {
        &self.key
    }

    pub(crate) fn access(&self) -> &Access {
        &self.access
    }

    pub(crate) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// D.
    pub(crate) fn denominator(&self) -> &Denominator {
        &self.denominator
    }

    /// v.
    pub(crate) fn base(&self) -> &BoxedUint {
        &self.base
    }

    /// v^s' of the leaf.
    pub(crate) fn leaf_key(&self, leaf: usize) -> &BoxedUint {
        &self.leaf_keys[leaf]
    }

    /// `value^2`. Variable time: public data only.
    pub(crate) fn square(&self, value: &BoxedUint) -> BoxedUint {
        self.key.modulus().pow_product(&[(value, &BoxedUint::from(2u32))])
    }

    /// The exponent in the bytes of a leaf's secret, as wide as the modulus; `None` if they are
    /// too many or too few.
    fn exponent(&self, secret: &[u8]) -> Option<Zeroizing<BoxedUint>> {
        let precision = self.key.modulus().value().bits_precision();
        let exponent = Zeroizing::new(BoxedUint::from_be_slice_truncated(secret, precision));
        (secret.len() == self.key.width()).then_some(exponent)
    }
}

impl ThresholdScheme for PublicKey {
    /// x.
    type Prepared = BoxedUint;
    type Share = BoxedUint;
    const SELF_EVIDENT: bool = false;

    fn prepare(&self, message: &Message<'_>) -> Result<BoxedUint, UnsupportedEncoding> {
        self.key.encode(message).ok_or(UnsupportedEncoding)
    }

    fn owns(&self, leaf: usize, secret: &[u8]) -> bool {
        self.exponent(secret).is_some_and(|exponent| {
            self.key.modulus().pow_secret(&self.base, &exponent) == *self.leaf_key(leaf)
        })
    }

    fn sign(&self, jobs: &[(&[u8], &BoxedUint)]) -> Option<Vec<Vec<u8>>> {
        let one = |(secret, encoded): &(&[u8], &BoxedUint)| {
            let base = self.square(encoded);
            let share = self.key.modulus().pow_secret(&base, &*self.exponent(secret)?);
            Some(self.key.bytes(&share))
        };
        jobs.iter().map(one).collect()
    }

    fn prove(
        &self,
        leaf: usize,
        secret: &[u8],
        encoded: &BoxedUint,
        share: &BoxedUint,
        rng: &mut dyn CryptoRng,
    ) -> Vec<u8> {
        let statement = Statement::new(self, leaf, encoded, share);
        self.exponent(secret).map_or_else(Vec::new, |exponent| statement.prove(&exponent, rng))
    }

    fn share_width(&self) -> usize {
        self.key.width()
    }

    fn parse_share(&self, share: &[u8]) -> Result<BoxedUint, LeafFault> {
        let (expected, actual) = (self.key.width(), share.len());
        if expected != actual {
            return Err(LeafFault::Length { expected, actual });
        }
        let number = self.key.number(share).ok_or(LeafFault::OutOfRange)?;
        if number.is_zero().to_bool() { Err(LeafFault::OutOfRange) } else { Ok(number) }
    }

    fn verify_share(
        &self,
        leaf: usize,
        encoded: &BoxedUint,
        share: &BoxedUint,
        proof: &[u8],
    ) -> Result<(), LeafFault> {
        let proof = Proof::parse(self, proof).ok_or(LeafFault::MalformedProof)?;
        let holds = Statement::new(self, leaf, encoded, share).is_shown_by(&proof);
        if holds { Ok(()) } else { Err(LeafFault::Wrong) }
    }

    fn inspect(&self, share: &BoxedUint) -> Result<(), LeafFault> {
        match self.key.modulus().invert(share) {
            Some(_) => Ok(()),
            None => Err(LeafFault::NotInvertible),
        }
    }

    fn combine(
        &self,
        encoded: &BoxedUint,
        selection: &Selection,
        shares: &[&BoxedUint],
    ) -> Option<Vec<u8>> {
        combine::combine(self, encoded, selection, shares)
    }

    fn verify(&self, encoded: &BoxedUint, signature: &[u8]) -> bool {
        self.key.verify(encoded, signature)
    }
}
