//! An honest server: the real engine, with the same rules around it as in the real server.
//!
//! - A message that must be durable first leaves only after the sync that covers its record.
//! - What is sent to all comes back to the sender.
//! - A crash loses what was not synced, and everything in memory; a restart replays the journal.

use crate::disk::Disk;
use crate::keys::Signer;
use crate::payload::{Look, Payloads};
use ally_consensus::{
    Base, BatchRef, BlockRef, Breach, CheckpointCertificate, Config, Decided, Draft, Engine,
    Evidence, Input, JournalPosition, Message, Micros, Output, PayloadVerdict, Phase, Proposal,
    Recipients, Record, Signed, Statement, SyncedBlock, View, signing_bytes,
};
use ally_policy::ServerIndex;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// What a server asks of the world.
pub enum Effect {
    /// Send a signed message.
    Send {
        /// To whom.
        to: Recipients,
        /// What.
        message: Signed<Message>,
    },
    /// A sync was started: tell the disk when it ends.
    Sync,
    /// Look for these batches at others.
    FetchBatches(Vec<BatchRef>),
    /// Combine, which takes time.
    Combine {
        /// On what.
        statement: Statement,
        /// Which shares.
        shares: Vec<(ServerIndex, Vec<u8>)>,
    },
    /// Decided a block.
    Decided(Decided),
    /// Entered a view, or began to leave one.
    View {
        /// Which.
        view: View,
        /// The tip, once NV is known.
        tip: Option<BlockRef>,
    },
    /// Wants the blocks up to this certificate.
    CatchUp {
        /// The certified block.
        certificate: CheckpointCertificate,
    },
    /// Says that it can prove somebody's fault.
    Evidence(Evidence),
    /// Says that the policy's assumption does not hold, and stops.
    Halted(Breach),
}

/// A message that waits for the journal.
struct Waiting {
    after: JournalPosition,
    to: Recipients,
    message: Message,
}

/// An honest server; while it is down it has no engine.
pub struct Server {
    me: ServerIndex,
    config: Config,
    signer: Signer,
    engine: Option<Engine>,
    disk: Disk,
    waiting: Vec<Waiting>,
    payloads: Payloads,
    checks: BTreeMap<BlockRef, Arc<Proposal>>,
    chain: Vec<Decided>,
    certified: Option<CheckpointCertificate>,
    slow_path: bool,
    work: bool,
    inputs: VecDeque<Input>,
}

impl Server {
    /// A server that starts for the first time.
    pub fn new(me: ServerIndex, config: Config, signer: Signer) -> Self {
        let genesis = BlockRef::genesis(config.context.alliance, config.context.epoch);
        Self {
            me,
            slow_path: config.policy.has_slow_path(),
            engine: Some(Engine::new(config.clone())),
            config,
            signer,
            disk: Disk::default(),
            waiting: Vec::new(),
            payloads: Payloads::new(genesis),
            checks: BTreeMap::new(),
            chain: Vec::new(),
            certified: None,
            work: false,
            inputs: VecDeque::new(),
        }
    }

    /// Whether it runs.
    pub fn is_up(&self) -> bool {
        self.engine.is_some()
    }

    /// Blocks it has decided, from height 1.
    pub fn chain(&self) -> &[Decided] {
        &self.chain
    }

    /// The highest certificate it knows.
    pub fn certified(&self) -> Option<&CheckpointCertificate> {
        self.certified.as_ref()
    }

    /// The batches and log states it knows.
    pub fn payloads(&self) -> &Payloads {
        &self.payloads
    }

    /// When it wants to be woken.
    pub fn deadline(&self) -> Option<Micros> {
        self.engine.as_ref().and_then(Engine::deadline)
    }

    /// The view it is in; none while it is down.
    pub fn view(&self) -> Option<View> {
        self.engine.as_ref().map(|engine| engine.status().view)
    }

    /// Whether it has left a view and is not in the next one yet.
    pub fn is_leaving(&self) -> bool {
        self.engine.as_ref().is_some_and(|engine| engine.status().phase == Phase::Changing)
    }

    /// What its disk holds for sure.
    pub fn durable_records(&self) -> &[Record] {
        self.disk.durable_records()
    }

    /// Journal records that a crash could lose.
    pub fn at_risk(&self) -> usize {
        self.disk.at_risk()
    }

    /// Takes an input and does what the engine says.
    pub fn step(&mut self, input: Input, now: Micros, effects: &mut Vec<Effect>) {
        if let Input::Certified(certificate) = &input {
            self.note_certified(certificate);
        }
        self.run(input, now, effects);
        self.settle(now, effects);
    }

    /// A batch arrived.
    pub fn hold(&mut self, batch: BatchRef, now: Micros, effects: &mut Vec<Effect>) {
        if self.payloads.hold(batch) {
            self.look_again(now, effects);
            self.settle(now, effects);
        }
    }

    /// The sync that [`Effect::Sync`] started has ended.
    pub fn synced(&mut self, now: Micros, effects: &mut Vec<Effect>) {
        self.disk.end_sync();
        let durable = self.disk.durable();
        let (ready, waiting) =
            std::mem::take(&mut self.waiting).into_iter().partition(|w| w.after <= durable);
        self.waiting = waiting;
        for Waiting { to, message, .. } in ready {
            self.send(to, message, effects);
        }
        self.settle(now, effects);
    }

    /// Stops dead. `kept` of the records that were not synced survive.
    pub fn crash(&mut self, kept: usize) {
        self.disk.crash(kept);
        self.engine = None;
        self.waiting.clear();
        self.checks.clear();
        self.work = false;
        // What was delivered above the last certified block is learned again.
        let certified = self.certified.as_ref().map_or(0, |c| c.block.height.0 as usize);
        self.chain.truncate(certified);
    }

    /// Starts again from its disk.
    ///
    /// # Panics
    /// If the engine refuses its own journal.
    pub fn restart(&mut self, now: Micros, effects: &mut Vec<Effect>) {
        let base = Base {
            decided: self.chain.iter().map(|decided| decided.header.clone()).collect(),
            certified: self.certified.clone(),
            position: self.disk.last(),
        };
        let engine =
            Engine::restore(self.config.clone(), base, self.disk.records().iter().cloned());
        self.engine = Some(engine.expect("an honest server's journal replays"));
        self.settle(now, effects);
    }

    /// The decided blocks after `height`, up to the certified one, for a server that is behind.
    pub fn blocks_after(
        &self,
        height: u64,
        certificate: &CheckpointCertificate,
    ) -> Option<Vec<SyncedBlock>> {
        let end = certificate.block.height.0 as usize;
        let last = self.chain.get(end.checked_sub(1)?)?;
        let blocks = self.chain.get(height as usize..end)?;
        (last.block == certificate.block).then(|| {
            let synced = |d: &Decided| SyncedBlock {
                header: d.header.clone(),
                batches: Arc::clone(&d.batches),
            };
            blocks.iter().map(synced).collect()
        })
    }

    /// Takes over blocks fetched from another server, payloads included.
    pub fn catch_up(
        &mut self,
        blocks: Vec<SyncedBlock>,
        certificate: CheckpointCertificate,
        now: Micros,
        effects: &mut Vec<Effect>,
    ) {
        for block in &blocks {
            for batch in block.batches.iter() {
                self.payloads.hold(*batch);
            }
            self.remember(block.header.hash(), &block.header.parent, &block.batches);
        }
        self.note_certified(&certificate);
        self.step(Input::Synced { blocks, certificate }, now, effects);
    }

    /// Takes an input, and then whatever inputs its outputs cause, one after the other.
    fn run(&mut self, input: Input, now: Micros, effects: &mut Vec<Effect>) {
        self.inputs.push_back(input);
        while let Some(input) = self.inputs.pop_front() {
            let Some(engine) = &mut self.engine else { return self.inputs.clear() };
            let mut outputs = Vec::new();
            engine.step(input, now, &mut outputs);
            for output in outputs {
                self.perform(output, effects);
            }
        }
    }

    fn perform(&mut self, output: Output, effects: &mut Vec<Effect>) {
        match output {
            Output::Journal { position, record } => self.disk.append(position, record),
            Output::Send { to, message } => self.send(to, message, effects),
            Output::SendDurable { after, to, message } if after <= self.disk.durable() => {
                self.send(to, message, effects);
            }
            Output::SendDurable { after, to, message } => {
                self.waiting.push(Waiting { after, to, message });
            }
            Output::CheckPayload { block, proposal } => {
                self.checks.insert(block, proposal);
                self.look(block, effects);
            }
            Output::Combine { statement, shares } => {
                effects.push(Effect::Combine { statement, shares });
            }
            Output::Decided(decided) => {
                self.remember(decided.block.hash, &decided.header.parent, &decided.batches);
                self.chain.push(decided.clone());
                effects.push(Effect::Decided(decided));
            }
            Output::View { view, open } => {
                effects.push(Effect::View { view, tip: open.map(|nv| nv.tip) });
            }
            Output::Behind { certificate, .. } => effects.push(Effect::CatchUp { certificate }),
            Output::Evidence(evidence) => effects.push(Effect::Evidence(evidence)),
            Output::Halt(breach) => effects.push(Effect::Halted(breach)),
            other => panic!("the simulator does not know this output: {other:?}"),
        }
    }

    /// Signs and sends, with the share that the message needs.
    fn send(&mut self, to: Recipients, mut message: Message, effects: &mut Vec<Effect>) {
        if let Some(statement) = message.share_statement(self.slow_path) {
            message.set_share(self.signer.share(self.me, &self.config.context, &statement));
        }
        let signature = message.signed_kind().map_or([0; 64], |kind| {
            let bytes = signing_bytes(&self.config.context, kind, &message.signed_content());
            self.signer.sign(self.me, &bytes)
        });
        let message = Signed { signer: self.me, signature, body: message };
        effects.push(Effect::Send { to, message });
    }

    /// Everything that follows from the state alone: proposals, the work flag, syncs.
    fn settle(&mut self, now: Micros, effects: &mut Vec<Effect>) {
        self.tell_work(now, effects);
        self.propose(now, effects);
        if self.engine.is_some() && self.disk.start_sync() {
            effects.push(Effect::Sync);
        }
    }

    fn tell_work(&mut self, now: Micros, effects: &mut Vec<Effect>) {
        let genesis =
            BlockRef::genesis(self.config.context.alliance, self.config.context.epoch).hash;
        let decided = self.chain.last().map_or(genesis, |decided| decided.block.hash);
        let waiting = self.payloads.waiting(&decided);
        if waiting != self.work && self.is_up() {
            self.work = waiting;
            self.run(Input::Work { waiting }, now, effects);
        }
    }

    fn propose(&mut self, now: Micros, effects: &mut Vec<Effect>) {
        while let Some(slot) = self.engine.as_ref().and_then(Engine::slot) {
            let batches = self.payloads.draft(&slot.parent.hash);
            let Some(state) = self.payloads.state(&slot.parent.hash) else { return };
            let wanted = slot.pressing || !batches.is_empty();
            let Some(after) = state.extend(&batches).filter(|_| wanted) else { return };
            let draft = Draft {
                parent: slot.parent,
                batches: batches.into(),
                log_size: after.size,
                log_root: after.root,
                timestamp_us: now,
            };
            let before = slot;
            self.run(Input::Propose(draft), now, effects);
            if self.engine.as_ref().and_then(Engine::slot) == Some(before) {
                return;
            }
            // The state after the new block is needed to propose the next one.
            if let Some(slot) = self.engine.as_ref().and_then(Engine::slot) {
                self.payloads.set_state(slot.parent.hash, after);
            }
        }
    }

    fn look_again(&mut self, now: Micros, effects: &mut Vec<Effect>) {
        let blocks: Vec<_> = self.checks.keys().copied().collect();
        for block in blocks {
            self.look(block, effects);
        }
        if let Some(input) = self.inputs.pop_front() {
            self.run(input, now, effects);
        }
    }

    /// Looks at a payload that is to be checked; the verdict waits among the inputs.
    fn look(&mut self, block: BlockRef, effects: &mut Vec<Effect>) {
        let Some(proposal) = self.checks.get(&block).cloned() else { return };
        let header = &proposal.header;
        let verdict = match self.payloads.look(&header.parent, &proposal.batches) {
            Look::Missing(batches) => return effects.push(Effect::FetchBatches(batches)),
            Look::Broken => PayloadVerdict::Invalid,
            Look::Complete(state)
                if (state.size, state.root) == (header.log_size, header.log_root) =>
            {
                self.payloads.set_state(block.hash, state);
                PayloadVerdict::Valid
            }
            Look::Complete(_) => PayloadVerdict::Invalid,
        };
        self.checks.remove(&block);
        self.inputs.push_back(Input::Payload { block: block.hash, verdict });
    }

    fn remember(
        &mut self,
        block: ally_consensus::BlockHash,
        parent: &ally_consensus::BlockHash,
        batches: &[BatchRef],
    ) {
        if let Some(state) = self.payloads.state(parent).and_then(|state| state.extend(batches)) {
            self.payloads.set_state(block, state);
        }
    }

    fn note_certified(&mut self, certificate: &CheckpointCertificate) {
        let height = |c: &CheckpointCertificate| c.block.height;
        if self.certified.as_ref().is_none_or(|known| height(known) < height(certificate)) {
            self.certified = Some(certificate.clone());
        }
    }
}
