//! BLS12-381 arithmetic: the one place of this module that calls into blst.
//!
//! Points are only made by decoding (on the curve, in the subgroup of prime order, not the point at
//! infinity) or out of other points, so that no other code has anything left to check.

#![allow(unsafe_code)]

use super::scalar::{Scalar, SecretScalar};
use blst::{
    BLST_ERROR, blst_final_exp, blst_fp12, blst_fp12_is_one, blst_hash_to_g1, blst_miller_loop_n,
    blst_p1, blst_p1_affine, blst_p1_affine_compress, blst_p1_affine_in_g1, blst_p1_affine_is_inf,
    blst_p1_from_affine, blst_p1_mult, blst_p1_to_affine, blst_p1_uncompress,
    blst_p1s_mult_pippenger, blst_p1s_mult_pippenger_scratch_sizeof, blst_p2,
    blst_p2_add_or_double, blst_p2_affine, blst_p2_affine_compress, blst_p2_affine_generator,
    blst_p2_affine_in_g2, blst_p2_affine_is_inf, blst_p2_cneg, blst_p2_from_affine,
    blst_p2_generator, blst_p2_mult, blst_p2_to_affine, blst_p2_uncompress, blst_scalar,
};
use std::ptr;

/// Bytes of a compressed point of G1: a signature or one leaf's share of it.
pub const G1_BYTES: usize = 48;

/// Bytes of a compressed point of G2: a public key or a commitment.
pub const G2_BYTES: usize = 96;

/// Bits of a scalar.
const SCALAR_BITS: usize = 255;

/// A point of G1 other than the point at infinity: a hashed message, a share, a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct G1(blst_p1_affine);

/// A point of G2 other than the point at infinity: a public key, a commitment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct G2(blst_p2_affine);

impl G1 {
    /// Hashes a message to the curve, under a domain separation tag for each use.
    ///
    /// # Source
    /// RFC 9380, suite `BLS12381G1_XMD:SHA-256_SSWU_RO_`.
    pub(super) fn hash(message: &[u8], tag: &[u8]) -> Self {
        let mut point = blst_p1::default();
        // SAFETY: `point` outlives the call; both slices are passed with their own lengths; blst
        // allows no augmentation as a null pointer of length 0.
        unsafe {
            blst_hash_to_g1(
                &mut point,
                message.as_ptr(),
                message.len(),
                tag.as_ptr(),
                tag.len(),
                ptr::null(),
                0,
            );
        }
        Self(to_affine_1(&point))
    }

    /// Reads a compressed point. `None` unless it is a point of the subgroup, in the only encoding
    /// it has, and not the point at infinity.
    pub(super) fn decode(bytes: &[u8; G1_BYTES]) -> Option<Self> {
        let mut point = blst_p1_affine::default();
        // SAFETY: blst reads exactly `G1_BYTES` bytes; `point` is initialised whatever it returns.
        let sound = unsafe {
            blst_p1_uncompress(&mut point, bytes.as_ptr()) == BLST_ERROR::BLST_SUCCESS
                && !blst_p1_affine_is_inf(&point)
                && blst_p1_affine_in_g1(&point)
        };
        sound.then_some(Self(point))
    }

    /// The compressed point.
    pub(super) fn encode(&self) -> [u8; G1_BYTES] {
        let mut bytes = [0; G1_BYTES];
        // SAFETY: blst writes exactly `G1_BYTES` bytes.
        unsafe { blst_p1_affine_compress(bytes.as_mut_ptr(), &self.0) };
        bytes
    }

    /// The point times a secret. Constant time.
    pub(super) fn times_secret(&self, secret: &SecretScalar) -> Self {
        let scalar = secret.to_blst();
        let (mut base, mut product) = (blst_p1::default(), blst_p1::default());
        // SAFETY: all operands are initialised; the scalar's 32 bytes hold `SCALAR_BITS` bits.
        // blst multiplies in constant time here.
        unsafe {
            blst_p1_from_affine(&mut base, &self.0);
            blst_p1_mult(&mut product, &base, scalar.b.as_ptr(), SCALAR_BITS);
        }
        Self(to_affine_1(&product))
    }

    /// The sum of `points[i] * factors[i]`; `None` if it is the point at infinity or if there
    /// is nothing to add.
    ///
    /// # Variable time: public data only
    pub(super) fn linear_combination(terms: &[(G1, Scalar)]) -> Option<Self> {
        if terms.is_empty() {
            return None;
        }
        let points: Vec<blst_p1_affine> = terms.iter().map(|(point, _)| point.0).collect();
        let scalars: Vec<blst_scalar> = terms.iter().map(|(_, factor)| factor.to_blst()).collect();
        let points: Vec<*const blst_p1_affine> = points.iter().map(ptr::from_ref).collect();
        let scalars: Vec<*const u8> = scalars.iter().map(|scalar| scalar.b.as_ptr()).collect();
        let mut sum = blst_p1::default();
        // SAFETY: as many pointers as points on either side, each to a live value (the vectors
        // they point into live to the end of this function); the scratch space has the size, in
        // bytes, that blst asks for, in 8-byte limbs.
        unsafe {
            let scratch_bytes = blst_p1s_mult_pippenger_scratch_sizeof(terms.len());
            let mut scratch = vec![0_u64; scratch_bytes.div_ceil(8)];
            blst_p1s_mult_pippenger(
                &mut sum,
                points.as_ptr(),
                terms.len(),
                scalars.as_ptr(),
                SCALAR_BITS,
                scratch.as_mut_ptr(),
            );
        }
        let sum = to_affine_1(&sum);
        // SAFETY: `sum` is initialised.
        let infinite = unsafe { blst_p1_affine_is_inf(&sum) };
        (!infinite).then_some(Self(sum))
    }
}

impl G2 {
    /// The generator times a secret: the public key of that secret. Constant time.
    pub(super) fn public_key(secret: &SecretScalar) -> Self {
        let scalar = secret.to_blst();
        let mut product = blst_p2::default();
        // SAFETY: the generator is a constant of blst; the scalar's 32 bytes hold `SCALAR_BITS`
        // bits. blst multiplies in constant time here.
        unsafe {
            blst_p2_mult(&mut product, blst_p2_generator(), scalar.b.as_ptr(), SCALAR_BITS);
        }
        Self(to_affine_2(&product))
    }

    /// Reads a compressed point. `None` unless it is a point of the subgroup, in the only encoding
    /// it has, and not the point at infinity.
    pub(super) fn decode(bytes: &[u8; G2_BYTES]) -> Option<Self> {
        let mut point = blst_p2_affine::default();
        // SAFETY: blst reads exactly `G2_BYTES` bytes; `point` is initialised whatever it returns.
        let sound = unsafe {
            blst_p2_uncompress(&mut point, bytes.as_ptr()) == BLST_ERROR::BLST_SUCCESS
                && !blst_p2_affine_is_inf(&point)
                && blst_p2_affine_in_g2(&point)
        };
        sound.then_some(Self(point))
    }

    /// The compressed point.
    pub(super) fn encode(&self) -> [u8; G2_BYTES] {
        let mut bytes = [0; G2_BYTES];
        // SAFETY: blst writes exactly `G2_BYTES` bytes.
        unsafe { blst_p2_affine_compress(bytes.as_mut_ptr(), &self.0) };
        bytes
    }

    /// `coefficients[0] + coefficients[1] * x + coefficients[2] * x^2 ...`: a polynomial in the
    /// exponent, at a public point. `None` if that is the point at infinity.
    ///
    /// # Variable time: public data only
    pub(super) fn polynomial(coefficients: &[G2], x: u16) -> Option<Self> {
        let mut value = blst_p2::default();
        for coefficient in coefficients.iter().rev() {
            let (mut term, mut product) = (blst_p2::default(), blst_p2::default());
            // SAFETY: all operands are initialised (all zeros is the point at infinity); the
            // factor's two bytes hold 16 bits.
            unsafe {
                blst_p2_from_affine(&mut term, &coefficient.0);
                blst_p2_mult(&mut product, &value, x.to_le_bytes().as_ptr(), 16);
                blst_p2_add_or_double(&mut value, &product, &term);
            }
        }
        let value = to_affine_2(&value);
        // SAFETY: `value` is initialised.
        let infinite = unsafe { blst_p2_affine_is_inf(&value) };
        (!infinite).then_some(Self(value))
    }
}

/// Whether `e(signature, generator) = e(hash, key)`: the signature has the exponent of the key.
///
/// # Variable time: public data only
pub(super) fn same_exponent(signature: &G1, hash: &G1, key: &G2) -> bool {
    let left = [signature.0, hash.0];
    let right = [negated_generator(), key.0];
    let (mut product, mut result) = (blst_fp12::default(), blst_fp12::default());
    // SAFETY: blst takes arrays of pointers that end in null, each to the points that follow each
    // other from there on: both arrays hold two points.
    unsafe {
        blst_miller_loop_n(
            &mut product,
            [right.as_ptr(), ptr::null()].as_ptr(),
            [left.as_ptr(), ptr::null()].as_ptr(),
            2,
        );
        blst_final_exp(&mut result, &product);
        blst_fp12_is_one(&result)
    }
}

fn negated_generator() -> blst_p2_affine {
    let mut point = blst_p2::default();
    // SAFETY: the generator is a constant of blst; `point` is initialised.
    unsafe {
        blst_p2_from_affine(&mut point, blst_p2_affine_generator());
        blst_p2_cneg(&mut point, true);
    }
    to_affine_2(&point)
}

fn to_affine_1(point: &blst_p1) -> blst_p1_affine {
    let mut affine = blst_p1_affine::default();
    // SAFETY: both are initialised.
    unsafe { blst_p1_to_affine(&mut affine, point) };
    affine
}

fn to_affine_2(point: &blst_p2) -> blst_p2_affine {
    let mut affine = blst_p2_affine::default();
    // SAFETY: both are initialised.
    unsafe { blst_p2_to_affine(&mut affine, point) };
    affine
}
