//! When a run is over, and what it came to.

use super::{BATCHES_AFTER_HEALING, Outcome, World};
use ally_consensus::Micros;
use ally_policy::ServerIndex;

impl World {
    /// When everything outstanding must be decided. After the healing a message takes at most the
    /// longest ordinary delay. Every server has at most `timeout_max` left on its timer; each view
    /// with a Byzantine leader costs one more, and two more are granted for views that honest
    /// leaders entered at different times.
    pub(super) fn deadline(&self) -> Micros {
        let views = self.scenario.coalition.len() as u64 + 4;
        let messages = 400 * (self.scenario.delay.1 + self.scenario.sync.1);
        Micros(self.scenario.healed_at + 2 * views * self.config.timeout_max.0 + messages)
    }

    /// Whether nothing more is to be seen. Where all are honest, the queue is watched until it runs
    /// empty or the time is up.
    pub(super) fn is_over(&self) -> bool {
        self.healed && !self.scenario.coalition.is_empty() && self.settled()
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
        let restless = self.honest().iter().any(|server| {
            let server = &self.servers[server.index()];
            server.deadline().is_some() && !server.is_leaving()
        });
        let idle = self.scenario.coalition.is_empty() && restless;
        idle.then(|| format!("no rest: {}", self.describe()))
    }

    /// Whether every honest server has decided every batch that an honest server submitted, and no
    /// more batches are to come.
    fn settled(&self) -> bool {
        let now = self.queue.now().0;
        let last = self.scenario.healed_at + BATCHES_AFTER_HEALING * 1_000;
        now > last && self.honest().iter().all(|server| self.has_everything(server))
    }

    fn has_everything(&self, server: ServerIndex) -> bool {
        let chain = self.servers[server.index()].chain();
        let Some(state) = chain
            .last()
            .and_then(|decided| self.servers[server.index()].payloads().state(&decided.block.hash))
        else {
            return false;
        };
        self.submitted.iter().all(|(origin, count)| {
            self.coalition.contains(*origin)
                || state.next.get(origin).copied().unwrap_or(0) >= *count
        })
    }

    fn describe(&self) -> String {
        let servers = self.everyone().iter().map(|server| {
            let s = &self.servers[server.index()];
            let traitor = if self.coalition.contains(server) { " (Byzantine)" } else { "" };
            format!(
                "\n  {server}{traitor}: up {}, view {:?}, height {}, certified {}, deadline {:?}",
                s.is_up(),
                s.view().map(|view| view.0),
                s.chain().len(),
                s.certified().map_or(0, |c| c.block.height.0),
                s.deadline().map(|at| at.0),
            )
        });
        let servers: String = servers.collect();
        format!("{} us after healing: {servers}", self.queue.now().0 - self.scenario.healed_at)
    }

    pub(super) fn outcome(self, events: u64) -> Outcome {
        let view = self.honest().iter().filter_map(|s| self.servers[s.index()].view()).max();
        Outcome {
            events,
            blocks: self.invariants.blocks(),
            view: view.map_or(0, |view| view.0),
            paths: self.invariants.paths(),
            delays: self.invariants.delays(),
            violations: self.invariants.into_violations(),
        }
    }
}
