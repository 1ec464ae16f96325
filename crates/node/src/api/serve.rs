//! The running API: a listener in, calls out.

use crate::api::Backend;
use crate::api::clients::Clients;
use crate::api::connection::accept;
use crate::api::limits::{
    CALLS_PER_CONNECTION_MAX, KEEP_ALIVE, MESSAGE_PATIENCE, PROPOSALS_BYTES_MAX, ROOM_PATIENCE,
};
use crate::api::metered::Metered;
use crate::api::room::Room;
use crate::api::service::Service;
use ally_proto::limits::REQUEST_BYTES_MAX;
use ally_proto::v1::alliance_server::AllianceServer;
use ally_transport::{Identity, Pins};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::transport::Server;

/// The largest message a client may send: full of entries, each with some bytes of framing.
const MESSAGE_BYTES_MAX: usize = REQUEST_BYTES_MAX + (1 << 20);

/// HTTP/2 windows: how much a client may send before it is read, per call and per connection. With as
/// many connections as there may be, that is the memory that nobody has looked at yet.
const CALL_WINDOW_BYTES: u32 = 1 << 20;
const CONNECTION_WINDOW_BYTES: u32 = 1 << 20;

/// Serves clients whose keys `clients` admits until `stop` is cancelled.
///
/// When that happens, no new call is taken, listeners end, and propose streams end once what they
/// handed over is answered: the backend does that, if need be with a refusal.
///
/// # Errors
/// [`tonic::transport::Error`] if the HTTP/2 machinery fails; single connections never make it fail.
pub async fn serve<B: Backend>(
    backend: Arc<B>,
    listener: TcpListener,
    identity: &Identity,
    clients: Pins,
    stop: CancellationToken,
) -> Result<(), tonic::transport::Error> {
    let connected = Arc::new(Clients::default());
    let connections = accept(listener, identity, clients, connected.clone());
    let service = AllianceServer::new(Service::new(backend, connected, stop.clone()))
        .max_decoding_message_size(MESSAGE_BYTES_MAX);
    let room = Room::new(PROPOSALS_BYTES_MAX, ROOM_PATIENCE);
    let service = Metered::new(service, room, MESSAGE_PATIENCE);
    Server::builder()
        .max_concurrent_streams(CALLS_PER_CONNECTION_MAX)
        .initial_stream_window_size(CALL_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .http2_keepalive_interval(Some(KEEP_ALIVE.0))
        .http2_keepalive_timeout(Some(KEEP_ALIVE.1))
        .add_service(service)
        .serve_with_incoming_shutdown(ReceiverStream::new(connections), stop.cancelled_owned())
        .await
}
