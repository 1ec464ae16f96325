//! Ports that are this process's to give away.

use crate::failure::{Exit, Failure};
use std::net::{Ipv4Addr, SocketAddr};
use tokio::net::TcpSocket;

/// No port can be had.
const NO_PORT: &str = "ALLY-0510";

/// A port on the loopback interface, kept for a server of ours.
///
/// Ours: the socket is bound, with SO_REUSEADDR, and never listens. The system then gives the port to
/// nobody else, while a server that asks for it by number, with SO_REUSEADDR too, gets it: now, and
/// again after it was killed. There is no moment at which somebody else could take it.
#[derive(Debug)]
pub struct Port {
    address: SocketAddr,
    _socket: TcpSocket,
}

impl Port {
    /// Any free port.
    ///
    /// # Errors
    /// [`Failure`] if there is none.
    pub fn free() -> Result<Self, Failure> {
        Self::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
    }

    /// This very port.
    ///
    /// # Errors
    /// [`Failure`] if somebody listens there.
    pub fn bind(address: SocketAddr) -> Result<Self, Failure> {
        let bound = || {
            let socket = TcpSocket::new_v4()?;
            socket.set_reuseaddr(true)?;
            socket.bind(address)?;
            Ok(Self { address: socket.local_addr()?, _socket: socket })
        };
        bound().map_err(|error: std::io::Error| {
            let message = match address.port() {
                0 => format!("no free port on {}: {error}", address.ip()),
                _ => format!("{address} is taken: {error}"),
            };
            Failure::new(Exit::Input, NO_PORT, message)
                .next("see whether this alliance runs already (`ss -ltnp`)")
        })
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}
