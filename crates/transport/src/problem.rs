//! What a failed connection means in terms of keys.

use crate::UnknownKey;
use rustls::{AlertDescription, CertificateError, Error};
use std::io;

/// Why two ends do not talk to each other, as far as keys are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyProblem {
    /// We do not want the other end's key.
    #[error(transparent)]
    Unknown(UnknownKey),
    /// The other end does not want ours. In TLS 1.3 the end that connects hears this only after its
    /// own side of the handshake is complete, from its first read.
    #[error("the other end refuses our key")]
    Refused,
}

impl KeyProblem {
    /// Finds it in an error of a TLS stream; `None` if the connection failed for another reason.
    pub fn of(error: &io::Error) -> Option<Self> {
        match error.get_ref()?.downcast_ref::<Error>()? {
            Error::InvalidCertificate(CertificateError::Other(other)) => {
                other.0.downcast_ref().copied().map(Self::Unknown)
            }
            Error::AlertReceived(
                AlertDescription::CertificateUnknown | AlertDescription::AccessDenied,
            ) => Some(Self::Refused),
            _ => None,
        }
    }
}
