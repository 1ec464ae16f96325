//! The loop of a server: takes what happened to the replica and does what it answers.
//!
//! ```text
//!   links ──► ingest (decode, check) ──┐                    ┌──► store   (Write; Durable comes back)
//!   clients ──► Backend::submit ───────┼──► Driver: replica ┼──► links   (Send, when it is durable)
//!   store, crypto thread ──────────────┘        .step()     ├──► crypto  (Run; Done comes back)
//!                                                           └──► clients (Delivered, Certified)
//! ```
//!
//! Owns the order: persist, send, deliver, certify, reply. One thread, so that the order is plain to
//! see. May not decide anything: what to do comes from [`ally_replica::Replica`].

mod alarm;
mod archive;
mod board;
mod clients;
mod clock;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod inbox;
mod ingest;
mod jobs;
mod outbox;
mod published;
mod recover;
mod said;
mod serve;
mod shelf;
pub(crate) mod stored;

pub(crate) use board::{Board, StatusBoard};
pub(crate) use clients::RETRY_AFTER;
use clock::ClockWatch;
use inbox::TURN_EVENTS_MAX;
pub(crate) use inbox::{Event, Inbox};
pub(crate) use published::Published;
pub use recover::RecoverError;
pub(crate) use recover::recover;
pub use stored::StoredError;
pub(crate) use stored::StoredLog;

use crate::api::Submission;
use crate::between::Voice;
use crate::store::{Store, StoreError, WriteBatch};
use ally_codec::Encode;
use ally_consensus::{JournalPosition, Micros, Now};
use ally_keyring::{OwnKeys, PublicKeys};
use ally_log::TileWriter;
use ally_policy::ServerIndex;
use ally_replica::{
    Checked, Done, HeldBatch, Input, Job, Outgoing, Output, PeerMessage, Recipients, Replica,
    SignedBatch, StoreOp, When, WritePosition, batch_signing_bytes,
};
use archive::Archive;
use clients::Clients;
use jobs::Jobs;
use outbox::Outbox;
use published::Step;
use said::Said;
use shelf::Shelf;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::mpsc;

pub(crate) use ingest::ingest;

/// What the loop works with.
pub(crate) struct Parts {
    /// Every decision.
    pub(crate) replica: Replica,
    /// The disk.
    pub(crate) store: Store,
    /// What this server says to the others.
    pub(crate) voice: Voice,
    /// Everybody's keys.
    pub(crate) keys: Arc<PublicKeys>,
    /// This server's keys.
    pub(crate) own: Arc<OwnKeys>,
    /// The end of the log, for proofs.
    pub(crate) tiles: TileWriter,
    /// The time of the last block.
    pub(crate) time: Micros,
    /// What readers see.
    pub(crate) published: Arc<Published>,
    /// Which entries are repetitions.
    pub(crate) duplicates: Arc<Mutex<ally_proto::DuplicateWindow>>,
    /// What status tells.
    pub(crate) status: Arc<StatusBoard>,
    /// Where answers go.
    pub(crate) events: mpsc::UnboundedSender<Event>,
}

/// Why a server had to stop by itself.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FatalError {
    /// The disk failed: nothing can be promised any more.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// More servers misbehave than the policy tolerates, and it shows.
    #[error(
        "more servers misbehave than the trust policy tolerates: {0}. This server has stopped. \
         Nothing that it decided is taken back; compare it with the other members' logs"
    )]
    Breach(String),
    /// The system has no thread left.
    #[error("cannot start a thread: {0}")]
    Thread(#[from] std::io::Error),
    /// A defect of this program.
    #[error("{0} has panicked; its last words are on standard error, or in the log above")]
    Panicked(
        /// Which part of the server.
        &'static str,
    ),
}

/// The loop's state.
pub(crate) struct Driver {
    replica: Replica,
    store: Store,
    voice: Voice,
    keys: Arc<PublicKeys>,
    own: Arc<OwnKeys>,
    jobs: Jobs,
    outbox: Outbox,
    clients: Clients,
    tiles: TileWriter,
    published: Arc<Published>,
    status: Arc<StatusBoard>,
    serving: serve::Serving,
    events: mpsc::UnboundedSender<Event>,
    started: Instant,
    clock: ClockWatch,
    /// This turn's writes, and the place of the last of them.
    write: WriteBatch,
    written: WritePosition,
    /// What readers see once a write is durable.
    steps: VecDeque<(WritePosition, Step)>,
    /// Inputs that outputs of this turn caused.
    pending: VecDeque<Input>,
    outputs: Vec<Output>,
    /// What is kept against whom.
    shelf: Shelf,
    /// What is kept of what others signed.
    archive: Archive,
    /// What this server said last.
    said: Said,
    slow_path: bool,
    stopping: bool,
    /// The policy's assumption does not hold: stop.
    breach: Option<String>,
}

impl Driver {
    /// A driver that has done nothing yet.
    ///
    /// # Errors
    /// [`FatalError::Thread`]; [`FatalError::Store`] if what is kept cannot be read.
    pub(crate) fn new(parts: Parts, slow_path: bool) -> Result<Self, FatalError> {
        let Parts { replica, store, voice, keys, own, tiles, published, .. } = parts;
        let (of_all, of_us) = (Arc::clone(&keys), Arc::clone(&own));
        let mut clock = ClockWatch::default();
        clock.compare(parts.time, unix_now());
        let work = move |job| {
            let rng = &mut rand_core::UnwrapErr(getrandom::SysRng);
            ally_keyring::run(job, &of_all, &of_us, rng)
        };
        let jobs = Jobs::start(work, parts.events.clone())?;
        let shelf = Shelf::with(store.all_evidence()?);
        let archive = Archive::with(keys.servers.len(), store.all_testimony()?);
        Ok(Self {
            shelf,
            archive,
            clients: Clients::new(own.me, parts.duplicates),
            serving: serve::Serving::new(
                StoredLog::new(store.clone()),
                voice.clone(),
                keys.servers.len(),
            ),
            replica,
            store,
            voice,
            keys,
            own,
            jobs,
            outbox: Outbox::default(),
            tiles,
            published,
            status: parts.status,
            events: parts.events,
            started: Instant::now(),
            clock,
            write: WriteBatch::new(),
            written: WritePosition(0),
            steps: VecDeque::new(),
            pending: VecDeque::new(),
            outputs: Vec::new(),
            said: Said::default(),
            slow_path,
            stopping: false,
            breach: None,
        })
    }

    /// Runs until told to stop, or until the disk fails.
    ///
    /// # Errors
    /// [`FatalError::Store`]: the server must not say anything more.
    pub(crate) async fn run(mut self, mut inbox: Inbox) -> Result<(), FatalError> {
        self.turn(Vec::new())?;
        let mut taken = Vec::with_capacity(TURN_EVENTS_MAX);
        loop {
            tokio::select! {
                () = inbox.fill(&mut taken) => {}
                () = sleep_until(self.deadline()) => {}
            }
            self.turn(std::mem::take(&mut taken))?;
            if self.stopping && self.is_flushed() {
                return Ok(());
            }
        }
    }

    /// One turn: everything that happened, then one write, then what may leave.
    fn turn(&mut self, events: Vec<Event>) -> Result<(), FatalError> {
        if events.is_empty() {
            self.pending.push_back(Input::Tick);
        }
        for event in events {
            self.take(event)?;
            self.step_all();
        }
        self.step_all();
        self.flush();
        self.show();
        match self.breach.take() {
            Some(breach) => Err(FatalError::Breach(breach)),
            None => Ok(()),
        }
    }

    fn take(&mut self, event: Event) -> Result<(), FatalError> {
        match event {
            Event::Peer { from, message, budget } => {
                self.pending.push_back(Input::Received { from, message });
                self.step_all();
                drop(budget);
            }
            Event::Misstated { proof, budget } => {
                self.pending.push_back(Input::Misstated(proof));
                self.step_all();
                drop(budget);
            }
            Event::Connected(server) => self.pending.push_back(Input::Connected(server)),
            Event::Disconnected(server) => self.pending.push_back(Input::Disconnected(server)),
            Event::Submitted(submission) => self.submit(submission),
            Event::Durable(position, result) => {
                result?;
                self.durable(position);
            }
            Event::Done(done, cost) => {
                self.pending.push_back(Input::Done { done: Box::new(done), cost });
            }
            Event::Panicked(who) => return Err(FatalError::Panicked(who)),
            Event::Stop if self.stopping => {}
            Event::Stop => {
                self.stopping = true;
                self.clients.stopping();
                self.pending.push_back(Input::Stopping);
            }
        }
        Ok(())
    }

    /// Lets the replica take every input that waits, and performs what it answers.
    fn step_all(&mut self) {
        while let Some(input) = self.pending.pop_front() {
            let now = self.now();
            self.replica.step(input, now, &mut self.outputs);
            let mut outputs = std::mem::take(&mut self.outputs);
            for output in outputs.drain(..) {
                self.perform(output);
            }
            self.outputs = outputs;
        }
    }

    fn submit(&mut self, submission: Submission) {
        let commands = submission.entries.iter().map(|entry| entry.as_bytes().clone()).collect();
        let input = Input::Submit { ticket: submission.first_tag, commands };
        let now = self.now();
        self.replica.step(input, now, &mut self.outputs);
        let mut outputs = std::mem::take(&mut self.outputs);
        let refused = outputs.iter().find_map(|output| match output {
            Output::Refused { reason, .. } => Some(*reason),
            _ => None,
        });
        match refused {
            None => self.clients.took(submission),
            Some(reason) => {
                let count = submission.entries.len() as u32;
                clients::refuse(&submission.replies, submission.first_tag, count, reason);
            }
        }
        for output in outputs.drain(..) {
            self.perform(output);
        }
        self.outputs = outputs;
    }

    fn perform(&mut self, output: Output) {
        match output {
            Output::Write { position, op } => self.write(position, op),
            Output::Send { when: When::Durable(position), to, message }
                if !self.outbox.is_durable(position) =>
            {
                self.outbox.hold(position, to, message);
            }
            Output::Send { to, message, .. } => self.send(to, message),
            Output::Run(job) => self.run_job(*job),
            Output::Serve { to, what } => self.serving.serve(to, what),
            Output::Delivered(block) => {
                let path = block.path as usize;
                self.status.update(|board| {
                    board.decisions[path] += 1;
                    board.progressed = Some(Instant::now());
                });
                self.clock.compare(block.header().timestamp_us, unix_now());
                self.clients.delivered(&block);
            }
            Output::View { view, open } => {
                tracing::info!(%view, open, "view");
                if !open {
                    self.status.update(|board| board.view_changes += 1);
                }
            }
            Output::Halt(breach) => self.breach = Some(format!("{breach:?}")),
            // Readers learn of a certificate when it is durable; a refusal was answered above.
            Output::Certified(_) | Output::Refused { .. } => {}
            other => tracing::error!(?other, "an output that this driver does not know"),
        }
    }

    fn write(&mut self, position: WritePosition, op: StoreOp) {
        match op {
            StoreOp::Journal { position, record } => {
                self.write.journal(position, record.to_bytes());
            }
            StoreOp::RewriteJournal { first, records } => {
                for (record, position) in records.iter().zip(first.0..) {
                    self.write.journal(JournalPosition(position), record.to_bytes());
                }
                self.write.trim_journal(first);
            }
            StoreOp::Batch(batch) => stored::write_batch(&mut self.write, &batch),
            StoreOp::Block(block) => {
                let leaves = block.batches.iter().flat_map(|batch| batch.leaves().iter().copied());
                for tile in self.tiles.append(leaves) {
                    let (level, index) = (tile.tile.level(), tile.tile.index());
                    self.write.tile(level, index, stored::tile_bytes(&tile.hashes));
                }
                stored::write_block(&mut self.write, &block);
                let edge = Arc::new(self.tiles.clone());
                self.steps.push_back((position, Step::Block(block.block.height, edge)));
            }
            StoreOp::Certificate(certificate) => {
                stored::write_certificate(&mut self.write, &certificate);
                self.steps.push_back((position, Step::Certificate(certificate)));
            }
            StoreOp::Testimony(testimony) => {
                stored::write_testimony(&mut self.write, &mut self.archive, &testimony);
            }
            StoreOp::Evidence(evidence) => {
                stored::write_evidence(&mut self.write, &mut self.shelf, &evidence);
            }
            other => tracing::error!(?other, "a write that this driver does not know"),
        }
        // Evidence or testimony that there is no room for adds nothing, and nothing becomes durable by
        // it: a server that stops would wait for it in vain.
        if !self.write.is_empty() {
            self.written = position;
        }
    }

    /// Hands this turn's writes to the store.
    fn flush(&mut self) {
        if self.write.is_empty() {
            return;
        }
        let (events, position) = (self.events.clone(), self.written);
        self.store.submit(std::mem::take(&mut self.write), move |result| {
            // The driver may be gone: then nobody waits for the answer.
            let _ = events.send(Event::Durable(position, result));
        });
    }

    fn durable(&mut self, position: WritePosition) {
        for (to, message) in self.outbox.release(position) {
            self.send(to, message);
        }
        let split = self.steps.partition_point(|(at, _)| *at <= position);
        self.published.advance(self.steps.drain(..split).map(|(_, step)| step));
        self.pending.push_back(Input::Durable(position));
    }

    /// Signs a message where needed and sends it. What goes to all comes back to this server too.
    fn send(&mut self, to: Recipients, message: Outgoing) {
        let message = match message {
            Outgoing::Ready(message) => *message,
            Outgoing::ToSign(unsigned) => self.said.signed(unsigned, |mut unsigned| {
                if let Some(statement) = unsigned.share_statement(self.slow_path) {
                    unsigned.set_share(self.own.statement_share(&self.keys, &statement));
                }
                let bytes = unsigned.signing_bytes(&self.keys.context);
                let signature = bytes.map_or([0; 64], |bytes| self.own.signing.sign(&bytes));
                unsigned.signed(self.own.me, signature)
            }),
        };
        let me = self.own.me;
        match to {
            Recipients::One(server) if server == me => self.loop_back(message),
            Recipients::One(server) => self.voice.say(&[server], &message),
            Recipients::Others => self.voice.say(&self.others(), &message),
            Recipients::All => {
                self.voice.say(&self.others(), &message);
                self.loop_back(message);
            }
        }
    }

    fn loop_back(&mut self, message: PeerMessage) {
        let message = Checked::own(message);
        self.pending.push_back(Input::Received { from: self.own.me, message });
    }

    fn run_job(&mut self, job: Job) {
        match job {
            Job::SignBatch(batch) => {
                let reference = batch.reference();
                let bytes = batch_signing_bytes(&self.keys.context, &reference);
                let signature = self.own.signing.sign(&bytes);
                self.clients.batched(reference.sequence);
                let held = HeldBatch::trusted(SignedBatch { signature, batch });
                let done = Done::SignBatch(held);
                self.pending.push_back(Input::Done { done: Box::new(done), cost: Micros::ZERO });
            }
            job => self.jobs.run(job),
        }
    }

    /// Whether all that was written is durable and all that waited for it has left.
    fn is_flushed(&self) -> bool {
        self.outbox.is_durable(self.written) && self.pending.is_empty()
    }

    fn show(&self) {
        let (status, waiting) = (self.replica.status(), self.clients.waiting());
        self.status.update(|board| {
            if !status.has_work() {
                board.busy_since = None;
            } else if board.busy_since.is_none() {
                board.busy_since = Some(Instant::now());
            }
            board.replica = Some(status);
            board.undecided_commands = waiting;
        });
    }

    fn others(&self) -> Vec<ServerIndex> {
        let count = self.keys.servers.len() as u16;
        (0..count).map(ServerIndex).filter(|server| *server != self.own.me).collect()
    }

    fn deadline(&self) -> Option<Instant> {
        self.replica.deadline().map(|at| self.started + Duration::from_micros(at.0))
    }

    fn now(&self) -> Now {
        Now { monotonic: micros(self.started.elapsed()), unix: unix_now() }
    }
}

/// The clock of this machine; 0 if it is before 1970.
fn unix_now() -> Micros {
    micros(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}

fn micros(duration: Duration) -> Micros {
    Micros(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX))
}

/// Waits until then; for ever if there is no deadline, so that an idle server sleeps.
async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}
