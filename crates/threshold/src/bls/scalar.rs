//! The scalar field: integers modulo the prime order `r` of the curve's groups.

#![allow(unsafe_code)]

use crate::seed::SeedStream;
use blst::{
    blst_fr, blst_fr_add, blst_fr_eucl_inverse, blst_fr_from_scalar, blst_fr_from_uint64,
    blst_fr_mul, blst_fr_sub, blst_lendian_from_scalar, blst_scalar, blst_scalar_fr_check,
    blst_scalar_from_fr, blst_scalar_from_lendian,
};
use rand_core::CryptoRng;
use zeroize::{Zeroize, Zeroizing};

/// Bytes of a scalar.
pub(super) const SCALAR_BYTES: usize = 32;

/// A public scalar: a point where a polynomial is evaluated, an interpolation coefficient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Scalar(blst_fr);

/// A secret number of the field, 0 included: what a node of a sharing tree gets.
/// Wiped when dropped; all its arithmetic takes constant time.
#[derive(Default)]
pub(super) struct SecretValue(blst_fr);

/// A secret scalar other than 0: a key, a coefficient of a sharing polynomial, a sub-share.
/// Wiped when dropped; all its arithmetic takes constant time.
pub(super) struct SecretScalar(SecretValue);

impl Scalar {
    /// A small number.
    pub(super) fn small(number: u16) -> Self {
        let mut fr = blst_fr::default();
        // SAFETY: blst reads four limbs.
        unsafe { blst_fr_from_uint64(&mut fr, [u64::from(number), 0, 0, 0].as_ptr()) };
        Self(fr)
    }

    /// The product.
    pub(super) fn times(&self, other: &Self) -> Self {
        Self(product(&self.0, &other.0))
    }

    /// The difference.
    pub(super) fn minus(&self, other: &Self) -> Self {
        let mut fr = blst_fr::default();
        // SAFETY: all operands are initialised.
        unsafe { blst_fr_sub(&mut fr, &self.0, &other.0) };
        Self(fr)
    }

    /// The multiplicative inverse; 0 for 0.
    ///
    /// # Variable time: public data only
    pub(super) fn inverse(&self) -> Self {
        let mut fr = blst_fr::default();
        // SAFETY: both operands are initialised.
        unsafe { blst_fr_eucl_inverse(&mut fr, &self.0) };
        Self(fr)
    }

    /// As blst multiplies points with it.
    pub(super) fn to_blst(self) -> blst_scalar {
        to_scalar(&self.0)
    }
}

impl SecretScalar {
    /// Uniform in 1..r.
    pub(super) fn random(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        Self::from_bytes(|bytes| rng.fill_bytes(bytes))
    }

    /// Uniform in 1..r, out of a stream that is uniform and used for nothing else.
    pub(super) fn from_stream(stream: &mut SeedStream) -> Self {
        Self::from_bytes(|bytes| stream.fill(bytes))
    }

    /// Reads a number, little-endian. `None` unless it is in 1..r.
    pub(super) fn decode(bytes: &[u8; SCALAR_BYTES]) -> Option<Self> {
        SecretValue::decode(bytes)?.nonzero()
    }

    /// The number, little-endian.
    pub(super) fn encode(&self) -> Zeroizing<[u8; SCALAR_BYTES]> {
        self.0.encode()
    }

    /// As blst multiplies points with it; wiped when dropped.
    pub(super) fn to_blst(&self) -> blst_scalar {
        to_scalar(&self.0.0)
    }

    /// 255 random bits, drawn again until they are in range (one draw in ten is not; how often says
    /// nothing about the number that is kept).
    fn from_bytes(mut fill: impl FnMut(&mut [u8])) -> Self {
        let mut bytes = Zeroizing::new([0; SCALAR_BYTES]);
        loop {
            fill(&mut *bytes);
            bytes[SCALAR_BYTES - 1] &= 0x7f;
            if let Some(scalar) = Self::decode(&bytes) {
                return scalar;
            }
        }
    }
}

impl SecretValue {
    /// Reads a number, little-endian. `None` unless it is in 0..r.
    pub(super) fn decode(bytes: &[u8; SCALAR_BYTES]) -> Option<Self> {
        let (mut scalar, mut value) = (blst_scalar::default(), Self::default());
        // SAFETY: blst reads `SCALAR_BYTES` bytes; all operands are initialised. The number is only
        // converted when the check has found it below r.
        let in_range = unsafe {
            blst_scalar_from_lendian(&mut scalar, bytes.as_ptr());
            blst_scalar_fr_check(&scalar)
        };
        if !in_range {
            return None;
        }
        // SAFETY: both operands are initialised.
        unsafe { blst_fr_from_scalar(&mut value.0, &scalar) };
        Some(value)
    }

    /// The number, little-endian.
    pub(super) fn encode(&self) -> Zeroizing<[u8; SCALAR_BYTES]> {
        let mut bytes = Zeroizing::new([0; SCALAR_BYTES]);
        // SAFETY: blst writes `SCALAR_BYTES` bytes.
        unsafe { blst_lendian_from_scalar(bytes.as_mut_ptr(), &to_scalar(&self.0)) };
        bytes
    }

    /// `constant + coefficients[0] * x + coefficients[1] * x^2 ...`.
    pub(super) fn polynomial(constant: &Self, coefficients: &[SecretScalar], x: &Scalar) -> Self {
        let mut value = Self::default();
        for coefficient in coefficients.iter().rev().map(|one| &one.0).chain([constant]) {
            value = value.scaled(x).plus(coefficient);
        }
        value
    }

    /// The sum.
    pub(super) fn plus(&self, other: &Self) -> Self {
        let mut sum = Self::default();
        // SAFETY: all operands are initialised.
        unsafe { blst_fr_add(&mut sum.0, &self.0, &other.0) };
        sum
    }

    /// The product with a public number.
    pub(super) fn scaled(&self, factor: &Scalar) -> Self {
        Self(product(&self.0, &factor.0))
    }

    /// The number, unless it is 0.
    pub(super) fn nonzero(self) -> Option<SecretScalar> {
        // All limbs are looked at, whatever they are.
        let bits = self.0.l.iter().fold(0, |bits, limb| bits | limb);
        (bits != 0).then_some(SecretScalar(self))
    }
}

impl From<SecretScalar> for SecretValue {
    fn from(scalar: SecretScalar) -> Self {
        scalar.0
    }
}

impl Drop for SecretValue {
    fn drop(&mut self) {
        self.0.l.zeroize();
    }
}

fn product(a: &blst_fr, b: &blst_fr) -> blst_fr {
    let mut fr = blst_fr::default();
    // SAFETY: all operands are initialised.
    unsafe { blst_fr_mul(&mut fr, a, b) };
    fr
}

fn to_scalar(fr: &blst_fr) -> blst_scalar {
    let mut scalar = blst_scalar::default();
    // SAFETY: both operands are initialised.
    unsafe { blst_scalar_from_fr(&mut scalar, fr) };
    scalar
}
