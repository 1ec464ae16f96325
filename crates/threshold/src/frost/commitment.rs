//! What a server publishes of its one-time nonces.

use super::group::{POINT_BYTES, Point};
use super::{NONCES_MAX, SUITE, VERSION};
use crate::KeyId;
use ally_codec::{Decode, DecodeError, Encode, Reader, Writer};
use ally_policy::ServerIndex;

/// The commitments to one pair of nonces: good for one signature. Public; whoever sends it signs it
/// elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Commitment {
    pub(super) key: KeyId,
    pub(super) server: ServerIndex,
    pub(super) serial: u64,
    pub(super) index: u16,
    pub(super) points: CommitmentPoints,
}

/// The commitments to a hiding and a binding nonce.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CommitmentPoints {
    pub(super) hiding: Point,
    pub(super) binding: Point,
}

impl CommitmentPoints {
    /// `hiding (32) || binding (32)`.
    pub(super) fn encode(&self, writer: &mut Writer) {
        writer.raw(self.hiding.bytes()).raw(self.binding.bytes());
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { hiding: Point::read(reader)?, binding: Point::read(reader)? })
    }
}

impl Commitment {
    /// Whose nonces they are.
    pub fn server(&self) -> ServerIndex {
        self.server
    }

    /// With which key they sign.
    pub fn key(&self) -> KeyId {
        self.key
    }

    /// The serial number of the batch.
    pub fn serial(&self) -> u64 {
        self.serial
    }

    /// The position in the batch, from 0.
    pub fn index(&self) -> u16 {
        self.index
    }
}

/// `version (1) || suite (1) || key id (32) || server (2, LE) || serial (8, LE) || index (2, LE) ||
/// hiding (32) || binding (32)`. Reading it checks that both points are in the group; the sender is
/// to blame if not.
impl Encode for Commitment {
    fn encode(&self, writer: &mut Writer) {
        writer.u8(VERSION).u8(SUITE).raw(&self.key.0).u16(self.server.0).u64(self.serial);
        writer.u16(self.index);
        self.points.encode(writer);
    }
}

impl Decode for Commitment {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        if reader.u8()? != VERSION || reader.u8()? != SUITE {
            return Err(DecodeError::Invalid("version of a FROST commitment"));
        }
        let key = KeyId(reader.array()?);
        let server = ServerIndex(reader.u16()?);
        let serial = reader.u64()?;
        let index = reader.u16()?;
        if usize::from(index) >= NONCES_MAX {
            return Err(DecodeError::Invalid("index of a FROST commitment"));
        }
        Ok(Self { key, server, serial, index, points: CommitmentPoints::decode(reader)? })
    }
}

/// The commitments to a whole batch of nonces: what a server publishes ahead, so that signing takes
/// one round. Whoever chooses signers uses every commitment once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitmentBatch {
    pub(super) key: KeyId,
    pub(super) server: ServerIndex,
    pub(super) serial: u64,
    /// From 1 to [`NONCES_MAX`] pairs.
    pub(super) pairs: Vec<CommitmentPoints>,
}

impl CommitmentBatch {
    /// Whose nonces they are.
    pub fn server(&self) -> ServerIndex {
        self.server
    }

    /// With which key they sign.
    pub fn key(&self) -> KeyId {
        self.key
    }

    /// The serial number of the batch.
    pub fn serial(&self) -> u64 {
        self.serial
    }

    /// The commitments in order, the first with index 0.
    pub fn iter(&self) -> impl Iterator<Item = Commitment> + '_ {
        (0..).zip(&self.pairs).map(|(index, points)| self.of(index, points))
    }

    /// The commitment with that index; `None` past the end of the batch.
    pub fn commitment(&self, index: u16) -> Option<Commitment> {
        Some(self.of(index, self.pairs.get(usize::from(index))?))
    }

    fn of(&self, index: u16, points: &CommitmentPoints) -> Commitment {
        let Self { key, server, serial, .. } = *self;
        Commitment { key, server, serial, index, points: *points }
    }
}

/// `version (1) || suite (1) || key id (32) || server (2, LE) || serial (8, LE) || pairs (2, LE) ||
/// hiding (32) || binding (32) of each`. Reading it checks that all points are in the group; the
/// sender is to blame if not. That costs a multiplication for each point.
impl Encode for CommitmentBatch {
    fn encode(&self, writer: &mut Writer) {
        writer.u8(VERSION).u8(SUITE).raw(&self.key.0).u16(self.server.0).u64(self.serial);
        writer.u16(self.pairs.len() as u16);
        self.pairs.iter().for_each(|points| points.encode(writer));
    }
}

impl Decode for CommitmentBatch {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        if reader.u8()? != VERSION || reader.u8()? != SUITE {
            return Err(DecodeError::Invalid("version of a FROST commitment batch"));
        }
        let key = KeyId(reader.array()?);
        let server = ServerIndex(reader.u16()?);
        let serial = reader.u64()?;
        let count = usize::from(reader.u16()?);
        if count == 0 {
            return Err(DecodeError::Invalid("size of a FROST commitment batch"));
        }
        if count > NONCES_MAX {
            return Err(DecodeError::TooLong { claimed: count, limit: NONCES_MAX });
        }
        // Points are only looked at when all of them are there.
        let mut points = Reader::new(reader.raw(count * 2 * POINT_BYTES)?);
        let pairs =
            (0..count).map(|_| CommitmentPoints::decode(&mut points)).collect::<Result<_, _>>()?;
        Ok(Self { key, server, serial, pairs })
    }
}
