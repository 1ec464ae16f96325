//! Accountability: after a run, what the honest servers kept is put together, and has to name the
//! guilty.
//!
//! Where agreement holds, nobody honest may be convicted. Where it broke, the guilty must be more than
//! the policy tolerates, or the trail must end at certificates that no honest server had a part in: the
//! world knows who had.
//!
//! Source: docs/concepts/evidence.md#after-a-violation.

use crate::facts::Facts;
use crate::observation::Observation;
use ally_consensus::{
    BlockHash, BlockHeader, BlockRef, CheckpointCertificate, Findings, Height, Message, Pool,
    Testimony, TestimonyKind, TrailEnd, View,
};
use ally_policy::{ServerIndex, ServerSet};
use ally_replica::{PeerMessage, StoreOp};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What honest servers kept durably, and what they had a part in.
pub struct Account {
    facts: Facts,
    honest: ServerSet,
    testimony: Vec<Arc<Testimony>>,
    headers: Vec<BlockHeader>,
    certificates: Vec<Arc<CheckpointCertificate>>,
    decided: BTreeMap<Height, BTreeSet<BlockHash>>,
    /// Tips that they endorsed, of views.
    endorsed: BTreeSet<(View, BlockRef)>,
    /// Who voted for which block.
    voted: BTreeMap<(View, BlockRef), ServerSet>,
    /// Blocks whose certificates they gave shares of.
    certified: BTreeSet<BlockRef>,
}

impl Account {
    pub(crate) fn new(facts: Facts, honest: ServerSet) -> Self {
        Self {
            facts,
            honest,
            testimony: Vec::new(),
            headers: Vec::new(),
            certificates: Vec::new(),
            decided: BTreeMap::new(),
            endorsed: BTreeSet::new(),
            voted: BTreeMap::new(),
            certified: BTreeSet::new(),
        }
    }

    /// Takes note of what an honest server keeps or says.
    pub(crate) fn see(&mut self, what: &Observation<'_>) {
        match what {
            Observation::Durable { server, op } if self.honest.contains(*server) => self.keep(op),
            Observation::Said { server, message } if self.honest.contains(*server) => {
                self.said(*server, message);
            }
            _ => {}
        }
    }

    fn keep(&mut self, op: &StoreOp) {
        match op {
            StoreOp::Testimony(testimony) => self.testimony.push(Arc::clone(testimony)),
            StoreOp::Block(block) => {
                self.decided.entry(block.block.height).or_default().insert(block.block.hash);
                self.headers.push(block.header().clone());
            }
            StoreOp::Certificate(certificate) => self.certificates.push(certificate.clone()),
            _ => {}
        }
    }

    fn said(&mut self, server: ServerIndex, message: &PeerMessage) {
        match message {
            PeerMessage::Consensus(signed) => match &signed.body {
                Message::NewViewShare(share) => {
                    self.endorsed.insert((share.view, share.tip));
                }
                Message::Vote(vote) => {
                    let voters = self.voted.entry((vote.view, vote.block));
                    voters.or_insert(ServerSet::EMPTY).insert(server);
                }
                _ => {}
            },
            PeerMessage::CertifyShare(share) => {
                self.certified.insert(share.body.block);
            }
            _ => {}
        }
    }

    /// The same, had nobody kept testimony of this kind.
    pub fn without(mut self, kind: TestimonyKind) -> Self {
        self.testimony.retain(|testimony| testimony.kind() != kind);
        self
    }

    /// Whether honest servers hold different blocks at some height, durably.
    pub fn is_broken(&self) -> bool {
        self.decided.values().any(|blocks| blocks.len() > 1)
    }

    /// What anybody finds who is given all that the honest servers kept.
    pub fn findings(&self) -> Findings {
        let mut pool = Pool::new(self.facts.law());
        self.testimony.iter().for_each(|testimony| pool.take(testimony));
        self.headers.iter().for_each(|header| pool.take_header(header.clone()));
        self.certificates.iter().for_each(|certificate| pool.take_certificate(certificate));
        pool.findings()
    }

    /// What was found, if it is as it has to be.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn check(&self) -> Result<Findings, String> {
        let findings = self.findings();
        let wronged = findings.guilty().intersection(&self.honest);
        if !wronged.is_empty() {
            return Err(format!("accountability: {wronged:?} are honest: {:?}", findings.charges));
        }
        if self.is_broken() && findings.conflict.is_none() {
            return Err("accountability: the conflict does not show".to_owned());
        }
        if self.is_broken() && !findings.beyond_policy && findings.ends.is_empty() {
            return Err(format!("accountability: too few are guilty: {:?}", findings.guilty()));
        }
        match findings.ends.iter().find(|end| self.had_a_part_in(end)) {
            Some(end) => Err(format!("accountability: honest servers can explain {end:?}")),
            None => Ok(findings),
        }
    }

    /// Whether what honest servers have said should explain a certificate.
    fn had_a_part_in(&self, end: &TrailEnd) -> bool {
        match end {
            TrailEnd::NewView { view, tip } => self.endorsed.contains(&(*view, *tip)),
            TrailEnd::Commit { view, block, voters } => {
                let honest = self.voted.get(&(*view, *block)).copied();
                let known = voters.union(&honest.unwrap_or(ServerSet::EMPTY));
                self.facts.policy.is_quorum(&known)
            }
            TrailEnd::Checkpoint { block } => self.certified.contains(block),
        }
    }
}
