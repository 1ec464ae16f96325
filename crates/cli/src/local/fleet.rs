//! All servers of an alliance on this machine.

use super::staging::recover;
use super::{Founding, Port, ServerProcess, found};
use crate::connect::read_alliance;
use crate::failure::{Exit, Failure};
use crate::member::{ALLIANCE_FILE, CLIENT_KEY_FILE};
use crate::output::Output;
use ally::{Client, Membership, Options};
use ally_alliance::Alliance;
use ally_alliance::keys::ClientKey;
use futures::FutureExt;
use futures::future::select_all;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// How often servers are asked whether they are up.
const POLL: Duration = Duration::from_millis(20);
/// How long servers may take to find each other. It is a matter of milliseconds.
const READY_TIMEOUT: Duration = Duration::from_secs(30);
/// How long one answer may take.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(500);
/// Servers run, but do not find each other.
const NOT_READY: &str = "ALLY-0513";
/// An address that is not on this machine.
const NOT_LOCAL: &str = "ALLY-0514";

/// The servers of an alliance on this machine, their ports, and a client of theirs.
pub struct Fleet {
    dir: PathBuf,
    alliance: Alliance,
    client: Client,
    servers: Vec<ServerProcess>,
    /// Kept for as long as servers may be started again.
    _ports: Vec<Port>,
}

impl Fleet {
    /// Founds an alliance in `dir`. Needs a tokio runtime.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn found(
        founding: &Founding<'_>,
        dir: &Path,
        output: &Output,
    ) -> Result<Self, Failure> {
        let ports = found(founding, dir, output).await?;
        Self::with_ports(dir, |_| Ok(ports))
    }

    /// The alliance that was founded in `dir` before. Needs a tokio runtime.
    ///
    /// # Errors
    /// [`Failure`] if there is none, or somebody listens on its ports.
    pub fn open(dir: &Path) -> Result<Self, Failure> {
        Self::with_ports(dir, |alliance| {
            let servers = alliance.servers();
            let addresses = servers
                .flat_map(|(_, server)| [server.peer_address(), server.client_address()])
                .map(|address| {
                    address.as_str().parse().map_err(|_| {
                        let message = format_args!("{address} is not on this machine");
                        Failure::new(Exit::Input, NOT_LOCAL, message)
                            .next("start its servers one by one with `ally serve`")
                    })
                });
            addresses.map(|address| Port::bind(address?)).collect()
        })
    }

    /// The alliance in `dir` while another process runs its servers. They can be looked at and not
    /// started or stopped. Needs a tokio runtime.
    ///
    /// # Errors
    /// [`Failure`] if there is none.
    pub fn attach(dir: &Path) -> Result<Self, Failure> {
        let mut fleet = Self::with_ports(dir, |_| Ok(Vec::new()))?;
        fleet.servers.iter_mut().for_each(ServerProcess::attach);
        Ok(fleet)
    }

    /// Whether an alliance was founded in `dir`. What a process that was killed while it founded one
    /// has left there is finished or removed.
    ///
    /// # Errors
    /// [`Failure`] if a process is founding one now.
    pub fn is_in(dir: &Path) -> Result<bool, Failure> {
        recover(dir)?;
        Ok(dir.join(ALLIANCE_FILE).exists())
    }

    fn with_ports(
        dir: &Path,
        ports: impl FnOnce(&Alliance) -> Result<Vec<Port>, Failure>,
    ) -> Result<Self, Failure> {
        let alliance = read_alliance(&dir.join(ALLIANCE_FILE))?;
        let ports = ports(&alliance)?;
        let client = connect(dir, &alliance, Options::default())?;
        let servers = alliance.servers().map(|(index, server)| {
            let organisation = alliance.organisation_of(index).map_or("", |own| own.name());
            let home = dir.join(organisation).join(server.name());
            ServerProcess::new(server.name(), organisation, home)
        });
        let servers = servers.collect();
        Ok(Self { dir: dir.to_owned(), client, servers, alliance, _ports: ports })
    }

    /// Where everything is.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The alliance.
    pub fn alliance(&self) -> &Alliance {
        &self.alliance
    }

    /// A client that is admitted everywhere.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Another client that is admitted everywhere. Needs a tokio runtime.
    ///
    /// # Errors
    /// [`Failure`] if its key cannot be read.
    pub fn client_with(&self, options: Options) -> Result<Client, Failure> {
        connect(&self.dir, &self.alliance, options)
    }

    /// Another client, which reaches the servers elsewhere than the document says: at these
    /// addresses, in the alliance's order. Needs a tokio runtime.
    ///
    /// # Errors
    /// [`Failure`] if its key cannot be read.
    pub fn client_through(
        &self,
        addresses: &[SocketAddr],
        options: Options,
    ) -> Result<Client, Failure> {
        let membership = Membership::of(&self.alliance);
        let membership = membership.reached_at(addresses.iter().map(ToString::to_string));
        let key = ClientKey::read(&self.dir.join(CLIENT_KEY_FILE))?;
        Ok(Client::new(membership, key, options)?)
    }

    /// The servers, in the alliance's order.
    pub fn servers(&self) -> &[ServerProcess] {
        &self.servers
    }

    /// The server at this place of the alliance's order.
    pub fn server_mut(&mut self, place: usize) -> &mut ServerProcess {
        &mut self.servers[place]
    }

    /// Starts all servers.
    ///
    /// # Errors
    /// [`Failure`] if the system gives no process.
    pub fn start(&mut self) -> Result<(), Failure> {
        self.servers.iter_mut().try_for_each(ServerProcess::start)
    }

    /// Waits until all servers that run have found each other; stops them if they do not.
    ///
    /// # Errors
    /// [`Failure`] if one of them crashes, or it takes too long.
    pub async fn ready(&mut self) -> Result<(), Failure> {
        let ready = self.connected(READY_TIMEOUT).await;
        if ready.is_err() {
            self.stop().await;
        }
        ready
    }

    async fn connected(&mut self, within: Duration) -> Result<(), Failure> {
        let client = self.client.clone();
        let running = self.servers.iter().filter(|server| server.pid().is_some()).count();
        let found = timeout(within, all_connected(&client, running));
        tokio::select! {
            (place, status) = self.crash() => Err(self.servers[place].crash(status)),
            found = found => found.map_err(|_| self.not_ready(within)),
        }
    }

    /// Waits until a server ends by itself; gives its place and how it ended.
    pub async fn crash(&mut self) -> (usize, ExitStatus) {
        if self.servers.is_empty() {
            return std::future::pending().await;
        }
        let servers = self.servers.iter_mut();
        let (status, place, _) = select_all(servers.map(|server| server.ended().boxed())).await;
        (place, status)
    }

    /// Stops all servers, all at the same time.
    pub async fn stop(&mut self) {
        self.servers.iter_mut().for_each(ServerProcess::begin_stop);
        for server in &mut self.servers {
            server.stop().await;
        }
    }

    fn not_ready(&self, within: Duration) -> Failure {
        let seconds = within.as_secs();
        let message = format_args!("the servers did not find each other within {seconds} s");
        Failure::new(Exit::Unavailable, NOT_READY, message)
            .detail("logs", self.dir.join("*/*/log").display())
            .next("look into the logs")
    }
}

/// Completes when as many servers as this all have links to one another.
async fn all_connected(client: &Client, running: usize) {
    loop {
        let answers = client.status(ANSWER_TIMEOUT).await;
        let connected = answers.iter().filter(|(_, answer)| match answer {
            Ok(reply) => reply.peers.iter().filter(|peer| peer.connected).count() + 1 >= running,
            Err(_) => false,
        });
        if connected.count() >= running {
            return;
        }
        sleep(POLL).await;
    }
}

fn connect(dir: &Path, alliance: &Alliance, options: Options) -> Result<Client, Failure> {
    let key = ClientKey::read(&dir.join(CLIENT_KEY_FILE))?;
    Ok(Client::new(Membership::of(alliance), key, options)?)
}
