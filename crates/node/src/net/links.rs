//! The handle on all links of a server.

use super::events::EventSender;
use super::log_gate::LogGate;
use super::peer::Peer;
use super::{
    Events, Limits, LinkKind, LinksConfig, LinksStatus, Refused, Sent, Timing, accept, dial,
};
use ally_alliance::keys::TransportPublic;
use ally_consensus::Context;
use ally_policy::ServerIndex;
use ally_transport::Identity;
use bytes::Bytes;
use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How many refused connections the status remembers.
const REFUSED_MAX: usize = 16;

/// Links to all other servers. Cheap to clone; all clones are the same links. They stay up until
/// [`Links::shut_down`].
#[derive(Clone)]
pub struct Links {
    shared: Arc<Shared>,
}

/// The peers given cannot be those of one alliance.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// A server appears twice.
    #[error("{0} is listed twice, or is this server itself")]
    DuplicateServer(
        /// Which one.
        ServerIndex,
    ),
    /// Two servers cannot have one key: nobody could tell them apart.
    #[error("{first} and {second} have the same transport key")]
    SharedKey {
        /// One of them.
        first: ServerIndex,
        /// The other.
        second: ServerIndex,
    },
}

/// What all tasks of the links share.
pub(super) struct Shared {
    pub(super) context: Context,
    pub(super) own: ServerIndex,
    pub(super) identity: Identity,
    pub(super) limits: Limits,
    pub(super) timing: Timing,
    pub(super) events: EventSender,
    pub(super) stop: CancellationToken,
    pub(super) tasks: TaskTracker,
    /// By server index; `None` for this server and for gaps.
    peers: Vec<Option<Arc<Peer>>>,
    refused: Mutex<VecDeque<(IpAddr, String, Instant)>>,
    refused_gate: LogGate,
}

impl Links {
    /// Starts to listen and to dial. Events come out of the second value; while nobody takes them,
    /// peers are not read from.
    ///
    /// Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// [`StartError`] if the peers contradict each other; a checked alliance document's never do.
    pub fn start(config: LinksConfig, identity: Identity) -> Result<(Self, Events), StartError> {
        let stop = CancellationToken::new();
        let (sender, events) = Events::channel(config.limits.events, stop.clone());
        let peers = peer_table(&config)?;
        let shared = Arc::new(Shared {
            context: config.context,
            own: config.own,
            identity,
            limits: config.limits,
            timing: config.timing,
            events: sender,
            stop,
            tasks: TaskTracker::new(),
            peers,
            refused: Mutex::default(),
            refused_gate: LogGate::default(),
        });
        shared.tasks.spawn(accept::accept(shared.clone(), config.listener));
        for peer in shared.peers().filter(|peer| peer.server() > shared.own) {
            for kind in LinkKind::ALL {
                shared.tasks.spawn(dial::keep_up(shared.clone(), peer.clone(), kind));
            }
        }
        Ok((Self { shared }, events))
    }

    /// Hands a frame over for sending and returns at once. To send the same bytes to several servers,
    /// clone the `Bytes`: nothing is copied until it goes into TLS.
    pub fn send(&self, to: ServerIndex, link: LinkKind, frame: Bytes) -> Sent {
        match self.shared.peer(to) {
            Some(peer) => peer.link(link).queue.push(frame),
            None => Sent::NoSuchPeer,
        }
    }

    /// How all links are doing.
    pub fn status(&self) -> LinksStatus {
        let refused = self.shared.refused();
        let refused = refused.iter().map(|(address, reason, at)| Refused {
            address: *address,
            reason: reason.clone(),
            ago: at.elapsed(),
        });
        LinksStatus {
            peers: self.shared.peers().map(|peer| peer.status()).collect(),
            refused: refused.collect(),
        }
    }

    /// Closes all connections and the listener, and waits until they are closed. Frames that wait to
    /// be sent are dropped.
    pub async fn shut_down(&self) {
        self.shared.stop.cancel();
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
    }
}

impl Shared {
    pub(super) fn peers(&self) -> impl Iterator<Item = &Arc<Peer>> {
        self.peers.iter().flatten()
    }

    pub(super) fn peer_with_key(&self, key: &TransportPublic) -> Option<Arc<Peer>> {
        self.peers().find(|peer| peer.config.key == *key).cloned()
    }

    /// Notes a connection that was refused before it was known whose it is.
    pub(super) fn refuse(&self, address: IpAddr, reason: &str) {
        if let Some(held_back) = self.refused_gate.admit(reason) {
            tracing::warn!(%address, held_back, "refused a connection: {reason}");
        }
        let mut refused = self.refused();
        if refused.len() == REFUSED_MAX {
            refused.pop_front();
        }
        refused.push_back((address, reason.to_owned(), Instant::now()));
    }

    fn peer(&self, server: ServerIndex) -> Option<&Arc<Peer>> {
        self.peers.get(server.index())?.as_ref()
    }

    fn refused(&self) -> std::sync::MutexGuard<'_, VecDeque<(IpAddr, String, Instant)>> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn peer_table(config: &LinksConfig) -> Result<Vec<Option<Arc<Peer>>>, StartError> {
    let mut table: Vec<Option<Arc<Peer>>> = Vec::new();
    for peer in &config.peers {
        let server = peer.server;
        if let Some(other) = table.iter().flatten().find(|other| other.config.key == peer.key) {
            return Err(StartError::SharedKey { first: other.server(), second: server });
        }
        if table.len() <= server.index() {
            table.resize(server.index() + 1, None);
        }
        if server == config.own || table[server.index()].is_some() {
            return Err(StartError::DuplicateServer(server));
        }
        table[server.index()] = Some(Arc::new(Peer::new(peer.clone(), config)));
    }
    Ok(table)
}
