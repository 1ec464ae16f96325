//! One honest server: a real engine, a disk that takes its time, and what waits for it.

use super::Case;
use super::witness::Witness;
use ally_consensus::{
    Base, BatchRef, BlockHeader, BlockRef, CheckpointCertificate, Decided, Digest, Draft, Engine,
    Input, JournalPosition, Message, Micros, Now, Output, PayloadVerdict, Proposal, Recipients,
    Record, Sequence, Statement, SyncedBlock, Verified,
};
use ally_model::keys;
use ally_policy::{ServerIndex, ServerSet};
use std::collections::VecDeque;
use std::sync::Arc;

/// A block whose log root begins with this byte has a payload that no honest server accepts.
pub(super) const BAD_PAYLOAD: u8 = 0xff;

/// How many outputs an input may lead to inside a server, through answers that it gives at once.
const INNER_STEPS_MAX: usize = 1000;

/// A message that leaves a server.
pub(super) struct Leaving {
    pub(super) to: Recipients,
    pub(super) message: Message,
}

/// One thing on a disk, in the order of writing.
#[derive(Clone)]
enum Written {
    Record(JournalPosition, Record),
    Decided(BlockHeader, Arc<[BatchRef]>),
    Certified(Arc<CheckpointCertificate>),
}

/// An honest server.
pub(super) struct Server {
    pub(super) me: ServerIndex,
    pub(super) engine: Engine,
    /// A certified block that it cannot reach, and the last that it has.
    pub(super) behind: Option<Arc<CheckpointCertificate>>,
    /// Whether it has no room to check payloads.
    pub(super) postpones: bool,
    written: Vec<Written>,
    /// How many of `written` are safe.
    durable: usize,
    position: JournalPosition,
    /// What waits for the disk.
    held: VecDeque<(JournalPosition, Leaving)>,
}

impl Server {
    pub(super) fn new(case: &Case, me: ServerIndex) -> Self {
        Self {
            me,
            engine: Engine::new(case.config(me)),
            behind: None,
            postpones: false,
            written: Vec::new(),
            durable: 0,
            position: JournalPosition::ZERO,
            held: VecDeque::new(),
        }
    }

    /// One thing happens to it; what leaves it at once.
    pub(super) fn take(
        &mut self,
        case: &Case,
        witness: &mut Witness,
        input: Input,
        now: Now,
    ) -> Vec<Leaving> {
        let mut leaving = Vec::new();
        let mut inputs = VecDeque::from([input]);
        for _ in 0..INNER_STEPS_MAX {
            let Some(input) = inputs.pop_front() else { break };
            let mut outputs = Vec::new();
            self.engine.step(input, now, &mut outputs);
            for output in outputs {
                inputs.extend(self.perform(case, witness, output, &mut leaving));
            }
            witness.holds(case, self.me, self.engine.sizes());
            let _ = (self.engine.status(), self.engine.deadline(), self.engine.slot());
        }
        assert!(inputs.is_empty(), "{}: one input leads to ever more", self.me);
        leaving
    }

    fn perform(
        &mut self,
        case: &Case,
        witness: &mut Witness,
        output: Output,
        leaving: &mut Vec<Leaving>,
    ) -> Option<Input> {
        match output {
            Output::Journal { position, record } => {
                witness.wrote(self.me, position, &record);
                self.position = position;
                self.written.push(Written::Record(position, record));
            }
            Output::Send { to, message } => {
                witness.sent_at_once(self.me, &message);
                leaving.push(Leaving { to, message });
            }
            Output::SendDurable { after, to, message } => {
                assert!(after <= self.position, "{} waits for what it did not write", self.me);
                self.held.push_back((after, Leaving { to, message }));
            }
            Output::CheckPayload { block, proposal } => return Some(self.judge(block, &proposal)),
            Output::Combine { statement, shares } => {
                let result = combine(case, &statement, &shares);
                return Some(Input::Combined { statement, result });
            }
            Output::Decided(decided) => self.decide(witness, &decided),
            Output::Behind { certificate, .. } => self.behind = Some(certificate),
            Output::Evidence(evidence) => witness.accused(case, self.me, &evidence),
            Output::Halt(breach) => panic!("{} sees too many liars: {breach:?}", self.me),
            _ => {}
        }
        None
    }

    fn judge(&self, block: BlockRef, proposal: &Proposal) -> Input {
        let verdict = match proposal.header.log_root.0[0] {
            _ if self.postpones => PayloadVerdict::Postponed,
            BAD_PAYLOAD => PayloadVerdict::Invalid,
            _ => PayloadVerdict::Valid,
        };
        Input::Payload { block: block.hash, verdict }
    }

    fn decide(&mut self, witness: &mut Witness, decided: &Decided) {
        witness.decided(self.me, decided);
        self.written
            .push(Written::Decided(decided.header().clone(), decided.proposal.batches.clone()));
    }

    /// What it proposes, if it may.
    pub(super) fn draft(&self, full: bool, salt: u8) -> Option<Draft> {
        let slot = self.engine.slot()?;
        let batch = BatchRef {
            origin: self.me,
            sequence: Sequence(slot.parent.height.0),
            digest: Digest(slot.parent.hash.0),
            commands: 1,
            bytes: 1,
        };
        let batches = if full { [batch].into() } else { [].into() };
        let log_root = Digest([salt % BAD_PAYLOAD; 32]);
        Some(Draft { parent: slot.parent, batches, log_size: slot.parent.height.0 + 1, log_root })
    }

    /// A certificate arrives: it is kept, and the engine told.
    pub(super) fn certified(&mut self, certificate: Arc<CheckpointCertificate>) -> Input {
        self.written.push(Written::Certified(Arc::clone(&certificate)));
        Input::Certified(certificate)
    }

    /// The disk is done with all; what waited for it leaves.
    pub(super) fn flush(&mut self, witness: &mut Witness) -> Vec<Leaving> {
        self.durable = self.written.len();
        let held = std::mem::take(&mut self.held);
        for (_, leaving) in &held {
            witness.left(self.me, self.position, &leaving.message);
        }
        held.into_iter().map(|(_, leaving)| leaving).collect()
    }

    /// It loses everything but its disk, which kept `more` things beyond those that it promised, and
    /// starts again.
    pub(super) fn crash(&mut self, case: &Case, witness: &mut Witness, more: usize) {
        self.written.truncate(self.durable + more);
        self.durable = self.written.len();
        self.held.clear();
        self.behind = None;
        let (mut decided, mut records, mut certified) = (Vec::new(), Vec::new(), None);
        let mut position = JournalPosition::ZERO;
        for written in &self.written {
            match written {
                Written::Record(place, record) => {
                    position = position.max(*place);
                    records.push(record.clone());
                }
                Written::Decided(header, _) => decided.push(header.clone()),
                Written::Certified(certificate) => certified = newer(certified, certificate),
            }
        }
        self.position = position;
        let top = decided.last().map(BlockHeader::block_ref);
        witness.crashed(self.me, position, top);
        let reached = |certificate: &Arc<CheckpointCertificate>| {
            top.is_some_and(|top| certificate.block.height <= top.height)
        };
        let base = Base { decided, certified: certified.filter(reached), position, backing: None };
        let restored = Engine::restore(case.config(self.me), base, records);
        self.engine =
            restored.unwrap_or_else(|error| panic!("{}: its own journal: {error}", self.me));
    }

    /// Replaces the journal by the short one that stands for it, if the disk is done.
    pub(super) fn compact(&mut self) {
        if self.durable < self.written.len() || !self.held.is_empty() {
            return;
        }
        self.written.retain(|written| !matches!(written, Written::Record(..)));
        let place = self.position;
        let records = self.engine.snapshot().into_iter();
        self.written.extend(records.map(|record| Written::Record(place, record)));
        self.durable = self.written.len();
    }

    /// The blocks that it has decided, ascending.
    pub(super) fn decided(&self) -> impl DoubleEndedIterator<Item = SyncedBlock> + '_ {
        self.written.iter().filter_map(|written| match written {
            Written::Decided(header, batches) => {
                Some(SyncedBlock { header: header.clone(), batches: batches.clone() })
            }
            _ => None,
        })
    }

    /// What a message of its own is to it.
    pub(super) fn hear(&self, message: Verified) -> Input {
        Input::Received(message)
    }

    /// When it wants to be woken.
    pub(super) fn deadline(&self) -> Option<Micros> {
        self.engine.deadline()
    }
}

fn newer(
    known: Option<Arc<CheckpointCertificate>>,
    other: &Arc<CheckpointCertificate>,
) -> Option<Arc<CheckpointCertificate>> {
    known.filter(|known| known.block.height >= other.block.height).or_else(|| Some(other.clone()))
}

/// The signature that shares make, or who spoilt it.
fn combine(
    case: &Case,
    statement: &Statement,
    shares: &[(ServerIndex, Vec<u8>)],
) -> Result<Vec<u8>, ServerSet> {
    let given: ServerSet = shares.iter().map(|(server, _)| *server).collect();
    let enough = match statement {
        Statement::NewView { .. } => case.policy.is_kernel(&given),
        Statement::Commit { .. } => case.policy.is_quorum(&given),
    };
    assert!(enough, "too few shares for {statement:?}: {given:?}");
    let wrong = |(server, share): &&(ServerIndex, Vec<u8>)| {
        *share != keys::share(&case.context, statement, *server)
    };
    let culprits: ServerSet = shares.iter().filter(wrong).map(|(server, _)| *server).collect();
    if culprits.is_empty() { Ok(keys::combine(&case.context, statement)) } else { Err(culprits) }
}
