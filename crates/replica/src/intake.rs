//! From this server's clients' commands to signed, durable batches.
//!
//! The origin must never sign two batches under one number, not even across a crash. So a batch is
//! written before it is sent to anybody, and enters this server's own pool only then; a restart goes
//! on after the highest number written. A batch that was signed and lost before it was durable has
//! been seen by nobody.

use crate::batch::{BATCH_OVERHEAD, Batch, COMMAND_OVERHEAD, HeldBatch, charged};
use crate::config::Limits;
use crate::io::{Refusal, WritePosition};
use ally_consensus::{Bug, Bugs, Sequence};
use ally_policy::ServerIndex;
use bytes::Bytes;
use std::collections::VecDeque;

/// Commands that wait for a batch, and this server's batches on their way.
#[derive(Debug)]
pub(crate) struct Intake {
    me: ServerIndex,
    limits: Limits,
    pending: VecDeque<Bytes>,
    pending_bytes: usize,
    /// The next batch's number.
    next: Sequence,
    signing: bool,
    /// Written, not durable yet.
    written: VecDeque<(WritePosition, HeldBatch)>,
    /// Number and charged bytes of each batch cut and not delivered.
    undelivered: VecDeque<(Sequence, usize)>,
    undelivered_bytes: usize,
    stopping: bool,
    bugs: Bugs,
}

impl Intake {
    /// For a server whose next batch has the number `next`; `undelivered` are its batches found in
    /// the store, with what they are [`charged`].
    pub(crate) fn new(
        me: ServerIndex,
        limits: Limits,
        next: Sequence,
        undelivered: impl IntoIterator<Item = (Sequence, usize)>,
    ) -> Self {
        let undelivered: VecDeque<_> = undelivered.into_iter().collect();
        let undelivered_bytes = undelivered.iter().map(|(_, bytes)| bytes).sum();
        Self {
            me,
            limits,
            pending: VecDeque::new(),
            pending_bytes: 0,
            next,
            signing: false,
            written: VecDeque::new(),
            undelivered,
            undelivered_bytes,
            stopping: false,
            bugs: Bugs::NONE,
        }
    }

    /// The same, with rules broken on purpose.
    pub(crate) fn planted(self, bugs: Bugs) -> Self {
        Self { bugs, ..self }
    }

    /// Takes all commands or none.
    ///
    /// # Errors
    /// [`Refusal`].
    pub(crate) fn submit(&mut self, commands: Vec<Bytes>) -> Result<(), Refusal> {
        if self.stopping {
            return Err(Refusal::Stopping);
        }
        let limit = self.limits.command_bytes_max();
        if let Some(long) = commands.iter().find(|command| command.len() > limit) {
            return Err(Refusal::TooLong { bytes: long.len(), limit });
        }
        let bytes: usize = commands.iter().map(cost).sum();
        let undecided_bytes = self.undecided_bytes();
        let limit = self.limits.undecided_bytes_max;
        if undecided_bytes + bytes > limit && !self.bugs.has(Bug::IntakeUnbounded) {
            return Err(Refusal::Busy { undecided_bytes, limit });
        }
        self.pending_bytes += bytes;
        self.pending.extend(commands);
        Ok(())
    }

    /// Takes no more commands; those taken still go their way.
    pub(crate) fn stop(&mut self) {
        self.stopping = true;
    }

    /// Bytes taken and not delivered.
    pub(crate) fn undecided_bytes(&self) -> usize {
        self.pending_bytes + self.undelivered_bytes
    }

    /// The next batch to sign, if it is time for one: at once while few are on their way, else when
    /// one is full.
    pub(crate) fn cut(&mut self) -> Option<Batch> {
        if self.signing || self.pending.is_empty() {
            return None;
        }
        let idle = self.undelivered.len() < self.limits.batches_in_flight_max;
        let full = self.pending_bytes + BATCH_OVERHEAD >= self.limits.batch_bytes_max
            || self.pending.len() >= self.limits.batch_commands_max;
        // One write at a time: what comes meanwhile shares the next batch.
        let durable = self.written.is_empty();
        if !(full || idle && durable) {
            return None;
        }
        let commands = self.take_batch();
        let batch = Batch::new(self.me, self.next, &commands).expect("within a batch's limits");
        self.next = self.next.next();
        self.signing = true;
        let bytes = match self.bugs.has(Bug::OverheadCharged) {
            false => charged(batch.content().len()),
            true => batch.content().len(),
        };
        self.undelivered.push_back((batch.sequence(), bytes));
        self.undelivered_bytes += bytes;
        Some(batch)
    }

    /// The commands that fit into one batch; at least one.
    fn take_batch(&mut self) -> Vec<Bytes> {
        let mut bytes = BATCH_OVERHEAD;
        let mut count = 0;
        for command in self.pending.iter().take(self.limits.batch_commands_max) {
            if bytes + cost(command) > self.limits.batch_bytes_max {
                break;
            }
            bytes += cost(command);
            count += 1;
        }
        self.pending_bytes -= bytes - BATCH_OVERHEAD;
        self.pending.drain(..count).collect()
    }

    /// The batch from [`Intake::cut`] is signed and was written at `position`.
    pub(crate) fn written(&mut self, batch: HeldBatch, position: WritePosition) {
        self.signing = false;
        self.written.push_back((position, batch));
    }

    /// The next batch that has become durable.
    pub(crate) fn pop_durable(&mut self, durable: WritePosition) -> Option<HeldBatch> {
        let (position, _) = self.written.front()?;
        (*position <= durable).then(|| self.written.pop_front().map(|(_, batch)| batch))?
    }

    /// This server's batches below `next` are delivered.
    pub(crate) fn advance(&mut self, next: Sequence) {
        while let Some((sequence, bytes)) = self.undelivered.front().copied() {
            if sequence >= next {
                return;
            }
            self.undelivered.pop_front();
            self.undelivered_bytes -= bytes;
        }
    }
}

fn cost(command: &Bytes) -> usize {
    COMMAND_OVERHEAD + command.len()
}

#[cfg(test)]
#[path = "intake_tests.rs"]
mod tests;
