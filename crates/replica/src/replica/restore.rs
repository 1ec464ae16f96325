//! Starting, for the first time and after a crash.

use super::Replica;
use crate::batch::{HeldBatch, charged};
use crate::catch_up::CatchUp;
use crate::certifier::Certifier;
use crate::chain::Chain;
use crate::chain_state::ChainState;
use crate::checks::Checks;
use crate::config::{Config, LimitError};
use crate::fair_share::FairShare;
use crate::fetch::Fetcher;
use crate::intake::Intake;
use crate::journal::Journal;
use crate::outbox::Outbox;
use crate::passed_over::PassedOver;
use crate::peers::Peers;
use crate::pool::{Demand, Pool};
use ally_consensus::{
    Backing, Base, BlockHeader, BlockRef, Bug, CheckpointCertificate, Engine, JournalPosition,
    Micros, Now, Record, Sequence,
};
use ally_policy::{ServerIndex, ServerSet};
use std::collections::VecDeque;
use std::sync::Arc;

/// How many headers the engine should get back, so that it can go on voting in the view it was in.
pub const RECOVERED_HEADERS: usize = 1024;

/// What the store gives back.
#[derive(Debug, Default)]
pub struct Recovered {
    /// The headers of the last blocks stored ([`StoreOp::Block`](crate::StoreOp::Block)), ascending
    /// and gap-free: the last [`RECOVERED_HEADERS`], or all if there are fewer.
    pub delivered: Vec<BlockHeader>,
    /// The log after the last of them; none if no block is stored.
    pub state: Option<ChainState>,
    /// The highest certificate stored; it may be for a block that is not.
    pub certified: Option<Arc<CheckpointCertificate>>,
    /// The journal, in order.
    pub journal: Vec<(JournalPosition, Record)>,
    /// All stored batches at or above the next sequence of their origin after `delivered`, in any
    /// order; this server's own must be complete.
    pub batches: Vec<HeldBatch>,
    /// The newest [`Testimony::Backing`](ally_consensus::Testimony) stored, if any is.
    pub backing: Option<Backing>,
}

/// Why a server cannot start from what its store gives.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// The limits cannot work together. Whoever wrote the configuration is to blame.
    #[error(transparent)]
    Limits(#[from] LimitError),
    /// The journal is not one that this server wrote. The disk is to blame.
    #[error(transparent)]
    Journal(#[from] ally_consensus::RestoreError),
    /// The stored log belongs to another number of servers, or to another block.
    #[error(
        "the stored log of {found_size} commands and {found_servers} servers does not fit the last \
         stored block ({expected_size} commands) and the policy ({expected_servers} servers)"
    )]
    Log {
        /// Commands in the stored log.
        found_size: u64,
        /// Servers it has sequences for.
        found_servers: usize,
        /// Commands that the block says.
        expected_size: u64,
        /// Servers that the policy has.
        expected_servers: usize,
    },
}

impl Replica {
    /// A server that starts from what its store gives; from nothing
    /// ([`Recovered::default`]), one that has never run.
    ///
    /// # Errors
    /// [`RestoreError`]; the server must not take part.
    pub fn restore(config: Config, recovered: Recovered) -> Result<Self, RestoreError> {
        config.limits.check()?;
        let servers = config.policy.server_count();
        let context = config.engine.context;
        let genesis = BlockRef::genesis(context.alliance, context.epoch);
        let last = recovered.delivered.last();
        let tip = last.map_or(genesis, BlockHeader::block_ref);
        let state = recovered.state.unwrap_or_else(|| ChainState::genesis(servers));
        check_log(last, &state, servers)?;
        let stored = recovered.journal.last().map_or(JournalPosition::ZERO, |(last, _)| *last);
        let journal = Journal::new(stored, recovered.journal.len(), config.limits.journal_records);
        let records = recovered.journal.into_iter().map(|(_, record)| record);
        let certified = recovered.certified;
        let mut certifier = Certifier::new(&config, certified.clone());
        // All that may lack a certificate: the others may be at any of them, and meet at an older one.
        for header in &recovered.delivered {
            certifier.delivered(header.block_ref(), header.log_size, header.log_root, Micros::ZERO);
        }
        let (decided, backing) = (recovered.delivered, recovered.backing);
        let base = Base { decided, certified, position: stored, backing };
        let engine = Engine::restore(config.engine.clone(), base, records)?;
        let (pool, intake) = take_batches(&config, &state, recovered.batches);
        let bugs = config.engine.bugs;
        let fair_share = FairShare::new(organisations(&config), servers).planted(bugs);
        let until_turn = fair_share.blocks_until_turn(&config.limits);
        let (me, timeout) = (config.engine.me, config.engine.base_timeout);
        Ok(Self {
            now: Now::ZERO,
            engine,
            inbox: VecDeque::new(),
            engine_outputs: Vec::new(),
            out: Outbox::default(),
            journal,
            intake,
            pool,
            chain: Chain::new(tip, state),
            checks: Checks::default(),
            fetcher: Fetcher::new(timeout),
            passed_over: PassedOver::new(until_turn, timeout).planted(bugs),
            fair_share,
            certifier,
            catch_up: CatchUp::new(me, tip, timeout),
            peers: Peers::new(me, servers),
            misstated: ServerSet::EMPTY,
            undelivered: VecDeque::new(),
            decided: tip,
            work_waiting: false,
            stirred: false,
            // What was restored has consequences.
            restless: true,
            due: Some(Micros::ZERO),
            halted: false,
            config,
        })
    }
}

fn check_log(
    header: Option<&BlockHeader>,
    state: &ChainState,
    servers: usize,
) -> Result<(), RestoreError> {
    let empty = ChainState::genesis(servers);
    let (size, root) = header
        .map_or((empty.log_size(), empty.log_root()), |header| (header.log_size, header.log_root));
    let fits = (state.log_size(), state.log_root(), state.servers()) == (size, root, servers);
    if fits {
        return Ok(());
    }
    Err(RestoreError::Log {
        found_size: state.log_size(),
        found_servers: state.servers(),
        expected_size: size,
        expected_servers: servers,
    })
}

fn organisations(config: &Config) -> Vec<Vec<ServerIndex>> {
    config.policy.organisations().iter().map(|each| each.servers().to_vec()).collect()
}

/// Sorts stored batches into the pool; this server's next number follows its highest.
fn take_batches(config: &Config, state: &ChainState, batches: Vec<HeldBatch>) -> (Pool, Intake) {
    let me = config.engine.me;
    let origins = (0..state.servers()).map(|index| ServerIndex(index as u16));
    let next = origins.map(|origin| state.next(origin).unwrap_or(Sequence::ZERO));
    let bugs = config.engine.bugs;
    let mut pool = Pool::new(next, config.limits.undecided_bytes_max).planted(bugs);
    let mut own: Vec<_> = batches
        .iter()
        .map(HeldBatch::reference)
        .filter(|batch| batch.origin == me && state.next(me).is_some_and(|n| batch.sequence >= n))
        .map(|batch| (batch.sequence, charged(batch.bytes as usize)))
        .collect();
    own.sort_unstable();
    let after = own.last().map(|(sequence, _)| sequence.next());
    let after = after.filter(|_| !bugs.has(Bug::BatchNumberReused));
    let next_own = after.or(state.next(me)).unwrap_or(Sequence::ZERO);
    for batch in batches {
        // What was stored was kept for a reason; conflicts were reported then.
        let _ = pool.add(batch, Demand::Wanted);
    }
    (pool, Intake::new(me, config.limits, next_own, own).planted(bugs))
}
