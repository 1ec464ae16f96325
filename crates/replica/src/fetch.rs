//! Asking for batches that a block refers to and that have not come by themselves.

use crate::batch::BatchId;
use crate::peers::Peers;
use crate::wire::FETCH_BATCHES_MAX;
use ally_consensus::Micros;
use ally_policy::ServerIndex;
use std::collections::BTreeMap;

/// The most batches that are asked for at a time; what is wanted beyond is asked for later, when its
/// block is checked again.
pub(crate) const WANTS_MAX: usize = 8192;

/// How often each server is asked for a batch of a block that is not decided. After that only a new
/// proposal with it asks again: the block's leader cannot make this server ask for ever.
const ROUNDS_MAX: u32 = 8;

/// Why a batch is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Urgency {
    /// For voting: given up after some rounds.
    Proposed,
    /// For delivery: never given up.
    Decided,
}

/// The batches wanted, whom to ask next and when.
#[derive(Debug)]
pub(crate) struct Fetcher {
    wants: BTreeMap<BatchId, Want>,
    /// How long a batch may be on its way by itself before it is asked for.
    patience: Micros,
    /// How long one server has to answer.
    retry: Micros,
}

#[derive(Debug)]
struct Want {
    urgency: Urgency,
    /// Who should have it besides its origin.
    proposer: ServerIndex,
    attempts: u32,
    due: Micros,
}

impl Fetcher {
    /// With paces derived from the base timeout: a view must survive a batch that takes a few
    /// questions to find.
    pub(crate) fn new(base_timeout: Micros) -> Self {
        let part = |divisor: u64| Micros((base_timeout.0 / divisor).max(1));
        Self { wants: BTreeMap::new(), patience: part(32), retry: part(8) }
    }

    /// Notes that a batch is wanted, if it is not noted yet.
    pub(crate) fn want(
        &mut self,
        id: BatchId,
        urgency: Urgency,
        proposer: ServerIndex,
        now: Micros,
    ) {
        let room = self.wants.len() < WANTS_MAX;
        if let Some(want) = self.wants.get_mut(&id) {
            want.urgency = want.urgency.max(urgency);
        } else if room {
            let due = Micros(now.0.saturating_add(self.patience.0));
            self.wants.insert(id, Want { urgency, proposer, attempts: 0, due });
        }
    }

    /// Whether a batch is wanted.
    pub(crate) fn is_wanted(&self, id: &BatchId) -> bool {
        self.wants.contains_key(id)
    }

    /// A batch has come.
    pub(crate) fn found(&mut self, id: &BatchId) {
        self.wants.remove(id);
    }

    /// Forgets what delivery has passed: batches that are not `live` any more.
    pub(crate) fn retain(&mut self, live: impl Fn(&BatchId) -> bool) {
        self.wants.retain(|id, _| live(id));
    }

    /// The next time that [`Fetcher::questions`] has something to ask.
    pub(crate) fn deadline(&self) -> Option<Micros> {
        self.wants.values().map(|want| want.due).min()
    }

    /// How many batches are wanted, for status.
    pub(crate) fn len(&self) -> usize {
        self.wants.len()
    }

    /// Whom to ask for what now. Asks the proposer first, which must have held it, then the origin,
    /// then everybody else in turn; passes over servers that are not connected.
    pub(crate) fn questions(
        &mut self,
        now: Micros,
        peers: &Peers,
    ) -> BTreeMap<ServerIndex, Vec<BatchId>> {
        let mut questions: BTreeMap<_, Vec<_>> = BTreeMap::new();
        let retry = self.retry.0;
        self.wants.retain(|id, want| {
            if want.due > now {
                return true;
            }
            let others = peers.count() as u32;
            if want.urgency == Urgency::Proposed && want.attempts >= ROUNDS_MAX * (others + 2) {
                return false;
            }
            let asked = whom_to_ask(id, want, peers);
            want.attempts = want.attempts.saturating_add(1);
            // Slower once everybody was asked, so that a batch nobody has costs little.
            let round = (want.attempts / (others + 2)).min(4);
            want.due = Micros(now.0.saturating_add(retry << round));
            let Some(server) = asked else { return true };
            let batches = questions.entry(server).or_default();
            if batches.len() < FETCH_BATCHES_MAX {
                batches.push(*id);
            } else {
                want.due = Micros(now.0.saturating_add(1));
                want.attempts -= 1;
            }
            true
        });
        questions
    }
}

fn whom_to_ask(id: &BatchId, want: &Want, peers: &Peers) -> Option<ServerIndex> {
    let preferred = [want.proposer, id.origin];
    match preferred.get(want.attempts as usize) {
        Some(server) if peers.is_connected(*server) => Some(*server),
        _ => peers.turn(u64::from(id.origin.0) + u64::from(want.attempts)),
    }
}

#[cfg(test)]
#[path = "fetch_tests.rs"]
mod tests;
