//! The connection to one server.

use crate::connect::{ConnectError, connect};
use crate::{Attempt, Cause, ServerEntry};
use ally_proto::limits::MESSAGE_BYTES_MAX;
use ally_proto::v1::alliance_client::AllianceClient;
use ally_transport::{Identity, Pins, client_config};
use hyper_util::rt::TokioIo;
use std::sync::Arc;
use std::time::Duration;
use std::{error, iter};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tonic::transport::{Channel, Endpoint};
use tonic::{Response, Status};
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
    answer_timeout: Duration,
}

impl Link {
    /// Prepares a connection; the first call opens it.
    pub(crate) fn new(server: ServerEntry, identity: &Identity, connect_timeout: Duration) -> Self {
        let pins = Pins::of([server.transport]);
        let connector = TlsConnector::from(client_config(identity, pins, &[b"h2"]));
        let address: Arc<str> = server.address.as_str().into();
        // Where the connection goes is decided by the connector; HTTP only needs some name.
        let channel = Endpoint::from_static("http://ally.invalid")
            .initial_stream_window_size(CALL_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .http2_keep_alive_interval(KEEP_ALIVE.0)
            .keep_alive_timeout(KEEP_ALIVE.1)
            .connect_with_connector_lazy(service_fn(move |_| {
                let (address, connector) = (address.clone(), connector.clone());
                async move { connect(&address, &connector, connect_timeout).await.map(TokioIo::new) }
            }));
        let api = AllianceClient::new(channel).max_decoding_message_size(MESSAGE_BYTES_MAX);
        // Half of it for the connection, if that takes so long.
        Self { server: Arc::new(server), api, answer_timeout: 2 * connect_timeout }
    }

    /// Waits for the answer to a call that opens a stream.
    ///
    /// # Errors
    /// The call's, or that nothing came in time.
    pub(crate) async fn opened<T>(
        &self,
        call: impl Future<Output = Result<Response<T>, Status>>,
    ) -> Result<T, Status> {
        let within = self.answer_timeout;
        let late =
            || format!("it took the call and said nothing for {:.1} s", within.as_secs_f64());
        match timeout(within, call).await {
            Ok(answer) => answer.map(Response::into_inner),
            Err(_) => Err(Status::deadline_exceeded(late())),
        }
    }

    pub(crate) fn server(&self) -> &ServerEntry {
        &self.server
    }

    /// The calls; a clone shares the connection.
    pub(crate) fn api(&self) -> AllianceClient<Channel> {
        self.api.clone()
    }
}

/// What a failed call says about the server, as a person can read it. gRPC only says "transport
/// error" where a connection was refused or a key is wrong; the reason is at the bottom.
pub(crate) fn attempt(server: &ServerEntry, status: &Status) -> Attempt {
    let cause = match connect_error(status) {
        Some(ConnectError::NotAdmitted) => Cause::NotAdmitted,
        Some(ConnectError::OtherKey { .. }) => Cause::WrongAlliance,
        _ => Cause::Other,
    };
    failed(server, describe(status), cause)
}

/// A server that was no help.
pub(crate) fn failed(server: &ServerEntry, outcome: String, cause: Cause) -> Attempt {
    let (server, organisation) = (server.name.clone(), server.organisation.clone());
    Attempt { server, organisation, outcome, cause }
}

/// The text of [`attempt`].
pub(crate) fn describe(status: &Status) -> String {
    if let Some(error) = connect_error(status) {
        return error.to_string();
    }
    match causes(status).last() {
        Some(deepest) => deepest.to_string(),
        None => status.message().to_owned(),
    }
}

/// Why a call found no connection; `None` if it had one.
pub(crate) fn connect_error(status: &Status) -> Option<&ConnectError> {
    causes(status).find_map(|cause| cause.downcast_ref())
}

fn causes(status: &Status) -> impl Iterator<Item = &(dyn error::Error + 'static)> {
    iter::successors(error::Error::source(status), |cause| cause.source())
}
