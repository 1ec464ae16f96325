//! When a run is over, and what it came to.

use super::{Outcome, SignedCheckpoint, UNCERTIFIED_BLOCKS, World};
use crate::keys::AllKeys;
use crate::trace::Trace;
use ally_consensus::{Height, Micros, View};
use ally_policy::{ServerIndex, ServerSet};

/// Views besides those of liars, and those in which patience grows: the one that is under way at the
/// healing, one that not all enter in time, and the one that decides.
const VIEWS_GRANTED: u64 = 3;
/// Message delays that a view takes besides its patience: reports, the blocks that they speak of, a
/// choice, shares, the certificate, a first block and its votes.
const STEPS_OF_A_VIEW: u64 = 10;
/// Message delays until those who were away have all blocks and batches, and the last commands are
/// decided and certified.
const STEPS_AFTERWARDS: u64 = 60;
/// How often servers that certify wait though nobody lets a turn pass: in the round that is under way
/// at the healing, until all have gone over to one block, and, where the budget for certificates is used
/// up, until it is quiet.
const CERTIFYING_WAITS: u64 = 3;
/// Rounds from any block to the certificate of the newest: one for each bit of the number of blocks
/// that may wait for it.
const CERTIFYING_ROUNDS: u64 = u64::BITS as u64 - UNCERTIFIED_BLOCKS.leading_zeros() as u64;
/// The longest that servers wait for each other's shares, µs, where views are more patient.
const CERTIFYING_PATIENCE: u64 = 2_000_000;
/// Views over which leaders are looked at: many times what it takes until they repeat.
const REIGNS_SEEN: u64 = 4096;

impl World {
    /// When everything outstanding must be decided and certified: the bound that docs/simulation.md
    /// states and derives.
    pub(super) fn deadline(&self) -> Micros {
        let scenario = &self.scenario;
        // What a server whose clock was ahead voted for may have to wait for the other clocks.
        let ahead = scenario.clocks.farthest_ahead();
        let last = scenario.load.after_healing * 1_000;
        let views = self.views_to_fail() * (self.patience() + STEPS_OF_A_VIEW * self.step());
        let after = STEPS_AFTERWARDS * self.step() + self.certifying();
        Micros(scenario.healed_at + last + ahead + views + after)
    }

    /// The longest patience of a server, µs.
    fn patience(&self) -> u64 {
        self.at_most(self.scenario.paces.timeout_max)
    }

    /// How long a timer of so many µs takes at most: one that runs slowly ends late.
    fn at_most(&self, timer: u64) -> u64 {
        timer * 1_000 / self.scenario.clocks.slowest_pace()
    }

    /// The longest that anything takes to have an effect elsewhere, µs.
    fn step(&self) -> u64 {
        let scenario = &self.scenario;
        scenario.network.longest_delay() + scenario.disks.sync.1 + scenario.paces.job.1
    }

    /// Views until one decides: those of liars, those until patience is longest, and a few.
    fn views_to_fail(&self) -> u64 {
        let paces = &self.scenario.paces;
        let doublings = (paces.timeout_max / paces.base_timeout.max(1)).max(1).ilog2();
        self.longest_lost_reign() + u64::from(doublings) + VIEWS_GRANTED
    }

    /// The time that servers wait for shares of others on the way to the last certificate, µs. Each
    /// who lets a turn pass is waited for once on it: liars, servers that are lost, and as many honest
    /// ones as decisions do without.
    fn certifying(&self) -> u64 {
        let fast = |set: &ServerSet| self.policy.is_fast_quorum(set);
        let quick = self.everyone().iter().fold(self.everyone(), |set, server| {
            let without = set.difference(&[server].into_iter().collect());
            if fast(&without) { without } else { set }
        });
        let lost = self.policy.server_count() - self.living().len();
        let away = self.policy.server_count() - quick.len() + lost;
        let waits = CERTIFYING_WAITS + (away as u64).min(CERTIFYING_ROUNDS);
        waits * self.at_most(self.scenario.paces.timeout_max.min(CERTIFYING_PATIENCE))
    }

    /// The most views in a row that are led by servers of which nothing is to be expected.
    fn longest_lost_reign(&self) -> u64 {
        let (mut longest, mut reign) = (0, 0);
        for view in 0..REIGNS_SEEN {
            let leader = self.rotation.leader(View(view));
            reign = if self.living().contains(leader) { 0 } else { reign + 1 };
            longest = longest.max(reign);
        }
        longest
    }

    /// Notes when all is done for the first time. Gives whether nothing more is to be seen: where all
    /// are honest, the queue is watched until it runs empty or the time is up.
    pub(super) fn is_over(&mut self) -> bool {
        if self.healed && self.settled_at.is_none() && self.settled() {
            self.settled_at = Some(self.queue.now());
        }
        self.settled_at.is_some() && self.living() != self.everyone()
    }

    /// What is left to do at the end, though nothing should be: undecided work, or, where all are
    /// honest, a timer in an idle alliance. A server that has left its view alone is the exception:
    /// it says so again until it is followed or called back, ever more seldom.
    ///
    /// Source: docs/protocol.md#leaving.
    pub(super) fn unrest(&self) -> Option<String> {
        if !self.settled() {
            return Some(format!("no liveness: {}", self.describe()));
        }
        let restless = self.living().iter().any(|server| {
            let server = &self.servers[server.index()];
            server.deadline().is_some() && !server.is_leaving()
        });
        let idle = self.living() == self.everyone() && restless;
        idle.then(|| format!("no rest: {}", self.describe()))
    }

    /// Whether no honest server owes a command, all have delivered the same blocks and know the
    /// certificate of the last, and no more commands are to come.
    fn settled(&self) -> bool {
        let last = self.scenario.healed_at + self.scenario.load.after_healing * 1_000;
        if self.queue.now().0 <= last || self.clients.owed_by(|s| self.living().contains(s)) > 0 {
            return false;
        }
        let mut heights = self.living().iter().map(|server| self.heights(server));
        let first = heights.next();
        let certified = first.is_some_and(|(delivered, certified)| delivered == certified);
        certified && heights.all(|both| Some(both) == first)
    }

    /// How far a server has delivered, and knows certificates.
    fn heights(&self, server: ServerIndex) -> (Height, Height) {
        let status = self.servers[server.index()].status();
        status.map_or_else(Default::default, |status| (status.delivered.height, status.certified))
    }

    fn describe(&self) -> String {
        let servers = self.everyone().iter().map(|server| {
            let traitor = if self.scenario.is_honest(server) { "" } else { " (Byzantine)" };
            let own = &self.servers[server.index()];
            match own.status() {
                None => format!("\n  {server}{traitor}: down"),
                Some(status) => format!(
                    "\n  {server}{traitor}: view {} {:?}, height {}, certified {}, own bytes {}, \
                     deadline {:?}",
                    status.agreement.view,
                    status.agreement.phase,
                    status.delivered.height,
                    status.certified,
                    status.own_undecided_bytes,
                    own.deadline().map(|at| at.0),
                ),
            }
        });
        let servers: String = servers.collect();
        let since = self.queue.now().0.saturating_sub(self.scenario.healed_at);
        let owed = self.clients.owed_by(|server| self.living().contains(server));
        format!("{owed} commands owed {since} us after the healing: {servers}")
    }

    /// Checks the certificates that honest servers hold as an outsider would, who has nothing but the
    /// alliance's key in a file. Modelled signatures convince no outsider.
    pub(super) fn unconvincing(&self) -> Option<String> {
        let AllKeys::Real(keys) = &*self.keys else { return None };
        let held = self.living().iter().find_map(|server| {
            let certificate = self.servers[server.index()].disk.certificate()?;
            let checkpoint = keys.checkpoint(certificate);
            let convinces = keys.convinces(checkpoint, certificate.signature.clone());
            (!convinces).then_some((server, certificate.block.height))
        });
        held.map(|(server, height)| {
            format!("certificate: {server}'s of height {height} does not convince an outsider")
        })
    }

    fn last_signed(&self) -> Option<SignedCheckpoint> {
        let AllKeys::Real(keys) = &*self.keys else { return None };
        let held = self.living().iter().filter_map(|s| self.servers[s.index()].disk.certificate());
        let last = held.max_by_key(|certificate| certificate.block.height)?;
        let statement = keys.checkpoint(last).statement().to_owned();
        Some(SignedCheckpoint { statement, signature: last.signature.clone(), key: keys.pem() })
    }

    pub(super) fn outcome(self) -> (Outcome, Trace) {
        let view = self.honest().iter().filter_map(|s| self.servers[s.index()].view()).max();
        let figures = self.invariants.figures();
        let bound = self.deadline().0.saturating_sub(self.scenario.healed_at);
        let signed = self.last_signed();
        let mut happened = self.tally;
        happened.add(self.coalition.tally());
        let healed_at = self.scenario.healed_at;
        let after_healing = |at: Micros| at.0.saturating_sub(healed_at);
        let outcome = Outcome {
            events: self.events,
            settled_after: self.settled_at.map(after_healing),
            bound,
            time: self.queue.now().0,
            blocks: figures.blocks,
            view: view.map_or(0, |view| view.0),
            paths: figures.paths,
            delays: figures.delays,
            happened,
            proven: figures.proven,
            signed,
            trace_hash: self.trace.hash(),
            violations: self.invariants.into_violations(),
        };
        (outcome, self.trace)
    }
}
