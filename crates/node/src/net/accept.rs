//! Taking connections from peers with a lower index, and keeping everybody else out cheaply.

use super::connection;
use super::half_open::{HalfOpen, Place};
use super::hello::{ALPN, Hello, HelloError};
use super::links::Shared;
use super::peer::Peer;
use super::{LinkError, LinkKind};
use ally_alliance::keys::Transport;
use ally_transport::{Pins, peer_key, server_config};
use std::sync::Arc;
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
    let limits = &shared.limits;
    let half_open = Arc::new(HalfOpen::new(limits.half_open, limits.half_open_per_address));
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
        Err((None, error)) => shared.refuse(place.address(), &error.to_string()),
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
