//! What servers exchange beside the agreement: batches, shares of the alliance key, and the blocks
//! that one who is behind asks for. Modelled, and short-circuited where nothing can go wrong.

use super::network::Fate;
use super::{Event, World};
use crate::payload;
use ally_consensus::{BatchRef, BlockHeader, CheckpointCertificate, Input, Message, Signed};
use ally_policy::{ServerIndex, ServerSet};

impl World {
    pub(super) fn new_batch(&mut self, origin: ServerIndex) {
        if !self.servers[origin.index()].is_up() {
            return;
        }
        let sequence = self.submitted.entry(origin).or_insert(0);
        let batch = payload::batch(origin, *sequence);
        *sequence += 1;
        if !self.coalition.contains(origin) {
            self.invariants.submitted(batch);
        }
        for to in self.everyone().iter() {
            let kept = self.coalition.contains(origin) && self.coalition.keeps_batch();
            if to == origin {
                self.queue.after(0, Event::BatchArrives { to, batch });
            } else if !kept && !matches!(self.fate(origin, to), Fate::Lost) {
                let delay = self.delay();
                self.queue.after(delay, Event::BatchArrives { to, batch });
            }
        }
    }

    /// A server asks all others for batches that it lacks; one honest holder answers.
    pub(super) fn fetch(&mut self, server: ServerIndex, batches: Vec<BatchRef>) {
        if !self.servers[server.index()].is_up() {
            return;
        }
        let mut missing = Vec::new();
        for batch in batches {
            let holder = self.everyone().iter().find(|other| {
                let holds = self.servers[other.index()].payloads().holds(&batch);
                holds && self.servers[other.index()].is_up() && !self.coalition.contains(*other)
            });
            match holder {
                Some(holder) if !matches!(self.fate(holder, server), Fate::Lost) => {
                    self.drive(server, |s, now, effects| s.hold(batch, now, effects));
                }
                _ => missing.push(batch),
            }
        }
        if !missing.is_empty() && self.queue.now() < self.deadline() {
            self.queue.after(10_000, Event::FetchBatches { server, batches: missing });
        }
    }

    /// A server that decided a block, or says so, sends its share of the alliance key to all.
    pub(super) fn offer_share(&mut self, from: ServerIndex, header: &BlockHeader) {
        let unsigned = CheckpointCertificate {
            block: header.block_ref(),
            log_size: header.log_size,
            log_root: header.log_root,
            signature: Vec::new(),
        };
        for to in self.everyone().iter() {
            // In a plot the certificate, which would end it, is mostly late as well.
            let late = self.plots.is_some() && !self.healed && self.network.percent(85);
            if from == to || !(late || matches!(self.fate(from, to), Fate::Lost)) {
                let delay = if from == to { 1 } else { self.delay() };
                let unsigned = unsigned.clone();
                self.queue.after(delay, Event::CertifyShare { to, from, unsigned });
            }
        }
    }

    /// A Byzantine server gives its share for a block that it has only heard of.
    pub(super) fn certify_early(&mut self, member: ServerIndex, message: &Signed<Message>) {
        if let Message::Proposal(proposal) = &message.body
            && self.coalition.certifies_early()
        {
            self.offer_share(member, &proposal.header);
        }
    }

    pub(super) fn certify(
        &mut self,
        to: ServerIndex,
        from: ServerIndex,
        unsigned: CheckpointCertificate,
    ) {
        if !self.servers[to.index()].is_up() {
            return;
        }
        let givers = self.shares.entry((to, unsigned.block)).or_insert(ServerSet::EMPTY);
        givers.insert(from);
        let givers = *givers;
        let Some(signature) = self.keys.certify(&self.config.context, &unsigned, &givers) else {
            return;
        };
        let certificate = CheckpointCertificate { signature, ..unsigned };
        if !self.coalition.contains(to) {
            self.invariants.certified(&certificate);
        }
        let known = self.servers[to.index()].certified().map_or(0, |c| c.block.height.0);
        if known < certificate.block.height.0 {
            self.input(to, Input::Certified(certificate));
        }
    }

    pub(super) fn catch_up(&mut self, server: ServerIndex, certificate: CheckpointCertificate) {
        if !self.servers[server.index()].is_up() {
            return;
        }
        let height = self.servers[server.index()].chain().len() as u64;
        let source = self.everyone().iter().find_map(|other| {
            let reachable = self.servers[other.index()].is_up() && !self.coalition.contains(other);
            let blocks = self.servers[other.index()].blocks_after(height, &certificate);
            blocks.filter(|_| reachable && other != server).map(|blocks| (other, blocks))
        });
        match source {
            Some((other, blocks)) if !matches!(self.fate(other, server), Fate::Lost) => {
                self.drive(server, |s, now, effects| s.catch_up(blocks, certificate, now, effects));
            }
            _ if height < certificate.block.height.0 => {
                self.queue.after(10_000, Event::CatchUp { server, certificate });
            }
            _ => {}
        }
    }

    pub(super) fn resend_batches(&mut self, from: ServerIndex) {
        if self.coalition.contains(from) {
            return;
        }
        let held: Vec<_> = self.servers[from.index()].payloads().held().copied().collect();
        for to in self.everyone().iter() {
            for batch in &held {
                if !self.servers[to.index()].payloads().holds(batch) {
                    let delay = self.delay();
                    self.queue.after(delay, Event::BatchArrives { to, batch: *batch });
                }
            }
        }
    }

    pub(super) fn resend_certificate(&mut self, from: ServerIndex) {
        let last = self.servers[from.index()].chain().last().cloned();
        if let Some(decided) = last {
            self.offer_share(from, &decided.header);
        }
        if let Some(certificate) = self.servers[from.index()].certified().cloned() {
            for to in self.everyone().iter().filter(|to| *to != from) {
                self.input(to, Input::Certified(certificate.clone()));
            }
        }
    }
}
