//! What a leader puts into its blocks: an equal share for each organisation, whatever it brings.

use crate::batch::HeldBatch;
use crate::chain_state::ChainState;
use crate::config::Limits;
use crate::pool::Pool;
use ally_consensus::{Bug, Bugs, Sequence};
use ally_policy::ServerIndex;

/// Who takes turns in blocks, and who had the last one.
///
/// # Source
/// docs/protocol.md#ordering, fair share. Ours: by bytes rather than by batches, so that an
/// organisation gains nothing by larger batches.
#[derive(Debug)]
pub(crate) struct FairShare {
    organisations: Vec<Vec<ServerIndex>>,
    turns: Turns,
}

/// When each server's batch was last taken, in batches taken since the start; 0 is never.
#[derive(Debug, Clone)]
struct Turns {
    last: Vec<u64>,
    taken: u64,
    bugs: Bugs,
}

impl Turns {
    fn take(&mut self, server: ServerIndex) {
        self.taken += 1;
        if let Some(last) = self.last.get_mut(server.index()) {
            *last = self.taken;
        }
    }

    fn of(&self, server: ServerIndex) -> u64 {
        let last = self.last.get(server.index()).copied().unwrap_or(0);
        if self.bugs.has(Bug::TurnsForgotten) { 0 } else { last }
    }

    fn of_all(&self, servers: &[ServerIndex]) -> u64 {
        servers.iter().map(|server| self.of(*server)).max().unwrap_or(0)
    }
}

impl FairShare {
    /// Nobody has had a turn yet. `servers` is how many there are in all organisations.
    pub(crate) fn new(organisations: Vec<Vec<ServerIndex>>, servers: usize) -> Self {
        let turns = Turns { last: vec![0; servers], taken: 0, bugs: Bugs::NONE };
        Self { organisations, turns }
    }

    /// The same, with rules broken on purpose.
    pub(crate) fn planted(mut self, bugs: Bugs) -> Self {
        self.turns.bugs = bugs;
        self
    }

    /// Chooses batches for a block after `parent`: again and again the next batch of the
    /// organisation that has the fewest bytes of this block so far, until nothing more fits. Among
    /// equals, and inside an organisation, it is the turn of whoever was taken longest ago; an
    /// organisation has no more of this block where the batch whose turn it is does not fit.
    ///
    /// # Cost
    /// Batches chosen times servers.
    pub(crate) fn choose(
        &self,
        parent: &ChainState,
        pool: &Pool,
        limits: &Limits,
    ) -> Vec<HeldBatch> {
        let mut filling = Filling {
            pool,
            next: self.turns.last.iter().enumerate().map(|(at, _)| next(parent, at)).collect(),
            bytes: vec![0; self.organisations.len()],
            left: limits.block_bytes_max,
            turns: self.turns.clone(),
        };
        let mut chosen = Vec::new();
        while chosen.len() < limits.block_batches_max {
            let Some(batch) = filling.take_next(&self.organisations) else { break };
            chosen.push(batch);
        }
        chosen
    }

    /// These origins had their turns, in this order: this server proposed a block with their batches,
    /// or delivered another leader's.
    pub(crate) fn taken(&mut self, origins: impl IntoIterator<Item = ServerIndex>) {
        origins.into_iter().for_each(|origin| self.turns.take(origin));
    }

    /// For each origin, the most blocks that a fair leader makes until the next batch of it, which
    /// the leader holds, is in one.
    ///
    /// A block has room for the first k of those whose turn it is, k being how many of the longest
    /// batches fit. Each other organisation has at most one turn before this one has its next, and
    /// each other server of this organisation one before this server.
    pub(crate) fn blocks_until_turn(&self, limits: &Limits) -> Vec<u32> {
        let longest = limits.block_bytes_max / limits.batch_bytes_max.max(1);
        let at_least = longest.min(limits.block_batches_max).max(1);
        let rounds = self.organisations.len().div_ceil(at_least);
        let mut blocks = vec![0; self.turns.last.len()];
        for servers in &self.organisations {
            for server in servers {
                if let Some(blocks) = blocks.get_mut(server.index()) {
                    *blocks = u32::try_from(servers.len() * rounds).unwrap_or(u32::MAX);
                }
            }
        }
        blocks
    }
}

fn next(parent: &ChainState, server: usize) -> Option<Sequence> {
    parent.next(ServerIndex(u16::try_from(server).ok()?))
}

/// A payload that is being put together.
struct Filling<'a> {
    pool: &'a Pool,
    /// The next batch of each server.
    next: Vec<Option<Sequence>>,
    /// Bytes that each organisation has of this block.
    bytes: Vec<usize>,
    left: usize,
    turns: Turns,
}

impl Filling<'_> {
    fn take_next(&mut self, organisations: &[Vec<ServerIndex>]) -> Option<HeldBatch> {
        let candidates = organisations.iter().enumerate().filter_map(|(at, servers)| {
            let waiting = servers.iter().filter_map(|server| Some((*server, self.next(*server)?)));
            let (server, batch) = waiting.min_by_key(|(server, _)| self.turns.of(*server))?;
            // What does not fit keeps its turn: a smaller batch of a neighbour would take it away.
            let fits = batch.reference().bytes as usize <= self.left;
            fits.then_some((at, server, batch))
        });
        let share = |at: usize| (self.bytes[at], self.turns.of_all(&organisations[at]));
        let (at, server, batch) = candidates.min_by_key(|(at, ..)| share(*at))?;
        let batch = batch.clone();
        let bytes = batch.reference().bytes as usize;
        self.bytes[at] += bytes;
        self.left -= bytes;
        self.next[server.index()] = Some(batch.reference().sequence.next());
        self.turns.take(server);
        Some(batch)
    }

    /// The next batch of `server`, if it is held.
    fn next(&self, server: ServerIndex) -> Option<&HeldBatch> {
        let sequence = (*self.next.get(server.index())?)?;
        self.pool.at(server, sequence)
    }
}

#[cfg(test)]
#[path = "fair_share_tests.rs"]
mod tests;
