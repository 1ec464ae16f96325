//! The squares modulo one dealer's modulus, and their base v.

use std::sync::Arc;

use crypto_bigint::BoxedUint;
use zeroize::Zeroizing;

use crate::expo::Modulus;
use crate::seed::SeedStream;

/// How much longer than the modulus the number is, in bytes, that is reduced to find the base: its
/// bias is then below 2^-128.
const BASE_EXTRA: usize = 16;

/// Arithmetic modulo N_i, with v. Public; cheap to clone.
#[derive(Clone)]
pub(crate) struct Group(Arc<Inner>);

struct Inner {
    modulus: Modulus,
    bits: u32,
    base: BoxedUint,
}

impl Group {
    /// `None` unless `modulus` has exactly `bits` bits, is odd, and has an invertible base.
    ///
    /// The base is a hash of the modulus, squared. Nobody chooses it: a dealer that did could pick one
    /// of small order, under which every share looks right. With safe primes it generates all
    /// squares, but with negligible chance.
    ///
    /// # Cost
    /// One inversion.
    pub(crate) fn new(modulus: &BoxedUint, bits: u32) -> Option<Self> {
        if modulus.bits_vartime() != bits {
            return None;
        }
        let modulus = Modulus::public(modulus)?;
        let width = bits.div_ceil(8) as usize;
        let mut bytes = vec![0; width + BASE_EXTRA];
        let name = to_bytes(modulus.value(), width);
        SeedStream::from_parts(b"ally/v1/rsa-base", &[&name]).fill(&mut bytes);
        let root = modulus.reduce(&BoxedUint::from_be_slice_vartime(&bytes));
        let base = modulus.pow_product(&[(&root, &BoxedUint::from(2u32))]);
        modulus.invert(&base)?;
        Some(Self(Arc::new(Inner { modulus, bits, base })))
    }

    pub(crate) fn modulus(&self) -> &Modulus {
        &self.0.modulus
    }

    /// Bits of the modulus.
    pub(crate) fn bits(&self) -> u32 {
        self.0.bits
    }

    /// Bytes of the modulus.
    pub(crate) fn width(&self) -> usize {
        self.0.bits.div_ceil(8) as usize
    }

    /// v.
    pub(crate) fn base(&self) -> &BoxedUint {
        &self.0.base
    }

    /// A number below the modulus as big-endian bytes, as long as the modulus.
    pub(crate) fn bytes(&self, value: &BoxedUint) -> Vec<u8> {
        to_bytes(value, self.width())
    }

    /// The modulus as big-endian bytes.
    pub(crate) fn name(&self) -> Vec<u8> {
        self.bytes(self.modulus().value())
    }

    /// What [`Group::bytes`] wrote; `None` if the length is another or the number is not below the
    /// modulus.
    pub(crate) fn number(&self, bytes: &[u8]) -> Option<BoxedUint> {
        let modulus: &BoxedUint = self.modulus().value();
        let number = BoxedUint::from_be_slice(bytes, modulus.bits_precision()).ok()?;
        (bytes.len() == self.width() && number < *modulus).then_some(number)
    }

    /// `value^2`.
    ///
    /// # Variable time: public data only
    pub(crate) fn square(&self, value: &BoxedUint) -> BoxedUint {
        self.power(value, &BoxedUint::from(2u32))
    }

    /// `value^exponent`.
    ///
    /// # Variable time: public data only
    pub(crate) fn power(&self, value: &BoxedUint, exponent: &BoxedUint) -> BoxedUint {
        self.modulus().pow_product(&[(value, exponent)])
    }

    /// `left * right`.
    ///
    /// # Variable time: public data only
    pub(crate) fn times(&self, left: &BoxedUint, right: &BoxedUint) -> BoxedUint {
        let one = BoxedUint::one();
        self.modulus().pow_product(&[(left, &one), (right, &one)])
    }

    /// Whether all are prime to the modulus. One inversion for everything: a product is invertible
    /// exactly if all factors are.
    ///
    /// # Variable time: public data only
    pub(crate) fn all_invertible<'a>(
        &self,
        values: impl IntoIterator<Item = &'a BoxedUint>,
    ) -> bool {
        let one = BoxedUint::one();
        let terms: Vec<_> = values.into_iter().map(|value| (value, &one)).collect();
        self.modulus().invert(&self.modulus().pow_product(&terms)).is_some()
    }
}

/// The last `width` bytes of a number's big-endian encoding, with zeros in front where it is shorter.
pub(crate) fn to_bytes(value: &BoxedUint, width: usize) -> Vec<u8> {
    let bytes = Zeroizing::new(value.to_be_bytes());
    let skipped = bytes.len().saturating_sub(width);
    let mut padded = vec![0; width - (bytes.len() - skipped)];
    padded.reserve_exact(bytes.len() - skipped);
    padded.extend_from_slice(&bytes[skipped..]);
    padded
}
