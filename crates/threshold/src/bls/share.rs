//! What one server contributes to a signature.

use super::curve::{G1, G1_BYTES, same_exponent};
use super::key::{Prepared, PublicKey};
use ally_codec::{Decode, DecodeError, Encode, Reader, Writer};
use ally_policy::{LEAVES_MAX, ServerIndex};

/// One server's signature share: a point of G1 per leaf the server stands at, from left to right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureShare {
    points: Vec<G1>,
}

impl SignatureShare {
    pub(super) fn new(points: Vec<G1>) -> Self {
        Self { points }
    }

    /// Whether the share is what `server`'s key share makes of `message`. Anyone can tell, so a bad
    /// share needs no further proof.
    ///
    /// # Cost
    /// Two pairings per leaf, some 600 us.
    pub fn verify(&self, key: &PublicKey, message: &Prepared, server: ServerIndex) -> bool {
        let mut points = self.points.iter();
        let sound = key
            .keys_of(server)
            .all(|leaf| points.next().is_some_and(|point| same_exponent(point, &message.0, leaf)));
        sound && !self.points.is_empty() && points.next().is_none()
    }

    pub(super) fn points(&self) -> &[G1] {
        &self.points
    }
}

/// `count (4, LE) || points (48 each, compressed)`.
impl Encode for SignatureShare {
    fn encode(&self, writer: &mut Writer) {
        writer.u32(self.points.len() as u32);
        for point in &self.points {
            writer.raw(&point.encode());
        }
    }
}

/// Every point is checked to be in the group.
impl Decode for SignatureShare {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let claimed = reader.u32()? as usize;
        if claimed > LEAVES_MAX {
            return Err(DecodeError::TooLong { claimed, limit: LEAVES_MAX });
        }
        // Checked before the points are: each of them costs a square root.
        let needed = claimed * G1_BYTES;
        if reader.left() < needed {
            return Err(DecodeError::Truncated { needed, left: reader.left() });
        }
        let points = (0..claimed)
            .map(|_| {
                let point = G1::decode(&reader.array()?);
                point.ok_or(DecodeError::Invalid("signature share: not a point of the group"))
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { points })
    }
}
