//! What a person may want to know about a server.

use super::Replica;
use ally_consensus::{BlockRef, Counters, Height, Sizes};
use ally_policy::ServerSet;

/// A picture of a replica.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The engine's picture.
    pub agreement: ally_consensus::Status,
    /// What the engine counted.
    pub counters: Counters,
    /// How much the engine holds that peers determine.
    pub sizes: Sizes,
    /// The last delivered block.
    pub delivered: BlockRef,
    /// Commands delivered.
    pub log_size: u64,
    /// The highest certified block known, delivered or not.
    pub certified: Height,
    /// Bytes of this server's clients' commands that are not delivered.
    pub own_undecided_bytes: usize,
    /// Bytes of undelivered batches held, of all origins.
    pub pool_bytes: usize,
    /// Numbers under which undelivered batches are held, of the origin with the most.
    pub pool_batches: usize,
    /// The most batches held under one number of an origin: more than one if it lies.
    pub pool_conflicts: usize,
    /// Decided blocks whose batches are on their way.
    pub undelivered_blocks: usize,
    /// Blocks whose payload cannot be checked yet.
    pub waiting_checks: usize,
    /// Batches that are being asked for.
    pub wanted_batches: usize,
    /// Whether blocks are being fetched from others.
    pub catching_up: bool,
    /// Servers whose blocks led nowhere while catching up.
    pub unhelpful: ServerSet,
}

impl Status {
    /// Whether something waits to be decided, delivered or fetched here.
    pub fn has_work(&self) -> bool {
        self.own_undecided_bytes > 0
            || self.pool_bytes > 0
            || self.undelivered_blocks > 0
            || self.agreement.undecided > 0
            || self.catching_up
    }
}

impl Replica {
    /// A picture for people and monitors.
    pub fn status(&self) -> Status {
        Status {
            agreement: self.engine.status(),
            counters: self.engine.counters(),
            sizes: self.engine.sizes(),
            delivered: self.chain.tip(),
            log_size: self.chain.tip_state().log_size(),
            certified: self.certifier.height(),
            own_undecided_bytes: self.intake.undecided_bytes(),
            pool_bytes: self.pool.bytes(),
            pool_batches: self.pool.most_batches(),
            pool_conflicts: self.pool.most_conflicting(),
            undelivered_blocks: self.undelivered.len(),
            waiting_checks: self.checks.len(),
            wanted_batches: self.fetcher.len(),
            catching_up: self.catch_up.is_active(),
            unhelpful: self.catch_up.liars(),
        }
    }

    /// How many more bytes of commands [`Input::Submit`](crate::Input::Submit) would take now, each
    /// command counted with [`COMMAND_OVERHEAD`](crate::COMMAND_OVERHEAD).
    pub fn room(&self) -> usize {
        self.config.limits.undecided_bytes_max.saturating_sub(self.intake.undecided_bytes())
    }
}
