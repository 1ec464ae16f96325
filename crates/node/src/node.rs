//! A server: its parts put together, started and stopped.

use crate::api;
use crate::backend::NodeBackend;
use crate::between::{Between, Hands, Voice};
use crate::driver::{
    Driver, Event, FatalError, Inbox, Parts, Published, RecoverError, StatusBoard, StoredLog,
    ingest, recover,
};
use crate::net::{self, Links, LinksConfig};
use crate::store::{Durability, Identity as StoreIdentity, Store, StoreError};
use ally_alliance::Alliance;
use ally_alliance::keys::{SigningKey, TransportKey};
use ally_alliance::{
    ClientPolicy, ConfigError, KeyFileError, KeyPurpose, Parameters, ServerConfig, read_share,
};
use ally_consensus::Micros;
use ally_keyring::{OwnKeys, PublicKeys};
use ally_log::Origin;
use ally_policy::ServerIndex;
use ally_proto::limits::{ENTRY_BYTES_MAX, ENTRY_BYTES_MIN};
use ally_replica::{Checker, Config as ReplicaConfig, Limits, Replica};
use ally_transport::{Identity, IdentityError, Pins};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Messages and submissions that wait for the driver, of each kind.
const INBOX: usize = 1024;

/// How long clients may take to hang up when the server stops.
const GOODBYE_MAX: Duration = Duration::from_secs(2);

/// A running server. Stops when told to ([`Node::stop`]) or by itself when its disk fails.
pub struct Node {
    server: String,
    peers: SocketAddr,
    clients: SocketAddr,
    events: mpsc::UnboundedSender<Event>,
    links: Links,
    api: CancellationToken,
    serving: JoinHandle<()>,
    ended: oneshot::Receiver<Result<(), FatalError>>,
}

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The configuration does not fit the alliance.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A key file cannot be used.
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    /// The key in a file is not the one that the alliance document names.
    #[error(
        "{file}: the {kind} key in this file is not the one that the alliance document names for \
         {server}: either the file belongs to another server, or the document is an older one"
    )]
    OtherKey {
        /// The file.
        file: String,
        /// Which key.
        kind: &'static str,
        /// The server.
        server: String,
    },
    /// The data directory cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What is stored cannot be read.
    #[error("{}: {source}", data.display())]
    Recover {
        /// The data directory.
        data: PathBuf,
        /// What is wrong in it.
        source: RecoverError,
    },
    /// The replica refuses what is stored, or the alliance's parameters.
    #[error("{}: {source}", data.display())]
    Replica {
        /// The data directory.
        data: PathBuf,
        /// Why.
        source: ally_replica::RestoreError,
    },
    /// The checkpoint origin in the document is not one.
    #[error("the alliance's origin: {0}")]
    Origin(#[from] ally_log::OriginError),
    /// An address cannot be listened on.
    #[error("cannot listen for {whom} on {address}: {source}; is another server running there?")]
    Listen {
        /// Servers or clients.
        whom: &'static str,
        /// The address.
        address: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// No certificate can be made for the transport key.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The links refuse the document's peers.
    #[error(transparent)]
    Links(#[from] net::StartError),
    /// No thread.
    #[error(transparent)]
    Driver(#[from] FatalError),
    /// The system has no thread left.
    #[error("cannot start a thread: {0}")]
    Thread(std::io::Error),
}

impl Node {
    /// Starts a server. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// [`StartError`]; nothing runs then.
    pub async fn start(config: &ServerConfig, alliance: &Alliance) -> Result<Self, StartError> {
        Self::launch(config, alliance, |_| None).await
    }

    /// As [`Node::start`], with somebody between the server and the others. For tests of the others.
    ///
    /// # Errors
    /// As [`Node::start`].
    pub async fn start_with(
        config: &ServerConfig,
        alliance: &Alliance,
        between: impl FnOnce(Hands) -> Box<dyn Between>,
    ) -> Result<Self, StartError> {
        Self::launch(config, alliance, |hands| Some(between(hands))).await
    }

    async fn launch(
        config: &ServerConfig,
        alliance: &Alliance,
        between: impl FnOnce(Hands) -> Option<Box<dyn Between>>,
    ) -> Result<Self, StartError> {
        let me = config.server_in(alliance)?;
        let (own, transport) = load_keys(config, alliance, me)?;
        let own = Arc::new(own);
        let keys = Arc::new(PublicKeys::of(alliance)?);
        let store_identity =
            StoreIdentity { alliance: alliance.id(), server: me, epoch: alliance.epoch() };
        let durability = match config.durability() {
            ally_alliance::Durability::Fsync => Durability::Fsync,
            ally_alliance::Durability::None => Durability::None,
        };
        let (store, found) = Store::open(config.data(), &store_identity, durability)?;
        let data = config.data().to_owned();
        let recovery = recover(&store, &found, alliance.policy().server_count())
            .map_err(|source| StartError::Recover { data: data.clone(), source })?;
        let replica = Replica::restore(replica_config(alliance, me)?, recovery.replica)
            .map_err(|source| StartError::Replica { data, source })?;

        let peer_listener = listen("servers", config.listen_peers().as_str()).await?;
        let client_listener = listen("clients", config.listen_clients().as_str()).await?;
        let addresses = (local(&peer_listener), local(&client_listener));
        let identity = Identity::new(transport)?;
        let links = LinksConfig::new(alliance, config, me, peer_listener);
        let (links, link_events) = Links::start(links, identity.clone())?;

        let between = between(Hands::new(Arc::clone(&own), Arc::clone(&keys)));
        let voice = Voice::new(links.clone(), between);

        let (events, own_events) = mpsc::unbounded_channel();
        let (control, control_events) = mpsc::channel(INBOX);
        let (bulk, bulk_events) = mpsc::channel(INBOX);
        let (clients, client_events) = mpsc::channel(INBOX);
        let slow_path = alliance.policy().has_slow_path();
        let (context, rotation) = (alliance.context(), alliance.rotation());
        let bounds = ally_consensus::Bounds::of(alliance.policy());
        let entries = ENTRY_BYTES_MIN..=ENTRY_BYTES_MAX;
        let batch_bytes = limits(alliance.parameters()).batch_bytes_max;
        let checker =
            Checker::new(context, rotation, bounds, entries, batch_bytes, Arc::clone(&keys));
        let checks = Arc::new(checker);
        let (control_frames, bulk_frames) = link_events.into_parts();
        let servers = alliance.policy().server_count();
        for (frames, driver) in [(control_frames, control), (bulk_frames, bulk)] {
            let (checks, own) = (Arc::clone(&checks), events.clone());
            let voice = voice.clone();
            let overhear = move |from, frame: &_| voice.hear(from, frame);
            tokio::spawn(ingest(frames, servers, checks, driver, own, overhear));
        }

        let published = Arc::new(Published::new(recovery.tip, recovery.tiles.clone()));
        let duplicates = Arc::new(Mutex::new(recovery.duplicates));
        let status = Arc::new(StatusBoard::default());
        let backend = NodeBackend {
            driver: clients,
            published: Arc::clone(&published),
            log: StoredLog::new(store.clone()),
            keys: Arc::clone(&keys),
            policy: Arc::new(alliance.policy().clone()),
            duplicates: Arc::clone(&duplicates),
            board: Arc::clone(&status),
            links: links.clone(),
            me,
            base_timeout: Duration::from_millis(alliance.parameters().timeout_ms()),
            document: alliance.document().render().into(),
        };
        let driver = Driver::new(
            Parts {
                replica,
                store,
                voice,
                keys,
                own,
                tiles: recovery.tiles,
                time: recovery.time,
                published,
                duplicates,
                status,
                events: events.clone(),
            },
            slow_path,
        )?;
        let inbox = Inbox {
            own: own_events,
            control: control_events,
            bulk: bulk_events,
            clients: client_events,
        };
        let api = CancellationToken::new();
        let ended = run_driver(driver, inbox).map_err(StartError::Thread)?;
        let serving = serve_clients(config, identity, client_listener, backend, api.clone());
        let server = config.server().to_owned();
        tracing::info!(%server, peers = %addresses.0, clients = %addresses.1, "serving");
        let (peers, clients) = addresses;
        Ok(Self { server, peers, clients, events, links, api, serving, ended })
    }

    /// The server's name.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// Where it listens for other servers.
    pub fn peer_address(&self) -> SocketAddr {
        self.peers
    }

    /// Where it listens for clients.
    pub fn client_address(&self) -> SocketAddr {
        self.clients
    }

    /// Waits until the server stops by itself.
    ///
    /// # Errors
    /// [`FatalError`]: the reason.
    pub async fn ended(&mut self) -> Result<(), FatalError> {
        // The sender is dropped without a word only if the driver's thread panicked.
        (&mut self.ended).await.unwrap_or(Err(FatalError::Panicked("ally-driver")))
    }

    /// Stops in good order: gives up leading, writes and sends what waits.
    ///
    /// # Errors
    /// [`FatalError`] if the disk failed on the way.
    pub async fn stop(mut self) -> Result<(), FatalError> {
        // If the driver is gone already, `ended` tells why.
        let _ = self.events.send(Event::Stop);
        let result = self.ended().await;
        self.api.cancel();
        self.links.shut_down().await;
        // Clients that do not hang up are left behind: what they were told stays true.
        if tokio::time::timeout(GOODBYE_MAX, &mut self.serving).await.is_err() {
            self.serving.abort();
        }
        result
    }
}

/// The driver gets a thread of its own: it may wait for the disk without holding up the network.
fn run_driver(
    driver: Driver,
    inbox: Inbox,
) -> std::io::Result<oneshot::Receiver<Result<(), FatalError>>> {
    let (done, ended) = oneshot::channel();
    let runtime = tokio::runtime::Handle::current();
    std::thread::Builder::new().name("ally-driver".into()).spawn(move || {
        // Nobody may be waiting any more.
        let _ = done.send(runtime.block_on(driver.run(inbox)));
    })?;
    Ok(ended)
}

fn serve_clients(
    config: &ServerConfig,
    identity: Identity,
    listener: TcpListener,
    backend: NodeBackend,
    stop: CancellationToken,
) -> JoinHandle<()> {
    let pins = match config.clients() {
        ClientPolicy::Any => Pins::any(),
        ClientPolicy::Listed(keys) => Pins::of(keys.iter().copied()),
    };
    tokio::spawn(async move {
        if let Err(error) = api::serve(Arc::new(backend), listener, &identity, pins, stop).await {
            tracing::error!(%error, "the client API has stopped");
        }
    })
}

async fn listen(whom: &'static str, address: &str) -> Result<TcpListener, StartError> {
    let failed = |source| StartError::Listen { whom, address: address.to_owned(), source };
    TcpListener::bind(address).await.map_err(failed)
}

fn local(listener: &TcpListener) -> SocketAddr {
    listener.local_addr().expect("a bound socket has an address")
}

fn load_keys(
    config: &ServerConfig,
    alliance: &Alliance,
    me: ServerIndex,
) -> Result<(OwnKeys, TransportKey), StartError> {
    let signing = SigningKey::read(&config.signing_key())?;
    let transport = TransportKey::read(&config.transport_key())?;
    let member = alliance.server(me).expect("the index comes from this document");
    let other = |file: std::path::PathBuf, kind| StartError::OtherKey {
        file: file.display().to_string(),
        kind,
        server: config.server().to_owned(),
    };
    if signing.public() != *member.signing() {
        return Err(other(config.signing_key(), "signing"));
    }
    if transport.public() != *member.transport() {
        return Err(other(config.transport_key(), "transport"));
    }
    let share = |purpose| read_share(&config.share(purpose), purpose, me, alliance.key(purpose));
    // A `certify` formula may do without servers.
    let certifies = alliance.key(KeyPurpose::Certify).formula().leaves().contains(&me);
    let own = OwnKeys {
        me,
        signing,
        certify: certifies.then(|| share(KeyPurpose::Certify)).transpose()?,
        kernel: share(KeyPurpose::Kernel)?,
        quorum: share(KeyPurpose::Quorum)?,
    };
    Ok((own, transport))
}

fn replica_config(alliance: &Alliance, me: ServerIndex) -> Result<ReplicaConfig, StartError> {
    let parameters = alliance.parameters();
    let policy = Arc::new(alliance.policy().clone());
    let quorums: Arc<dyn ally_consensus::Quorums> = policy.clone();
    let base_timeout = Micros(parameters.timeout_ms() * 1000);
    let engine = ally_consensus::Config {
        timeout_max: Micros(parameters.timeout_ms_max() * 1000),
        window_blocks: parameters.window_blocks(),
        ..ally_consensus::Config::new(
            alliance.context(),
            me,
            quorums,
            alliance.rotation(),
            base_timeout,
        )
    };
    let origin = Origin::new(alliance.origin())?;
    Ok(ReplicaConfig { engine, policy, origin, limits: limits(parameters) })
}

fn limits(parameters: &Parameters) -> Limits {
    let default = Limits::default();
    // So many of the largest blocks fit into the window of bytes.
    let window = parameters.window_bytes() / parameters.block_bytes();
    Limits {
        blocks_in_flight_max: default.blocks_in_flight_max.min(window.max(1) as usize),
        batch_bytes_max: parameters.batch_bytes() as usize,
        block_bytes_max: parameters.block_bytes() as usize,
        undecided_bytes_max: parameters.undecided_bytes() as usize,
        ..default
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_command_that_clients_may_propose_fits_into_a_batch() {
        let limits = limits(&Parameters::default());
        assert_eq!(limits.check(), Ok(()));
        assert!(limits.command_bytes_max() >= ENTRY_BYTES_MAX);
    }
}
