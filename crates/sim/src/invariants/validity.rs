//! Validity: what is decided was submitted, once, and in the order of its origin.
//!
//! Of a liar's batches only the numbers are checked: it may order what it likes.
//!
//! Source: docs/protocol.md#data, docs/protocol.md#ordering.

use super::{Invariant, Kind};
use crate::observation::Observation;
use ally_consensus::Micros;
use ally_policy::{ServerIndex, ServerSet};
use ally_replica::{DeliveredBlock, HeldBatch};
use bytes::Bytes;
use std::collections::BTreeMap;

/// What was submitted and how far each origin is decided.
pub(super) struct Validity {
    honest: ServerSet,
    /// Commands that are not decided yet: where they were submitted, and as which.
    submitted: BTreeMap<Bytes, (ServerIndex, u64)>,
    count: u64,
    /// The next batch and the last command of each origin.
    next: BTreeMap<ServerIndex, (u64, u64)>,
    height: u64,
}

impl Validity {
    pub(super) fn new(honest: ServerSet) -> Self {
        Self { honest, submitted: BTreeMap::new(), count: 0, next: BTreeMap::new(), height: 0 }
    }

    /// Looks at each height once, when the first honest server delivers it: agreement is checked
    /// elsewhere.
    fn delivered(&mut self, block: &DeliveredBlock) -> Result<(), String> {
        if block.block.height.0 <= self.height {
            return Ok(());
        }
        self.height = block.block.height.0;
        block.batches.iter().try_for_each(|batch| self.ordered(batch))
    }

    fn ordered(&mut self, batch: &HeldBatch) -> Result<(), String> {
        let (origin, sequence) = (batch.reference().origin, batch.reference().sequence.0);
        let (next, last) = self.next.entry(origin).or_insert((0, 0));
        if sequence != *next {
            return Err(format!("validity: batch {sequence} of {origin} where {next} was due"));
        }
        *next += 1;
        if !self.honest.contains(origin) {
            return Ok(());
        }
        for command in batch.batch().commands() {
            let Some((_, number)) = self.submitted.remove(&command).filter(|(at, _)| *at == origin)
            else {
                let why = "was never submitted there, or is decided already";
                return Err(format!("validity: {command:?} of {origin} {why}"));
            };
            if number <= *last {
                return Err(format!("order of origin: {command:?} of {origin} is late"));
            }
            *last = number;
        }
        Ok(())
    }
}

impl Invariant for Validity {
    fn looks_at(&self) -> &'static [Kind] {
        &[Kind::Submitted, Kind::Delivered]
    }

    fn see(&mut self, _: Micros, what: &Observation<'_>) -> Result<(), String> {
        match what {
            Observation::Submitted { server, command } => {
                self.count += 1;
                self.submitted.insert((*command).clone(), (*server, self.count));
                Ok(())
            }
            Observation::Delivered { block, .. } => self.delivered(block),
            _ => Ok(()),
        }
    }
}
