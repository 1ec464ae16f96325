//! What must hold in every run, checked from outside: nothing here uses the engine's own logic.

mod agreement;
mod blame;
mod certification;
mod delays;
mod new_view;
mod validity;
mod votes;

use crate::policy::Policy;
use agreement::Agreement;
use ally_consensus::{
    BatchRef, BlockRef, CheckpointCertificate, Decided, DecisionPath, Evidence, Message, Micros,
    Record, Signed, View,
};
use ally_policy::{ServerIndex, ServerSet};
use blame::Blame;
use certification::Certification;
use delays::Delays;
use new_view::NewViewSoundness;
use std::sync::Arc;
use validity::Validity;
use votes::Votes;

/// All invariants of a run.
pub struct Invariants {
    agreement: Agreement,
    validity: Validity,
    votes: Votes,
    new_view: NewViewSoundness,
    certification: Certification,
    blame: Blame,
    delays: Delays,
    violations: Vec<String>,
    paths: [u64; 3],
}

impl Invariants {
    /// Nothing has happened yet.
    pub fn new(policy: Arc<Policy>, honest: ServerSet) -> Self {
        Self {
            agreement: Agreement::default(),
            validity: Validity::new(honest),
            votes: Votes::default(),
            new_view: NewViewSoundness::new(policy),
            certification: Certification::default(),
            blame: Blame::new(honest),
            delays: Delays::default(),
            violations: Vec::new(),
            paths: [0; 3],
        }
    }

    /// An honest server decided a block.
    pub fn decided(&mut self, server: ServerIndex, decided: &Decided, now: Micros) {
        let path = match decided.path {
            DecisionPath::Fast => 0,
            DecisionPath::Slow => 1,
            DecisionPath::Certificate => 2,
        };
        self.paths[path] += 1;
        self.delays.decided(decided.block.hash, path, now);
        let first = self.agreement.decided(server, decided);
        if first == Ok(true) {
            let result = self.validity.decided(decided);
            self.note(result);
        }
        self.note(first.map(|_| ()));
    }

    /// A client submitted a batch at an honest server.
    pub fn submitted(&mut self, batch: BatchRef) {
        self.validity.submitted(batch);
    }

    /// Any server sent a message. For honest ones `durable` is what their disk holds for sure.
    pub fn sent(
        &mut self,
        from: ServerIndex,
        message: &Signed<Message>,
        durable: Option<&[Record]>,
        now: Micros,
    ) {
        if let Message::Proposal(proposal) = &message.body {
            self.delays.proposed(proposal.header.hash(), now);
        }
        self.new_view.sent(from, &message.body);
        if let Some(durable) = durable {
            let result = self.votes.sent(from, &message.body, durable);
            self.note(result);
        }
    }

    /// An honest server entered a view, or began to leave one.
    pub fn entered(&mut self, view: View, tip: Option<BlockRef>) {
        self.new_view.entered(view, tip);
    }

    /// A certificate came to be.
    pub fn certified(&mut self, certificate: &CheckpointCertificate) {
        self.certification.certified(certificate);
    }

    /// An honest server accused another.
    pub fn blamed(&mut self, server: ServerIndex, evidence: &Evidence) {
        let result = self.blame.blamed(server, evidence);
        self.note(result);
    }

    /// An honest server stopped; it remembers this many decided blocks.
    pub fn crashed(&mut self, server: ServerIndex, remembered: usize) {
        self.agreement.crashed(server, remembered);
    }

    /// Something else that must not be.
    pub fn violate(&mut self, what: String) {
        self.violations.push(what);
    }

    /// As [`Invariants::violate`], if there is something.
    pub fn violate_all(&mut self, what: Option<String>) {
        self.violations.extend(what);
    }

    /// The checks that look back over the whole run.
    pub fn finish(&mut self) {
        let results = [self.new_view.finish(), self.certification.finish(self.agreement.chain())];
        for result in results {
            self.note(result);
        }
    }

    /// What is broken so far.
    pub fn violations(&self) -> &[String] {
        &self.violations
    }

    /// What was broken.
    pub fn into_violations(self) -> Vec<String> {
        self.violations
    }

    /// Blocks that some honest server decided.
    pub fn blocks(&self) -> u64 {
        self.agreement.chain().len() as u64
    }

    /// Decisions of honest servers by path.
    pub fn paths(&self) -> [u64; 3] {
        self.paths
    }

    /// The shortest and longest time from a proposal to an honest server's decision, by path, µs.
    pub fn delays(&self) -> [Option<(u64, u64)>; 3] {
        self.delays.ranges()
    }

    fn note(&mut self, result: Result<(), String>) {
        self.violations.extend(result.err());
    }
}

#[cfg(test)]
mod tests;
