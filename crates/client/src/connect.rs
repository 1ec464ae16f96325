//! From an address to a connection that the server has agreed to.

use ally_transport::{KeyProblem, server_name};
use std::io;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Room for a server's first words. Longer reads go past the buffer once these are taken.
const FIRST_BYTES: usize = 1024;

/// A connection, with the server's first bytes read and not yet taken.
pub(crate) type Connected = BufReader<TlsStream<TcpStream>>;

/// Why no connection came about.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    #[error("{0}")]
    Unreachable(#[source] io::Error),
    #[error("nobody answers at {address} within {:.1} s", .within.as_secs_f64())]
    Timeout { address: String, within: Duration },
    #[error("{address} takes connections and says nothing within {:.1} s", .within.as_secs_f64())]
    Silent { address: String, within: Duration },
    #[error("it does not admit this client's key: `clients` in its server.toml does not list it")]
    NotAdmitted,
    #[error(
        "whoever answers at {address} shows another key than the alliance document has for this server"
    )]
    OtherKey { address: String },
    #[error("it ends connections before it says anything: it has as many clients as it can take")]
    TurnedAway,
    #[error("{0}")]
    Tls(#[source] io::Error),
}

/// Connects, and waits until the server speaks.
///
/// In TLS 1.3 the client's side of a handshake is complete before the server has looked at the
/// client's key. Whoever sends at once may find the connection reset, and the alert that says why
/// gone with it. The server speaks first in HTTP/2, so that waiting costs nothing.
///
/// # Errors
/// [`ConnectError`], at the latest after `within`.
pub(crate) async fn connect(
    address: &str,
    connector: &TlsConnector,
    within: Duration,
) -> Result<Connected, ConnectError> {
    let deadline = Instant::now() + within;
    let tcp = timeout_at(deadline, TcpStream::connect(address)).await;
    let tcp = tcp.map_err(|_| ConnectError::Timeout { address: address.to_owned(), within })?;
    let tcp = tcp.map_err(ConnectError::Unreachable)?;
    tcp.set_nodelay(true).map_err(ConnectError::Unreachable)?;
    let agreed = timeout_at(deadline, agree(address, connector, tcp)).await;
    agreed.unwrap_or_else(|_| Err(ConnectError::Silent { address: address.to_owned(), within }))
}

async fn agree(
    address: &str,
    connector: &TlsConnector,
    tcp: TcpStream,
) -> Result<Connected, ConnectError> {
    let refused = |error| refused(address, error);
    let tls = connector.connect(server_name(), tcp).await.map_err(refused)?;
    let mut connected = BufReader::with_capacity(FIRST_BYTES, tls);
    match connected.fill_buf().await {
        Ok([]) => Err(ConnectError::TurnedAway),
        Ok(_) => Ok(connected),
        Err(error) if is_end(&error) => Err(ConnectError::TurnedAway),
        Err(error) => Err(refused(error)),
    }
}

fn is_end(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset)
}

fn refused(address: &str, error: io::Error) -> ConnectError {
    match KeyProblem::of(&error) {
        Some(KeyProblem::Refused) => ConnectError::NotAdmitted,
        Some(KeyProblem::Unknown(_)) => ConnectError::OtherKey { address: address.to_owned() },
        _ => ConnectError::Tls(error),
    }
}
