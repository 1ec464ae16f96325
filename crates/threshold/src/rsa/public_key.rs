//! An RSA key with what verifies single shares of it.

use std::sync::Arc;

use ally_codec::{DecodeError, Reader, Writer};
use crypto_bigint::{BoxedUint, ConcatenatingMul};
use rand_core::CryptoRng;

use super::crt::Garner;
use super::proof::{Proof, Statement, proof_bytes};
use super::sharing::Part;
use super::{Component, Denominator, EXPONENT, Group, VerifyingKey, combine};
use crate::access::{Access, Selection};
use crate::expo::{Comb, pow_secret_all};
use crate::threshold_scheme::ThresholdScheme;
use crate::{LeafFault, Message, UnsupportedEncoding};

const _: () = assert!(EXPONENT > 1024, "the exponent is above every fan-in");

/// The most moduli that a key is the product of.
pub(crate) const COMPONENTS_MAX: u8 = 4;

/// The RSA half of [`PublicKey`](crate::PublicKey).
pub(crate) struct PublicKey {
    key: VerifyingKey,
    access: Arc<Access>,
    epoch: u64,
    denominator: Denominator,
    components: Vec<Component>,
    garner: Garner,
}

/// x, also modulo each N_i.
pub(crate) struct Prepared {
    /// x.
    encoded: BoxedUint,
    /// x mod N_i.
    residues: Vec<BoxedUint>,
}

impl PublicKey {
    /// `None` where two moduli have a common factor, where the product has not exactly `bits`, where
    /// leaf keys are not as many as the formula has leaves, or where the formula is too wide.
    pub(crate) fn new(
        bits: u32,
        access: Arc<Access>,
        epoch: u64,
        components: Vec<Component>,
    ) -> Option<Self> {
        let denominator = Denominator::of(access.formula())?;
        let groups: Vec<&Group> = components.iter().map(Component::group).collect();
        let garner = Garner::new(&groups)?;
        let product = groups.iter().fold(BoxedUint::one(), |product, group| {
            product.concatenating_mul(&**group.modulus().value())
        });
        let key = VerifyingKey::new(&product, bits)?;
        let leaves = access.leaves().len();
        if components.iter().any(|component| component.leaf_keys().len() != leaves) {
            return None;
        }
        Some(Self { key, access, epoch, denominator, components, garner })
    }

    /// Reads what [`PublicKey::encode`] wrote, for a modulus of exactly `bits`.
    pub(crate) fn decode(
        reader: &mut Reader<'_>,
        bits: u32,
        epoch: u64,
        access: Arc<Access>,
    ) -> Result<Self, DecodeError> {
        let count = reader.u8()?;
        if count == 0 || count > COMPONENTS_MAX || !bits.is_multiple_of(u32::from(count)) {
            return Err(DecodeError::Invalid("number of moduli of a threshold key"));
        }
        let leaves = access.leaves().len();
        let components = (0..count)
            .map(|_| Component::decode(reader, bits / u32::from(count), leaves))
            .collect::<Result<Vec<_>, _>>()?;
        Self::new(bits, access, epoch, components)
            .ok_or(DecodeError::Invalid("moduli of a threshold key"))
    }

    /// `moduli (1)`, and each component.
    pub(crate) fn encode(&self, writer: &mut Writer) {
        writer.u8(self.components.len() as u8);
        self.components.iter().for_each(|component| component.encode(writer));
    }

    pub(crate) fn verifying_key(&self) -> &VerifyingKey {
        &self.key
    }

    pub(crate) fn access(&self) -> &Arc<Access> {
        &self.access
    }

    pub(crate) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// D.
    pub(crate) fn denominator(&self) -> &Denominator {
        &self.denominator
    }

    pub(crate) fn components(&self) -> &[Component] {
        &self.components
    }

    /// The exponents in the bytes of a leaf's secret, one for each component, as wide as they are
    /// for every value; `None` if the bytes are no secret of this key.
    pub(crate) fn exponents(&self, secret: &[u8]) -> Option<Vec<Part>> {
        let mut rest = secret;
        let mut exponents = Vec::with_capacity(self.components.len());
        for component in &self.components {
            let (own, after) = rest.split_at_checked(component.secret_bytes())?;
            exponents.push(component.exponent(own)?);
            rest = after;
        }
        rest.is_empty().then_some(exponents)
    }

    fn groups(&self) -> Vec<&Group> {
        self.components.iter().map(Component::group).collect()
    }

    /// x^2 mod each N_i, which shares are powers of. The base is squared, never the exponent doubled:
    /// a doubled exponent would show the secret's low bit in the Jacobi symbol of the share.
    fn squares(&self, prepared: &Prepared) -> Vec<BoxedUint> {
        let squared = |(group, x): (&Group, &BoxedUint)| group.square(x);
        self.groups().into_iter().zip(&prepared.residues).map(squared).collect()
    }
}

impl ThresholdScheme for PublicKey {
    type Prepared = Prepared;
    /// The share modulo each N_i.
    type Share = Vec<BoxedUint>;
    const SELF_EVIDENT: bool = false;

    fn prepare(&self, message: &Message<'_>) -> Result<Prepared, UnsupportedEncoding> {
        let encoded = self.key.encode(message).ok_or(UnsupportedEncoding)?;
        let reduce = |group: &&Group| group.modulus().reduce_public(&encoded);
        let residues = self.groups().iter().map(reduce).collect();
        Ok(Prepared { encoded, residues })
    }

    fn owns(&self, leaf: usize, secret: &[u8]) -> bool {
        let Some(exponents) = self.exponents(secret) else { return false };
        let jobs: Vec<_> = self.components.iter().zip(&exponents).map(power_of_base).collect();
        let keys = self.components.iter().map(|component| component.leaf_key(leaf));
        pow_secret_all(&jobs).iter().zip(keys).all(|(power, key)| power == key)
    }

    fn sign(&self, jobs: &[(&[u8], &Prepared)]) -> Option<Vec<Vec<u8>>> {
        let exponents = jobs.iter().map(|(secret, _)| self.exponents(secret));
        let exponents = exponents.collect::<Option<Vec<_>>>()?;
        let bases: Vec<_> = jobs.iter().map(|(_, prepared)| self.squares(prepared)).collect();
        let mut powers = Vec::with_capacity(jobs.len() * self.components.len());
        for (bases, exponents) in bases.iter().zip(&exponents) {
            let bases = bases.iter().zip(exponents);
            for (component, (base, exponent)) in self.components.iter().zip(bases) {
                powers.push((component.group().modulus(), base, &**exponent));
            }
        }
        let powers = pow_secret_all(&powers);
        let share = |powers: &[BoxedUint]| {
            let parts = self.groups().into_iter().zip(powers);
            parts.flat_map(|(group, power)| group.bytes(power)).collect()
        };
        Some(powers.chunks(self.components.len()).map(share).collect())
    }

    fn prove(
        &self,
        leaf: usize,
        secret: &[u8],
        prepared: &Prepared,
        share: &Vec<BoxedUint>,
        rng: &mut dyn CryptoRng,
    ) -> Vec<u8> {
        let Some(exponents) = self.exponents(secret) else { return Vec::new() };
        let squares = self.squares(prepared);
        let mut statements = Vec::with_capacity(exponents.len());
        for (at, exponent) in exponents.iter().enumerate() {
            let statement = Statement::new(self, at, leaf, &squares[at], &share[at]);
            let nonce = statement.nonce(exponent, rng);
            statements.push((statement, nonce));
        }
        let jobs: Vec<_> = statements
            .iter()
            .zip(&self.components)
            .map(|((statement, nonce), component)| {
                (component.group().modulus(), statement.base(), &**nonce)
            })
            .collect();
        let mut proofs = Vec::new();
        for (at, commitment) in pow_secret_all(&jobs).into_iter().enumerate() {
            let (statement, nonce) = &statements[at];
            proofs.extend(statement.prove(&exponents[at], nonce, commitment));
        }
        proofs
    }

    /// The powers of x^2 that a share and its proof take have one table.
    ///
    /// # Cost
    /// For each modulus the table, nine tenths of a share; for each leaf and modulus as much again.
    fn sign_proven(
        &self,
        leaves: &[(usize, &[u8])],
        prepared: &Prepared,
        rng: &mut dyn CryptoRng,
    ) -> Option<Vec<(Vec<u8>, Vec<u8>)>> {
        let squares = self.squares(prepared);
        let table = |(component, square)| Component::powers_of(component, square);
        let tables: Vec<Comb> = self.components.iter().zip(&squares).map(table).collect();
        let mut signed = Vec::with_capacity(leaves.len());
        for (leaf, secret) in leaves {
            let exponents = self.exponents(secret)?;
            let (mut shares, mut proofs) = (Vec::new(), Vec::new());
            for (at, exponent) in exponents.iter().enumerate() {
                let group = self.components[at].group();
                let share = group.modulus().pow_comb_secret(&tables[at], exponent);
                let statement = Statement::new(self, at, *leaf, &squares[at], &share);
                let nonce = statement.nonce(exponent, rng);
                let twice = statement.doubled(&nonce);
                let commitment = group.modulus().pow_comb_secret(&tables[at], &twice);
                shares.extend(group.bytes(&share));
                proofs.extend(statement.prove(exponent, &nonce, commitment));
            }
            signed.push((shares, proofs));
        }
        Some(signed)
    }

    fn share_width(&self) -> usize {
        self.groups().iter().map(|group| group.width()).sum()
    }

    fn parse_share(&self, share: &[u8]) -> Result<Vec<BoxedUint>, LeafFault> {
        let (expected, actual) = (self.share_width(), share.len());
        if expected != actual {
            return Err(LeafFault::Length { expected, actual });
        }
        let mut rest = share;
        let mut numbers = Vec::with_capacity(self.components.len());
        for group in self.groups() {
            let (own, after) = rest.split_at(group.width());
            let number = group.number(own).filter(|number| !number.is_zero().to_bool());
            numbers.push(number.ok_or(LeafFault::OutOfRange)?);
            rest = after;
        }
        Ok(numbers)
    }

    fn verify_share(
        &self,
        leaf: usize,
        prepared: &Prepared,
        share: &Vec<BoxedUint>,
        proof: &[u8],
    ) -> Result<(), LeafFault> {
        let expected: usize = self.components.iter().map(proof_bytes).sum();
        if proof.len() != expected {
            return Err(LeafFault::MalformedProof);
        }
        let squares = self.squares(prepared);
        let mut rest = proof;
        for (at, component) in self.components.iter().enumerate() {
            let (own, after) = rest.split_at(proof_bytes(component));
            let proof = Proof::parse(component, own).ok_or(LeafFault::MalformedProof)?;
            let statement = Statement::new(self, at, leaf, &squares[at], &share[at]);
            if !statement.is_shown_by(&proof) {
                return Err(LeafFault::Wrong);
            }
            rest = after;
        }
        Ok(())
    }

    fn inspect(&self, share: &Vec<BoxedUint>) -> Result<(), LeafFault> {
        let invertible =
            |(group, share): (&Group, &BoxedUint)| group.modulus().invert(share).is_some();
        if self.groups().into_iter().zip(share).all(invertible) {
            Ok(())
        } else {
            Err(LeafFault::NotInvertible)
        }
    }

    /// # Source
    /// Shoup 2000 modulo each N_i, and the Chinese remainder theorem.
    fn combine(
        &self,
        prepared: &Prepared,
        selection: &Selection,
        shares: &[&Vec<BoxedUint>],
    ) -> Option<Vec<u8>> {
        let root = |(at, component): (usize, &Component)| {
            let shares: Vec<&BoxedUint> = shares.iter().map(|share| &share[at]).collect();
            let encoded = &prepared.residues[at];
            combine::combine(component, &self.denominator, encoded, selection, &shares)
        };
        let roots = self.components.iter().enumerate().map(root).collect::<Option<Vec<_>>>()?;
        Some(self.key.bytes(&self.garner.join(&self.groups(), &roots)))
    }

    fn verify(&self, prepared: &Prepared, signature: &[u8]) -> bool {
        self.key.verify(&prepared.encoded, signature)
    }
}

/// v^s', as an exponentiation to be done.
fn power_of_base<'a>(
    (component, exponent): (&'a Component, &'a Part),
) -> (&'a crate::expo::Modulus, &'a BoxedUint, &'a BoxedUint) {
    (component.group().modulus(), component.group().base(), &**exponent)
}
