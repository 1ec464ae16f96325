//! A certificate implies a decision: what the alliance signs, an honest server decided.
//!
//! Source: docs/protocol.md#certificates.

use super::{Invariant, Kind};
use crate::observation::Observation;
use ally_consensus::{BlockRef, Micros};
use std::collections::BTreeSet;

/// What was certified and what was decided. A block may be certified before its batches have come to
/// those who decided it, so they are compared at the end.
#[derive(Default)]
pub(super) struct Certification {
    certified: BTreeSet<BlockRef>,
    delivered: BTreeSet<BlockRef>,
}

impl Invariant for Certification {
    fn looks_at(&self) -> &'static [Kind] {
        &[Kind::Certified, Kind::Delivered]
    }

    fn see(&mut self, _: Micros, what: &Observation<'_>) -> Result<(), String> {
        match what {
            Observation::Certified { certificate }
                if !self.delivered.contains(&certificate.block) =>
            {
                self.certified.insert(certificate.block);
            }
            Observation::Delivered { block, .. } => {
                self.delivered.insert(block.block);
                self.certified.remove(&block.block);
            }
            _ => {}
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), String> {
        match self.certified.first() {
            Some(block) => Err(format!("certificate: height {} was never decided", block.height)),
            None => Ok(()),
        }
    }
}
