//! Links over loopback, with honest peers (`between_servers`) and with others (`hostile`).

mod between_servers;
mod hostile;

use super::hello::{ALPN, Hello};
use super::*;
use ally_alliance::keys::{TransportKey, TransportPublic};
use ally_consensus::{AllianceId, Context, Epoch, PolicyDigest};
use ally_policy::ServerIndex;
use ally_transport::{Identity, Pins, client_config, server_name};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Long enough for a machine that does much else; reaching it is a failure.
const PATIENCE: Duration = Duration::from_secs(60);

fn key(server: u16) -> TransportKey {
    TransportKey::from_seed(&[server as u8 + 1; 32])
}

fn context() -> Context {
    Context { alliance: AllianceId([1; 32]), epoch: Epoch(0), policy: PolicyDigest([2; 32]) }
}

fn peer(server: u16, key: TransportPublic, address: SocketAddr) -> PeerConfig {
    let name = format!("s{server}");
    PeerConfig { server: ServerIndex(server), name, key, address: address.to_string() }
}

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// A server that listens at `listener` and knows the peers.
fn config(own: u16, listener: TcpListener, peers: Vec<PeerConfig>) -> LinksConfig {
    LinksConfig {
        context: context(),
        own: ServerIndex(own),
        listener,
        peers,
        limits: Limits::default(),
        timing: Timing {
            keep_alive: Duration::from_millis(50),
            retry_min: Duration::from_millis(2),
            retry_max: Duration::from_millis(20),
            ..Timing::default()
        },
    }
}

fn start(config: LinksConfig) -> (Links, Events) {
    let own = config.own.0;
    Links::start(config, Identity::new(key(own)).unwrap()).unwrap()
}

/// Two servers, 0 and 1, whose configurations are changed as the test needs it.
async fn pair(change: impl Fn(&mut LinksConfig)) -> [(Links, Events); 2] {
    let (zero, zero_at) = listener().await;
    let (one, one_at) = listener().await;
    let mut zero = config(0, zero, vec![peer(1, key(1).public(), one_at)]);
    let mut one = config(1, one, vec![peer(0, key(0).public(), zero_at)]);
    change(&mut zero);
    change(&mut one);
    [start(zero), start(one)]
}

async fn next(events: &mut Events) -> LinkEvent {
    tokio::time::timeout(PATIENCE, events.next()).await.expect("no event").expect("links ended")
}

async fn connected(events: &mut Events) -> ServerIndex {
    match next(events).await {
        LinkEvent::Connected(peer) => peer,
        other => panic!("{other:?}"),
    }
}

async fn frame(events: &mut Events) -> (ServerIndex, LinkKind, bytes::Bytes) {
    match next(events).await {
        LinkEvent::Frame { from, link, bytes, .. } => (from, link, bytes),
        other => panic!("{other:?}"),
    }
}

/// Why a peer is disconnected; frames before it are passed over.
async fn disconnected(events: &mut Events) -> String {
    loop {
        match next(events).await {
            LinkEvent::Disconnected(_, error) => return error.to_string(),
            LinkEvent::Frame { .. } => {}
            LinkEvent::Connected(peer) => panic!("connected to {peer}"),
        }
    }
}

/// Waits for something that no event tells.
async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let waiting = async {
        let mut tick = tokio::time::interval(Duration::from_millis(2));
        while !condition() {
            tick.tick().await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("never: {what}"));
}

fn last_error(links: &Links, peer: u16) -> String {
    let status = links.status();
    let peer = status.peers.iter().find(|status| status.server == ServerIndex(peer)).unwrap();
    peer.last_error.as_ref().map_or(String::new(), |(error, _)| error.clone())
}

/// A program that holds the key of server `holder` and does what it likes.
async fn dial_raw(holder: u16, to: u16, address: SocketAddr) -> TlsStream<TcpStream> {
    try_raw(holder, to, address).await.unwrap()
}

async fn try_raw(
    holder: u16,
    to: u16,
    address: SocketAddr,
) -> Result<TlsStream<TcpStream>, LinkError> {
    let identity = Identity::new(key(holder)).unwrap();
    let config = client_config(&identity, Pins::of([key(to).public()]), &[ALPN]);
    let tcp = TcpStream::connect(address).await.unwrap();
    let connected = TlsConnector::from(config).connect(server_name(), tcp).await;
    connected.map_err(LinkError::from_handshake)
}

/// The same, past its hellos.
async fn dial_as(holder: u16, to: u16, link: LinkKind, at: SocketAddr) -> TlsStream<TcpStream> {
    try_as(holder, to, link, at).await.unwrap()
}

async fn try_as(
    holder: u16,
    to: u16,
    link: LinkKind,
    at: SocketAddr,
) -> Result<TlsStream<TcpStream>, LinkError> {
    let mut stream = try_raw(holder, to, at).await?;
    let (from, to) = (ServerIndex(holder), ServerIndex(to));
    Hello { context: context(), from, to, link }.send(&mut stream).await?;
    Hello::receive(&mut stream).await?;
    Ok(stream)
}
