//! Validity: what is decided was submitted, once, and in the order of its origin.
//!
//! Source: docs/protocol.md#data.

use ally_consensus::{BatchRef, Decided};
use ally_policy::{ServerIndex, ServerSet};
use std::collections::{BTreeMap, BTreeSet};

/// What was submitted and how far each origin is decided.
pub(super) struct Validity {
    honest: ServerSet,
    submitted: BTreeSet<(ServerIndex, u64)>,
    next: BTreeMap<ServerIndex, u64>,
}

impl Validity {
    pub(super) fn new(honest: ServerSet) -> Self {
        Self { honest, submitted: BTreeSet::new(), next: BTreeMap::new() }
    }

    pub(super) fn submitted(&mut self, batch: BatchRef) {
        self.submitted.insert((batch.origin, batch.sequence.0));
    }

    pub(super) fn decided(&mut self, decided: &Decided) -> Result<(), String> {
        for batch in decided.batches.iter() {
            let (origin, sequence) = (batch.origin, batch.sequence.0);
            if self.honest.contains(origin) && !self.submitted.contains(&(origin, sequence)) {
                return Err(format!("validity: batch {sequence} of {origin} was never submitted"));
            }
            let next = self.next.entry(origin).or_insert(0);
            if sequence != *next {
                return Err(format!("validity: batch {sequence} of {origin} where {next} was due"));
            }
            *next += 1;
        }
        Ok(())
    }
}
