//! Connecting to peers with a higher index, again and again.

use super::backoff::Backoff;
use super::connection;
use super::hello::{ALPN, Hello, HelloError};
use super::links::Shared;
use super::peer::Peer;
use super::{LinkError, LinkKind};
use ally_transport::{Pins, client_config, server_name};
use rustls::ClientConfig;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Keeps one link to one peer up until the links are shut down.
pub(super) async fn keep_up(shared: Arc<Shared>, peer: Arc<Peer>, kind: LinkKind) {
    let config = client_config(&shared.identity, Pins::of([peer.config.key]), &[ALPN]);
    let mut backoff = Backoff::new(&shared.timing);
    loop {
        let connected = tokio::select! {
            connected = connect(&shared, &peer, kind, config.clone()) => connected,
            () = shared.stop.cancelled() => return,
        };
        match connected {
            Ok(stream) => {
                let lived = connection::run(stream, &peer, kind, &shared, ()).await;
                // A peer that takes connections only to drop them gets no more attempts for it than
                // one that takes none.
                if lived >= shared.timing.retry_max {
                    backoff.reset();
                }
            }
            Err(error) => peer.failed(kind, &error),
        }
        // Without randomness from the system the jitter is gone, nothing else.
        let pause = backoff.pause(getrandom::u32().unwrap_or(0));
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = shared.stop.cancelled() => return,
        }
    }
}

async fn connect(
    shared: &Shared,
    peer: &Peer,
    kind: LinkKind,
    config: Arc<ClientConfig>,
) -> Result<TlsStream<TcpStream>, LinkError> {
    let limit = shared.timing.handshake_max;
    let connecting = async {
        let address = &peer.config.address;
        let tcp = TcpStream::connect(address.as_str())
            .await
            .map_err(|source| LinkError::Unreachable { address: address.clone(), source })?;
        tcp.set_nodelay(true).map_err(LinkError::Broken)?;
        let connector = TlsConnector::from(config);
        let mut stream =
            connector.connect(server_name(), tcp).await.map_err(LinkError::from_handshake)?;
        greet(&mut stream, shared, peer, kind).await?;
        Ok(stream)
    };
    tokio::time::timeout(limit, connecting).await.unwrap_or(Err(LinkError::HandshakeTimeout(limit)))
}

async fn greet(
    stream: &mut TlsStream<TcpStream>,
    shared: &Shared,
    peer: &Peer,
    link: LinkKind,
) -> Result<(), LinkError> {
    let to = peer.server();
    Hello { context: shared.context, from: shared.own, to, link }.send(stream).await?;
    let theirs = Hello::receive(stream).await?;
    theirs.check(&shared.context, shared.own, to)?;
    if theirs.link != link {
        return Err(HelloError::WrongLink.into());
    }
    Ok(())
}
