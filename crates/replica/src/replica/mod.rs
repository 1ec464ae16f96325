//! The replica: every part of a server that decides something, in one state machine.
//!
//! ```text
//!  clients --Submit--> intake --batch, durable--> pool --payload--> engine --Decided--> delivery
//!  peers ---Batch------------------------------->  |  \--checks-->    |                   |
//!                                                fetcher          votes, views        certifier
//!                                                                 catch-up <--certificates--'
//! ```
//!
//! A step takes one input, lets the engine run until it has nothing more to say, delivers, proposes,
//! and does what the time asks for. Nothing else happens, ever. After a step all is at rest until an
//! input says something new, or the next deadline has come: so a step that does neither ends at once.

mod delivery;
mod engine;
mod messages;
mod ordering;
mod restore;
mod status;

pub use restore::{RECOVERED_HEADERS, Recovered, RestoreError};
pub use status::Status;

use crate::catch_up::CatchUp;
use crate::certifier::Certifier;
use crate::chain::Chain;
use crate::checks::Checks;
use crate::config::Config;
use crate::fair_share::FairShare;
use crate::fetch::Fetcher;
use crate::intake::Intake;
use crate::io::{Input, Output, WritePosition};
use crate::job::Done;
use crate::journal::Journal;
use crate::outbox::Outbox;
use crate::passed_over::PassedOver;
use crate::peers::Peers;
use crate::pool::{Demand, Pool};
use ally_consensus::{BlockRef, Bug, Decided, Engine, Micros, Now, earlier};
use ally_policy::ServerSet;
use std::collections::VecDeque;

/// A whole server without I/O.
///
/// Pure: the same inputs give the same outputs, and nothing happens but in [`Replica::step`].
///
/// # Source
/// docs/protocol.md
pub struct Replica {
    config: Config,
    fair_share: FairShare,
    now: Now,
    engine: Engine,
    /// What the engine is to be told next.
    inbox: VecDeque<ally_consensus::Input>,
    /// Room for what the engine says, kept from step to step.
    engine_outputs: Vec<ally_consensus::Output>,
    out: Outbox,
    journal: Journal,
    intake: Intake,
    pool: Pool,
    chain: Chain,
    checks: Checks,
    fetcher: Fetcher,
    passed_over: PassedOver,
    certifier: Certifier,
    catch_up: CatchUp,
    peers: Peers,
    /// Servers of which a misstatement was kept: one each until the next start.
    misstated: ServerSet,
    /// Decided, in order, not delivered yet.
    undelivered: VecDeque<Decided>,
    /// The engine's last decided block.
    decided: BlockRef,
    /// What the engine was told last about waiting batches.
    work_waiting: bool,
    /// Batches or decisions have come since delivery was tried last.
    stirred: bool,
    /// More may follow from the last step than was done in it.
    restless: bool,
    /// When the time asks for something next, as of the last step.
    due: Option<Micros>,
    halted: bool,
}

impl Replica {
    /// Takes one input; appends what is to be done to `outputs`.
    ///
    /// # Cost
    /// Constant per message, one hash per command of a block that is checked or delivered.
    pub fn step(&mut self, input: Input, now: Now, outputs: &mut Vec<Output>) {
        if self.halted {
            return;
        }
        self.now = now.not_before(self.now);
        let is_news = self.take(input);
        if is_news || self.restless || self.is_due() {
            self.go_on();
        }
        self.out.drain_into(outputs);
    }

    /// When [`Input::Tick`] is due; none while there is nothing to wait for.
    pub fn deadline(&self) -> Option<Micros> {
        self.due.filter(|_| !self.halted)
    }

    /// Does what follows from an input, and what the time asks for.
    fn go_on(&mut self) {
        let was_due = self.is_due();
        if self.restless || self.stirred || !self.inbox.is_empty() {
            self.settle();
        }
        self.keep_time();
        let late = !self.inbox.is_empty();
        if late {
            self.settle();
        }
        let has_cut = self.cut_batches();
        self.restless = was_due || late || has_cut || self.passed_over.is_any_passed();
        self.due = self.next_deadline();
    }

    fn is_due(&self) -> bool {
        self.due.is_some_and(|due| due <= self.now.monotonic)
    }

    fn next_deadline(&self) -> Option<Micros> {
        let deadlines = [
            self.engine.deadline(),
            self.fetcher.deadline(),
            self.certifier.deadline(),
            self.catch_up.deadline().filter(|_| !self.is_clogged()),
            self.passed_over.deadline(),
        ];
        deadlines.into_iter().fold(None, earlier)
    }

    /// Takes an input; whether anything can follow from it.
    fn take(&mut self, input: Input) -> bool {
        match input {
            Input::Received { from, message } => self.receive(from, message),
            Input::Misstated(proof) => self.keep_misstatement(&proof),
            Input::Submit { ticket, commands } => {
                if let Err(reason) = self.intake.submit(commands) {
                    self.out.push(Output::Refused { ticket, reason });
                }
            }
            Input::Durable(position) => return self.durable(position),
            Input::Done { done, cost } => self.done(*done, cost),
            Input::Connected(server) => self.connected(server),
            Input::Disconnected(server) => self.disconnected(server),
            Input::Stopping => {
                self.intake.stop();
                self.inbox.push_back(ally_consensus::Input::Stopping);
            }
            Input::Tick => {}
        }
        true
    }

    /// Runs the engine, delivers and proposes until nothing follows from anything.
    fn settle(&mut self) {
        loop {
            self.run_engine();
            self.deliver();
            self.note_waiting();
            if self.inbox.is_empty() {
                self.propose();
            }
            if self.inbox.is_empty() || self.halted {
                return;
            }
        }
    }

    /// Everything that the time asks for.
    fn keep_time(&mut self) {
        let now = self.now.monotonic;
        if self.engine.deadline().is_some_and(|deadline| deadline <= now) {
            self.inbox.push_back(ally_consensus::Input::Tick);
        }
        self.ask_for_batches();
        self.heed_neglect();
        let missed = self.certifier.poll(now, &self.peers, &mut self.out);
        if !self.config.engine.bugs.has(Bug::NotToldAgain) {
            self.inbox.extend(missed.iter().map(ally_consensus::Input::Unheard));
        }
        if !self.is_clogged() {
            self.catch_up.poll(self.decided, now, &self.peers, &mut self.out);
        }
    }

    /// Whether batches of this server can be ordered from now on.
    fn durable(&mut self, position: WritePosition) -> bool {
        self.out.durable_up_to(position);
        let durable = self.out.durable();
        self.journal.durable(durable);
        while let Some(batch) = self.intake.pop_durable(durable) {
            // This server's own quota is kept where commands are taken.
            self.pool.add(batch, Demand::Wanted);
            self.stirred = true;
        }
        self.stirred
    }

    fn done(&mut self, done: Done, cost: Micros) {
        self.certifier.spent(&done, cost);
        let (peers, out) = (&self.peers, &mut self.out);
        match done {
            Done::SignBatch(batch) => self.spread(batch),
            Done::CertifyShare { block, share } => {
                self.certifier.own_share(block, share, peers, out);
            }
            Done::CombineCertificate { block, result } => {
                if let Some(certificate) = self.certifier.combined(block, result, peers, out) {
                    self.take_certificate(certificate);
                }
            }
            Done::ProveShare { block, proof } => self.certifier.own_proof(block, proof, out),
            Done::CheckShare { block, server, valid } => {
                self.certifier.share_checked(block, server, valid, peers, out);
            }
            Done::CombineStatement { statement, result } => {
                self.inbox.push_back(ally_consensus::Input::Combined { statement, result });
            }
        }
    }
}
