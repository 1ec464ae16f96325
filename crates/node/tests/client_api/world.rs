//! Servers on loopback and clients that know them.

use crate::backend::{ALLIANCE, Fault, Log, Server, Signature, origin};
use ally::{Client, Membership, Options, Proposal, ServerEntry};
use ally_alliance::keys::{ClientKey, TransportKey};
use ally_node::api::serve;
use ally_transport::{Identity, Pins};
use std::collections::HashMap;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

/// Longer than anything takes that is expected to happen.
pub const AMPLE: Duration = Duration::from_secs(60);

/// Some servers before one log. They stop when it is dropped.
pub struct World {
    pub log: Arc<Log>,
    pub servers: Vec<Arc<Server>>,
    entries: Vec<ServerEntry>,
    stops: Mutex<HashMap<usize, DropGuard>>,
}

impl World {
    /// Starts one server per fault, called `a`, `b`, and so on; each certifies what it orders.
    pub async fn start(faults: &[Fault]) -> Self {
        Self::with(faults, true).await
    }

    /// Starts servers; the first `refusing` of them do not admit the client of the tests.
    pub async fn refusing(faults: &[Fault], refusing: usize) -> Self {
        Self::admitting(faults, true, |at| match at < refusing {
            true => Pins::of([ClientKey::from_seed(&[1; 32]).public()]),
            false => Pins::any(),
        })
        .await
    }

    /// Starts servers; blocks are certified by the test if `certifies` is false.
    pub async fn with(faults: &[Fault], certifies: bool) -> Self {
        Self::admitting(faults, certifies, |_| Pins::any()).await
    }

    async fn admitting(faults: &[Fault], certifies: bool, pins: impl Fn(usize) -> Pins) -> Self {
        let log = Arc::new(Log::default());
        let mut world = Self {
            log: log.clone(),
            servers: Vec::new(),
            entries: Vec::new(),
            stops: Mutex::default(),
        };
        for (at, fault) in faults.iter().enumerate() {
            let name = char::from(b'a' + at as u8).to_string();
            world.servers.push(Arc::new(Server {
                name: name.clone(),
                log: log.clone(),
                fault: Mutex::new(*fault),
                certifies,
                asked: AtomicUsize::new(0),
                held: Mutex::default(),
            }));
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
            let address = listener.local_addr().expect("bound").to_string();
            let organisation = format!("org-{name}");
            let transport = key(at).public();
            world.entries.push(ServerEntry { name, organisation, address, transport });
            world.serve(at, listener, pins(at));
        }
        world
    }

    fn serve(&self, at: usize, listener: TcpListener, pins: Pins) {
        let stop = CancellationToken::new();
        self.stops.lock().expect("unshared").insert(at, stop.clone().drop_guard());
        let identity = Identity::new(key(at)).expect("a key makes one");
        let server = self.servers[at].clone();
        tokio::spawn(async move {
            serve(server, listener, &identity, pins, stop).await.expect("serves");
        });
    }

    /// Starts a server again that was stopped, where it was.
    pub async fn restart(&self, at: usize) {
        let address = &self.entries[at].address;
        let bind = async {
            loop {
                // The old listener is closed by its task, soon.
                match TcpListener::bind(address).await {
                    Ok(listener) => return listener,
                    Err(_) => tokio::task::yield_now().await,
                }
            }
        };
        let listener = tokio::time::timeout(AMPLE, bind).await.expect("the address is free");
        self.serve(at, listener, Pins::any());
    }

    /// Stops one server.
    pub fn stop(&self, at: usize) {
        self.stops.lock().expect("no test panics here").remove(&at);
    }

    pub fn membership(&self) -> Membership {
        Membership::new(ALLIANCE, origin(), Signature, self.entries.clone())
    }

    /// The servers as they are known to clients, to be changed by a test.
    pub fn entries(&self) -> Vec<ServerEntry> {
        self.entries.clone()
    }

    pub fn client(&self) -> Client {
        client(self.membership(), Options::default().patience(Duration::from_millis(300)))
    }
}

fn key(at: usize) -> TransportKey {
    TransportKey::from_seed(&[at as u8 + 1; 32])
}

pub fn client(membership: Membership, options: Options) -> Client {
    Client::new(membership, ClientKey::from_seed(&[99; 32]), options).expect("a client")
}

pub fn proposals(count: usize) -> Vec<Proposal> {
    let command = |n: usize| format!("command {n}");
    (0..count).map(|n| Proposal::new(command(n).as_bytes()).expect("a short command")).collect()
}
