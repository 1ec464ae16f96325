//! What peers say.

use super::Replica;
use crate::batch::{BatchId, HeldBatch};
use crate::check::Checked;
use crate::fetch::Urgency;
use crate::io::{Output, Recipients, Serve, StoreOp, When};
use crate::pool::{Arrival, Demand};
use crate::wire::{CertifyShare, PeerMessage, SyncBlocks};
use ally_consensus::{Bug, CheckpointCertificate, Evidence, Height, Message, Signed, Verified};
use ally_policy::ServerIndex;
use std::sync::Arc;

impl Replica {
    pub(super) fn receive(&mut self, from: ServerIndex, message: Checked) {
        let out = &mut self.out;
        match message {
            Checked::Consensus(message) => self.receive_consensus(message),
            Checked::Batch(batch) => self.receive_batch(batch),
            Checked::FetchBatches(ids) => self.serve_batches(from, ids),
            Checked::CertifyShare(share) => self.receive_share(share),
            Checked::ProofRequest(block) => self.certifier.proof_request(from, block, out),
            Checked::ShareProof(proof) => self.certifier.proof(Arc::unwrap_or_clone(proof), out),
            Checked::Certificate(certificate) => self.take_certificate(certificate),
            Checked::SyncRequest(after) => self.serve_blocks(from, after),
            Checked::SyncBlocks(answer) => self.receive_blocks(from, Arc::unwrap_or_clone(answer)),
        }
    }

    /// Keeps the proof of a misstatement, if it is the first of its signer since the start.
    pub(super) fn keep_misstatement(&mut self, proof: &Evidence) {
        if self.misstated.insert(proof.culprit()) {
            let evidence = crate::Evidence::Consensus(proof.clone());
            self.out.write(StoreOp::Evidence(Box::new(evidence)));
        }
    }

    fn receive_consensus(&mut self, message: Verified) {
        if let Message::ViewChange(report) = &message.message().body {
            let certified = report.certified.as_ref().map_or(Height::ZERO, |c| c.block.height);
            self.show_certificate(message.sender(), certified);
        }
        self.inbox.push_back(ally_consensus::Input::Received(message));
    }

    /// Tells a server that lags behind how far the alliance is. When everybody else is idle, nothing
    /// but this lets a server whose messages were lost catch up.
    fn show_certificate(&mut self, to: ServerIndex, known: Height) {
        let Some(certificate) = self.certifier.certified() else { return };
        if certificate.block.height > known && to != self.config.engine.me {
            let message = PeerMessage::Certificate(Arc::clone(certificate));
            self.out.send(When::AtOnce, Recipients::One(to), message);
        }
    }

    /// Whoever shares what is certified already missed the certificate: the one server that combined
    /// it may have kept it from some.
    fn receive_share(&mut self, share: Arc<Signed<CertifyShare>>) {
        let below = share.body.block.height.0.saturating_sub(1);
        if !self.config.engine.bugs.has(Bug::CertificateNotShown) {
            self.show_certificate(share.signer, Height(below));
        }
        self.certifier.share(share, &self.peers, &mut self.out);
    }

    fn receive_batch(&mut self, batch: HeldBatch) {
        let id = batch.id();
        let wanted = self.fetcher.is_wanted(&id);
        let demand = if wanted { Demand::Wanted } else { Demand::Unasked };
        let kept = match self.pool.add(batch.clone(), demand) {
            Arrival::Kept => true,
            Arrival::Dropped => false,
            Arrival::Conflict { kept, evidence } => {
                if let Some(evidence) = evidence {
                    self.out.write(StoreOp::Evidence(Box::new(evidence)));
                }
                kept
            }
        };
        if kept {
            // Written now rather than with the vote: by then most of it is on disk.
            self.out.write(StoreOp::Batch(batch));
            self.fetcher.found(&id);
            self.stirred = true;
            self.check_with(&id);
        }
    }

    fn serve_batches(&mut self, to: ServerIndex, ids: Vec<BatchId>) {
        let mut stored = Vec::new();
        for id in ids {
            match self.pool.find(&id) {
                Some(held) => {
                    let message = PeerMessage::Batch(held.signed().clone());
                    self.out.send(When::AtOnce, Recipients::One(to), message);
                }
                None => stored.push(id),
            }
        }
        if !stored.is_empty() {
            self.out.push(Output::Serve { to, what: Serve::Batches(stored) });
        }
    }

    fn serve_blocks(&mut self, to: ServerIndex, after: Height) {
        if after < self.chain.tip().height {
            self.out.push(Output::Serve { to, what: Serve::Blocks { after } });
        }
    }

    fn receive_blocks(&mut self, from: ServerIndex, answer: SyncBlocks) {
        let now = self.now.monotonic;
        let Some(range) = self.catch_up.answer(from, answer, now, &mut self.out) else { return };
        let (blocks, certificate) = (range.blocks, Arc::new(range.certificate));
        self.take_certificate(Arc::clone(&certificate));
        self.inbox.push_back(ally_consensus::Input::Synced { blocks, certificate });
        self.run_engine();
        self.restless = true;
        if !self.is_clogged() {
            self.catch_up.go_on(from, self.decided, now, &mut self.out);
        }
    }

    /// A checked certificate, made here or sent by a peer.
    pub(super) fn take_certificate(&mut self, certificate: Arc<CheckpointCertificate>) {
        let now = self.now.monotonic;
        if !self.certifier.certificate(&certificate, now, &mut self.out) {
            return;
        }
        self.out.push(Output::Certified(Arc::clone(&certificate)));
        self.inbox.push_back(ally_consensus::Input::Certified(certificate));
        if self.journal.is_long() {
            // Only now: before the engine has heard of it, the journal still needs its records.
            self.run_engine();
            self.restless = true;
            self.journal.rewrite(self.engine.snapshot(), &mut self.out);
        }
    }

    pub(super) fn disconnected(&mut self, server: ServerIndex) {
        self.peers.disconnect(server);
        self.catch_up.links_changed(self.now.monotonic, &self.peers);
    }

    pub(super) fn connected(&mut self, server: ServerIndex) {
        self.peers.connect(server);
        if !self.peers.is_connected(server) {
            return;
        }
        self.catch_up.links_changed(self.now.monotonic, &self.peers);
        self.inbox.push_back(ally_consensus::Input::Connected(server));
        self.show_certificate(server, Height::ZERO);
        // It may hold what nobody else could give, and asking may have ended long ago.
        for (proposal, id) in self.checks.missing() {
            let proposer = self.config.engine.rotation.leader(proposal.header.view);
            self.fetcher.want(*id, Urgency::Proposed, proposer, self.now.monotonic);
        }
        if self.config.engine.bugs.has(Bug::BatchesNotResent) {
            return;
        }
        let own: Vec<_> =
            self.pool.run(self.config.engine.me).map(|held| held.signed().clone()).collect();
        for batch in own {
            self.out.send(When::AtOnce, Recipients::One(server), PeerMessage::Batch(batch));
        }
    }
}
