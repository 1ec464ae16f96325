//! Taking connections from peers with a lower index, and keeping everybody else out cheaply.

use super::connection;
use super::hello::{ALPN, Hello, HelloError};
use super::links::Shared;
use super::peer::Peer;
use super::{LinkError, LinkKind};
use ally_alliance::keys::Transport;
use ally_transport::{Pins, peer_key, server_config};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// How long to wait when the system cannot hand over a connection (no file descriptors, mostly).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Accepts connections until the links are shut down.
pub(super) async fn accept(shared: Arc<Shared>, listener: TcpListener) {
    let pins = Pins::of(shared.peers().map(|peer| peer.config.key));
    let acceptor = TlsAcceptor::from(server_config(&shared.identity, pins, &[ALPN]));
    let half_open = Arc::new(HalfOpen::new(&shared));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shared.stop.cancelled() => return,
        };
        let (tcp, address) = match accepted {
            Ok((tcp, address)) => (tcp, address.ip()),
            Err(error) => {
                tracing::warn!(%error, "cannot accept connections of peers");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let Some(place) = HalfOpen::enter(&half_open, address) else {
            shared.refuse(address, "too many connections that have not yet proved who they are");
            continue;
        };
        let (shared, acceptor) = (shared.clone(), acceptor.clone());
        shared.tasks.clone().spawn(async move { serve(&shared, acceptor, tcp, place).await });
    }
}

async fn serve(shared: &Shared, acceptor: TlsAcceptor, tcp: TcpStream, place: Place) {
    let limit = shared.timing.handshake_max;
    let admitted = tokio::select! {
        admitted = tokio::time::timeout(limit, admit(shared, acceptor, tcp)) => admitted,
        () = shared.stop.cancelled() => return,
    };
    let admitted = admitted.unwrap_or_else(|_| Err((None, LinkError::HandshakeTimeout(limit))));
    match admitted {
        Ok((stream, peer, kind)) => {
            connection::run(stream, &peer, kind, shared, place).await;
        }
        Err((Some(peer), error)) => peer.failed(LinkKind::Control, &error),
        Err((None, error)) => shared.refuse(place.address, &error.to_string()),
    }
}

type Admitted = (TlsStream<TcpStream>, Arc<Peer>, LinkKind);

/// Handshake and hellos. An error comes with the peer if it is known who it is.
async fn admit(
    shared: &Shared,
    acceptor: TlsAcceptor,
    tcp: TcpStream,
) -> Result<Admitted, (Option<Arc<Peer>>, LinkError)> {
    tcp.set_nodelay(true).map_err(|error| (None, LinkError::Broken(error)))?;
    let mut stream =
        acceptor.accept(tcp).await.map_err(|error| (None, LinkError::from_handshake(error)))?;
    let key = peer_key::<Transport>(stream.get_ref().1);
    let Some(peer) = key.and_then(|key| shared.peer_with_key(&key)) else {
        // The pins are those of the peers, so this cannot be; refusing is right in any case.
        return Err((None, LinkError::KeyRefused));
    };
    match greet(&mut stream, shared, &peer).await {
        Ok(kind) => Ok((stream, peer, kind)),
        Err(error) => Err((Some(peer), error)),
    }
}

async fn greet(
    stream: &mut TlsStream<TcpStream>,
    shared: &Shared,
    peer: &Peer,
) -> Result<LinkKind, LinkError> {
    let theirs = Hello::receive(stream).await?;
    // Answered before it is checked, so that the other end can name what differs as well. By its key
    // it is a member, so this tells no stranger anything.
    let (context, from, to) = (shared.context, shared.own, peer.server());
    Hello { context, from, to, link: theirs.link }.send(stream).await?;
    theirs.check(&shared.context, shared.own, to)?;
    if to > shared.own {
        return Err(HelloError::WrongDirection(to).into());
    }
    Ok(theirs.link)
}

/// Counts the connections that have not yet proved who they are, or not yet got their place.
struct HalfOpen {
    all_max: usize,
    each_max: usize,
    by_address: Mutex<HashMap<IpAddr, usize>>,
}

/// One of them; dropping it frees its place.
struct Place {
    address: IpAddr,
    half_open: Arc<HalfOpen>,
}

impl HalfOpen {
    fn new(shared: &Shared) -> Self {
        Self {
            all_max: shared.limits.half_open,
            each_max: shared.limits.half_open_per_address,
            by_address: Mutex::default(),
        }
    }

    fn enter(half_open: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let mut by_address = half_open.lock();
        let all: usize = by_address.values().sum();
        let from_there = by_address.get(&address).copied().unwrap_or(0);
        if all >= half_open.all_max || from_there >= half_open.each_max {
            return None;
        }
        by_address.insert(address, from_there + 1);
        Some(Place { address, half_open: half_open.clone() })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.by_address.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut by_address = self.half_open.lock();
        if let Some(count) = by_address.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                by_address.remove(&self.address);
            }
        }
    }
}
