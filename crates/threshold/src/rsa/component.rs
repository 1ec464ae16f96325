//! The part of a key that belongs to one dealer's modulus.

use std::sync::OnceLock;

use ally_codec::{DecodeError, Reader, Writer};
use crypto_bigint::BoxedUint;

use super::integer::divide;
use super::proof::response_bytes;
use super::sharing::Part;
use super::width::{EXTRA_BITS_MAX, MULTIPLIER_BITS_MAX, read_secret, secret_bytes};
use super::{EXPONENT, Group};
use crate::expo::Comb;

/// One factor N_i of the modulus, with what verifies the shares under it.
///
/// The secrets s' of the leaves share D M d over the integers, D being the formula's denominator
/// and M the multiplier: with the coefficients c (D times Lagrange's along the path) the sum of c s'
/// over a selection is D^2 M d.
pub(crate) struct Component {
    group: Group,
    width: u32,
    multiplier: BoxedUint,
    leaf_keys: Vec<BoxedUint>,
    /// Made with the first proof.
    base_powers: OnceLock<Comb>,
}

impl Component {
    /// `width` is the length of the leaves' secrets in bits, `multiplier` is M, `leaf_keys` are the
    /// v^s' in the order of the leaves. `None` where a number is out of its range or has a factor in
    /// common with the modulus.
    pub(crate) fn new(
        group: Group,
        width: u32,
        multiplier: BoxedUint,
        leaf_keys: Vec<BoxedUint>,
    ) -> Option<Self> {
        let bits = multiplier.bits_vartime();
        let fits = (1..=group.bits() + EXTRA_BITS_MAX).contains(&width)
            && (1..=MULTIPLIER_BITS_MAX).contains(&bits)
            && divide(&multiplier, EXPONENT).1 != 0;
        if !fits || !group.all_invertible(&leaf_keys) {
            return None;
        }
        Some(Self { group, width, multiplier, leaf_keys, base_powers: OnceLock::new() })
    }

    /// Reads what [`Component::encode`] wrote, for a modulus of exactly `bits` and `leaves` leaves.
    pub(crate) fn decode(
        reader: &mut Reader<'_>,
        bits: u32,
        leaves: usize,
    ) -> Result<Self, DecodeError> {
        let width = u32::from(reader.u16()?);
        let length = usize::from(reader.u16()?);
        let limit = secret_bytes(MULTIPLIER_BITS_MAX);
        if length > limit {
            return Err(DecodeError::TooLong { claimed: length, limit });
        }
        let multiplier = reader.raw(length)?;
        if multiplier.first().is_none_or(|first| *first == 0) {
            return Err(DecodeError::Invalid("multiplier of a threshold key"));
        }
        let multiplier = BoxedUint::from_be_slice_vartime(multiplier);
        let modulus = BoxedUint::from_be_slice_vartime(reader.raw(secret_bytes(bits))?);
        let group =
            Group::new(&modulus, bits).ok_or(DecodeError::Invalid("modulus of a threshold key"))?;
        let number = |reader: &mut Reader<'_>| {
            let number = group.number(reader.raw(group.width())?);
            number.ok_or(DecodeError::Invalid("number above the modulus"))
        };
        let leaf_keys = (0..leaves).map(|_| number(reader)).collect::<Result<Vec<_>, _>>()?;
        Self::new(group.clone(), width, multiplier, leaf_keys)
            .ok_or(DecodeError::Invalid("verification keys of a threshold key"))
    }

    /// `bits of secrets (2, LE) || bytes of the multiplier (2, LE) || multiplier, without zeros in
    /// front || N_i || v_leaf of each leaf`; numbers big-endian, the last ones as long as N_i.
    pub(crate) fn encode(&self, writer: &mut Writer) {
        let multiplier =
            super::to_bytes(&self.multiplier, secret_bytes(self.multiplier.bits_vartime()));
        writer.u16(self.width as u16).u16(multiplier.len() as u16).raw(&multiplier);
        writer.raw(&self.group.name());
        for leaf_key in &self.leaf_keys {
            writer.raw(&self.group.bytes(leaf_key));
        }
    }

    pub(crate) fn group(&self) -> &Group {
        &self.group
    }

    /// Bits of a leaf's secret.
    pub(crate) fn width(&self) -> u32 {
        self.width
    }

    /// Bytes of a leaf's secret.
    pub(crate) fn secret_bytes(&self) -> usize {
        secret_bytes(self.width)
    }

    /// M.
    pub(crate) fn multiplier(&self) -> &BoxedUint {
        &self.multiplier
    }

    /// v^s' of the leaf.
    pub(crate) fn leaf_key(&self, leaf: usize) -> &BoxedUint {
        &self.leaf_keys[leaf]
    }

    pub(crate) fn leaf_keys(&self) -> &[BoxedUint] {
        &self.leaf_keys
    }

    /// Powers of v, for exponents as long as a proof's response.
    ///
    /// # Cost
    /// The first time nine tenths of a signature share; then nothing. 32 KiB are kept for a modulus of
    /// 2048 bits, 64 KiB for one of 4096.
    pub(crate) fn base_powers(&self) -> &Comb {
        self.base_powers.get_or_init(|| self.powers_of(self.group.base()))
    }

    /// Powers of a public number, for exponents as long as a proof's response, which are longer than
    /// secrets and twice a nonce.
    pub(crate) fn powers_of(&self, base: &BoxedUint) -> Comb {
        self.group.modulus().comb(base, 8 * response_bytes(self) as u32)
    }

    /// The exponent in the bytes of a leaf's secret; `None` where they are none.
    pub(crate) fn exponent(&self, secret: &[u8]) -> Option<Part> {
        read_secret(secret, self.width)
    }
}
