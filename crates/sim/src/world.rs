//! The world of one run: servers, network, disks and time, driven by one seed.

mod ending;
mod exchange;
mod network;

use crate::coalition::Coalition;
use crate::invariants::Invariants;
use crate::keys::KeyTable;
use crate::plot::Plots;
use crate::policy::Policy;
use crate::queue::Queue;
use crate::random::Stream;
use crate::scenario::{Scenario, Style};
use crate::server::{Effect, Server};
use ally_consensus::{
    AllianceId, BatchRef, BlockRef, Bugs, CheckpointCertificate, Config, Context, Epoch, Input,
    Message, Micros, PolicyDigest, Quorums, Rotation, Signed, Statement, Verified,
};
use ally_policy::{ServerIndex, ServerSet};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Batches submitted after the healing, to see that the alliance lives.
const BATCHES_AFTER_HEALING: u64 = 3;
/// Events after which a run is called hung.
const EVENTS_MAX: u64 = 3_000_000;

/// Something that will happen.
#[allow(clippy::large_enum_variant)] // Most events are deliveries: a box each would cost more.
enum Event {
    Deliver {
        to: ServerIndex,
        message: Signed<Message>,
    },
    Wake(ServerIndex),
    SyncEnds {
        server: ServerIndex,
        life: u32,
    },
    Combined {
        server: ServerIndex,
        life: u32,
        statement: Statement,
        result: Result<Vec<u8>, ServerSet>,
    },
    NewBatch(ServerIndex),
    BatchArrives {
        to: ServerIndex,
        batch: BatchRef,
    },
    FetchBatches {
        server: ServerIndex,
        batches: Vec<BatchRef>,
    },
    CertifyShare {
        to: ServerIndex,
        from: ServerIndex,
        unsigned: CheckpointCertificate,
    },
    CatchUp {
        server: ServerIndex,
        certificate: CheckpointCertificate,
    },
    Crash(ServerIndex),
    Restart(ServerIndex),
    LinkUp {
        a: ServerIndex,
        b: ServerIndex,
    },
    Heal,
}

/// A run in progress.
pub struct World {
    scenario: Scenario,
    config: Config,
    policy: Arc<Policy>,
    keys: Arc<KeyTable>,
    servers: Vec<Server>,
    lives: Vec<u32>,
    wakes: Vec<Option<Micros>>,
    coalition: Coalition,
    queue: Queue<Event>,
    network: Stream,
    timing: Stream,
    healed: bool,
    plots: Option<Plots>,
    submitted: BTreeMap<ServerIndex, u64>,
    /// At each server and for each block, who gave a share of the alliance key.
    shares: BTreeMap<(ServerIndex, BlockRef), ServerSet>,
    invariants: Invariants,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// What broke; empty if all is well.
    pub violations: Vec<String>,
    /// Events that happened.
    pub events: u64,
    /// Blocks decided.
    pub blocks: u64,
    /// The highest view that an honest server reached.
    pub view: u64,
    /// Blocks decided in two steps, in three, and by a certificate.
    pub paths: [u64; 3],
    /// For each of these paths the shortest and the longest time from a block's proposal to its
    /// decision at an honest server, µs.
    pub delays: [Option<(u64, u64)>; 3],
}

impl World {
    /// A world at time 0.
    pub fn new(scenario: Scenario, bugs: Bugs) -> Self {
        let seed = scenario.seed;
        let policy = scenario.alliance.policy();
        let all = ServerSet::first(policy.server_count());
        let config = configure(&scenario, &policy, bugs);
        let keys = KeyTable::new([42; 32], Arc::clone(&policy));
        let signer = |servers: ServerSet| keys.signer(servers);
        let servers = all.iter().map(|me| {
            let config = Config { me, ..config.clone() };
            Server::new(me, config, signer([me].into_iter().collect()))
        });
        let servers: Vec<_> = servers.collect();
        let plots = || {
            let plots =
                Plots::new(seed, Arc::clone(&policy), scenario.coalition, config.rotation.clone());
            (scenario.style == Style::Plot).then_some(plots)
        };
        let coalition = Coalition::new(
            config.context,
            signer(scenario.coalition),
            scenario.treachery,
            policy.has_slow_path(),
            all,
            Stream::new(seed, "coalition"),
            plots(),
        );
        let honest = all.difference(&scenario.coalition);
        let mut world = Self {
            invariants: Invariants::new(Arc::clone(&policy), honest),
            lives: vec![0; servers.len()],
            wakes: vec![None; servers.len()],
            network: Stream::new(seed, "network"),
            timing: Stream::new(seed, "timing"),
            queue: Queue::new(),
            healed: false,
            plots: plots(),
            submitted: BTreeMap::new(),
            shares: BTreeMap::new(),
            scenario,
            config,
            policy,
            keys,
            servers,
            coalition,
        };
        world.plan();
        world
    }

    /// Runs to the end.
    pub fn run(mut self) -> Outcome {
        let mut events = 0;
        let deadline = self.deadline();
        while let Some(event) = self.queue.pop() {
            events += 1;
            self.happen(event);
            if !self.invariants.violations().is_empty() || self.is_over() {
                break;
            }
            if events >= EVENTS_MAX {
                self.invariants.violate(format!("hung: {events} events"));
                break;
            }
            if self.queue.now() > deadline {
                break;
            }
        }
        if self.invariants.violations().is_empty() {
            let unrest = self.unrest();
            self.invariants.violate_all(unrest);
        }
        self.invariants.finish();
        self.outcome(events)
    }

    fn plan(&mut self) {
        let mut workload = Stream::new(self.scenario.seed, "workload");
        let servers = self.servers.len() as u64;
        for _ in 0..self.scenario.batches {
            let origin = ServerIndex(workload.below(servers) as u16);
            let at = Micros(workload.below(self.scenario.batches_until));
            self.queue.at(at, Event::NewBatch(origin));
        }
        for crash in self.scenario.crashes.clone() {
            self.queue.at(Micros(crash.at), Event::Crash(crash.server));
            self.queue.at(Micros(crash.back), Event::Restart(crash.server));
        }
        for partition in self.scenario.partitions.clone() {
            for a in partition.side.iter() {
                for b in self.everyone().difference(&partition.side).iter() {
                    self.queue.at(Micros(partition.to), Event::LinkUp { a, b });
                }
            }
        }
        self.queue.at(Micros(self.scenario.healed_at), Event::Heal);
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Deliver { to, message } => self.deliver(to, message),
            Event::Wake(server) => self.wake(server),
            Event::SyncEnds { server, life } if self.lives(server, life) => {
                self.drive(server, |s, now, effects| s.synced(now, effects));
            }
            Event::Combined { server, life, statement, result } if self.lives(server, life) => {
                self.input(server, Input::Combined { statement, result });
            }
            Event::SyncEnds { .. } | Event::Combined { .. } => {}
            Event::NewBatch(origin) => self.new_batch(origin),
            Event::BatchArrives { to, batch } => {
                if self.servers[to.index()].is_up() {
                    self.drive(to, |s, now, effects| s.hold(batch, now, effects));
                }
            }
            Event::FetchBatches { server, batches } => self.fetch(server, batches),
            Event::CertifyShare { to, from, unsigned } => self.certify(to, from, unsigned),
            Event::CatchUp { server, certificate } => self.catch_up(server, certificate),
            Event::Crash(server) => self.crash(server),
            Event::Restart(server) => self.restart(server),
            Event::LinkUp { a, b } => self.link_up(a, b),
            Event::Heal => self.heal(),
        }
    }

    fn deliver(&mut self, to: ServerIndex, message: Signed<Message>) {
        if !self.servers[to.index()].is_up() {
            return;
        }
        if self.coalition.contains(to) {
            for (server, message) in self.coalition.overhear(to, &message) {
                self.lie(to, server, message);
            }
            self.certify_early(to, &message);
        }
        if self.is_hidden(&message, to) {
            return;
        }
        let slow_path = self.policy.has_slow_path();
        let checked = Verified::check(
            message,
            &self.config.context,
            &self.config.rotation,
            slow_path,
            &*self.keys,
        );
        if let Ok(verified) = checked {
            self.input(to, Input::Received(verified));
        }
    }

    fn input(&mut self, server: ServerIndex, input: Input) {
        self.drive(server, |s, now, effects| s.step(input, now, effects));
    }

    /// Lets a server do something and carries out what it asks for.
    fn drive(
        &mut self,
        server: ServerIndex,
        action: impl FnOnce(&mut Server, Micros, &mut Vec<Effect>),
    ) {
        let mut effects = Vec::new();
        action(&mut self.servers[server.index()], self.queue.now(), &mut effects);
        for effect in effects {
            self.perform(server, effect);
        }
        self.set_wake(server);
    }

    fn perform(&mut self, server: ServerIndex, effect: Effect) {
        let life = self.lives[server.index()];
        match effect {
            Effect::Send { to, message } => self.send(server, to, message),
            Effect::Sync => {
                let delay = self.timing.between(self.scenario.sync.0, self.scenario.sync.1);
                self.queue.after(delay, Event::SyncEnds { server, life });
            }
            Effect::FetchBatches(batches) => {
                let delay = self.timing.between(self.scenario.delay.0, self.scenario.delay.1);
                self.queue.after(2 * delay, Event::FetchBatches { server, batches });
            }
            Effect::Combine { statement, shares } => {
                let result = self.keys.combine(&self.config.context, &statement, &shares);
                let (shortest, longest) = self.scenario.combine;
                let delay = self.timing.between(shortest, longest);
                self.queue.after(delay, Event::Combined { server, life, statement, result });
            }
            Effect::Decided(decided) => {
                let byzantine = self.coalition.contains(server);
                if !byzantine {
                    self.invariants.decided(server, &decided, self.queue.now());
                }
                self.offer_share(server, &decided.header);
            }
            Effect::View { view, tip } => {
                if !self.coalition.contains(server) {
                    self.invariants.entered(view, tip);
                }
            }
            Effect::CatchUp { certificate } => {
                let delay = self.timing.between(self.scenario.delay.0, self.scenario.delay.1);
                self.queue.after(2 * delay, Event::CatchUp { server, certificate });
            }
            Effect::Halted(breach) => {
                if !self.coalition.contains(server) {
                    self.invariants.violate(format!("{server} halted: {breach:?}"));
                }
            }
            Effect::Evidence(evidence) => {
                if !self.coalition.contains(server) {
                    self.invariants.blamed(server, &evidence);
                }
            }
        }
    }

    fn crash(&mut self, server: ServerIndex) {
        let at_risk = self.servers[server.index()].at_risk() as u64;
        let kept = self.timing.between(0, at_risk) as usize;
        self.servers[server.index()].crash(kept);
        self.lives[server.index()] += 1;
        self.invariants.crashed(server, self.servers[server.index()].chain().len());
    }

    fn restart(&mut self, server: ServerIndex) {
        if self.servers[server.index()].is_up() {
            return;
        }
        self.drive(server, Server::restart);
        for other in self.everyone().iter().filter(|other| *other != server) {
            self.link_up(server, other);
        }
    }

    fn link_up(&mut self, a: ServerIndex, b: ServerIndex) {
        for (server, peer) in [(a, b), (b, a)] {
            if self.servers[server.index()].is_up() {
                self.input(server, Input::Connected(peer));
            }
        }
    }

    fn heal(&mut self) {
        self.healed = true;
        for server in self.everyone().iter() {
            self.restart(server);
        }
        for a in self.everyone().iter() {
            for b in self.everyone().iter().filter(|b| *b > a) {
                self.link_up(a, b);
            }
            // What was lost is asked for again: batches and the newest certificate.
            self.resend_batches(a);
            self.resend_certificate(a);
        }
        for number in 0..BATCHES_AFTER_HEALING {
            let honest = self.honest();
            let origin = honest.iter().nth(number as usize % honest.len());
            self.queue.after(number * 1_000, Event::NewBatch(origin.expect("some are honest")));
        }
    }

    fn wake(&mut self, server: ServerIndex) {
        self.wakes[server.index()] = None;
        let due = self.servers[server.index()].deadline().is_some_and(|at| at <= self.queue.now());
        if due {
            self.input(server, Input::Tick);
        } else {
            self.set_wake(server);
        }
    }

    fn set_wake(&mut self, server: ServerIndex) {
        let Some(at) = self.servers[server.index()].deadline() else { return };
        let planned = &mut self.wakes[server.index()];
        if planned.is_none_or(|planned| at < planned) {
            *planned = Some(at);
            self.queue.at(at, Event::Wake(server));
        }
    }

    fn lives(&self, server: ServerIndex, life: u32) -> bool {
        self.lives[server.index()] == life && self.servers[server.index()].is_up()
    }

    fn everyone(&self) -> ServerSet {
        ServerSet::first(self.servers.len())
    }

    fn honest(&self) -> ServerSet {
        self.everyone().difference(&self.scenario.coalition)
    }
}

/// What every engine is told, but for who it is.
fn configure(scenario: &Scenario, policy: &Arc<Policy>, bugs: Bugs) -> Config {
    let context = Context {
        alliance: AllianceId([7; 32]),
        epoch: Epoch(0),
        policy: PolicyDigest(policy.digest()),
    };
    let rotation = Rotation::new(Epoch(0), policy.organisations());
    let quorums: Arc<dyn Quorums> = Arc::clone(policy) as _;
    let base_timeout = Micros(scenario.base_timeout);
    Config {
        timeout_max: Micros(scenario.base_timeout * 8),
        window_blocks: 16,
        uncertified_blocks_max: 128,
        bugs,
        ..Config::new(context, ServerIndex(0), quorums, rotation, base_timeout)
    }
}
