//! What has been published so far. The order in which records arrive does not matter.

use std::collections::BTreeMap;
use std::sync::Arc;

use ally_policy::{ServerIndex, ServerSet};
use sha2::{Digest, Sha256};

use crate::proposal::Proposal;
use crate::record::{
    Body, Confirmation, DealingRecord, Hello, Record, RecordDigest, Stage, Verdict,
};

/// Why a record is not taken. Whoever brought it is to blame: it is not known to be its author's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordFault {
    /// It is of another ceremony.
    #[error("a record of another ceremony")]
    OtherCeremony,
    /// Its author does not take part, or deals nothing and publishes a dealing.
    #[error("a record of server {0}, who has no part in this stage")]
    Stranger(ServerIndex),
    /// Its signature is wrong.
    #[error("a record with a signature that is not server {0}'s")]
    Signature(ServerIndex),
}

/// All records of a ceremony that are known here, each of them signed by its author.
#[derive(Clone)]
pub struct Board {
    proposal: Arc<Proposal>,
    records: BTreeMap<(Stage, ServerIndex), Record>,
    /// The first author who signed two different records of one stage, with both.
    conflict: Option<Box<[Record; 2]>>,
}

impl Board {
    /// Nothing has been published.
    pub fn new(proposal: Arc<Proposal>) -> Self {
        Self { proposal, records: BTreeMap::new(), conflict: None }
    }

    /// What the ceremony is about.
    pub fn proposal(&self) -> &Arc<Proposal> {
        &self.proposal
    }

    /// Adds a record; returns whether it is news.
    ///
    /// A second, different record of one author in one stage is news of its own kind: it is kept as
    /// evidence, and ends the ceremony ([`Failure::Equivocation`](crate::Failure::Equivocation)).
    ///
    /// # Errors
    /// [`RecordFault`].
    pub fn add(&mut self, record: Record) -> Result<bool, RecordFault> {
        self.check(&record)?;
        let place = (record.stage(), record.author());
        match self.records.get(&place) {
            Some(known) if known.digest() == record.digest() => Ok(false),
            Some(known) if self.conflict.is_none() => {
                self.conflict = Some(Box::new([known.clone(), record]));
                Ok(true)
            }
            Some(_) => Ok(false),
            None => {
                self.records.insert(place, record);
                Ok(true)
            }
        }
    }

    /// All records, by stage and author.
    pub fn records(&self) -> impl Iterator<Item = &Record> {
        self.records.values()
    }

    /// Two records of one author and stage that contradict each other, if somebody signed such.
    pub fn conflict(&self) -> Option<&[Record; 2]> {
        self.conflict.as_deref()
    }

    /// Whether `author` has published in `stage`.
    pub fn has(&self, stage: Stage, author: ServerIndex) -> bool {
        self.records.contains_key(&(stage, author))
    }

    /// Who has to publish in `stage` and has not.
    pub fn missing(&self, stage: Stage) -> ServerSet {
        let here = self.of(stage).map(|record| record.author()).collect();
        self.due(stage).difference(&here)
    }

    /// Who has to publish in a stage.
    fn due(&self, stage: Stage) -> ServerSet {
        match stage {
            Stage::Dealing => self.proposal.dealers(),
            Stage::Abort => ServerSet::EMPTY,
            Stage::Hello | Stage::Verdict | Stage::Confirmation => self.proposal.everybody(),
        }
    }

    fn check(&self, record: &Record) -> Result<(), RecordFault> {
        if record.ceremony() != self.proposal.id() {
            return Err(RecordFault::OtherCeremony);
        }
        let author = record.author();
        let stranger = RecordFault::Stranger(author);
        let participant = self.proposal.participant(author).ok_or(stranger)?;
        if record.stage() == Stage::Dealing && !self.proposal.dealers().contains(author) {
            return Err(stranger);
        }
        if !record.is_signed_by(&participant.signing) {
            return Err(RecordFault::Signature(author));
        }
        Ok(())
    }

    /// A hash of all stages before `stage`: what an author has seen when it publishes there.
    pub(crate) fn digest_before(&self, stage: Stage) -> RecordDigest {
        let mut hash = Sha256::new_with_prefix(b"ally/v1/ceremony-stages");
        hash.update(self.proposal.id().0);
        for ((at, _), record) in &self.records {
            if *at < stage {
                hash.update(record.digest());
            }
        }
        hash.finalize().into()
    }

    /// Who gave up, and why. Who has confirmed can no longer give up: otherwise one participant could
    /// undo, years later, what all agreed on.
    pub(crate) fn abort(&self) -> Option<(ServerIndex, &str)> {
        self.of(Stage::Abort).find_map(|record| match &record.body {
            Body::Abort(reason) if !self.has(Stage::Confirmation, record.author()) => {
                Some((record.author(), reason.as_str()))
            }
            _ => None,
        })
    }

    pub(crate) fn hello(&self, author: ServerIndex) -> Option<&Hello> {
        match &self.records.get(&(Stage::Hello, author))?.body {
            Body::Hello(hello) => Some(hello),
            _ => None,
        }
    }

    pub(crate) fn dealing(&self, author: ServerIndex) -> Option<&DealingRecord> {
        match &self.records.get(&(Stage::Dealing, author))?.body {
            Body::Dealing(dealing) => Some(dealing),
            _ => None,
        }
    }

    pub(crate) fn verdict(&self, author: ServerIndex) -> Option<&Verdict> {
        match &self.records.get(&(Stage::Verdict, author))?.body {
            Body::Verdict(verdict) => Some(verdict),
            _ => None,
        }
    }

    pub(crate) fn confirmation(&self, author: ServerIndex) -> Option<&Confirmation> {
        match &self.records.get(&(Stage::Confirmation, author))?.body {
            Body::Confirmation(confirmation) => Some(confirmation),
            _ => None,
        }
    }

    fn of(&self, stage: Stage) -> impl Iterator<Item = &Record> {
        let place = |server| (stage, ServerIndex(server));
        self.records.range(place(0)..=place(u16::MAX)).map(|(_, record)| record)
    }
}
