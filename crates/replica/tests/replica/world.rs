//! The world that the servers of a test live in.

use crate::disk::Disk;
use crate::keys::{self, Keys, ORIGIN};
use ally_consensus::{
    AllianceId, Bounds, CheckpointCertificate, Context, Epoch, Height, Micros, Now, PolicyDigest,
    Rotation, View, signing_bytes,
};
use ally_log::{Checkpoint, Origin};
use ally_policy::{FaultModel, ServerIndex, ServerSet, TrustPolicy};
use ally_replica::{
    Checked, Checker, CombineFailure, Config, DeliveredBlock, Done, HeldBatch, Input, Job, Limits,
    Outgoing, Output, PeerMessage, Recipients, Refusal, Replica, Serve, SignedBatch, Unsigned,
    When, WritePosition, batch_signing_bytes,
};
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub const BASE_TIMEOUT: Micros = Micros(200_000);
const DELAY: u64 = 400;
const SYNC: u64 = 1_000;
const JOB: u64 = 1_500;

/// What happens to a message on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Pass,
    Lose,
    Twice,
    /// Arrives this much later, in microseconds.
    Late(u64),
}

type Weather = Box<dyn FnMut(ServerIndex, ServerIndex, &PeerMessage) -> Fate>;

/// How servers deal with wrong shares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// As BLS: combining names the culprits.
    AtOnce,
    /// As RSA: only proofs do.
    ByProof,
}

enum Event {
    Frame { from: ServerIndex, to: ServerIndex, life: u32, frame: Bytes },
    Own { server: ServerIndex, life: u32, message: Box<Checked> },
    Synced { server: ServerIndex, life: u32, position: WritePosition },
    Done { server: ServerIndex, life: u32, done: Done },
    Wake { server: ServerIndex, life: u32 },
}

pub struct Server {
    pub replica: Option<Replica>,
    pub disk: Disk,
    /// Counts starts; what was under way in an earlier life is lost.
    life: u32,
    /// Messages that wait for the disk.
    held_back: Vec<(WritePosition, Recipients, Outgoing)>,
    durable: WritePosition,
    wake: Option<Micros>,
    pub delivered: BTreeMap<Height, Arc<DeliveredBlock>>,
    pub refused: Vec<(u64, Refusal)>,
    pub certified: Option<Arc<CheckpointCertificate>>,
    pub views: Vec<(View, bool)>,
    pub spoils_shares: bool,
}

pub struct World {
    pub now: Micros,
    pub servers: Vec<Server>,
    pub policy: Arc<TrustPolicy>,
    pub context: Context,
    pub limits: Limits,
    pub weather: Weather,
    pub blame: Blame,
    pub messages: BTreeMap<&'static str, usize>,
    checker: Checker<Keys>,
    rotation: Rotation,
    events: BTreeMap<(Micros, u64), Event>,
    ticket: u64,
    /// The first delivery of each height, to compare the others with.
    agreed: BTreeMap<Height, Arc<DeliveredBlock>>,
}

impl World {
    /// Four organisations with a server each, one of which may be faulty; all running, connected.
    pub fn new(limits: Limits) -> Self {
        Self::with(TrustPolicy::flat(3, 4, FaultModel::Byzantine).unwrap(), limits)
    }

    /// The servers of a policy, all running and connected.
    pub fn with(policy: TrustPolicy, limits: Limits) -> Self {
        let policy = Arc::new(policy);
        let context = Context {
            alliance: AllianceId([7; 32]),
            epoch: Epoch(0),
            policy: PolicyDigest(policy.digest()),
        };
        let organisations = policy.organisations().iter().map(|each| each.servers().to_vec());
        let rotation = Rotation::new(context.epoch, organisations.collect());
        let bounds = Bounds::of(policy.as_ref());
        let batch_bytes = limits.batch_bytes_max;
        let checker =
            Checker::new(context, rotation.clone(), bounds, COMMAND_BYTES, batch_bytes, Keys);
        let mut world = Self {
            now: Micros(1_000_000),
            servers: policy.servers().iter().map(|_| Server::new()).collect(),
            policy,
            context,
            limits,
            weather: Box::new(|_, _, _| Fate::Pass),
            blame: Blame::AtOnce,
            messages: BTreeMap::new(),
            checker,
            rotation,
            events: BTreeMap::new(),
            ticket: 0,
            agreed: BTreeMap::new(),
        };
        world.all().for_each(|server| world.start(server));
        world
    }

    pub fn all(&self) -> impl Iterator<Item = ServerIndex> + use<> {
        (0..self.servers.len() as u16).map(ServerIndex)
    }

    pub fn server(&self, server: u16) -> &Server {
        &self.servers[usize::from(server)]
    }

    pub fn replica(&self, server: u16) -> &Replica {
        self.server(server).replica.as_ref().expect("the server runs")
    }

    /// The commands delivered by a server, in order.
    pub fn log(&self, server: u16) -> Vec<Bytes> {
        let blocks = self.server(server).delivered.values();
        blocks.flat_map(|block| &block.batches).flat_map(|b| b.batch().commands()).collect()
    }

    /// Starts a server from what its disk holds.
    pub fn start(&mut self, server: ServerIndex) {
        let engine = ally_consensus::Config::new(
            self.context,
            server,
            self.policy.clone(),
            self.rotation.clone(),
            BASE_TIMEOUT,
        );
        let origin = Origin::new(ORIGIN).unwrap();
        let policy = self.policy.clone();
        let config = Config { engine, policy, origin, limits: self.limits };
        let own = &mut self.servers[server.index()];
        let restored = Replica::restore(config, own.disk.recover());
        own.replica = Some(restored.unwrap_or_else(|error| panic!("{server}: {error}")));
        own.durable = WritePosition::default();
        own.wake = None;
        own.life += 1;
        self.input(server, Input::Tick);
        for other in self.all().filter(|other| *other != server) {
            if self.servers[other.index()].replica.is_some() {
                self.input(server, Input::Connected(other));
                self.input(other, Input::Connected(server));
            }
        }
    }

    /// Takes a server down at once; what is not durable is lost.
    pub fn crash(&mut self, server: ServerIndex) {
        let own = &mut self.servers[server.index()];
        own.replica = None;
        own.held_back.clear();
        own.disk.crash();
        own.life += 1;
        for other in self.all().filter(|other| *other != server) {
            self.input(other, Input::Disconnected(server));
        }
    }

    pub fn submit(&mut self, server: u16, commands: &[&str]) -> u64 {
        self.ticket += 1;
        let commands = commands.iter().map(|command| command.as_bytes().to_vec().into()).collect();
        self.input(ServerIndex(server), Input::Submit { ticket: self.ticket, commands });
        self.ticket
    }

    /// Gives a running server an input and performs what it says.
    pub fn input(&mut self, server: ServerIndex, input: Input) {
        let now = Now { monotonic: self.now, unix: self.now };
        let Some(replica) = &mut self.servers[server.index()].replica else { return };
        let mut outputs = Vec::new();
        replica.step(input, now, &mut outputs);
        outputs.into_iter().for_each(|output| self.perform(server, output));
        self.set_alarm(server);
    }

    fn set_alarm(&mut self, server: ServerIndex) {
        let own = &mut self.servers[server.index()];
        let deadline = own.replica.as_ref().and_then(Replica::deadline);
        if let Some(deadline) = deadline.filter(|deadline| own.wake.is_none_or(|w| *deadline < w)) {
            let at = deadline.max(Micros(self.now.0 + 1));
            own.wake = Some(at);
            let life = own.life;
            self.schedule(at.0 - self.now.0, Event::Wake { server, life });
        }
    }

    fn schedule(&mut self, delay: u64, event: Event) {
        self.ticket += 1;
        self.events.insert((Micros(self.now.0 + delay), self.ticket), event);
    }

    fn perform(&mut self, server: ServerIndex, output: Output) {
        let own = &mut self.servers[server.index()];
        let life = own.life;
        match output {
            Output::Write { position, op } => {
                own.disk.write(position, op);
                self.schedule(SYNC, Event::Synced { server, life, position });
            }
            Output::Send { when: When::Durable(after), to, message } if after > own.durable => {
                own.held_back.push((after, to, message));
            }
            Output::Send { to, message, .. } => self.send(server, to, message),
            Output::Run(job) => {
                let done = self.run(server, *job);
                self.schedule(JOB, Event::Done { server, life, done });
            }
            Output::Serve { to, what } => self.serve(server, to, what),
            Output::Delivered(block) => self.note_delivered(server, block),
            Output::Certified(certificate) => own.certified = Some(certificate),
            Output::Refused { ticket, reason } => own.refused.push((ticket, reason)),
            Output::View { view, open } => own.views.push((view, open)),
            other => panic!("{server}: {other:?}"),
        }
    }

    /// Agreement, order and gaps: checked on every delivery.
    fn note_delivered(&mut self, server: ServerIndex, block: Arc<DeliveredBlock>) {
        let height = block.block.height;
        let first = self.agreed.entry(height).or_insert_with(|| block.clone());
        assert_eq!(first.block, block.block, "{server} delivers another block");
        assert_eq!(first.first_index, block.first_index);
        assert_eq!(first.state, block.state, "{server} has another log");
        let delivered = &mut self.servers[server.index()].delivered;
        let last = delivered.last_key_value().map_or(Height::ZERO, |(last, _)| *last);
        // After a crash the last blocks may come again, never later ones before them.
        assert!(height <= last.next(), "{server} skips from {last} to {height}");
        delivered.insert(height, block);
    }

    fn send(&mut self, from: ServerIndex, to: Recipients, message: Outgoing) {
        let message = match message {
            Outgoing::Ready(message) => *message,
            Outgoing::ToSign(unsigned) => self.sign(from, unsigned),
        };
        let recipients: Vec<_> = match to {
            Recipients::All => self.all().collect(),
            Recipients::Others => self.all().filter(|server| *server != from).collect(),
            Recipients::One(server) => vec![server],
        };
        for to in recipients {
            if to == from {
                self.loop_back(from, message.clone());
            } else {
                self.post(from, to, &message);
            }
        }
    }

    /// Through the queue, as the driver does: a step never runs inside another.
    fn loop_back(&mut self, server: ServerIndex, message: PeerMessage) {
        let life = self.servers[server.index()].life;
        let message = Box::new(Checked::own(message));
        self.schedule(0, Event::Own { server, life, message });
    }

    /// Puts a message on the wire.
    pub fn post(&mut self, from: ServerIndex, to: ServerIndex, message: &PeerMessage) {
        *self.messages.entry(kind(message)).or_default() += 1;
        let life = self.servers[to.index()].life;
        let delays = match (self.weather)(from, to, message) {
            Fate::Pass => vec![DELAY],
            Fate::Lose => vec![],
            Fate::Twice => vec![DELAY, DELAY * 3],
            Fate::Late(delay) => vec![DELAY + delay],
        };
        for delay in delays {
            let frame = message.to_frame();
            self.schedule(delay, Event::Frame { from, to, life, frame });
        }
    }

    pub fn sign(&self, from: ServerIndex, mut unsigned: Unsigned) -> PeerMessage {
        if let Some(statement) = unsigned.share_statement(self.policy.has_slow_path()) {
            let bytes = keys::statement_bytes(&self.context, &statement);
            unsigned.set_share(keys::share(from, &bytes));
        }
        let bytes = unsigned.signing_bytes(&self.context);
        let signature = bytes.map_or([0; 64], |bytes| keys::sign(from, &bytes));
        unsigned.signed(from, signature)
    }

    fn serve(&mut self, from: ServerIndex, to: ServerIndex, what: Serve) {
        let disk = &self.servers[from.index()].disk;
        let messages: Vec<_> = match what {
            Serve::Batches(ids) => {
                let found = ids.iter().filter_map(|id| disk.batch(id));
                found.map(|batch| PeerMessage::Batch(batch.signed().clone())).collect()
            }
            Serve::Blocks { after } => {
                disk.blocks_after(after).into_iter().map(PeerMessage::SyncBlocks).collect()
            }
        };
        messages.iter().for_each(|message| self.post(from, to, message));
    }

    fn run(&self, server: ServerIndex, job: Job) -> Done {
        let spoils = self.servers[server.index()].spoils_shares;
        match job {
            Job::SignBatch(batch) => {
                let bytes = batch_signing_bytes(&self.context, &batch.reference());
                let signature = keys::sign(server, &bytes);
                Done::SignBatch(HeldBatch::trusted(SignedBatch { signature, batch }))
            }
            Job::CertifyShare(checkpoint) => {
                let mut share = keys::share(server, checkpoint.statement().as_bytes());
                share[0] ^= u8::from(spoils);
                Done::CertifyShare { block: block_of(&checkpoint), share }
            }
            Job::CombineCertificate { checkpoint, shares } => {
                let result = self.combine_certificate(&checkpoint, &shares);
                Done::CombineCertificate { block: block_of(&checkpoint), result }
            }
            Job::ProveShare { checkpoint, .. } => {
                Done::ProveShare { block: block_of(&checkpoint), proof: b"proof".to_vec() }
            }
            Job::CheckShare { checkpoint, server, share, .. } => {
                let valid = share == keys::share(server, checkpoint.statement().as_bytes());
                Done::CheckShare { block: block_of(&checkpoint), server, valid }
            }
            Job::CombineStatement { statement, shares } => {
                let bytes = keys::statement_bytes(&self.context, &statement);
                let result = self.combine(&bytes, &shares);
                Done::CombineStatement { statement, result }
            }
            other => panic!("a job that the world does not know: {other:?}"),
        }
    }

    fn combine(
        &self,
        statement: &[u8],
        shares: &[(ServerIndex, Vec<u8>)],
    ) -> Result<Vec<u8>, ServerSet> {
        let wrong =
            |(server, share): &&(ServerIndex, Vec<u8>)| *share != keys::share(*server, statement);
        let culprits: ServerSet = shares.iter().filter(wrong).map(|(server, _)| *server).collect();
        if culprits.is_empty() { Ok(keys::combined(statement)) } else { Err(culprits) }
    }

    fn combine_certificate(
        &self,
        checkpoint: &Checkpoint,
        shares: &[(ServerIndex, Vec<u8>)],
    ) -> Result<CheckpointCertificate, CombineFailure> {
        let signers: ServerSet = shares.iter().map(|(server, _)| *server).collect();
        assert!(self.policy.is_certify_set(&signers), "too few shares to combine");
        let result = self.combine(checkpoint.statement().as_bytes(), shares);
        let signature = result.map_err(|culprits| match self.blame {
            Blame::AtOnce => CombineFailure::Culprits(culprits),
            Blame::ByProof => CombineFailure::Inconsistent,
        })?;
        Ok(CheckpointCertificate {
            block: block_of(checkpoint),
            log_size: checkpoint.log_size,
            log_root: ally_consensus::Digest(checkpoint.log_root.0),
            signature,
        })
    }

    /// Lets everything happen that happens within `micros` from now.
    pub fn run_for(&mut self, micros: u64) {
        let end = Micros(self.now.0 + micros);
        while let Some(((at, ticket), event)) = self.events.pop_first() {
            if at > end {
                self.events.insert((at, ticket), event);
                break;
            }
            self.now = at;
            self.happen(event);
        }
        self.now = end;
    }

    /// Runs until nothing is under way and no server waits for anything; panics after a minute.
    pub fn run_until_idle(&mut self) {
        let end = Micros(self.now.0 + 60_000_000);
        while let Some(((at, _), event)) = self.events.pop_first() {
            assert!(at < end, "the alliance never comes to rest: {:?}", self.statuses());
            self.now = at;
            self.happen(event);
        }
    }

    pub fn statuses(&self) -> Vec<Option<ally_replica::Status>> {
        let replicas = self.servers.iter().map(|server| server.replica.as_ref());
        replicas.map(|replica| replica.map(Replica::status)).collect()
    }

    fn happen(&mut self, event: Event) {
        let lives =
            |world: &Self, server: ServerIndex, life| world.servers[server.index()].life == life;
        match event {
            Event::Frame { from, to, life, frame } if lives(self, to, life) => {
                match self.checker.check_frame(from, frame) {
                    Ok(message) => self.input(to, Input::Received { from, message }),
                    Err(error) => {
                        if let Some(proof) = error.proof() {
                            self.input(to, Input::Misstated(Arc::clone(proof)));
                        }
                    }
                }
            }
            Event::Own { server, life, message } if lives(self, server, life) => {
                self.input(server, Input::Received { from: server, message: *message });
            }
            Event::Synced { server, life, position } if lives(self, server, life) => {
                self.synced(server, position);
            }
            Event::Done { server, life, done } if lives(self, server, life) => {
                self.input(server, Input::Done { done: Box::new(done), cost: Micros(JOB) });
            }
            Event::Wake { server, life } if lives(self, server, life) => {
                self.servers[server.index()].wake = None;
                self.input(server, Input::Tick);
            }
            _ => {}
        }
    }

    fn synced(&mut self, server: ServerIndex, position: WritePosition) {
        let own = &mut self.servers[server.index()];
        own.disk.sync(position);
        own.durable = own.durable.max(position);
        let ready: Vec<_> =
            own.held_back.extract_if(.., |(after, ..)| *after <= position).collect();
        for (_, to, message) in ready {
            self.send(server, to, message);
        }
        self.input(server, Input::Durable(position));
    }

    /// All running servers have delivered and certified the same blocks, and nothing of what was
    /// submitted is missing or doubled.
    pub fn check_complete(&self, submitted: &[&str]) {
        let running = self.all().filter(|s| self.servers[s.index()].replica.is_some());
        for server in running {
            let log = self.log(server.0);
            let once: BTreeSet<_> = log.iter().cloned().collect();
            assert_eq!(once.len(), log.len(), "{server} delivers a command twice");
            let expected: BTreeSet<_> =
                submitted.iter().map(|c| Bytes::copy_from_slice(c.as_bytes())).collect();
            assert_eq!(once, expected, "{server}: {:#?}", self.replica(server.0).status());
            let status = self.replica(server.0).status();
            assert_eq!(status.certified, status.delivered.height, "{server} lacks a certificate");
        }
    }
}

impl Server {
    fn new() -> Self {
        Self {
            replica: None,
            disk: Disk::default(),
            life: 0,
            held_back: Vec::new(),
            durable: WritePosition::default(),
            wake: None,
            delivered: BTreeMap::new(),
            refused: Vec::new(),
            certified: None,
            views: Vec::new(),
            spoils_shares: false,
        }
    }
}

fn block_of(checkpoint: &Checkpoint) -> ally_consensus::BlockRef {
    ally_consensus::BlockRef {
        height: Height(checkpoint.height),
        hash: ally_consensus::BlockHash(checkpoint.block.0),
    }
}

fn kind(message: &PeerMessage) -> &'static str {
    match message {
        PeerMessage::Consensus(_) => "consensus",
        PeerMessage::Batch(_) => "batch",
        PeerMessage::FetchBatches(_) => "fetch batches",
        PeerMessage::CertifyShare(_) => "certify share",
        PeerMessage::ProofRequest(_) => "proof request",
        PeerMessage::ShareProof(_) => "share proof",
        PeerMessage::Certificate(_) => "certificate",
        PeerMessage::SyncRequest(_) => "sync request",
        PeerMessage::SyncBlocks(_) => "sync blocks",
        _ => "other",
    }
}

/// A batch that `origin` really signed.
pub fn signed_batch(context: &Context, origin: u16, sequence: u64, command: &str) -> SignedBatch {
    let commands = [Bytes::copy_from_slice(command.as_bytes())];
    let origin = ServerIndex(origin);
    let batch =
        ally_replica::Batch::new(origin, ally_consensus::Sequence(sequence), &commands).unwrap();
    let signature = keys::sign(origin, &batch_signing_bytes(context, &batch.reference()));
    SignedBatch { signature, batch }
}

/// Commands of any length are commands here.
pub const COMMAND_BYTES: std::ops::RangeInclusive<usize> = 0..=ally_replica::BATCH_BYTES_MAX;

/// What `server` signs when it says something of `kind`.
pub fn signature_on(context: &Context, server: u16, kind: &str, content: &[u8]) -> [u8; 64] {
    keys::sign(ServerIndex(server), &signing_bytes(context, kind, content))
}
