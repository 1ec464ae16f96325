//! Who does it: begins and ends faults at servers, network, disks and clocks.
//!
//! It never asks a server anything. A fault ends when its time is over and not when somebody answers:
//! otherwise a server that stands still would keep the others from being healed.

use super::clock::Clocks;
use super::disk::SmallDisk;
use super::network::Network;
use super::schedule::{Fault, Schedule};
use super::{FaultKind, liar};
use crate::failure::Failure;
use crate::local::{Fleet, Launch, ServerProcess};
use crate::member::{self, CONFIG_FILE};
use ally::{Client, Options};
use ally_alliance::ServerConfig;
use rustix::process::{Pid, Signal, kill_process};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::ExitStatus;

/// The configuration under which a server runs here, beside its own.
const CHAOS_CONFIG_FILE: &str = "server.chaos.toml";
/// What a server says when it ends because its disk is full.
const NO_ROOM: &str = "No space left on device";

/// The alliance, and everything that can be done to it.
pub struct Nemesis {
    fleet: Fleet,
    network: Network,
    disk: Option<SmallDisk>,
    clocks: Option<Clocks>,
    liar: Option<usize>,
    /// Faults that last, by number.
    active: Vec<(usize, Fault)>,
    done: BTreeMap<FaultKind, u64>,
    /// Servers that ended although nothing was done to them.
    crashes: Vec<String>,
}

impl Nemesis {
    /// Prepares servers that do not run yet for the faults of a schedule.
    ///
    /// # Errors
    /// [`Failure`] if a file cannot be written, or the system refuses something.
    pub async fn prepare(mut fleet: Fleet, schedule: &Schedule) -> Result<Self, Failure> {
        let network = Network::between(fleet.alliance()).await?;
        let kinds = schedule.kinds();
        let clocks =
            kinds.contains(&FaultKind::Clock).then(|| Clocks::new(fleet.dir())).transpose()?;
        let mut disk = None;
        for place in 0..fleet.servers().len() {
            let own = &fleet.servers()[place];
            let mut text = crate::files::read_text(&own.home().join(CONFIG_FILE), 1 << 20)?;
            if schedule.small_disk() == Some(place) {
                let small = SmallDisk::under(own.home())?;
                text = small.configure(&text);
                disk = Some(small);
            }
            text += &network.addresses_of(place);
            let config = own.home().join(CHAOS_CONFIG_FILE);
            member::write(&config, text.as_bytes())?;
            let mut launch = Launch { config: Some(config), ..Launch::default() };
            if let Some(clocks) = &clocks {
                launch.environment = clocks.environment(place)?;
            }
            if let Some(liar) = schedule.liar.as_ref().filter(|liar| liar.server == place) {
                launch.command = Some(liar::command(own.home(), liar, schedule.seed)?);
            }
            fleet.server_mut(place).launch_as(launch);
        }
        let liar = schedule.liar.as_ref().map(|liar| liar.server);
        let done = kinds.into_iter().map(|kind| (kind, 0)).collect();
        let (active, crashes) = (Vec::new(), Vec::new());
        Ok(Self { fleet, network, disk, clocks, liar, active, done, crashes })
    }

    /// The servers.
    pub fn fleet(&self) -> &Fleet {
        &self.fleet
    }

    /// An application, which reaches the servers through the relays. Needs a tokio runtime.
    ///
    /// # Errors
    /// [`Failure`] if its key cannot be read.
    pub fn application(&self, options: Options) -> Result<Client, Failure> {
        self.fleet.client_through(&self.network.client_addresses(), options)
    }

    /// Starts all servers, and waits until they have found each other.
    ///
    /// # Errors
    /// [`Failure`] if they do not.
    pub async fn start(&mut self) -> Result<(), Failure> {
        self.fleet.start()?;
        self.fleet.ready().await?;
        if self.liar.is_some() {
            self.count(FaultKind::Byzantine);
        }
        Ok(())
    }

    /// Begins a fault; `number` is its name until it ends.
    ///
    /// # Errors
    /// [`Failure`] if the system refuses.
    pub async fn begin(&mut self, number: usize, fault: &Fault) -> Result<(), Failure> {
        match fault {
            Fault::Kill { server } => self.fleet.server_mut(*server).kill().await?,
            Fault::Outage => {
                for place in 0..self.fleet.servers().len() {
                    self.fleet.server_mut(place).kill().await?;
                }
            }
            Fault::Pause { server } => self.signal(*server, Signal::STOP)?,
            Fault::Disk { .. } => {
                if let Some(disk) = &mut self.disk {
                    disk.fill()?;
                }
            }
            Fault::Clock { server, seconds } => {
                if let Some(clocks) = &self.clocks {
                    clocks.set(*server, *seconds)?;
                }
            }
            _ => {}
        }
        self.network.begin(number, fault);
        self.active.push((number, fault.clone()));
        self.count(fault.kind());
        Ok(())
    }

    /// Ends a fault.
    ///
    /// # Errors
    /// As [`Nemesis::begin`].
    pub fn end(&mut self, number: usize) -> Result<(), Failure> {
        let Some(at) = self.active.iter().position(|(own, _)| *own == number) else {
            return Ok(());
        };
        let (_, fault) = self.active.remove(at);
        self.network.end(number);
        self.repair(&fault)
    }

    /// Ends all faults. Only the liar goes on.
    ///
    /// # Errors
    /// As [`Nemesis::begin`].
    pub fn heal(&mut self) -> Result<(), Failure> {
        self.network.heal();
        let active = std::mem::take(&mut self.active);
        active.iter().try_for_each(|(_, fault)| self.repair(fault))
    }

    fn repair(&mut self, fault: &Fault) -> Result<(), Failure> {
        match fault {
            Fault::Kill { server } => self.restart(*server),
            Fault::Outage => {
                (0..self.fleet.servers().len()).try_for_each(|place| self.restart(place))
            }
            Fault::Pause { server } => self.signal(*server, Signal::CONT),
            Fault::Disk { server } => {
                if let Some(disk) = &mut self.disk {
                    disk.make_room()?;
                }
                self.restart(*server)
            }
            Fault::Clock { server, .. } => {
                // Where jumps overlap, the later one holds until its own end.
                let left = self.active.iter().rev().find_map(|(_, other)| match other {
                    Fault::Clock { server: own, seconds } if own == server => Some(*seconds),
                    _ => None,
                });
                match &self.clocks {
                    Some(clocks) => clocks.set(*server, left.unwrap_or(0)),
                    None => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    /// Starts a server that does not run.
    fn restart(&mut self, place: usize) -> Result<(), Failure> {
        match self.fleet.servers()[place].pid() {
            Some(_) => Ok(()),
            None => self.fleet.server_mut(place).start(),
        }
    }

    fn signal(&self, place: usize, signal: Signal) -> Result<(), Failure> {
        let pid = self.fleet.servers()[place].pid().and_then(|pid| Pid::from_raw(pid as i32));
        match pid.map(|pid| kill_process(pid, signal)) {
            // One that has just ended is noticed elsewhere.
            None | Some(Ok(()) | Err(rustix::io::Errno::SRCH)) => Ok(()),
            Some(Err(error)) => Err(Failure::internal(error)),
        }
    }

    /// Waits until a server ends by itself.
    pub async fn crash(&mut self) -> (usize, ExitStatus) {
        self.fleet.crash().await
    }

    /// A server has ended by itself. It has to when its disk is full, and says so; otherwise it is noted.
    /// It is started again, unless its disk is still full.
    ///
    /// # Errors
    /// As [`Nemesis::begin`].
    pub fn crashed(&mut self, place: usize, status: ExitStatus) -> Result<(), Failure> {
        let own = &self.fleet.servers()[place];
        // What it says counts, not whether the fault lasts: it may end when there is room again.
        let no_room = own.last_error().is_some_and(|error| error.contains(NO_ROOM));
        match self.disk.as_mut().filter(|disk| no_room && disk.is_of(own.home())) {
            Some(disk) => disk.stopped(),
            None if Some(place) == self.liar => {}
            None => {
                let (server, log) = (own.server(), own.log());
                self.crashes.push(format!("{server}: {status}; see {}", log.display()));
            }
        }
        let full = |fault: &Fault| matches!(fault, Fault::Disk { server } if *server == place);
        match self.active.iter().any(|(_, fault)| full(fault)) {
            true => Ok(()),
            false => self.restart(place),
        }
    }

    /// Servers that ended although nothing was done to them.
    pub fn crashes(&self) -> &[String] {
        &self.crashes
    }

    /// How often each kind of fault has happened.
    pub fn done(&self) -> &BTreeMap<FaultKind, u64> {
        &self.done
    }

    /// How often a server has stopped because its disk was full.
    pub fn stops_for_disk(&self) -> u64 {
        self.disk.as_ref().map_or(0, SmallDisk::stops)
    }

    /// Bytes that went from server to server.
    pub fn carried(&self) -> u64 {
        self.network.carried()
    }

    /// Who lies.
    pub fn liar(&self) -> Option<usize> {
        self.liar
    }

    /// Who lies, or did in an earlier run.
    pub fn liars_ever(&self) -> BTreeSet<usize> {
        let servers = self.fleet.servers().iter().enumerate();
        servers.filter(|(_, own)| liar::has_lied(own.home())).map(|(place, _)| place).collect()
    }

    /// Stops all servers in good order, also those that stand still.
    pub async fn stop(&mut self) {
        // Whatever cannot be healed any more does not keep the others from being stopped.
        _ = self.heal();
        self.fleet.stop().await;
    }

    /// Where the servers' data lies, in the alliance's order.
    ///
    /// # Errors
    /// [`Failure`] if a configuration cannot be read.
    pub fn data_directories(&self) -> Result<Vec<PathBuf>, Failure> {
        let data = |server: &ServerProcess| {
            let config = ServerConfig::load(&server.config())?;
            Ok(config.data().to_owned())
        };
        self.fleet.servers().iter().map(data).collect()
    }

    /// Puts the data back where it belongs, and takes the configurations of the run away. The servers
    /// must not run.
    ///
    /// # Errors
    /// [`Failure`] if it cannot be copied.
    pub fn tidy(&mut self) -> Result<(), Failure> {
        for server in self.fleet.servers() {
            // One that stays does no harm: nothing else reads it.
            _ = std::fs::remove_file(server.config());
        }
        self.disk.take().map_or(Ok(()), SmallDisk::give_back)
    }

    fn count(&mut self, kind: FaultKind) {
        *self.done.entry(kind).or_insert(0) += 1;
    }
}
