//! Points of BLS12-381: with `scalar.rs` the one place of this crate that calls into blst.
//!
//! [`G1`] and [`G2`] are only made by decoding (on the curve, in the subgroup of prime order, not the
//! point at infinity) or out of each other, so that no other code has anything left to check. What
//! came from a peer and has not been through all of that is a [`Candidate`].

#![allow(unsafe_code)]

use super::scalar::{Scalar, SecretScalar, SecretValue};
use blst::{
    BLS12_381_NEG_G2, BLST_ERROR, blst_bendian_from_fp12, blst_final_exp, blst_fp12,
    blst_fp12_is_one, blst_hash_to_g1, blst_miller_loop, blst_miller_loop_n, blst_p1,
    blst_p1_affine, blst_p1_affine_compress, blst_p1_affine_in_g1, blst_p1_affine_is_inf,
    blst_p1_from_affine, blst_p1_mult, blst_p1_to_affine, blst_p1_uncompress,
    blst_p1s_mult_pippenger, blst_p1s_mult_pippenger_scratch_sizeof, blst_p2,
    blst_p2_add_or_double, blst_p2_add_or_double_affine, blst_p2_affine, blst_p2_affine_compress,
    blst_p2_affine_in_g2, blst_p2_affine_is_inf, blst_p2_double, blst_p2_generator, blst_p2_mult,
    blst_p2_to_affine, blst_p2_uncompress, blst_p2s_mult_pippenger,
    blst_p2s_mult_pippenger_scratch_sizeof, blst_scalar,
};
use std::ptr;
use zeroize::{Zeroize, Zeroizing};

/// Bytes of a compressed point of G1: a signature or one leaf's share of it.
pub(crate) const G1_BYTES: usize = 48;

/// Bytes of a compressed point of G2: a public key or a commitment.
pub(crate) const G2_BYTES: usize = 96;

/// Bytes of an element of the pairing's target group.
pub(crate) const GT_BYTES: usize = 576;

/// Bits of a scalar.
const SCALAR_BITS: usize = 255;

/// A point of G1 other than the point at infinity: a hashed message, a share, a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct G1(blst_p1_affine);

/// A point of the curve around G1 other than the point at infinity: it may lie outside the group.
///
/// To check that costs three times as much as to read the point. Where a result is verified anyway,
/// its ingredients need not have been.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Candidate(blst_p1_affine);

/// A point of G2 other than the point at infinity: a public key, a commitment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct G2(blst_p2_affine);

/// The value of a pairing: what a sealing key is derived from. Wiped when dropped.
pub(super) struct Gt(blst_fp12);

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
        Candidate::decode(bytes)?.in_group()
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
        let affine = to_affine_1(&product);
        // What is sealed to a message is as secret as this point.
        for coordinate in [&mut product.x, &mut product.y, &mut product.z] {
            coordinate.l.zeroize();
        }
        Self(affine)
    }
}

impl Candidate {
    /// Reads a compressed point. `None` unless it is a point of the curve, in the only encoding
    /// it has, and not the point at infinity.
    pub(super) fn decode(bytes: &[u8; G1_BYTES]) -> Option<Self> {
        let mut point = blst_p1_affine::default();
        // SAFETY: blst reads exactly `G1_BYTES` bytes; `point` is initialised whatever it returns.
        let sound = unsafe {
            blst_p1_uncompress(&mut point, bytes.as_ptr()) == BLST_ERROR::BLST_SUCCESS
                && !blst_p1_affine_is_inf(&point)
        };
        sound.then_some(Self(point))
    }

    /// The point, if it is in the group.
    pub(super) fn in_group(&self) -> Option<G1> {
        // SAFETY: the point is initialised.
        unsafe { blst_p1_affine_in_g1(&self.0) }.then_some(G1(self.0))
    }

    /// The sum of all points, each times its factor, compressed. `None` if there is nothing to
    /// add. If some point is outside the group, the result may be any bytes at all.
    ///
    /// # Variable time: public data only
    pub(super) fn linear_combination(terms: &[(Candidate, Scalar)]) -> Option<[u8; G1_BYTES]> {
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
        Some(G1(to_affine_1(&sum)).encode())
    }
}

impl From<G1> for Candidate {
    fn from(point: G1) -> Self {
        Self(point.0)
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

    /// The generator times a secret that may be 0: then `None`, the point at infinity.
    pub(super) fn commitment(secret: SecretValue) -> Option<Self> {
        secret.nonzero().map(|secret| Self::public_key(&secret))
    }

    /// `constant + coefficients[0] * x + coefficients[1] * x^2 ...`: a polynomial in the exponent,
    /// at a public point. `None`, for the constant and for the result, is the point at infinity.
    ///
    /// # Cost
    /// One doubling or addition per coefficient and bit of `x`.
    ///
    /// # Variable time: public data only
    pub(super) fn polynomial(constant: Option<&G2>, coefficients: &[G2], x: u16) -> Option<Self> {
        // All zeros is the point at infinity.
        let mut value = blst_p2::default();
        for (at, coefficient) in coefficients.iter().rev().map(Some).chain([constant]).enumerate() {
            if at > 0 {
                value = times_small(&value, x);
            }
            if let Some(coefficient) = coefficient {
                value = plus(&value, coefficient);
            }
        }
        Self::from_sum(&value)
    }

    /// The sum; `None` is the point at infinity.
    ///
    /// # Variable time: public data only
    pub(super) fn sum<'a>(points: impl IntoIterator<Item = &'a G2>) -> Option<Self> {
        let sum = points.into_iter().fold(blst_p2::default(), |sum, point| plus(&sum, point));
        Self::from_sum(&sum)
    }

    /// The sum of all points, each times its factor; `None` is the point at infinity.
    ///
    /// # Variable time: public data only
    pub(super) fn linear_combination(terms: &[(G2, Scalar)]) -> Option<Self> {
        if terms.is_empty() {
            return None;
        }
        let points: Vec<*const blst_p2_affine> =
            terms.iter().map(|(point, _)| ptr::from_ref(&point.0)).collect();
        let scalars: Vec<blst_scalar> = terms.iter().map(|(_, factor)| factor.to_blst()).collect();
        let scalars: Vec<*const u8> = scalars.iter().map(|scalar| scalar.b.as_ptr()).collect();
        let mut sum = blst_p2::default();
        // SAFETY: as many pointers as points on either side, each to a value that lives to the end
        // of this function; the scratch space has the size, in bytes, that blst asks for, in 8-byte
        // limbs.
        unsafe {
            let scratch_bytes = blst_p2s_mult_pippenger_scratch_sizeof(terms.len());
            let mut scratch = vec![0_u64; scratch_bytes.div_ceil(8)];
            blst_p2s_mult_pippenger(
                &mut sum,
                points.as_ptr(),
                terms.len(),
                scalars.as_ptr(),
                SCALAR_BITS,
                scratch.as_mut_ptr(),
            );
        }
        Self::from_sum(&sum)
    }

    fn from_sum(sum: &blst_p2) -> Option<Self> {
        let sum = to_affine_2(sum);
        // SAFETY: `sum` is initialised.
        let infinite = unsafe { blst_p2_affine_is_inf(&sum) };
        (!infinite).then_some(Self(sum))
    }
}

impl Gt {
    /// `e(secret * left, right)`. Constant time, as blst computes pairings.
    ///
    /// # Cost
    /// A multiplication in G1 and a pairing.
    pub(super) fn pairing_times(left: &G1, secret: &SecretScalar, right: &G2) -> Self {
        let mut product = left.times_secret(secret);
        let value = Self::pairing(&product, right);
        for coordinate in [&mut product.0.x, &mut product.0.y] {
            coordinate.l.zeroize();
        }
        value
    }

    /// `e(left, right)`. Constant time, as blst computes pairings.
    ///
    /// # Cost
    /// Some 500 us.
    pub(super) fn pairing(left: &G1, right: &G2) -> Self {
        let (mut product, mut value) = (blst_fp12::default(), Self(blst_fp12::default()));
        // SAFETY: all operands are initialised and distinct.
        unsafe {
            blst_miller_loop(&mut product, &right.0, &left.0);
            blst_final_exp(&mut value.0, &product);
        }
        wipe(&mut product);
        value
    }

    /// The twelve coordinates, big-endian, in the one way they are written.
    pub(super) fn encode(&self) -> Zeroizing<[u8; GT_BYTES]> {
        let mut bytes = Zeroizing::new([0; GT_BYTES]);
        // SAFETY: blst writes exactly `GT_BYTES` bytes.
        unsafe { blst_bendian_from_fp12(bytes.as_mut_ptr(), &self.0) };
        bytes
    }
}

impl Drop for Gt {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

fn wipe(number: &mut blst_fp12) {
    let coordinates = number.fp6.iter_mut().flat_map(|fp6| &mut fp6.fp2);
    coordinates.flat_map(|fp2| &mut fp2.fp).for_each(|fp| fp.l.zeroize());
}

/// `sum + point`. Variable time: public data only.
fn plus(sum: &blst_p2, point: &G2) -> blst_p2 {
    let mut total = blst_p2::default();
    // SAFETY: all operands are initialised and distinct.
    unsafe { blst_p2_add_or_double_affine(&mut total, sum, &point.0) };
    total
}

/// A small multiple of a point, by doubling and adding: the tables of blst's multiplication only pay
/// for larger factors.
fn times_small(point: &blst_p2, factor: u16) -> blst_p2 {
    let Some(highest) = factor.checked_ilog2() else {
        // All zeros is the point at infinity.
        return blst_p2::default();
    };
    let mut product = *point;
    for bit in (0..highest).rev() {
        let mut doubled = blst_p2::default();
        // SAFETY: all operands are initialised and distinct.
        unsafe { blst_p2_double(&mut doubled, &product) };
        product = doubled;
        if factor >> bit & 1 == 1 {
            // SAFETY: all operands are initialised and distinct.
            unsafe { blst_p2_add_or_double(&mut product, &doubled, point) };
        }
    }
    product
}

/// Whether `e(signature, generator) = e(hash, key)`: the signature has the exponent of the key.
///
/// # Variable time: public data only
pub(super) fn same_exponent(signature: &G1, hash: &G1, key: &G2) -> bool {
    let left = [signature.0, hash.0];
    // SAFETY: a constant of blst.
    let right = [unsafe { BLS12_381_NEG_G2 }, key.0];
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

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(number: u32) -> SecretValue {
        let mut bytes = [0; 32];
        bytes[..4].copy_from_slice(&number.to_le_bytes());
        SecretValue::decode(&bytes).expect("a small number")
    }

    /// Small multiples by doubling and adding, and polynomials, against sums of single points.
    #[test]
    fn polynomials_are_sums() {
        let point = |number: u32| G2::commitment(secret(number));
        let [one, five] = [1, 5].map(|number| point(number).expect("not 0"));
        for x in (0..40).chain([255, 256, 257, 1023, 1024]) {
            assert_eq!(G2::polynomial(None, &[one], x), point(u32::from(x)), "{x}");
            assert_eq!(G2::polynomial(Some(&five), &[one], x), point(5 + u32::from(x)), "{x}");
            let (square, twice) = (u32::from(x).pow(2), 2 * u32::from(x));
            let expected = point(square + twice + 5);
            let two = G2::sum([&one, &one]).expect("not 0");
            assert_eq!(G2::polynomial(Some(&five), &[two, one], x), expected, "{x}");
            assert_eq!(G2::polynomial(Some(&five), &[], x), Some(five), "{x}");
            assert_eq!(G2::polynomial(None, &[], x), None, "{x}");
        }
    }

    #[test]
    fn sums_may_be_infinite() {
        let point = |number: u32| G2::commitment(secret(number)).expect("not 0");
        let mut bytes = point(3).encode();
        bytes[0] ^= 0x20;
        let minus_three = G2::decode(&bytes).expect("a point of the group");
        assert_eq!(G2::sum([&point(1), &point(2), &minus_three]), None);
        assert_eq!(G2::sum([]), None);
        assert_eq!(G2::sum([&minus_three, &point(5)]), Some(point(2)));
        let terms = |factor| [(point(1), Scalar::small(factor)), (minus_three, Scalar::small(2))];
        assert_eq!(G2::linear_combination(&terms(6)), None);
        assert_eq!(G2::linear_combination(&terms(10)), Some(point(4)));
        assert_eq!(G2::linear_combination(&[]), None);
        assert_eq!(G2::commitment(SecretValue::default()), None);
    }
}
