//! A tiny alliance of engines for scenarios: messages arrive in the order in which they were sent,
//! one step after the other, unless a test holds them back. Nothing is random.

#![allow(dead_code, reason = "each test file uses a part of it")]

pub mod keys;
pub mod signed;

use ally_consensus::{
    AllianceId, Base, BatchRef, BlockHeader, BlockRef, Bounds, Config, Context, Decided, Digest,
    Draft, Engine, Epoch, Evidence, Input, JournalPosition, Law, Message, Micros, Now, Output,
    PayloadVerdict, PolicyDigest, Proposal, ProposalParts, Recipients, Record, Rotation, Sequence,
    Signed, Statement, Testimony, Verified, Verifier, View, payload_digest,
};
use ally_policy::{FaultModel, ServerIndex, ServerSet, TrustPolicy};
use keys::Keys;
use std::collections::VecDeque;
use std::sync::Arc;

pub const TIMEOUT: Micros = Micros(1_000_000);

/// A message on its way.
#[derive(Clone)]
pub struct Parcel {
    pub from: ServerIndex,
    pub to: ServerIndex,
    pub message: Signed<Message>,
    /// How many messages in a row led to it.
    pub depth: usize,
}

/// One server: an engine, its disk, and what it told the world.
pub struct Server {
    pub engine: Engine,
    pub journal: Vec<Record>,
    pub decided: Vec<Decided>,
    pub evidence: Vec<Evidence>,
    pub testimony: Vec<Arc<Testimony>>,
    pub halted: bool,
    /// The longest chain of messages, one caused by the other, that led here.
    pub clock: usize,
    /// That clock at the decision of each block.
    pub depths: Vec<usize>,
}

/// Who gave which.
type Shares = Vec<(ServerIndex, Vec<u8>)>;

/// An alliance.
pub struct Net {
    pub context: Context,
    pub policy: Arc<TrustPolicy>,
    pub rotation: Rotation,
    pub verifier: Verifier<Keys>,
    pub servers: Vec<Server>,
    pub parcels: VecDeque<Parcel>,
    /// Neither hear nor say anything.
    pub silent: ServerSet,
    pub now: Micros,
    /// How far each server's clock is ahead of `now`, in microseconds.
    pub ahead: Vec<u64>,
    pub trace: Vec<String>,
    /// Payloads that are never judged valid here.
    pub withheld: Vec<(ServerIndex, ally_consensus::BlockHash)>,
    /// Looks at each message before it is delivered; false loses it.
    pub filter: Box<dyn FnMut(&Parcel) -> bool>,
    /// Puts bad shares into what it signs.
    pub spoil_shares: Option<ServerIndex>,
    /// While there is a list, shares wait in it and are not combined.
    pub to_combine: Option<Vec<(ServerIndex, Statement, Shares)>>,
    pub configure: fn(&mut Config),
    /// Everything that anybody has signed.
    pub said: Vec<Signed<Message>>,
    batches: u64,
}

pub fn s(server: u16) -> ServerIndex {
    ServerIndex(server)
}

/// `n` servers, each an organisation, of which `quorum` decide.
pub fn flat(n: u16, quorum: u16) -> Net {
    let policy = TrustPolicy::flat(quorum, n, FaultModel::Byzantine).expect("a sound policy");
    Net::new(policy, |_| {})
}

impl Net {
    pub fn new(policy: TrustPolicy, configure: fn(&mut Config)) -> Self {
        let policy = Arc::new(policy);
        let context = Context {
            alliance: AllianceId([7; 32]),
            epoch: Epoch(0),
            policy: PolicyDigest(policy.digest()),
        };
        let organisations = policy.organisations().iter().map(|o| o.servers().to_vec()).collect();
        let rotation = Rotation::new(context.epoch, organisations);
        let bounds = Bounds::of(policy.as_ref());
        let mut net = Self {
            context,
            verifier: Verifier::new(context, rotation.clone(), bounds, Keys),
            policy,
            rotation,
            servers: Vec::new(),
            parcels: VecDeque::new(),
            silent: ServerSet::EMPTY,
            now: Micros(1),
            ahead: Vec::new(),
            trace: Vec::new(),
            withheld: Vec::new(),
            filter: Box::new(|_| true),
            spoil_shares: None,
            to_combine: None,
            configure,
            said: Vec::new(),
            batches: 0,
        };
        net.ahead = vec![0; net.policy.server_count()];
        for index in 0..net.policy.server_count() {
            let engine = Engine::new(net.config(s(index as u16)));
            net.servers.push(Server {
                engine,
                journal: Vec::new(),
                decided: Vec::new(),
                evidence: Vec::new(),
                testimony: Vec::new(),
                halted: false,
                clock: 0,
                depths: Vec::new(),
            });
        }
        for index in 0..net.servers.len() {
            net.step(s(index as u16), Input::Tick, 0);
        }
        net
    }

    pub fn config(&self, me: ServerIndex) -> Config {
        let mut config =
            Config::new(self.context, me, self.policy.clone(), self.rotation.clone(), TIMEOUT);
        (self.configure)(&mut config);
        config
    }

    pub fn count(&self) -> u16 {
        self.servers.len() as u16
    }

    pub fn engine(&self, server: u16) -> &Engine {
        &self.servers[usize::from(server)].engine
    }

    /// The heights and hashes that a server decided.
    pub fn chain(&self, server: u16) -> Vec<BlockRef> {
        self.servers[usize::from(server)].decided.iter().map(|d| d.block).collect()
    }

    /// One input to one server, with all that follows at once.
    pub fn step(&mut self, server: ServerIndex, input: Input, depth: usize) {
        let mut outputs = Vec::new();
        let state = &mut self.servers[server.index()];
        state.clock = state.clock.max(depth);
        let depth = state.clock;
        let unix = Micros(self.now.0.saturating_add(self.ahead[server.index()]));
        let now = Now { monotonic: self.now, unix };
        state.engine.step(input, now, &mut outputs);
        for output in outputs {
            self.perform(server, output, depth);
        }
    }

    fn perform(&mut self, server: ServerIndex, output: Output, depth: usize) {
        let state = &mut self.servers[server.index()];
        match output {
            Output::Journal { position, record } => {
                assert_eq!(
                    position.0 as usize,
                    state.journal.len() + 1,
                    "positions are contiguous"
                );
                state.journal.push(record);
            }
            Output::SendDurable { after, to, message } => {
                assert!(
                    after.0 as usize <= state.journal.len(),
                    "waits for a record that is there"
                );
                self.send(server, to, message, depth);
            }
            Output::Send { to, message } => self.send(server, to, message, depth),
            Output::CheckPayload { block, .. }
                if !self.withheld.contains(&(server, block.hash)) =>
            {
                let verdict = PayloadVerdict::Valid;
                self.step(server, Input::Payload { block: block.hash, verdict }, depth);
            }
            Output::Combine { statement, shares } => match &mut self.to_combine {
                Some(waiting) => waiting.push((server, statement, shares)),
                None => self.combine(server, statement, &shares, depth),
            },
            Output::Decided(decided) => {
                self.trace.push(format!("{} decides {}", name(server), decided.block.height));
                let state = &mut self.servers[server.index()];
                assert_eq!(decided.block.height.0 as usize, state.decided.len() + 1, "no gap");
                state.decided.push(*decided);
                state.depths.push(depth);
            }
            Output::View { view, open } => {
                let verb = if open.is_some() { "enters" } else { "leaves for" };
                self.trace.push(format!("{} {verb} view {view}", name(server)));
            }
            Output::Evidence(evidence) => state.evidence.push(*evidence),
            Output::Testimony(testimony) => state.testimony.push(testimony),
            Output::Halt(_) => state.halted = true,
            Output::Behind { .. } => {}
            _ => {}
        }
    }

    /// Combines what has waited.
    pub fn combine_now(&mut self) {
        for (server, statement, shares) in self.to_combine.take().unwrap_or_default() {
            self.combine(server, statement, &shares, 0);
        }
    }

    fn combine(
        &mut self,
        server: ServerIndex,
        statement: Statement,
        shares: &[(ServerIndex, Vec<u8>)],
        depth: usize,
    ) {
        let bad: ServerSet = shares
            .iter()
            .filter(|(owner, share)| *share != keys::share(&self.context, &statement, *owner))
            .map(|(owner, _)| *owner)
            .collect();
        let signature = keys::combine(&self.context, &statement);
        let result = if bad.is_empty() { Ok(signature) } else { Err(bad) };
        self.step(server, Input::Combined { statement, result }, depth);
    }

    pub fn send(&mut self, from: ServerIndex, to: Recipients, body: Message, depth: usize) {
        let spoil = self.spoil_shares == Some(from);
        let message = keys::sign(&self.context, from, self.policy.has_slow_path(), spoil, body);
        self.said.push(message.clone());
        let receivers: Vec<_> = match to {
            Recipients::All => (0..self.count()).map(s).collect(),
            Recipients::One(server) => vec![server],
        };
        for to in receivers {
            let message = message.clone();
            self.parcels.push_back(Parcel { from, to, message, depth: depth + 1 });
        }
    }

    /// Delivers the next message; false if none is left.
    pub fn deliver_next(&mut self) -> bool {
        let Some(parcel) = self.parcels.pop_front() else { return false };
        let Parcel { from, to, ref message, depth } = parcel;
        let heard = !self.silent.contains(from) && !self.silent.contains(to);
        if from == to {
            self.step(to, Input::Received(Verified::own(message.clone())), depth - 1);
        } else if heard && (self.filter)(&parcel) {
            let verified = self
                .verifier
                .check(message.clone())
                .unwrap_or_else(|error| panic!("{} said: {error}", name(from)));
            self.note(from, to, verified.message());
            self.step(to, Input::Received(verified), depth);
        }
        true
    }

    /// Delivers everything.
    pub fn settle(&mut self) {
        let mut count = 0;
        while self.deliver_next() {
            count += 1;
            assert!(count < 200_000, "messages without end");
        }
    }

    fn note(&mut self, from: ServerIndex, to: ServerIndex, message: &Signed<Message>) {
        let what = match &message.body {
            Message::Proposal(p) => format!("proposal v{} h{}", p.header.view, p.header.height),
            Message::Vote(vote) => format!("vote v{} h{}", vote.view, vote.block.height),
            Message::Commit(c) => format!("commit h{}", c.certificate.block.height),
            Message::ViewChange(report) => format!("view-change v{}", report.view),
            Message::NewView(choice) => format!("new-view v{}", choice.view),
            Message::NewViewShare(share) => format!("share v{}", share.view),
            Message::EnterView(certificate) => format!("enter v{}", certificate.view),
            Message::Equivocation(_) => "equivocation".into(),
            Message::Fetch(_) => "fetch".into(),
            Message::Fetched(_) => "fetched".into(),
            Message::Support(_) => "support".into(),
            _ => "other".into(),
        };
        self.trace.push(format!("{} -> {} {what}", name(from), name(to)));
    }

    /// A draft for the slot of a server, with one batch that no other draft has.
    pub fn draft(&mut self, server: u16) -> Option<Draft> {
        let slot = self.engine(server).slot()?;
        self.batches += 1;
        let mut digest = [0; 32];
        digest[..8].copy_from_slice(&self.batches.to_le_bytes());
        let batch = BatchRef {
            origin: s(server),
            sequence: Sequence(self.batches),
            digest: Digest(digest),
            commands: 1,
            bytes: 100,
        };
        Some(Draft {
            parent: slot.parent,
            batches: Arc::new([batch]),
            log_size: self.batches,
            log_root: Digest(digest),
        })
    }

    /// A block that the leader of view 0 may propose, of any time.
    pub fn block(&mut self, time: u64) -> Proposal {
        let draft = self.draft(0).expect("the leader may propose");
        let header = BlockHeader {
            alliance: self.context.alliance,
            epoch: self.context.epoch,
            height: draft.parent.height.next(),
            view: View(0),
            parent: draft.parent.hash,
            payload_digest: payload_digest(&draft.batches),
            log_size: draft.log_size,
            log_root: draft.log_root,
            timestamp_us: Micros(time),
        };
        Proposal::from(ProposalParts { header, batches: draft.batches, new_view: None })
    }

    /// Lets a server propose, if it may.
    pub fn propose(&mut self, server: u16) -> bool {
        let Some(draft) = self.draft(server) else { return false };
        self.step(s(server), Input::Propose(draft), 0);
        true
    }

    /// What proofs are held against.
    pub fn law(&self) -> Law<'_> {
        Law {
            context: &self.context,
            rotation: &self.rotation,
            policy: self.policy.as_ref(),
            judge: &Keys,
        }
    }

    /// Moves time to the earliest deadline of a server that is not silent, and ticks it.
    pub fn tick(&mut self) -> bool {
        let servers = (0..self.count()).map(s).filter(|server| !self.silent.contains(*server));
        let next = servers
            .filter_map(|server| Some((self.servers[server.index()].engine.deadline()?, server)))
            .min();
        let Some((deadline, server)) = next else { return false };
        self.now = self.now.max(deadline);
        self.step(server, Input::Tick, 0);
        true
    }

    /// Lets time pass until `done`, at most `ticks` deadlines.
    pub fn run_until(&mut self, ticks: usize, done: impl Fn(&Net) -> bool) {
        for _ in 0..ticks {
            self.settle();
            if done(self) {
                return;
            }
            for server in 0..self.count() {
                let pressing = self.engine(server).slot().is_some_and(|slot| slot.pressing);
                if pressing && !self.silent.contains(s(server)) {
                    self.propose(server);
                }
            }
            self.settle();
            if done(self) {
                return;
            }
            assert!(self.tick(), "nobody waits for anything, and it is not done");
        }
        panic!("not done after {ticks} deadlines:\n{}", self.trace.join("\n"));
    }

    /// A certificate for a decided block, given to a server.
    pub fn certify(&mut self, server: u16, height: usize) {
        let decided = &self.servers[usize::from(server)].decided[height - 1];
        let certificate = keys::certify(&self.context, decided.header());
        self.step(s(server), Input::Certified(Arc::new(certificate)), 0);
    }

    /// Stops a server and starts it again from its journal and from what it kept of others.
    pub fn restart(&mut self, server: u16) {
        let state = &mut self.servers[usize::from(server)];
        let decided: Vec<BlockHeader> = state.decided.iter().map(|d| d.header().clone()).collect();
        let records = state.journal.clone();
        let position = JournalPosition(records.len() as u64);
        let backing = state.testimony.iter().rev().find_map(|kept| kept.backing()).cloned();
        let base = Base { decided, certified: None, position, backing };
        let engine = Engine::restore(self.config(s(server)), base, records).expect("its journal");
        self.servers[usize::from(server)].engine = engine;
        self.parcels.retain(|parcel| parcel.from != s(server));
        self.step(s(server), Input::Tick, 0);
    }

    /// Everybody knows that there is something to order.
    pub fn work(&mut self) {
        for server in 0..self.count() {
            self.step(s(server), Input::Work { waiting: true }, 0);
        }
    }
}

pub fn name(server: ServerIndex) -> String {
    format!("s{}", server.0)
}
