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

    /// Whether every honest server has decided every batch that an honest server submitted, and no
    /// more batches are to come.
    pub(super) fn settled(&self) -> bool {
        let now = self.queue.now().0;
        let last = self.scenario.healed_at + BATCHES_AFTER_HEALING * 1_000;
        now > last && self.honest().iter().all(|server| self.has_everything(server))
    }

    pub(super) fn has_everything(&self, server: ServerIndex) -> bool {
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

    pub(super) fn describe_stall(&self) -> String {
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
        format!(
            "no liveness {} us after healing: {servers}",
            self.queue.now().0 - self.scenario.healed_at
        )
    }

    pub(super) fn outcome(self, events: u64) -> Outcome {
        let view = self.honest().iter().filter_map(|s| self.servers[s.index()].view()).max();
        Outcome {
            events,
            blocks: self.invariants.blocks(),
            view: view.map_or(0, |view| view.0),
            paths: self.invariants.paths(),
            violations: self.invariants.into_violations(),
        }
    }
}
