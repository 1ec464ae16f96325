//! Between the replica and its engine.

use super::Replica;
use crate::batch::BatchId;
use crate::chain::CheckedBlock;
use crate::evidence::Evidence;
use crate::fetch::Urgency;
use crate::io::{Output, Recipients, StoreOp, Unsigned, When};
use crate::job::Job;
use crate::payload::{self, PayloadCheck};
use ally_consensus::{BlockRef, Bug, Message, PayloadVerdict, Proposal};

type EngineInput = ally_consensus::Input;
type EngineOutput = ally_consensus::Output;

impl Replica {
    /// Feeds the engine all that waits for it, and does what it says.
    pub(super) fn run_engine(&mut self) {
        let mut outputs = std::mem::take(&mut self.engine_outputs);
        while let Some(input) = self.inbox.pop_front() {
            self.engine.step(input, self.now, &mut outputs);
            for output in outputs.drain(..) {
                self.heed(output);
            }
        }
        self.engine_outputs = outputs;
    }

    fn heed(&mut self, output: EngineOutput) {
        let now = self.now.monotonic;
        match output {
            EngineOutput::Journal { position, record } => {
                self.journal.append(position, record, &mut self.out);
            }
            EngineOutput::Send { to, message } => self.say(When::AtOnce, to, message),
            EngineOutput::SendDurable { after, to, message } => {
                self.say(self.journal.when(after), to, message);
            }
            EngineOutput::CheckPayload { block, proposal } => self.check_payload(block, proposal),
            EngineOutput::Combine { statement, shares } => {
                self.out.run(Job::CombineStatement { statement, shares });
            }
            EngineOutput::Decided(decided) => {
                self.decided = decided.block;
                self.catch_up.decided(decided.block);
                self.undelivered.push_back(*decided);
                self.stirred = true;
            }
            EngineOutput::View { view, open } => {
                self.passed_over.new_leader(now);
                self.out.push(Output::View { view, open: open.is_some() });
            }
            EngineOutput::Behind { decided, certificate } => {
                self.catch_up.behind(decided, certificate, now, &self.peers, &mut self.out);
            }
            EngineOutput::Evidence(evidence) => {
                self.out.write(StoreOp::Evidence(Box::new(Evidence::Consensus(*evidence))));
            }
            EngineOutput::Testimony(testimony) => {
                self.out.write(StoreOp::Testimony(testimony));
            }
            EngineOutput::Halt(breach) => {
                self.halted = true;
                self.out.push(Output::Halt(breach));
            }
            // The engine's outputs may grow; each new one must be heeded here.
            other => unreachable!("an engine output that nobody heeds: {other:?}"),
        }
    }

    fn say(&mut self, when: When, to: ally_consensus::Recipients, message: Message) {
        let to = match to {
            ally_consensus::Recipients::All => Recipients::All,
            ally_consensus::Recipients::One(server) => Recipients::One(server),
        };
        self.out.send_unsigned(when, to, Unsigned::Consensus(message));
    }

    /// Answers the engine's question about a payload, now or when what is missing has come.
    pub(super) fn check_payload(&mut self, block: BlockRef, proposal: Proposal) {
        let header = &proposal.header;
        if block.height <= self.chain.tip().height {
            return;
        }
        if self.chain.checked(&block.hash).is_some() {
            return self.tell_verdict(block, PayloadVerdict::Valid);
        }
        let draft = self.chain.take_draft(&header.parent, &header.payload_digest);
        let Some(parent) = self.chain.state(&header.parent) else {
            return self.park(block, proposal, []);
        };
        let found = match draft {
            Some(draft) if draft.fits(header) => PayloadCheck::Valid(draft),
            _ => {
                let bugs = self.config.engine.bugs;
                payload::check(&proposal, parent, &self.pool, &self.config.limits, bugs)
            }
        };
        match found {
            PayloadCheck::Valid(checked) => self.note_checked(block, checked),
            PayloadCheck::Invalid => self.tell_verdict(block, PayloadVerdict::Invalid),
            PayloadCheck::Missing(missing) => {
                let proposer = self.config.engine.rotation.leader(header.view);
                for id in &missing {
                    self.fetcher.want(*id, Urgency::Proposed, proposer, self.now.monotonic);
                }
                self.park(block, proposal, missing);
            }
        }
    }

    fn park(
        &mut self,
        block: BlockRef,
        proposal: Proposal,
        missing: impl IntoIterator<Item = BatchId>,
    ) {
        if let Some(forgotten) = self.checks.park(block, proposal, missing) {
            self.tell_verdict(forgotten, PayloadVerdict::Postponed);
        }
    }

    fn note_checked(&mut self, block: BlockRef, checked: CheckedBlock) {
        if self.config.engine.bugs.has(Bug::ShareBeforeDecision) {
            let (log, now) = (&checked.state, self.now.monotonic);
            self.certifier.delivered(block, log.log_size(), log.log_root(), now);
        }
        let forgotten = self.chain.insert(block, checked);
        if forgotten != Some(block) {
            self.tell_verdict(block, PayloadVerdict::Valid);
            self.check_children(block);
        }
        if let Some(forgotten) = forgotten {
            self.tell_verdict(forgotten, PayloadVerdict::Postponed);
        }
    }

    fn tell_verdict(&mut self, block: BlockRef, verdict: PayloadVerdict) {
        self.inbox.push_back(EngineInput::Payload { block: block.hash, verdict });
    }

    /// The log after `block` is known: its children can be checked.
    pub(super) fn check_children(&mut self, block: BlockRef) {
        for parked in self.checks.state_known(&block.hash) {
            self.check_payload(parked.block, parked.proposal);
        }
    }

    /// A batch has come: blocks that waited for it can be checked.
    pub(super) fn check_with(&mut self, id: &BatchId) {
        for parked in self.checks.batch_came(id) {
            self.check_payload(parked.block, parked.proposal);
        }
    }
}
