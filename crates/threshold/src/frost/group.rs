//! The prime-order group of Ed25519: points read strictly, secret scalars wiped.

use ally_codec::{DecodeError, Reader};
use curve25519_dalek::edwards::CompressedEdwardsY;
use curve25519_dalek::traits::IsIdentity;
use curve25519_dalek::{EdwardsPoint, Scalar};
use rand_core::CryptoRng;
use zeroize::{Zeroize, Zeroizing};

/// Bytes of a point.
pub(super) const POINT_BYTES: usize = 32;

/// Bytes of a scalar.
pub(super) const SCALAR_BYTES: usize = 32;

/// A public point of the group of prime order, other than the identity, with its encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Point {
    point: EdwardsPoint,
    bytes: [u8; POINT_BYTES],
}

impl Point {
    /// `None` for the identity. `point` is in the group of prime order: a multiple of the base
    /// point, or made of points that are.
    pub(super) fn new(point: EdwardsPoint) -> Option<Self> {
        (!point.is_identity()).then(|| Self { point, bytes: point.compress().0 })
    }

    /// Reads a point from anyone. `None` unless the bytes are the one canonical encoding (RFC 8032,
    /// section 5.1.3) of a point of the group of prime order other than the identity.
    ///
    /// # Source
    /// RFC 9591, section 6.1, `DeserializeElement`. That the encoding is canonical is asked for
    /// separately: the library reads a y above p and a negative zero. It so happens that of these few
    /// encodings none but the identity's is in the group, but nothing here relies on it.
    ///
    /// # Cost
    /// One multiplication by the order of the group.
    pub(super) fn decode(bytes: &[u8; POINT_BYTES]) -> Option<Self> {
        let point = CompressedEdwardsY(*bytes).decompress()?;
        let canonical = point.compress().0 == *bytes;
        let in_group = canonical && !point.is_identity() && point.is_torsion_free();
        in_group.then_some(Self { point, bytes: *bytes })
    }

    /// Reads a point as [`Point::decode`] does.
    ///
    /// # Errors
    /// [`DecodeError`]: the sender is to blame.
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let point = Self::decode(&reader.array()?);
        point.ok_or(DecodeError::Invalid("commitment: not a point of the group"))
    }

    /// Reads `count` points. None is looked at unless all of them are there.
    ///
    /// # Errors
    /// [`DecodeError`]: the sender is to blame.
    pub(super) fn read_all(
        reader: &mut Reader<'_>,
        count: usize,
    ) -> Result<Vec<Self>, DecodeError> {
        let mut points = Reader::new(reader.raw(count * POINT_BYTES)?);
        (0..count).map(|_| Self::read(&mut points)).collect()
    }

    pub(super) fn point(&self) -> &EdwardsPoint {
        &self.point
    }

    pub(super) fn bytes(&self) -> &[u8; POINT_BYTES] {
        &self.bytes
    }
}

/// A secret number below the order of the group: a key, a share, a nonce, a coefficient. Wiped
/// when it goes; its arithmetic takes constant time. Boxed, since to move a number that is not
/// leaves a copy where it was.
pub(super) struct SecretScalar(Box<Scalar>);

impl SecretScalar {
    pub(super) fn zero() -> Self {
        Self::new(Scalar::ZERO)
    }

    /// Uniform, other than 0: 512 bits reduced, so that the bias is below 2^-250.
    pub(super) fn random(rng: &mut dyn CryptoRng) -> Self {
        let mut bytes = Zeroizing::new([0; 64]);
        loop {
            rng.fill_bytes(&mut *bytes);
            let drawn = Self::new(Scalar::from_bytes_mod_order_wide(&bytes));
            if !drawn.is_zero() {
                return drawn;
            }
        }
    }

    /// A number that was computed from secrets.
    pub(super) fn new(number: Scalar) -> Self {
        Self(Box::new(number))
    }

    /// Reads a number, little-endian. `None` unless it is below the order of the group.
    pub(super) fn decode(bytes: &[u8; SCALAR_BYTES]) -> Option<Self> {
        Option::from(Scalar::from_canonical_bytes(*bytes)).map(Self::new)
    }

    /// The number, little-endian.
    pub(super) fn encode(&self) -> Zeroizing<[u8; SCALAR_BYTES]> {
        Zeroizing::new(self.0.to_bytes())
    }

    pub(super) fn number(&self) -> &Scalar {
        &self.0
    }

    pub(super) fn is_zero(&self) -> bool {
        *self.0 == Scalar::ZERO
    }

    /// The multiple of the base point; the identity for 0.
    pub(super) fn times_base(&self) -> EdwardsPoint {
        EdwardsPoint::mul_base(&self.0)
    }

    /// The sum.
    pub(super) fn plus(&self, other: &Self) -> Self {
        Self::new(*self.0 + *other.0)
    }
}

impl Drop for SecretScalar {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}
