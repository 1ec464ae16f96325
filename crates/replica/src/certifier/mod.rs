//! Certificates: threshold signatures of the alliance key on decided blocks.
//!
//! ```text
//!   delivered -> target -> share (preferred servers) -> combine (first of them) -> certificate to all
//!                            |  no certificate in time     |  result is wrong
//!                            v                             v
//!                         everybody's share,            proofs, blame, without the culprits
//!                         anybody combines
//! ```
//!
//! One statement at a time, the newest as `target.rs` picks it, as often as `pace.rs` allows; older
//! blocks follow by the log's proofs. A share is given only for a block that was delivered here, so a certify set's signature
//! proves the decision. Nothing runs once everything delivered is certified.
//!
//! # Source
//! docs/protocol.md#certificates

mod blame;
mod late;
mod pace;
mod patience;
mod round;
mod target;

use crate::config::Config;
use crate::evidence::{Evidence, contradict};
use crate::io::{Recipients, StoreOp, Unsigned, When};
use crate::job::{CombineFailure, Done, Job};
use crate::outbox::Outbox;
use crate::peers::Peers;
use crate::wire::{CertifyShare, PeerMessage};
use ally_consensus::{
    BlockRef, Bug, Bugs, CheckpointCertificate, Digest, Epoch, Height, Micros, Signed,
};
use ally_log::{Checkpoint, Origin};
use ally_policy::{ServerIndex, ServerSet, TrustPolicy};
use blame::Released;
use late::Late;
use pace::Pace;
use patience::Patience;
use round::{Head, OwnShare, Phase, Round};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// The most delivered blocks without a certificate that are remembered. Acceptors do not vote for
/// more, so only blocks of a catch-up can be dropped, and those come with certificates.
const UNCERTIFIED_MAX: usize = 2048;

/// It is quiet once nothing was decided for the patience after so many attempts: sixteen times what a
/// certificate takes. Blocks that come sooner have their certificates within the budget.
const QUIET: u32 = 3;

/// How often patience runs out before servers that are only doubted are heard again.
const DOUBT_ATTEMPTS: u32 = 3;

/// Makes certificates together with the other servers' certifiers.
#[derive(Debug)]
pub(crate) struct Certifier {
    me: ServerIndex,
    policy: Arc<TrustPolicy>,
    origin: Origin,
    epoch: Epoch,
    /// Delivered and not certified, ascending.
    delivered: VecDeque<Head>,
    certified: Option<Arc<CheckpointCertificate>>,
    round: Option<Round>,
    /// The newest share of each server that no round has taken yet.
    inbox: BTreeMap<ServerIndex, Arc<Signed<CertifyShare>>>,
    released: Released,
    /// Servers that gave a wrong share: theirs are not used any more, and one proof is enough.
    accused: ServerSet,
    /// Servers that did not prove a share when asked: left out as long as it goes without them.
    doubted: ServerSet,
    /// Servers that let their turn pass.
    late: Late,
    pace: Pace,
    /// When a block was delivered last.
    last_delivery: Micros,
    patience: Patience,
    bugs: Bugs,
}

impl Certifier {
    /// A certifier that knows of no delivered block but those below `certified`.
    pub(crate) fn new(config: &Config, certified: Option<Arc<CheckpointCertificate>>) -> Self {
        let Config { engine, policy, origin, limits } = config;
        Self {
            me: engine.me,
            policy: Arc::clone(policy),
            origin: origin.clone(),
            epoch: engine.context.epoch,
            delivered: VecDeque::new(),
            certified,
            round: None,
            inbox: BTreeMap::new(),
            released: Released::default(),
            accused: ServerSet::EMPTY,
            doubted: ServerSet::EMPTY,
            late: Late::default(),
            pace: Pace::new(limits.certify_cpu_permille, limits.certify_interval_min),
            last_delivery: Micros::ZERO,
            patience: Patience::new(engine.base_timeout, engine.timeout_max),
            bugs: engine.bugs,
        }
    }

    /// The highest certificate.
    pub(crate) fn certified(&self) -> Option<&Arc<CheckpointCertificate>> {
        self.certified.as_ref()
    }

    /// Its height.
    pub(crate) fn height(&self) -> Height {
        self.certified.as_ref().map_or(Height::ZERO, |certificate| certificate.block.height)
    }

    /// A block was delivered: shares on it may be given.
    pub(crate) fn delivered(
        &mut self,
        block: BlockRef,
        log_size: u64,
        log_root: Digest,
        now: Micros,
    ) {
        self.last_delivery = now;
        if block.height <= self.height() {
            return;
        }
        if self.delivered.len() == UNCERTIFIED_MAX {
            self.delivered.pop_front();
        }
        self.delivered.push_back(Head { block, log_size, log_root });
    }

    /// A checked certificate, from anywhere. True if it is the highest so far; then it was written.
    pub(crate) fn certificate(
        &mut self,
        certificate: &Arc<CheckpointCertificate>,
        now: Micros,
        out: &mut Outbox,
    ) -> bool {
        let height = certificate.block.height;
        if height <= self.height() {
            return false;
        }
        let combining = |round: &Round| matches!(round.phase, Phase::Combining(_));
        if !self.round.as_ref().is_some_and(combining) {
            self.pace.verified();
        }
        out.write(StoreOp::Certificate(Arc::clone(certificate)));
        self.certified = Some(Arc::clone(certificate));
        self.delivered.retain(|head| head.block.height > height);
        self.inbox.retain(|_, share| share.body.block.height > height);
        if let Some(round) = self.round.take_if(|round| round.head.block.height <= height)
            && round.head.block == certificate.block
        {
            self.learn(&round, now);
        }
        true
    }

    /// What a round that led to its certificate says about the time it takes, and about those whose
    /// turn it was. Where it came about without some of them, the time spent on waiting for them says
    /// nothing about the others: it counts from when the others were asked.
    fn learn(&mut self, round: &Round, now: Micros) {
        let given = round.contributors(self.me);
        let kept = round.preferred.intersection(&given);
        let mut missed = round.preferred.difference(&given).difference(&round.excluded);
        missed.remove(self.me);
        if round.attempts == 0 {
            missed = ServerSet::EMPTY;
        }
        let from = if missed.is_empty() { round.started } else { round.asked };
        self.patience.measured(Micros(now.0.saturating_sub(from.0)));
        self.late.round(&missed, &kept);
    }

    /// Takes a share. The sender signed it; whether it is right shows later.
    pub(crate) fn share(
        &mut self,
        share: Arc<Signed<CertifyShare>>,
        peers: &Peers,
        out: &mut Outbox,
    ) {
        let (signer, height) = (share.signer, share.body.block.height);
        let known = signer != self.me && signer.index() < self.policy.server_count();
        if !known || self.accused.contains(signer) || height <= self.height() {
            return;
        }
        if let Some(first) = self.contradicted(&share).cloned() {
            let second = Arc::unwrap_or_clone(share);
            return self.disown(Evidence::Statements { first, second }, out);
        }
        match &mut self.round {
            Some(round) if round.head.block == share.body.block => {
                round.add(share, self.bugs);
                self.combine_if_ready(peers, out);
            }
            _ => {
                let newer = |old: &Arc<Signed<CertifyShare>>| old.body.block.height < height;
                if self.inbox.get(&signer).is_none_or(newer) {
                    self.inbox.insert(signer, share);
                }
            }
        }
    }

    /// Does what the time asks for: starts a round, or goes on without those that are late.
    ///
    /// Gives those who have been waited for more than once: they may not have decided the block, and
    /// where all work is done nobody repeats to them what they missed. A certificate would tell them,
    /// but there may be none without them.
    pub(crate) fn poll(&mut self, now: Micros, peers: &Peers, out: &mut Outbox) -> ServerSet {
        match &self.round {
            None => self.start_round(now, peers, out),
            Some(round) if round.due <= now => {
                self.lose_patience(now, peers, out);
                return self.missed(peers);
            }
            Some(_) => {
                self.take_turn(peers, out);
                self.follow(now, peers, out);
            }
        }
        ServerSet::EMPTY
    }

    /// Who gives no share although patience has run out more than once.
    fn missed(&self, peers: &Peers) -> ServerSet {
        let Some(round) = self.round.as_ref().filter(|round| round.attempts > 1) else {
            return ServerSet::EMPTY;
        };
        let mut missed = peers.present().difference(&round.contributors(self.me));
        missed.remove(self.me);
        missed
    }

    /// The next time that [`Certifier::poll`] is due; none while everything is certified.
    pub(crate) fn deadline(&self) -> Option<Micros> {
        match &self.round {
            Some(round) => Some(round.due),
            None => (!self.delivered.is_empty()).then(|| self.begins()),
        }
    }

    /// When the next round begins: as soon as the budget allows. Once nothing more is decided for many
    /// times what a certificate takes, the budget has nothing to protect, and few rounds are left: those
    /// to the newest block. So what it cost to find out who gave a wrong share delays no certificate
    /// for long that somebody waits for in a quiet alliance.
    fn begins(&self) -> Micros {
        let quiet = Micros(self.last_delivery.0.saturating_add(self.patience.after(QUIET)));
        match self.bugs.has(Bug::QuietBudgeted) {
            true => self.pace.next(),
            false => self.pace.next().min(quiet),
        }
    }

    fn start_round(&mut self, now: Micros, peers: &Peers, out: &mut Outbox) {
        if now < self.begins() {
            return;
        }
        let Some(head) = self.choose().copied() else { return };
        self.pace.begin(now);
        self.open_round(head, now);
        self.contribute(peers, out);
    }

    /// Another certificate came meanwhile, of a block below the round's: others have the turn now.
    fn take_turn(&mut self, peers: &Peers, out: &mut Outbox) {
        let certified = self.height();
        let Some(round) = &mut self.round else { return };
        if round.above != certified {
            let before = round.preferred;
            round.above = certified;
            self.contribute(peers, out);
            if let Some(round) = &mut self.round {
                // Those that had the turn all the time.
                round.preferred = round.preferred.intersection(&before);
            }
        }
    }

    /// Goes over to a higher block that the rule names by now, once somebody has given a share on
    /// it. Servers begin at slightly different moments, with a block more or less delivered; this is
    /// where they meet. What the rule names only rises while nothing is certified, and a share on
    /// anything else changes nothing, so that nobody can drive others to and fro.
    fn follow(&mut self, now: Micros, peers: &Peers, out: &mut Outbox) {
        let Some(round) = &self.round else { return };
        let settled = round.phase != Phase::Gathering || round.attempts > 0;
        if settled || self.inbox.is_empty() {
            return;
        }
        let (current, due) = (round.head.block.height, round.due);
        let higher = self.choose().copied().filter(|head| head.block.height > current);
        let shared = |head: &Head| self.inbox.values().any(|share| head.matches(&share.body));
        let Some(head) = higher.filter(shared) else { return };
        let started = round.started;
        self.open_round(head, now);
        if let Some(round) = &mut self.round {
            (round.started, round.due) = (started, due);
        }
        self.contribute(peers, out);
    }

    /// Gives this server's share if it is among those that give theirs at once.
    fn contribute(&mut self, peers: &Peers, out: &mut Outbox) {
        let (preferred, _) = self.preferred(peers);
        if let Some(round) = &mut self.round {
            round.preferred = preferred;
        }
        if preferred.contains(self.me) {
            self.ask_own_share(out);
        }
        self.combine_if_ready(peers, out);
    }

    /// The delivered block to certify next. The one that the rule names may be unknown after a
    /// restart; then the newest.
    fn choose(&self) -> Option<&Head> {
        let newest = self.delivered.back()?;
        let height = target::target(self.height(), newest.block.height)?;
        self.delivered.iter().find(|head| head.block.height == height).or(Some(newest))
    }

    fn open_round(&mut self, head: Head, now: Micros) {
        let due = Micros(now.0.saturating_add(self.patience.after(0)));
        let mut round = Round::new(head, self.height(), now, due);
        round.excluded = self.accused.union(&self.doubted);
        let (ours, rest) = std::mem::take(&mut self.inbox)
            .into_iter()
            .partition(|(_, share)| share.body.block == head.block);
        self.inbox = rest;
        let ours: BTreeMap<_, _> = ours;
        ours.into_values().for_each(|share| round.add(share, self.bugs));
        if let Some(share) = self.released.share(&head.block) {
            round.own = OwnShare::Given(share.to_vec());
        }
        self.round = Some(round);
    }

    fn preferred(&self, peers: &Peers) -> (ServerSet, Option<ServerIndex>) {
        let Some(round) = &self.round else { return Default::default() };
        let present = peers.present().difference(&round.excluded);
        let prompt = present.difference(&self.late.servers());
        let among = if self.policy.is_certify_set(&prompt) { prompt } else { present };
        target::preferred(&self.policy, self.height(), &among)
    }

    fn ask_own_share(&mut self, out: &mut Outbox) {
        let Some(round) = &mut self.round else { return };
        match &round.own {
            OwnShare::Withheld => {
                round.own = OwnShare::Underway;
                let checkpoint = checkpoint(&self.origin, self.epoch, &round.head);
                out.run(Job::CertifyShare(checkpoint));
            }
            OwnShare::Underway => {}
            OwnShare::Given(share) => {
                let share = certify_share(&round.head, share.clone());
                let message = Unsigned::CertifyShare(share);
                out.send_unsigned(When::AtOnce, Recipients::Others, message);
            }
        }
    }

    /// A job took so much processor time.
    pub(crate) fn spent(&mut self, done: &Done, cost: Micros) {
        match done {
            Done::CombineCertificate { .. } => self.pace.combined(cost),
            Done::CertifyShare { .. } | Done::ProveShare { .. } | Done::CheckShare { .. } => {
                self.pace.spent(cost);
            }
            Done::SignBatch(_) | Done::CombineStatement { .. } => {}
        }
    }

    /// This server's own share is there.
    pub(crate) fn own_share(
        &mut self,
        block: BlockRef,
        share: Vec<u8>,
        peers: &Peers,
        out: &mut Outbox,
    ) {
        let Some(round) = &mut self.round else { return };
        if round.head.block != block {
            return;
        }
        let checkpoint = checkpoint(&self.origin, self.epoch, &round.head);
        self.released.add(checkpoint, block, share.clone());
        round.own = OwnShare::Given(share);
        self.ask_own_share(out);
        self.combine_if_ready(peers, out);
    }

    fn combine_if_ready(&mut self, peers: &Peers, out: &mut Outbox) {
        let gathering = |round: &&Round| round.phase == Phase::Gathering;
        let Some(round) = self.round.as_ref().filter(gathering) else { return };
        let contributors = round.contributors(self.me);
        let ready = self.policy.is_certify_set(&contributors);
        if !ready || !(round.attempts > 0 || self.preferred(peers).1 == Some(self.me)) {
            return;
        }
        let checkpoint = checkpoint(&self.origin, self.epoch, &round.head);
        let shares = round.shares(self.me);
        out.run(Job::CombineCertificate { checkpoint, shares });
        if let Some(round) = &mut self.round {
            round.phase = Phase::Combining(contributors);
        }
    }

    /// No certificate in time: everybody gives a share, anybody combines, and if that does not help
    /// either, the block is changed for one that others give shares on.
    fn lose_patience(&mut self, now: Micros, peers: &Peers, out: &mut Outbox) {
        self.give_up_on_proofs();
        let Some(round) = &mut self.round else { return };
        round.asked = now;
        round.attempts = round.attempts.saturating_add(1);
        let attempts = round.attempts;
        if attempts == DOUBT_ATTEMPTS {
            // It does not go without them.
            self.doubted = ServerSet::EMPTY;
            round.excluded = self.accused;
        }
        if attempts > 1 && round.phase == Phase::Gathering && round.own != OwnShare::Underway {
            self.change_block(now, peers, out);
        }
        self.ask_own_share(out);
        self.combine_if_ready(peers, out);
        let due = Micros(now.0.saturating_add(self.patience.after(attempts)));
        if let Some(round) = &mut self.round {
            round.due = due;
        }
    }

    /// Goes over to another block: two times to the delivered block with the most shares, the newest
    /// of them; then two times to what the rule names; and so on. Only after patience ran out, so that
    /// nobody can hold certificates back by sending shares on old blocks.
    ///
    /// By shares those come together soon that know different blocks, as after a restart. But it need
    /// not end where a certify set takes nearly everybody: of a server that others count with a higher
    /// block a share on a lower one is not seen. The rule names the same block to all who have
    /// delivered the same, whatever anybody says, and shares on it add up.
    fn change_block(&mut self, now: Micros, peers: &Peers, out: &mut Outbox) {
        let Some(round) = &self.round else { return };
        let (started, asked, attempts) = (round.started, round.asked, round.attempts);
        let preferred = round.preferred;
        let mut votes: BTreeMap<BlockRef, usize> = BTreeMap::new();
        for share in self.inbox.values() {
            *votes.entry(share.body.block).or_default() += 1;
        }
        let current = round.contributors(self.me).len();
        let shared = self
            .delivered
            .iter()
            .filter(|head| votes.get(&head.block).is_some_and(|count| *count >= current))
            .max_by_key(|head| (votes.get(&head.block).copied(), head.block.height));
        // Nobody shares anything else: take what everybody who starts now takes.
        let alone = || self.choose().filter(|_| current <= 1);
        let head = match by_rule(attempts) && !self.bugs.has(Bug::MostSharesFollowed) {
            true => self.choose(),
            false => shared.or_else(alone),
        };
        let Some(head) = head.copied().filter(|head| head.block != round.head.block) else {
            return;
        };
        self.open_round(head, now);
        if let Some(round) = &mut self.round {
            (round.started, round.asked, round.attempts) = (started, asked, attempts);
            round.preferred = preferred;
        }
        self.combine_if_ready(peers, out);
    }

    /// The combination is done. A certificate goes to everybody and is returned.
    pub(crate) fn combined(
        &mut self,
        block: BlockRef,
        result: Result<CheckpointCertificate, CombineFailure>,
        peers: &Peers,
        out: &mut Outbox,
    ) -> Option<Arc<CheckpointCertificate>> {
        let failure = match result {
            Ok(certificate) if certificate.block.height > self.height() => {
                let certificate = Arc::new(certificate);
                let message = PeerMessage::Certificate(Arc::clone(&certificate));
                out.send(When::AtOnce, Recipients::Others, message);
                return Some(certificate);
            }
            Ok(_) => return None,
            Err(failure) => failure,
        };
        let round = self.round.as_mut().filter(|round| round.head.block == block)?;
        let Phase::Combining(contributors) = round.phase else { return None };
        round.phase = Phase::Gathering;
        match failure {
            CombineFailure::Culprits(culprits) => {
                let culprits = culprits.intersection(&contributors);
                culprits.iter().for_each(|server| self.blame(server, out));
                // Without the culprits those that held back are needed now.
                self.lose_patience_now();
            }
            CombineFailure::Inconsistent if self.bugs.has(Bug::ProofsSkipped) => {
                contributors.iter().for_each(|server| self.blame(server, out));
            }
            CombineFailure::Inconsistent => self.ask_proofs(contributors, out),
        }
        self.combine_if_ready(peers, out);
        None
    }

    fn lose_patience_now(&mut self) {
        if let Some(round) = &mut self.round {
            round.due = round.started;
        }
    }

    /// A share that its sender gave before, if this one contradicts it.
    fn contradicted(&self, share: &Signed<CertifyShare>) -> Option<&Signed<CertifyShare>> {
        let taken = self.round.as_ref().and_then(|round| round.share(share.signer));
        let waiting = self.inbox.get(&share.signer).map(Arc::as_ref);
        [taken, waiting].into_iter().flatten().find(|said| contradict(&said.body, &share.body))
    }

    /// Uses no more shares of a server that contradicts itself, and keeps the proof.
    fn disown(&mut self, evidence: Evidence, out: &mut Outbox) {
        let server = evidence.culprit();
        self.accused.insert(server);
        self.inbox.remove(&server);
        if let Some(round) = &mut self.round {
            round.exclude(server);
        }
        out.write(StoreOp::Evidence(Box::new(evidence)));
    }

    /// Leaves a server's wrong share out and keeps the proof.
    fn blame(&mut self, server: ServerIndex, out: &mut Outbox) {
        let Some(round) = &mut self.round else { return };
        let share = round.share(server).cloned();
        if let Some(share) = share.filter(|_| self.accused.insert(server)) {
            let proof = round.proof(server).cloned();
            out.write(StoreOp::Evidence(Box::new(Evidence::Share { share, proof })));
        }
        round.exclude(server);
    }
}

/// Whether it is the rule's turn once patience has run out so often.
fn by_rule(attempts: u32) -> bool {
    attempts % 4 < 2
}

fn checkpoint(origin: &Origin, epoch: Epoch, head: &Head) -> Checkpoint {
    crate::checkpoint(origin, epoch, head.block, head.log_size, head.log_root)
}

fn certify_share(head: &Head, share: Vec<u8>) -> CertifyShare {
    let Head { block, log_size, log_root } = *head;
    CertifyShare { block, log_size, log_root, share }
}

#[cfg(test)]
mod tests;
