//! Why a link is down.

use super::hello::HelloError;
use ally_transport::{KeyProblem, UnknownKey};
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
    /// Somebody else answers, or calls.
    #[error(transparent)]
    UnknownKey(UnknownKey),
    /// TLS failed otherwise, mostly because the other end does not speak it.
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
    /// Whether it says what is wrong, and not only that something is.
    pub(super) fn is_telling(&self) -> bool {
        match self {
            Self::UnknownKey(_)
            | Self::KeyRefused
            | Self::Hello(_)
            | Self::FrameTooLong { .. }
            | Self::UnknownFrame(_) => true,
            Self::Unreachable { .. }
            | Self::HandshakeTimeout(_)
            | Self::Tls(_)
            | Self::Closed
            | Self::Broken(_)
            | Self::Silent(_)
            | Self::Stuck(_)
            | Self::Replaced
            | Self::ShuttingDown => false,
        }
    }

    /// Sorts an I/O error of an open connection.
    pub(super) fn from_io(error: io::Error) -> Self {
        use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
        if let Some(problem) = KeyProblem::of(&error) {
            return problem.into();
        }
        match error.kind() {
            UnexpectedEof | ConnectionReset | BrokenPipe | ConnectionAborted => Self::Closed,
            _ => Self::Broken(error),
        }
    }

    /// Sorts an I/O error of a TLS handshake.
    pub(super) fn from_handshake(error: io::Error) -> Self {
        KeyProblem::of(&error).map_or(Self::Tls(error), Self::from)
    }
}

impl From<KeyProblem> for LinkError {
    fn from(problem: KeyProblem) -> Self {
        match problem {
            KeyProblem::Unknown(unknown) => Self::UnknownKey(unknown),
            // Whatever else may be wrong with keys, it is the other end that says so.
            _ => Self::KeyRefused,
        }
    }
}
