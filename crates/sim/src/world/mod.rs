//! A run in progress: servers, a network between them, liars among them, and time.
//!
//! ```text
//!   Event ──► happen ──► Server::step ──► Outputs ──► perform ──► Events
//!                                             │
//!                          Observations ◄─────┴──► Invariants, Trace
//! ```

mod clients;
mod ending;
mod faces;
mod faults;
mod jobs;
mod letter;
mod links;
mod machines;
mod network;
mod perform;

use crate::account::Account;
use crate::facts::Facts;
use crate::invariants::{BLOCK_BATCHES, Invariants, UNDECIDED_BYTES};
use crate::keys::{AllKeys, Signer};
use crate::observation::Observation;
use crate::queue::Queue;
use crate::scenario::{CutManner, Scenario, ScenarioError, Style};
use crate::server::{Disk, Fuse, Server};
use crate::trace::Trace;
use ally_byzantine::Coalition;
use ally_byzantine::Plots;
use ally_byzantine::Stream;
use ally_byzantine::Tally;
use ally_consensus::{
    AllianceId, Bounds, Bugs, Context, Epoch, Micros, Now, PolicyDigest, Quorums, Rotation,
};
use ally_log::Origin;
use ally_policy::{ServerIndex, ServerSet, TrustPolicy};
use ally_replica::{Checked, Checker, Config, Done, Input, Limits, Output};
use clients::Clients;
use letter::Letter;
use links::Queues;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Events after which a run is called hung.
const EVENTS_MAX: u64 = 5_000_000;
/// Inputs after which the server that took the last one is looked at: a prime, so that no order of
/// turns hides one, and so many that looking takes less than a hundredth of the time.
const LOOKS_EVERY: u64 = 61;
/// The alliance's name in checkpoints.
const ORIGIN: &str = "example.org/simulated";
/// Records after which a journal is rewritten: few, so that it happens in short runs.
const JOURNAL_RECORDS: usize = 24;
/// Blocks that are voted for past the last certified one.
const UNCERTIFIED_BLOCKS: u64 = 128;
/// The most bytes of one batch: a few of them fit into what an origin may have undecided.
const BATCH_BYTES: usize = UNDECIDED_BYTES / 4;
/// Commands of any length are commands here.
const COMMAND_BYTES: std::ops::RangeInclusive<usize> = 0..=ally_replica::BATCH_BYTES_MAX;

/// Something that will happen. What belongs to one life of a server is void in the next.
enum Event {
    Deliver { copy: ServerIndex, to: ServerIndex, letter: Letter },
    Own { server: ServerIndex, life: u32, letter: Letter },
    Wake { server: ServerIndex, life: u32, planned: Micros },
    SyncEnds { server: ServerIndex, life: u32 },
    Done { server: ServerIndex, life: u32, done: Box<Done>, cost: Micros },
    Submit { server: ServerIndex },
    Crowd { server: ServerIndex },
    Crash(ServerIndex),
    Restart(ServerIndex),
    Fuse { server: ServerIndex, fuse: Fuse },
    Pause(ServerIndex),
    Resume(ServerIndex),
    Rot(ServerIndex),
    Snapshot(ServerIndex),
    RollBack(ServerIndex),
    Link { server: ServerIndex, life: u32, peer: ServerIndex, up: bool },
    Gone { server: ServerIndex, life: u32, peer: ServerIndex },
    LinkUp { a: ServerIndex, b: ServerIndex },
    LinkDown { a: ServerIndex, b: ServerIndex },
    Sample,
    Heal,
}

/// A run in progress.
pub struct World {
    scenario: Scenario,
    context: Context,
    policy: Arc<TrustPolicy>,
    keys: Arc<AllKeys>,
    checker: Checker<Arc<AllKeys>>,
    /// Each server's own keys.
    signers: Vec<Signer>,
    servers: Vec<Server>,
    coalition: Coalition,
    plots: Option<Plots>,
    clients: Clients,
    queue: Queue<Event>,
    /// Room for what a step asks for, kept from step to step.
    outputs: Vec<Output>,
    network: Stream,
    /// [`crate::scenario::Network::longest_delay`], which every message asks for.
    longest_delay: u64,
    queues: Queues,
    timing: Stream,
    healed: bool,
    /// When all was done for the first time after the healing.
    settled_at: Option<Micros>,
    rotation: Rotation,
    /// Whether a run goes on after something broke.
    goes_on: bool,
    /// What waits for servers that stand still.
    stalled: BTreeMap<ServerIndex, Vec<Event>>,
    /// Old states of disks.
    snapshots: BTreeMap<ServerIndex, Disk>,
    /// Disk faults, by number, that have had their failed sync.
    synced_wrongly: BTreeSet<usize>,
    /// What each cut comes to.
    cut_shapes: Vec<&'static str>,
    tally: Tally,
    events: u64,
    /// What servers have taken in.
    inputs: u64,
    invariants: Invariants,
    trace: Trace,
    /// What honest servers keep, if somebody wants to know.
    account: Option<Account>,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// What broke; empty if all is well.
    pub violations: Vec<String>,
    /// Events that happened.
    pub events: u64,
    /// Virtual time that passed, µs.
    pub time: u64,
    /// How long after the healing everything was decided everywhere, µs; none if it never was.
    pub settled_after: Option<u64>,
    /// How long it may take, µs.
    pub bound: u64,
    /// Blocks that honest servers delivered.
    pub blocks: u64,
    /// The highest view that an honest server reached.
    pub view: u64,
    /// Deliveries at honest servers of blocks decided in two steps, in three, and by a certificate.
    pub paths: [u64; 3],
    /// For each of these paths the shortest and the longest time from a block's proposal to its
    /// delivery at an honest server, µs.
    pub delays: [Option<(u64, u64)>; 3],
    /// How often faults and lies did something.
    pub happened: Tally,
    /// Servers that some honest server can prove to have lied.
    pub proven: ServerSet,
    /// Where keys are real: the last checkpoint that the alliance signed.
    pub signed: Option<SignedCheckpoint>,
    /// Identifies everything that was observed, in order: equal for equal runs only.
    pub trace_hash: u64,
}

/// What the alliance has signed, as an outsider gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedCheckpoint {
    /// The statement.
    pub statement: String,
    /// The signature on it.
    pub signature: Vec<u8>,
    /// The alliance's public key, a PEM file.
    pub key: String,
}

impl World {
    /// A world at time 0.
    ///
    /// # Errors
    /// [`ScenarioError`] if its policy is none, or it cannot be run with it.
    pub fn new(scenario: Scenario, bugs: Bugs) -> Result<Self, ScenarioError> {
        let policy = scenario.setting.policy()?;
        scenario.check(&policy)?;
        let seed = scenario.seed;
        let context = Context {
            alliance: AllianceId([7; 32]),
            epoch: Epoch(0),
            policy: PolicyDigest(policy.digest()),
        };
        let organisations = policy.organisations().iter().map(|each| each.servers().to_vec());
        let rotation = Rotation::new(context.epoch, organisations.collect());
        let origin = Origin::new(ORIGIN).expect("the name is one");
        let keys = AllKeys::of(&scenario, &policy, context, &origin);
        let bounds = Bounds::of(policy.as_ref());
        let (rotated, known) = (rotation.clone(), Arc::clone(&keys));
        let checker =
            Checker::new(context, rotated, bounds, COMMAND_BYTES, BATCH_BYTES, known).planted(bugs);
        let everybody = policy.everybody();
        let config = |me| configure(&scenario, &policy, &rotation, context, &origin, me, bugs);
        let plots = || {
            let plot = Plots::new(seed, Arc::clone(&policy), scenario.coalition, rotation.clone());
            (scenario.style == Style::Plot).then_some(plot)
        };
        let coalition = Coalition::new(
            context,
            origin.clone(),
            Box::new(keys.signer(scenario.coalition)),
            scenario.treachery,
            Arc::clone(&policy),
            rotation.clone(),
            Stream::new(seed, "coalition"),
            plots(),
        );
        let honest = everybody.difference(&scenario.coalition);
        // Second copies come after all first ones.
        let copies: Vec<_> = everybody.iter().chain(scenario.twins.members.iter()).collect();
        let facts = Facts {
            context,
            rotation: rotation.clone(),
            policy: Arc::clone(&policy),
            keys: Arc::clone(&keys),
        };
        let cuts = &scenario.network.cuts;
        let mut world = Self {
            context,
            servers: copies.iter().map(|me| Server::new(config(*me))).collect(),
            signers: copies.iter().map(|me| keys.signer([*me].into_iter().collect())).collect(),
            coalition,
            plots: plots(),
            clients: Clients::new(seed),
            queue: Queue::new(),
            outputs: Vec::new(),
            network: Stream::new(seed, "network"),
            longest_delay: scenario.network.longest_delay(),
            queues: Queues::default(),
            timing: Stream::new(seed, "timing"),
            healed: false,
            settled_at: None,
            rotation: rotation.clone(),
            goes_on: false,
            stalled: BTreeMap::new(),
            snapshots: BTreeMap::new(),
            synced_wrongly: BTreeSet::new(),
            cut_shapes: cuts.iter().map(|cut| cut.shape(cuts, &policy)).collect(),
            tally: Tally::default(),
            events: 0,
            inputs: 0,
            invariants: Invariants::new(&scenario, facts.clone(), honest),
            trace: Trace::new(),
            account: scenario.accounts.then(|| Account::new(facts.clone(), honest)),
            scenario,
            policy,
            keys,
            checker,
        };
        if let AllKeys::Real(keys) = &*world.keys {
            world.tally.count(if keys.is_rsa() { "real keys: RSA" } else { "real keys: BLS" });
        }
        if world.invariants.watch_the_good_case() {
            world.tally.count("good case watched");
        }
        world.plan();
        Ok(world)
    }

    /// Keeps everything that is observed, to show it; without this only its hash is kept.
    pub fn recording(mut self) -> Self {
        self.trace.record();
        self
    }

    /// Goes on after something broke, to see what comes of it.
    pub fn going_on(mut self) -> Self {
        self.goes_on = true;
        self
    }

    /// Goes on after something broke, and gives what the honest servers kept too.
    pub fn run_to_account(mut self) -> (Outcome, Account) {
        let honest = self.honest();
        let facts = Facts {
            context: self.context,
            rotation: self.rotation.clone(),
            policy: Arc::clone(&self.policy),
            keys: Arc::clone(&self.keys),
        };
        self.account = Some(Account::new(facts, honest));
        self.goes_on = true;
        self.advance();
        let account = self.account.take().unwrap_or_else(|| unreachable!("it was put there"));
        (self.end().0, account)
    }

    /// Runs to the end.
    pub fn run(self) -> Outcome {
        self.run_recorded().0
    }

    /// Runs to the end; gives what was recorded too.
    pub fn run_recorded(mut self) -> (Outcome, Trace) {
        self.advance();
        self.end()
    }

    /// Lets things happen until the run is over.
    pub(crate) fn advance(&mut self) {
        let deadline = self.deadline();
        while let Some(event) = self.queue.pop() {
            self.events += 1;
            self.happen(event);
            let broken = self.invariants.is_broken() && !self.goes_on;
            if broken || self.is_over() || self.queue.now() > deadline {
                break;
            }
            if self.events >= EVENTS_MAX {
                let events = self.events;
                self.invariants.violate(format!("hung: {events} events"));
                break;
            }
        }
    }

    /// Looks back over a run that is over.
    pub(crate) fn end(mut self) -> (Outcome, Trace) {
        let unrest = if self.invariants.is_broken() { None } else { self.unrest() };
        if let Some(unrest) = unrest {
            self.invariants.violate(unrest);
        }
        self.invariants.finish();
        self.account_for();
        if let Some(unconvincing) = self.unconvincing() {
            self.invariants.violate(unconvincing);
        }
        self.outcome()
    }

    /// Where something broke, that is what there is to say, and who is guilty follows from it.
    fn account_for(&mut self) {
        let Some(account) = self.account.take().filter(|_| !self.invariants.is_broken()) else {
            return;
        };
        self.tally.count("accounts put together");
        if let Err(wrong) = account.check() {
            self.invariants.violate(wrong);
        }
    }

    /// What was recorded of a run that broke off.
    pub(crate) fn into_trace(self) -> Trace {
        self.trace
    }

    fn happen(&mut self, event: Event) {
        if let Some(server) = event.target()
            && let Some(waiting) = self.stalled.get_mut(&server)
        {
            return waiting.push(event);
        }
        match event {
            Event::Deliver { copy, to, letter } => self.deliver(copy, to, &letter),
            Event::Own { server, life, letter } if self.lives(server, life) => {
                let message = Checked::own(letter.message().clone());
                self.input(server, Input::Received { from: self.name(server), message });
            }
            Event::Wake { server, life, planned } if self.lives(server, life) => {
                self.wake(server, planned);
            }
            Event::SyncEnds { server, life } if self.lives(server, life) => self.synced(server),
            Event::Done { server, life, done, cost } if self.lives(server, life) => {
                self.input(server, Input::Done { done, cost });
            }
            Event::Link { server, life, peer, up } if self.lives(server, life) => {
                let input = if up { Input::Connected(peer) } else { Input::Disconnected(peer) };
                self.input(server, input);
            }
            Event::Gone { server, life, peer } if self.lives(server, life) => {
                self.link(server, peer, false);
            }
            Event::Own { .. }
            | Event::Gone { .. }
            | Event::Link { .. }
            | Event::Wake { .. }
            | Event::SyncEnds { .. }
            | Event::Done { .. } => {}
            Event::Submit { server } => self.submit(server),
            Event::Crowd { server } => self.crowd(server),
            Event::Crash(server) => self.crash_at_once(server),
            Event::Restart(server) => self.restart(server),
            Event::Fuse { server, fuse } => self.servers[server.index()].fuse = Some(fuse),
            Event::Pause(server) => self.pause(server),
            Event::Resume(server) => self.resume(server),
            Event::Rot(server) => self.rot(server),
            Event::Snapshot(server) => self.snapshot(server),
            Event::RollBack(server) => self.roll_back(server),
            Event::LinkUp { a, b } => self.link(a, b, true),
            Event::LinkDown { a, b } => self.link(a, b, false),
            Event::Sample => self.sample(),
            Event::Heal => self.heal(),
        }
    }

    /// Gives a running server an input and performs what it says.
    fn input(&mut self, server: ServerIndex, input: Input) {
        let now = self.clocks(server);
        let mut outputs = std::mem::take(&mut self.outputs);
        self.servers[server.index()].step(input, now, &mut outputs);
        let mut survives = true;
        for output in outputs.drain(..) {
            survives = survives && self.survives(server);
            if survives {
                self.perform(server, output);
            }
        }
        self.outputs = outputs;
        if !survives {
            return;
        }
        self.start_sync(server);
        self.set_wake(server);
        self.inputs += 1;
        if self.inputs.is_multiple_of(LOOKS_EVERY) {
            self.look_at(server);
        }
    }

    /// A wake that was planned; if an earlier one took its place, nothing is left of it.
    fn wake(&mut self, server: ServerIndex, planned: Micros) {
        if self.servers[server.index()].wake != Some(planned) {
            return;
        }
        self.servers[server.index()].wake = None;
        let shown = self.clocks(server).monotonic;
        if self.servers[server.index()].deadline().is_some_and(|at| at <= shown) {
            self.input(server, Input::Tick);
        } else {
            self.set_wake(server);
        }
    }

    fn set_wake(&mut self, server: ServerIndex) {
        let Some(shown) = self.servers[server.index()].deadline() else { return };
        let at = self.scenario.clocks.when(server, shown);
        let own = &mut self.servers[server.index()];
        if own.wake.is_none_or(|planned| at < planned) {
            own.wake = Some(at);
            let wake = Event::Wake { server, life: own.life(), planned: at };
            self.queue.at(at.max(Micros(self.queue.now().0 + 1)), wake);
        }
    }

    /// What a server's clocks show.
    fn clocks(&self, server: ServerIndex) -> Now {
        self.scenario.clocks.read(server, self.queue.now())
    }

    fn observe(&mut self, what: Observation<'_>) {
        let now = self.queue.now();
        self.trace.see(now, &what);
        if let Some(account) = &mut self.account {
            account.see(&what);
        }
        self.invariants.see(now, &what);
    }

    fn lives(&self, server: ServerIndex, life: u32) -> bool {
        self.servers[server.index()].life() == life
    }

    fn everyone(&self) -> ServerSet {
        self.policy.everybody()
    }

    fn honest(&self) -> ServerSet {
        self.everyone().difference(&self.scenario.coalition)
    }

    /// Honest servers that something is to be expected of.
    fn living(&self) -> ServerSet {
        self.honest().difference(&self.scenario.lost())
    }
}

impl Event {
    /// The server whose process has to run for this to happen.
    fn target(&self) -> Option<ServerIndex> {
        match self {
            Self::Deliver { to: server, .. }
            | Self::Own { server, .. }
            | Self::Wake { server, .. }
            | Self::SyncEnds { server, .. }
            | Self::Done { server, .. }
            | Self::Link { server, .. }
            | Self::Submit { server }
            | Self::Crowd { server } => Some(*server),
            _ => None,
        }
    }
}

/// What a replica is told.
fn configure(
    scenario: &Scenario,
    policy: &Arc<TrustPolicy>,
    rotation: &Rotation,
    context: Context,
    origin: &Origin,
    me: ServerIndex,
    bugs: Bugs,
) -> Config {
    let quorums: Arc<dyn Quorums> = Arc::clone(policy) as _;
    let base_timeout = Micros(scenario.paces.base_timeout);
    let engine = ally_consensus::Config {
        timeout_max: Micros(scenario.paces.timeout_max),
        window_blocks: 16,
        uncertified_blocks_max: UNCERTIFIED_BLOCKS,
        clock_tolerance: Micros(scenario.clocks.tolerance),
        bugs,
        ..ally_consensus::Config::new(context, me, quorums, rotation.clone(), base_timeout)
    };
    let many = Limits::default().block_batches_max;
    let limits = Limits {
        certify_interval_min: Micros(2_000),
        journal_records: JOURNAL_RECORDS,
        block_batches_max: if scenario.is_honest(me) { BLOCK_BATCHES } else { many },
        batch_bytes_max: BATCH_BYTES,
        block_bytes_max: UNDECIDED_BYTES,
        undecided_bytes_max: UNDECIDED_BYTES,
        ..Limits::default()
    };
    Config { engine, policy: Arc::clone(policy), origin: origin.clone(), limits }
}
