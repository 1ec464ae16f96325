//! Collects outputs and numbers the writes among them.

use crate::io::{Outgoing, Output, Recipients, StoreOp, Unsigned, When, WritePosition};
use crate::job::Job;
use crate::wire::PeerMessage;

/// The outputs of one step, in order.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    outputs: Vec<Output>,
    written: WritePosition,
    durable: WritePosition,
}

impl Outbox {
    /// Adds an output that is no write.
    pub(crate) fn push(&mut self, output: Output) {
        debug_assert!(!matches!(output, Output::Write { .. }), "writes are numbered");
        self.outputs.push(output);
    }

    /// Adds a write; returns its position.
    pub(crate) fn write(&mut self, op: StoreOp) -> WritePosition {
        self.written.0 += 1;
        let position = self.written;
        self.outputs.push(Output::Write { position, op });
        position
    }

    /// Adds a message that needs no signature.
    pub(crate) fn send(&mut self, when: When, to: Recipients, message: PeerMessage) {
        self.push(Output::Send { when, to, message: Outgoing::Ready(Box::new(message)) });
    }

    /// Adds a message that needs one.
    pub(crate) fn send_unsigned(&mut self, when: When, to: Recipients, message: Unsigned) {
        self.push(Output::Send { when, to, message: Outgoing::ToSign(message) });
    }

    /// Adds a job.
    pub(crate) fn run(&mut self, job: Job) {
        self.push(Output::Run(Box::new(job)));
    }

    /// Notes that the writes up to here are durable.
    pub(crate) fn durable_up_to(&mut self, position: WritePosition) {
        debug_assert!(position <= self.written, "nothing is durable before it is written");
        self.durable = self.durable.max(position.min(self.written));
    }

    /// The last write known to be durable.
    pub(crate) fn durable(&self) -> WritePosition {
        self.durable
    }

    /// Moves what was collected to the end of `outputs`.
    pub(crate) fn drain_into(&mut self, outputs: &mut Vec<Output>) {
        outputs.append(&mut self.outputs);
    }
}
