//! Why a link is down.

use super::hello::HelloError;
use std::io;
use std::time::Duration;

/// Why a connection could not be made or has ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LinkError {
    /// The peer's name could not be looked up, or nobody answers there.
    #[error("cannot reach {address}: {source}")]
    Unreachable {
        /// Where the peer should be.
        address: String,
        /// What the system said.
        source: io::Error,
    },
    /// The peer answered, but not in time.
    #[error("the handshake was not done after {0:?}")]
    HandshakeTimeout(
        /// The time it had.
        Duration,
    ),
    /// TLS failed: wrong key, or no TLS at all.
    #[error("TLS handshake failed: {0}")]
    Tls(
        /// What failed.
        io::Error,
    ),
    /// The peer does not accept our key.
    #[error(
        "the peer refuses our transport key: it has another alliance document, or this server runs \
         with the wrong key file"
    )]
    KeyRefused,
    /// The peer is who it should be, but belongs elsewhere.
    #[error(transparent)]
    Hello(#[from] HelloError),
    /// The peer sent a frame above the limit.
    #[error("the peer announced a frame of {length} bytes, at most {limit} are allowed")]
    FrameTooLong {
        /// What it announced.
        length: usize,
        /// What is allowed.
        limit: usize,
    },
    /// The peer sent something that is no frame.
    #[error("the peer sent a frame of unknown kind {0}")]
    UnknownFrame(
        /// Its kind.
        u8,
    ),
    /// The peer closed the connection.
    #[error("the peer closed the connection")]
    Closed,
    /// The connection broke.
    #[error("the connection broke: {0}")]
    Broken(
        /// What the system said.
        io::Error,
    ),
    /// The peer said nothing for too long.
    #[error("nothing heard from the peer for {0:?}")]
    Silent(
        /// How long is too long.
        Duration,
    ),
    /// The peer took nothing of what we send for too long.
    #[error("the peer has not read for {0:?}")]
    Stuck(
        /// How long is too long.
        Duration,
    ),
    /// The peer opened a new connection in place of this one.
    #[error("the peer connected anew")]
    Replaced,
    /// This server is shutting down.
    #[error("this server is shutting down")]
    ShuttingDown,
}

impl LinkError {
    /// Sorts an I/O error of an open connection.
    pub(super) fn from_io(error: io::Error) -> Self {
        use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
        if refused_key(&error) {
            return Self::KeyRefused;
        }
        match error.kind() {
            UnexpectedEof | ConnectionReset | BrokenPipe | ConnectionAborted => Self::Closed,
            _ => Self::Broken(error),
        }
    }

    /// Sorts an I/O error of a TLS handshake.
    pub(super) fn from_handshake(error: io::Error) -> Self {
        if refused_key(&error) { Self::KeyRefused } else { Self::Tls(error) }
    }
}

/// Whether the other end has said that it does not know our key. In TLS 1.3 a client hears this only
/// after its side of the handshake is complete.
fn refused_key(error: &io::Error) -> bool {
    use rustls::{AlertDescription, Error};
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    matches!(
        inner,
        Some(Error::AlertReceived(
            AlertDescription::CertificateUnknown | AlertDescription::AccessDenied
        ))
    )
}
