//! Clients' connections: accepted, authenticated, counted.

use crate::api::clients::{ClientSlot, Clients};
use crate::api::limits::{
    CONNECTIONS_MAX, HANDSHAKE_TIMEOUT, HANDSHAKES_MAX, HANDSHAKES_PER_ADDRESS_MAX,
};
use crate::net::{HalfOpen, LogGate, Place};
use ally_alliance::keys::{Client, ClientPublic};
use ally_transport::{Identity, Pins, peer_key, server_config};
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tonic::transport::server::Connected;

/// How long accepting pauses when the system has no more file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A client's connection after its handshake.
pub(crate) struct Connection {
    stream: TlsStream<TcpStream>,
    client: ClientPublic,
    _client_slot: ClientSlot,
    _place: OwnedSemaphorePermit,
}

/// Accepts clients whose keys `pins` admits, until nobody takes the connections any more.
///
/// Handshakes run side by side, so that a client that stalls in one keeps nobody else out. Their
/// number is bounded, as is that of connections; who comes when there is no room is turned away at
/// once, so that the room is for whoever comes next, not for those who wait longest.
pub(crate) fn accept(
    listener: TcpListener,
    identity: &Identity,
    pins: Pins,
    clients: Arc<Clients>,
) -> mpsc::Receiver<io::Result<Connection>> {
    let (sender, receiver) = mpsc::channel(1);
    let door = Door {
        acceptor: TlsAcceptor::from(server_config(identity, pins, &[b"h2"])),
        clients,
        places: Arc::new(Semaphore::new(CONNECTIONS_MAX)),
        half_open: Arc::new(HalfOpen::new(HANDSHAKES_MAX, HANDSHAKES_PER_ADDRESS_MAX)),
        log: Arc::default(),
    };
    tokio::spawn(door.run(listener, sender));
    receiver
}

struct Door {
    acceptor: TlsAcceptor,
    clients: Arc<Clients>,
    places: Arc<Semaphore>,
    half_open: Arc<HalfOpen>,
    log: Arc<LogGate>,
}

impl Door {
    async fn run(self, listener: TcpListener, sender: mpsc::Sender<io::Result<Connection>>) {
        loop {
            // The semaphore lives as long as the door, so that acquiring cannot fail.
            let Ok(place) = self.places.clone().acquire_owned().await else { return };
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = sender.closed() => return,
            };
            match accepted {
                Ok((tcp, address)) => match HalfOpen::enter(&self.half_open, address.ip()) {
                    Some(handshake) => self.admit(tcp, place, handshake, sender.clone()),
                    None => turned_away(&self.log, address.ip(), "too many handshakes under way"),
                },
                Err(error) => {
                    tracing::warn!(%error, "a client's connection could not be accepted");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn admit(
        &self,
        tcp: TcpStream,
        place: OwnedSemaphorePermit,
        handshake: Place,
        sender: mpsc::Sender<io::Result<Connection>>,
    ) {
        let (acceptor, clients) = (self.acceptor.clone(), self.clients.clone());
        let log = self.log.clone();
        tokio::spawn(async move {
            match shake_hands(acceptor, tcp, &clients, place).await {
                // A receiver that is gone means that the server is shutting down.
                Ok(connection) => _ = sender.send(Ok(connection)).await,
                Err(error) => turned_away(&log, handshake.address(), &error.to_string()),
            }
            drop(handshake);
        });
    }
}

/// Anybody who reaches the port can cause this line.
fn turned_away(log: &LogGate, address: IpAddr, reason: &str) {
    if let Some(held_back) = log.admit(reason) {
        tracing::info!(%address, held_back, "a client was turned away: {reason}");
    }
}

async fn shake_hands(
    acceptor: TlsAcceptor,
    tcp: TcpStream,
    clients: &Arc<Clients>,
    place: OwnedSemaphorePermit,
) -> io::Result<Connection> {
    tcp.set_nodelay(true)?;
    let stream = timeout(HANDSHAKE_TIMEOUT, acceptor.accept(tcp)).await.map_err(|_| {
        io::Error::new(io::ErrorKind::TimedOut, "the TLS handshake took too long")
    })??;
    let client = peer_key::<Client>(stream.get_ref().1)
        .ok_or_else(|| io::Error::other("the client shows no key"))?;
    let slot = clients
        .connect(client)
        .ok_or_else(|| io::Error::other("the client has too many connections"))?;
    Ok(Connection { stream, client, _client_slot: slot, _place: place })
}

impl Connected for Connection {
    type ConnectInfo = ClientPublic;

    fn connect_info(&self) -> ClientPublic {
        self.client
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
