//! When a run is over, and what it came to.

use super::{Outcome, World};
use crate::trace::Trace;
use ally_consensus::{Height, Micros};
use ally_policy::ServerIndex;

impl World {
    /// When everything outstanding must be decided. After the healing a message takes at most the
    /// longest ordinary delay. Every server has at most `timeout_max` left on its timer; each view
    /// with a Byzantine leader costs one more, and four more are granted for views that honest
    /// leaders entered at different times.
    pub(super) fn deadline(&self) -> Micros {
        let views = self.scenario.coalition.len() as u64 + 4;
        // A timer that runs slowly ends late.
        let slowest = self.scenario.clocks.slowest_pace();
        // What a server with such a clock voted for may have to wait for the other clocks.
        let ahead = self.scenario.clocks.farthest_ahead();
        let hops = self.scenario.network.longest_delay() + self.scenario.disks.sync.1;
        let wait = 2 * views * self.scenario.paces.timeout_max * 1_000 / slowest;
        Micros(self.scenario.healed_at + wait + ahead + 400 * hops)
    }

    /// Whether nothing more is to be seen. Where all are honest, the queue is watched until it runs
    /// empty or the time is up.
    pub(super) fn is_over(&self) -> bool {
        let failed = self.scenario.coalition.union(&self.scenario.lost());
        self.healed && !failed.is_empty() && self.settled()
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
        let failed = self.scenario.coalition.union(&self.scenario.lost());
        let idle = failed.is_empty() && restless;
        idle.then(|| format!("no rest: {}", self.describe()))
    }

    /// Whether no honest server owes a command, all have delivered the same blocks, and no more
    /// commands are to come.
    fn settled(&self) -> bool {
        let last = self.scenario.healed_at + self.scenario.load.after_healing * 1_000;
        if self.queue.now().0 <= last || self.clients.owed_by(|s| self.living().contains(s)) > 0 {
            return false;
        }
        let mut heights = self.living().iter().map(|server| self.height(server));
        let first = heights.next();
        heights.all(|height| Some(height) == first)
    }

    fn height(&self, server: ServerIndex) -> Height {
        let status = self.servers[server.index()].status();
        status.map_or(Height::ZERO, |status| status.delivered.height)
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

    pub(super) fn outcome(self) -> (Outcome, Trace) {
        let view = self.honest().iter().filter_map(|s| self.servers[s.index()].view()).max();
        let figures = self.invariants.figures();
        let mut happened = self.tally;
        happened.add(self.coalition.tally());
        let outcome = Outcome {
            events: self.events,
            time: self.queue.now().0,
            blocks: figures.blocks,
            view: view.map_or(0, |view| view.0),
            paths: figures.paths,
            delays: figures.delays,
            happened,
            trace_hash: self.trace.hash(),
            violations: self.invariants.into_violations(),
        };
        (outcome, self.trace)
    }
}
