//! The thread that owns writing: everything that waits goes into one commit and one sync.

use super::error::StoreError;
use super::keys;
use super::open::Durability;
use super::records::StoredBlock;
use super::tables::{Puts, Table, Tables};
use super::watermark::Watermark;
use super::write_batch::{Change, WriteBatch};
use ally_consensus::{Height, JournalPosition};
use bytes::Bytes;
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Bytes of values that may wait for the writer; a caller beyond that waits for room.
pub const QUEUE_BYTES_MAX: usize = 64 << 20;
/// Bytes that go into one commit (more only if a single batch is larger).
const COMMIT_BYTES_MAX: usize = 16 << 20;

/// Who is told what became of a batch. Is told exactly once, whatever happens: dropped without a word,
/// by a panic of the writer, it says that nothing is known.
pub(super) struct OnDurable(Option<Callback>);

type Callback = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

impl OnDurable {
    pub(super) fn new(told: impl FnOnce(Result<(), StoreError>) + Send + 'static) -> Self {
        Self(Some(Box::new(told)))
    }

    fn tell(mut self, outcome: Result<(), StoreError>) {
        if let Some(told) = self.0.take() {
            told(outcome);
        }
    }
}

impl Drop for OnDurable {
    fn drop(&mut self) {
        if let Some(told) = self.0.take() {
            told(Err(StoreError::Panicked));
        }
    }
}

/// A batch that waits, and who is told.
pub(super) struct Job {
    pub(super) batch: WriteBatch,
    pub(super) on_durable: OnDurable,
}

/// What callers and the writer thread share.
pub(super) struct Queue {
    state: Mutex<State>,
    work: Condvar,
    room: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    bytes: usize,
    /// Set once; from then on nothing is written.
    ended: Option<StoreError>,
    closing: bool,
}

impl Queue {
    pub(super) fn new() -> Self {
        Self { state: Mutex::default(), work: Condvar::new(), room: Condvar::new() }
    }

    /// Puts a job at the end; waits while the queue is full. If writing has ended, says so through
    /// the job's callback.
    pub(super) fn push(&self, job: Job) {
        let mut state = self.lock();
        while state.ended.is_none() && !state.closing && state.bytes >= QUEUE_BYTES_MAX {
            state = self.room.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if let Some(reason) = refusal(&state) {
            drop(state);
            return job.on_durable.tell(Err(reason));
        }
        state.bytes += job.batch.bytes();
        state.jobs.push_back(job);
        drop(state);
        self.work.notify_one();
    }

    /// Lets the writer finish what waits and end.
    pub(super) fn close(&self) {
        self.lock().closing = true;
        self.work.notify_one();
        self.room.notify_all();
    }

    /// The error that ended writing, if one did.
    pub(super) fn ended(&self) -> Option<StoreError> {
        self.lock().ended.clone()
    }

    /// Waits for work and takes as much as fits into one commit; nothing when the store is closed.
    fn take(&self) -> Option<Vec<Job>> {
        let mut state = self.lock();
        while state.jobs.is_empty() {
            if state.closing {
                return None;
            }
            state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let mut taken = Vec::new();
        let mut bytes = 0;
        while let Some(job) = state.jobs.front() {
            if !taken.is_empty() && bytes + job.batch.bytes() > COMMIT_BYTES_MAX {
                break;
            }
            bytes += job.batch.bytes();
            taken.extend(state.jobs.pop_front());
        }
        state.bytes -= bytes;
        drop(state);
        self.room.notify_all();
        Some(taken)
    }

    /// Ends writing for good and returns the jobs that still waited.
    fn end(&self, reason: StoreError) -> VecDeque<Job> {
        let mut state = self.lock();
        state.ended = Some(reason);
        state.bytes = 0;
        let waiting = std::mem::take(&mut state.jobs);
        drop(state);
        self.room.notify_all();
        waiting
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic while the lock is held cannot leave the state half-changed: no code in there
        // panics between two changes.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn refusal(state: &State) -> Option<StoreError> {
    match (&state.ended, state.closing) {
        (Some(reason), _) => Some(StoreError::ReadOnly { reason: reason.to_string() }),
        (None, true) => Some(StoreError::ReadOnly { reason: "it was closed".to_owned() }),
        (None, false) => None,
    }
}

/// The writer's own state: what comes next.
pub(super) struct Writer {
    pub(super) dir: PathBuf,
    pub(super) tables: Arc<Tables>,
    pub(super) watermark: Watermark,
    pub(super) durability: Durability,
    pub(super) ends: Ends,
}

/// Where journal and chain end. Batches are checked against it before they are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ends {
    pub(super) commits: u64,
    /// First position that is kept; one above the last if none is.
    pub(super) journal_first: JournalPosition,
    /// Last position ever written.
    pub(super) journal_last: JournalPosition,
    /// Height and log size of the newest decided block.
    pub(super) top: Option<(Height, u64)>,
}

impl Writer {
    /// Commits until the queue is closed or the disk fails.
    pub(super) fn run(mut self, queue: &Queue) {
        let _told = EndOnPanic(queue);
        while let Some(jobs) = queue.take() {
            if let Err(error) = self.commit(jobs, queue) {
                tracing::error!(%error, "nothing more will be written or voted for until restart");
                let reason = error.to_string();
                for job in queue.end(error) {
                    job.on_durable.tell(Err(StoreError::ReadOnly { reason: reason.clone() }));
                }
                // Later callers are told by `Queue::push`.
                return;
            }
        }
        if let Err(error) = self.settle() {
            tracing::error!(%error, "closing the store");
            queue.end(error);
        }
    }

    /// Writes jobs as one commit and tells their owners, in order. An error has been told too.
    fn commit(&mut self, jobs: Vec<Job>, queue: &Queue) -> Result<(), StoreError> {
        let mut ends = self.ends;
        let mut puts = Puts::new();
        let mut outcomes = VecDeque::with_capacity(jobs.len());
        for Job { batch, on_durable } in jobs {
            // A batch that breaks an order is refused as a whole; the others are not to blame.
            let outcome = ends.check(&batch.changes);
            if outcome.is_ok() {
                batch.changes.into_iter().for_each(|change| lay_out(change, &mut ends, &mut puts));
            }
            outcomes.push_back((on_durable, outcome));
        }
        // Ends the queue before `outcomes` is dropped: whoever is told of a panic finds the store ended.
        let _ended = EndOnPanic(queue);
        let written = if puts.is_empty() { Ok(()) } else { self.write(ends, puts) };
        while let Some((on_durable, outcome)) = outcomes.pop_front() {
            on_durable.tell(written.clone().and(outcome));
        }
        written
    }

    fn write(&mut self, mut ends: Ends, mut puts: Puts) -> Result<(), StoreError> {
        ends.commits += 1;
        for (key, before, after) in [
            (keys::COMMITS, self.ends.commits, ends.commits),
            (keys::JOURNAL_FIRST, self.ends.journal_first.0, ends.journal_first.0),
            (keys::JOURNAL_LAST, self.ends.journal_last.0, ends.journal_last.0),
        ] {
            if before != after {
                put(&mut puts, Table::Notes, key, Some(copy(&keys::number(after))));
            }
        }
        let sync = self.durability == Durability::Fsync;
        self.tables
            .commit(puts, sync)
            .map_err(|e| StoreError::database(&self.dir, "writing a commit", e))?;
        self.watermark
            .advance(ends.commits)
            .map_err(|e| StoreError::disk(&self.dir, "writing the watermark", e))?;
        self.ends = ends;
        Ok(())
    }

    fn settle(&self) -> Result<(), StoreError> {
        self.tables.sync().map_err(|e| StoreError::database(&self.dir, "closing", e))?;
        self.watermark.sync().map_err(|e| StoreError::disk(&self.dir, "closing", e))
    }
}

/// A panic of the writer (or of a callback) must not leave callers waiting for ever.
struct EndOnPanic<'a>(&'a Queue);

impl Drop for EndOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // Dropping the jobs tells their owners.
            drop(self.0.end(StoreError::Panicked));
        }
    }
}

impl Ends {
    /// Checks that changes, made in this order, keep every order that there is.
    fn check(self, changes: &[Change]) -> Result<(), StoreError> {
        let mut ends = self;
        for change in changes {
            match change {
                Change::Journal { position, .. } if *position != ends.journal_last.next() => {
                    let (given, expected) = (*position, ends.journal_last.next());
                    return Err(StoreError::NotContiguous { given, expected });
                }
                Change::Block(block) => ends.check_block(block)?,
                _ => {}
            }
            ends.apply(change);
        }
        Ok(())
    }

    fn check_block(self, block: &StoredBlock) -> Result<(), StoreError> {
        let (height, log_first) = match self.top {
            Some((height, log_size)) => (height.next(), log_size),
            None => (block.height, block.log_first),
        };
        in_order("height", block.height.0, height.0)?;
        in_order("first log index", block.log_first, log_first)?;
        in_order("log size", block.log_size, block.log_size.max(log_first))
    }

    /// Moves the ends as a checked change does.
    fn apply(&mut self, change: &Change) {
        match change {
            Change::Journal { position, .. } => self.journal_last = *position,
            Change::TrimJournal { below } => {
                self.journal_first = self.journal_first.max(*below).min(self.journal_last.next());
            }
            Change::Block(block) => self.top = Some((block.height, block.log_size)),
            _ => {}
        }
    }
}

fn in_order(what: &'static str, given: u64, expected: u64) -> Result<(), StoreError> {
    if given == expected { Ok(()) } else { Err(StoreError::OutOfOrder { what, given, expected }) }
}

/// Turns a checked change into table entries and moves the ends.
fn lay_out(change: Change, ends: &mut Ends, puts: &mut Puts) {
    let first_before = ends.journal_first.0;
    ends.apply(&change);
    match change {
        Change::Journal { position, record } => {
            put(puts, Table::Journal, &keys::number(position.0), Some(record));
        }
        Change::TrimJournal { .. } => {
            for position in first_before..ends.journal_first.0 {
                put(puts, Table::Journal, &keys::number(position), None);
            }
        }
        Change::Batch { key, batch } => put(puts, Table::Batches, &keys::batch(key), Some(batch)),
        Change::Testimony { key, testimony } => {
            put(puts, Table::Testimony, &keys::testimony(key), Some(testimony));
        }
        Change::ForgetTestimony { key } => {
            put(puts, Table::Testimony, &keys::testimony(key), None);
        }
        Change::Block(block) => lay_out_block(&block, puts),
        Change::Certificate { log_size, height, certificate } => {
            put(puts, Table::Certificates, &keys::certificate(log_size, height), Some(certificate));
        }
        Change::Tile { level, index, hashes } => {
            put(puts, Table::Tiles, &keys::tile(level, index), Some(hashes));
        }
        Change::Evidence { key, evidence } => {
            put(puts, Table::Evidence, &keys::evidence(key), Some(evidence));
        }
    }
}

fn lay_out_block(block: &StoredBlock, puts: &mut Puts) {
    let height = keys::number(block.height.0);
    put(puts, Table::Blocks, &height, Some(block.to_value()));
    if block.log_size > block.log_first {
        let start = keys::number(block.log_first);
        put(puts, Table::Starts, &start, Some(copy(&height)));
    }
}

/// A later entry for the same key takes the place of an earlier one of the same commit.
fn put(puts: &mut Puts, table: Table, key: &[u8], value: Option<Bytes>) {
    puts.insert((table, copy(key)), value);
}

fn copy(bytes: &[u8]) -> Bytes {
    Bytes::copy_from_slice(bytes)
}
