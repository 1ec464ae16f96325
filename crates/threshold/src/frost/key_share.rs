//! One server's secret part of a FROST key.

use super::group::{SCALAR_BYTES, SecretScalar};
use super::public_key::PublicKey;
use super::sharing::is_due;
use super::{SUITE, VERSION};
use crate::{KeyId, KeyShareError, PlanError};
use ally_codec::{DecodeError, Reader};
use ally_policy::ServerIndex;
use zeroize::Zeroizing;

const BYTES: usize = 2 + 32 + 2 + SCALAR_BYTES;

/// A server's share of a FROST key. Wiped when it goes; cannot be printed or copied.
pub struct KeyShare {
    key: KeyId,
    server: ServerIndex,
    secret: SecretScalar,
}

impl KeyShare {
    /// The share with this secret, if it is what the public key commits to.
    ///
    /// # Errors
    /// [`PlanError::OtherPlan`] where the server holds none, [`PlanError::Mismatch`].
    pub(super) fn checked(
        public: &PublicKey,
        server: ServerIndex,
        secret: SecretScalar,
    ) -> Result<Self, PlanError> {
        let share = Self { key: public.id(), server, secret };
        match share.check(public) {
            Ok(()) => Ok(share),
            Err(KeyShareError::Mismatch { leaf }) => Err(PlanError::Mismatch { leaf }),
            Err(KeyShareError::OtherKey) => Err(PlanError::OtherPlan),
        }
    }

    /// Whose share it is.
    pub fn server(&self) -> ServerIndex {
        self.server
    }

    /// Which key it is a share of.
    pub fn key(&self) -> KeyId {
        self.key
    }

    /// `version (1) || suite (1) || key id (32) || server (2, LE) || secret (32, LE)`. Keep it as
    /// secret as the share itself.
    pub fn encode(&self) -> Zeroizing<Vec<u8>> {
        // Of the final size at once: a buffer that grows leaves copies of secrets behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(BYTES));
        bytes.extend_from_slice(&[VERSION, SUITE]);
        bytes.extend_from_slice(&self.key.0);
        bytes.extend_from_slice(&self.server.0.to_le_bytes());
        bytes.extend_from_slice(&*self.secret.encode());
        debug_assert_eq!(bytes.len(), BYTES);
        bytes
    }

    /// Reads what [`KeyShare::encode`] wrote. Whether it fits a public key is for
    /// [`KeyShare::check`] to say.
    ///
    /// # Errors
    /// [`DecodeError`]: the bytes are no key share.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        if reader.u8()? != VERSION || reader.u8()? != SUITE {
            return Err(DecodeError::Invalid("version of a FROST key share"));
        }
        let key = KeyId(reader.array()?);
        let server = ServerIndex(reader.u16()?);
        let secret = SecretScalar::decode(&Zeroizing::new(reader.array()?));
        let secret = secret.ok_or(DecodeError::Invalid("secret of a FROST key share"))?;
        reader.finish()?;
        Ok(Self { key, server, secret })
    }

    /// Checks that this is what the public key commits to. Do it once, when a share is received or
    /// loaded: a wrong share would make wrong signature shares, and this server would be blamed.
    ///
    /// # Errors
    /// [`KeyShareError`]: the dealer or the keeper of the share is to blame.
    ///
    /// # Cost
    /// One multiplication of the base point, in constant time.
    pub fn check(&self, public: &PublicKey) -> Result<(), KeyShareError> {
        if self.key != public.id() {
            return Err(KeyShareError::OtherKey);
        }
        let (leaf, key) = public.share_key(self.server).ok_or(KeyShareError::OtherKey)?;
        let due = is_due(&self.secret, key.point());
        if due { Ok(()) } else { Err(KeyShareError::Mismatch { leaf }) }
    }

    pub(super) fn secret(&self) -> &SecretScalar {
        &self.secret
    }
}
