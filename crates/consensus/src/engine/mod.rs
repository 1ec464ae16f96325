//! The engine: one server's proposer, acceptor and learner in one state machine.
//!
//! ```text
//!            leader                 acceptor                       learner
//!   slot -> propose --Proposal--> check, journal --Vote (durable)--> count, decide
//!                                     |    (slow path only)           |
//!                                     +------- Commit (durable) <-----+  commit certificate
//!   no progress, proof of equivocation, kernel of reports, abdication:
//!            acceptor --ViewChange (durable)--> leader --NewView--> acceptor
//!            acceptor --NewViewShare (durable)--> leader --EnterView--> all
//! ```
//!
//! Safety rests on four things, each in a file of its own: an acceptor votes along one chain per
//! view and never in a view that it has left (`acceptor.rs`); it is bound to its word by the journal
//! (`restore.rs`); a learner counts a server once per block (`learner.rs`); and a new view starts
//! from a block that has every decided one below it (`selection.rs`). Liveness rests on `timer.rs`,
//! `view_change.rs` and `entering.rs`: correct servers meet in a view with a correct leader for long enough.
//!
//! Deviations from FaB Paxos (Martin & Alvisi 2006): docs/protocol.md lists them. Not protected
//! against: more faults than the policy tolerates ([`Output::Halt`] when it shows), and a leader
//! that orders commands as it likes within its view.

mod acceptor;
mod clock;
mod commit;
mod entering;
mod evidence;
mod fetch;
mod leader;
mod learner;
mod restore;
pub(crate) mod selection;
mod status;
mod support;
mod testimony;
mod timer;
mod tree;
mod view_change;

#[cfg(test)]
mod bounds_tests;
#[cfg(test)]
mod commit_tests;
#[cfg(test)]
mod seven_tests;
#[cfg(test)]
mod two_tips_tests;

pub use restore::{Base, RestoreError};
pub use selection::selected_tip;
pub use status::{Counters, Phase, Sizes, Status};

use crate::{
    BlockRef, Bounds, Breach, Bug, CheckpointCertificate, Config, Height, Input, JournalPosition,
    Message, Micros, Now, Output, Recipients, Record, Signed, Slot, Testimony, Verified, View,
    earlier,
};
use acceptor::Acceptor;
use ally_policy::ServerIndex;
use evidence::Accusations;
use fetch::Wants;
use leader::Leader;
use learner::Learner;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use timer::Timer;
use tree::Tree;
use view_change::Change;

/// Agreement on a chain of blocks, for one server.
///
/// Pure: the same inputs give the same outputs, and nothing happens but in [`Engine::step`].
///
/// # Source
/// docs/protocol.md
#[derive(Clone)]
pub struct Engine {
    config: Config,
    /// The block that view 0 starts from.
    origin: BlockRef,
    /// Position of the last journal record.
    journal: JournalPosition,
    /// Whether the first step, which says what a restart has to say, was made.
    started: bool,
    /// The journal held something at the start, so views may have been led before it.
    restored: bool,
    /// Set by [`Output::Halt`]: no more steps.
    halted: bool,
    now: Now,
    certified: Option<Arc<CheckpointCertificate>>,
    /// A certified block that is out of reach.
    ahead: Option<Arc<CheckpointCertificate>>,
    work_waiting: bool,
    /// Payloads have to be asked for again.
    postponed: bool,
    tree: Tree,
    acceptor: Acceptor,
    learner: Learner,
    leader: Leader,
    change: Change,
    /// What made the last decided block one, until it is certified.
    support: Option<Arc<Testimony>>,
    wants: Wants,
    accusations: Accusations,
    timer: Timer,
    /// When the timer or the clock is due, as of the last step.
    due: Option<Micros>,
    counters: Counters,
}

impl Engine {
    /// A server that has never run before.
    ///
    /// # Panics
    /// If the configuration's limits are zero, above [`Bounds::branch_headers_max`], or its timeouts
    /// are zero.
    pub fn new(config: Config) -> Self {
        Self::empty(config, &Base::default())
    }

    /// Takes one input; appends what is to be done to `outputs`.
    ///
    /// `now` is what this server's clocks show.
    ///
    /// # Cost
    /// Amortised constant per vote and block, but for view changes, which cost in proportion to
    /// their reports.
    pub fn step(&mut self, input: Input, now: Now, outputs: &mut Vec<Output>) {
        if self.halted {
            return;
        }
        self.now = now.not_before(self.now);
        if !self.started {
            self.started = true;
            self.start(outputs);
        }
        self.take(input, outputs);
        self.vote(outputs);
        self.commit(outputs);
        self.heed_clock();
        self.choose_tip(outputs);
        self.endorse_choice(outputs);
        self.rearm_timer();
        self.due = earlier(self.timer.deadline(), self.clock_deadline());
    }

    /// When [`Input::Tick`] is due; none while there is nothing to wait for.
    pub fn deadline(&self) -> Option<Micros> {
        if !self.started {
            return Some(Micros::ZERO);
        }
        self.due.filter(|_| !self.halted)
    }

    /// Where this server's next block goes, if it leads and may propose now.
    pub fn slot(&self) -> Option<Slot> {
        if self.halted || !self.started {
            return None;
        }
        self.leader_slot()
    }

    /// Feeds into a hash what this engine will say about agreement from now on can depend on, so
    /// that a search can tell whether it has been here before.
    ///
    /// Left out are the clock and the patience, which say only *when* views are left, the counters,
    /// who was accused already, which only keeps proofs from being given twice, and what is kept to be
    /// passed on. Two engines that are alike in the rest give the same votes, reports, shares and
    /// decisions for the same inputs, if none of them is [`Input::Tick`] or [`Input::Unheard`].
    ///
    /// # Cost
    /// Linear in what the engine remembers.
    pub fn fingerprint(&self, hasher: &mut impl Hasher) {
        (self.journal, self.started, self.restored, self.halted).hash(hasher);
        (&self.certified, &self.ahead, self.work_waiting).hash(hasher);
        (&self.tree, &self.acceptor, &self.leader, &self.change, &self.wants).hash(hasher);
        self.learner.fingerprint(hasher);
    }

    fn take(&mut self, input: Input, out: &mut Vec<Output>) {
        match input {
            Input::Received(message) => self.receive(message, out),
            Input::Propose(draft) => self.propose(draft, out),
            Input::Payload { block, verdict } => self.judge(block, verdict, out),
            Input::Combined { statement, result } => self.combined(statement, result, out),
            Input::Certified(certificate) => self.note_certified(certificate, out),
            Input::Synced { blocks, certificate } => self.synced(blocks, certificate, out),
            Input::Work { waiting } => self.work_waiting = waiting,
            Input::Connected(peer) => self.greet(peer, out),
            Input::Unheard(peer) => {
                self.greet(peer, out);
                self.pass_on_support(peer, out);
            }
            Input::Starved => self.leave_if_open(out),
            Input::Stopping => self.abdicate(out),
            Input::Tick => self.tick(out),
        }
    }

    fn receive(&mut self, message: Verified, out: &mut Vec<Output>) {
        let Signed { signer, signature, body } = message.into_inner();
        if signer.index() >= self.config.policy.server_count() {
            return;
        }
        match body {
            Message::Proposal(body) => {
                self.on_proposal(Signed { signer, signature, body }, out);
            }
            Message::Vote(body) => self.on_vote(Signed { signer, signature, body }, out),
            Message::Commit(body) => self.on_commit(Signed { signer, signature, body }, out),
            Message::ViewChange(body) => {
                self.on_view_change(Arc::new(Signed { signer, signature, body: *body }), out);
            }
            Message::NewView(body) => self.on_new_view(Signed { signer, signature, body }, out),
            Message::NewViewShare(body) => {
                self.on_new_view_share(Signed { signer, signature, body }, out);
            }
            Message::EnterView(certificate) => self.enter(certificate, out),
            Message::Equivocation(proof) => self.on_equivocation(*proof, out),
            Message::Fetch(block) => self.on_fetch(signer, block, out),
            Message::Fetched(proposal) => self.on_fetched(proposal, out),
            Message::Support(support) => self.on_support(signer, *support, out),
        }
    }

    /// Says what a restart has to say, and marks the journal of a server that has never run.
    ///
    /// The mark lets a later start tell that this one may have led view 0.
    fn start(&mut self, out: &mut Vec<Output>) {
        if !self.restored {
            let position = self.write(Record::Leave(self.acceptor.view), out);
            self.leader.ready_after = position;
            return;
        }
        let root = self.tree.root().block.hash;
        self.ask_children(root, out);
        if self.leads(self.acceptor.view) && !self.config.bugs.has(Bug::LeadsAgain) {
            self.leave(self.acceptor.view.next(), timer::Cause::Abdication, out);
        } else {
            self.repeat_to(Recipients::All, out);
        }
        self.say_behind(out);
    }

    fn tick(&mut self, out: &mut Vec<Output>) {
        if self.timer.has_expired(self.now.monotonic) {
            self.counters.timeouts += 1;
            self.leave(self.acceptor.view.next(), timer::Cause::NoProgress, out);
        } else if self.timer.take_repeat(self.now.monotonic) {
            self.repeat_to(Recipients::All, out);
            self.repeat_proposals(Recipients::All, out);
            self.want_missing(out);
            if !self.config.bugs.has(Bug::AskedForOnce) {
                self.repeat_wants(out);
            }
            self.ask_postponed(out);
            self.say_behind(out);
        }
    }

    fn say_behind(&self, out: &mut Vec<Output>) {
        if let Some(certificate) = self.ahead.clone() {
            let decided = self.tree.root().block;
            out.push(Output::Behind { decided, certificate });
        }
    }

    /// A link came up: whatever was sent before may be lost.
    fn greet(&mut self, peer: ServerIndex, out: &mut Vec<Output>) {
        if peer == self.config.me || peer.index() >= self.config.policy.server_count() {
            return;
        }
        self.repeat_to(Recipients::One(peer), out);
        self.repeat_proposals(Recipients::One(peer), out);
    }

    fn write(&mut self, record: Record, out: &mut Vec<Output>) -> JournalPosition {
        self.journal = JournalPosition(self.journal.0 + 1);
        out.push(Output::Journal { position: self.journal, record });
        self.journal
    }

    /// What a message waits for: its record, unless a mistake forgets to wait.
    fn durable_first(&self, record: JournalPosition, bug: Bug) -> JournalPosition {
        if self.config.bugs.has(bug) { JournalPosition::ZERO } else { record }
    }

    fn halt(&mut self, breach: Breach, out: &mut Vec<Output>) {
        self.halted = true;
        out.push(Output::Halt(Box::new(breach)));
    }

    fn leads(&self, view: View) -> bool {
        self.config.rotation.leader(view) == self.config.me
    }

    fn certified_height(&self) -> Height {
        self.certified.as_ref().map_or(self.origin.height, |certificate| certificate.block.height)
    }

    fn empty(config: Config, base: &Base) -> Self {
        assert!(config.window_blocks > 0, "a window of no blocks lets nothing be proposed");
        assert!(
            (1..=Bounds::of(config.policy.as_ref()).branch_headers_max() as u64)
                .contains(&config.uncertified_blocks_max),
            "a report must be able to hold every uncertified block"
        );
        assert!(config.base_timeout.0 > 0, "a timeout of nothing never lets a view work");
        let origin = BlockRef::genesis(config.context.alliance, config.context.epoch);
        let root = base.root(origin);
        let servers = config.policy.server_count();
        Self {
            origin,
            journal: base.position,
            started: false,
            restored: false,
            halted: false,
            now: Now::ZERO,
            certified: None,
            ahead: None,
            work_waiting: false,
            postponed: false,
            tree: Tree::new(root),
            acceptor: Acceptor::new(origin),
            learner: Learner::new(servers),
            leader: Leader::new(root.block, root.timestamp_us),
            change: Change::new(servers),
            support: None,
            wants: Wants::default(),
            accusations: Accusations::default(),
            timer: Timer::new(config.base_timeout, config.timeout_max),
            due: None,
            counters: Counters::default(),
            config,
        }
    }
}
