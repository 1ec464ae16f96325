//! The connection to one server.

use crate::ServerEntry;
use ally_proto::limits::MESSAGE_BYTES_MAX;
use ally_proto::v1::alliance_client::AllianceClient;
use ally_transport::{Identity, Pins, client_config, server_name};
use hyper_util::rt::TokioIo;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::Status;
use tonic::transport::{Channel, Endpoint};
use tower::service_fn;

/// HTTP/2 windows: how much a server may send ahead of what is read, per call and per connection.
const CALL_WINDOW_BYTES: u32 = 4 << 20;
const CONNECTION_WINDOW_BYTES: u32 = 16 << 20;

/// How often a connection in use is probed, and how long the answer may take.
const KEEP_ALIVE: (Duration, Duration) = (Duration::from_secs(15), Duration::from_secs(10));

/// One server, connected when needed and again when lost.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    server: Arc<ServerEntry>,
    api: AllianceClient<Channel>,
}

impl Link {
    /// Prepares a connection; the first call opens it.
    pub(crate) fn new(server: ServerEntry, identity: &Identity, connect_timeout: Duration) -> Self {
        let pins = Pins::of([server.transport]);
        let connector = TlsConnector::from(client_config(identity, pins, &[b"h2"]));
        let address: Arc<str> = server.address.as_str().into();
        // Where the connection goes is decided by the connector; HTTP only needs some name.
        let channel = Endpoint::from_static("http://ally.invalid")
            .connect_timeout(connect_timeout)
            .initial_stream_window_size(CALL_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .http2_keep_alive_interval(KEEP_ALIVE.0)
            .keep_alive_timeout(KEEP_ALIVE.1)
            .connect_with_connector_lazy(service_fn(move |_| {
                let (address, connector) = (address.clone(), connector.clone());
                async move { connect(&address, &connector).await.map(TokioIo::new) }
            }));
        let api = AllianceClient::new(channel).max_decoding_message_size(MESSAGE_BYTES_MAX);
        Self { server: Arc::new(server), api }
    }

    pub(crate) fn server(&self) -> &ServerEntry {
        &self.server
    }

    /// The calls; a clone shares the connection.
    pub(crate) fn api(&self) -> AllianceClient<Channel> {
        self.api.clone()
    }
}

async fn connect(address: &str, connector: &TlsConnector) -> io::Result<TlsStream<TcpStream>> {
    let tcp = TcpStream::connect(address).await?;
    tcp.set_nodelay(true)?;
    connector.connect(server_name(), tcp).await
}

/// A status as a person can read it, with the reason at its bottom: gRPC only says "transport
/// error" where a connection was refused or a key is wrong.
pub(crate) fn describe(status: &Status) -> String {
    let mut deepest: Option<&dyn std::error::Error> = std::error::Error::source(status);
    while let Some(source) = deepest.and_then(std::error::Error::source) {
        deepest = Some(source);
    }
    match deepest {
        Some(source) => source.to_string(),
        None => status.message().to_owned(),
    }
}
