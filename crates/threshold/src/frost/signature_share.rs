//! One signer's share of a signature.

use super::group::SCALAR_BYTES;
use super::{SUITE, VERSION};
use crate::KeyId;
use ally_codec::{Decode, DecodeError, Encode, Reader, Writer};
use ally_policy::ServerIndex;
use curve25519_dalek::Scalar;

/// One signer's share of the signature of one session. Public; whoever sends it signs it elsewhere,
/// so that a wrong one is evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignatureShare {
    pub(super) key: KeyId,
    pub(super) server: ServerIndex,
    pub(super) session: [u8; 32],
    pub(super) response: Scalar,
}

impl SignatureShare {
    /// Whose share it is.
    pub fn server(&self) -> ServerIndex {
        self.server
    }

    /// With which key it was made.
    pub fn key(&self) -> KeyId {
        self.key
    }

    /// The digest of the session that it answers.
    pub fn session(&self) -> [u8; 32] {
        self.session
    }
}

/// `version (1) || suite (1) || key id (32) || server (2, LE) || session (32) || response (32, LE)`.
/// A response that is not below the order of the group is refused; the sender is to blame.
impl Encode for SignatureShare {
    fn encode(&self, writer: &mut Writer) {
        writer.u8(VERSION).u8(SUITE).raw(&self.key.0).u16(self.server.0).raw(&self.session);
        writer.raw(self.response.as_bytes());
    }
}

impl Decode for SignatureShare {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        if reader.u8()? != VERSION || reader.u8()? != SUITE {
            return Err(DecodeError::Invalid("version of a FROST signature share"));
        }
        let key = KeyId(reader.array()?);
        let server = ServerIndex(reader.u16()?);
        let session = reader.array()?;
        let response = Scalar::from_canonical_bytes(reader.array::<SCALAR_BYTES>()?);
        let response = Option::from(response).ok_or(DecodeError::Invalid("response: too large"))?;
        Ok(Self { key, server, session, response })
    }
}
