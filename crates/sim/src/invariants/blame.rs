//! No honest server is ever blamed, whoever blames convinces any outsider, and no honest server stops
//! because the policy's assumption seems broken.
//!
//! Source: docs/protocol.md#evidence.

use super::{Invariant, Kind};
use crate::facts::Facts;
use crate::observation::Observation;
use ally_codec::{Decode, Encode};
use ally_consensus::{Digest, Micros};
use ally_policy::ServerSet;
use ally_replica::Evidence;
use std::collections::BTreeSet;

/// Who must not be accused, and what an outsider judges by.
pub(super) struct Blame {
    facts: Facts,
    honest: ServerSet,
    /// Proofs that have convinced.
    proven: BTreeSet<Digest>,
}

impl Blame {
    pub(super) fn new(facts: Facts, honest: ServerSet) -> Self {
        Self { facts, honest, proven: BTreeSet::new() }
    }

    /// Reads the bytes of a proof and judges it by what the alliance's document says, and nothing
    /// else.
    fn judge(&mut self, evidence: &Evidence) -> Result<(), String> {
        let bytes = evidence.to_bytes();
        let name = Evidence::digest_of(&bytes);
        if self.proven.contains(&name) {
            return Ok(());
        }
        let read = Evidence::from_bytes(&bytes).map_err(|error| error.to_string())?;
        if read != *evidence {
            return Err("its bytes say something else".to_owned());
        }
        read.verify(&self.facts.law(), self.facts.keys.as_ref())
            .map_err(|unproven| unproven.to_string())?;
        self.proven.insert(name);
        Ok(())
    }
}

impl Invariant for Blame {
    fn looks_at(&self) -> &'static [Kind] {
        &[Kind::Accused, Kind::Halted]
    }

    fn see(&mut self, _: Micros, what: &Observation<'_>) -> Result<(), String> {
        match what {
            Observation::Accused { server, evidence }
                if self.honest.contains(evidence.culprit()) =>
            {
                let accused = evidence.culprit();
                Err(format!("blame: {server} accuses {accused}, which is honest: {evidence:?}"))
            }
            Observation::Accused { server, evidence } => self.judge(evidence).map_err(|why| {
                format!("blame: {server} convinces no outsider, {why}: {evidence:?}")
            }),
            Observation::Halted { server, breach } => {
                Err(format!("halt: {server} stopped: {breach:?}"))
            }
            _ => Ok(()),
        }
    }
}
