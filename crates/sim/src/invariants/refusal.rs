//! What an honest server sends passes everybody's checks on arrival, and no check names an honest
//! server as the one at fault.
//!
//! Source: docs/protocol.md#signatures.

use super::{Invariant, Kind};
use crate::observation::Observation;
use ally_consensus::Micros;
use ally_policy::ServerSet;
use ally_replica::CheckError;

/// Whose messages must not be refused.
pub(super) struct Refusal {
    honest: ServerSet,
}

impl Refusal {
    pub(super) fn new(honest: ServerSet) -> Self {
        Self { honest }
    }
}

impl Invariant for Refusal {
    fn looks_at(&self) -> &'static [Kind] {
        &[Kind::Refused]
    }

    fn see(&mut self, _: Micros, what: &Observation<'_>) -> Result<(), String> {
        let Observation::Refused { server, from, error } = what else { return Ok(()) };
        let named = match error {
            CheckError::Consensus { error, .. } => error.culprit(),
            _ => None,
        };
        let innocent = [Some(*from), named].into_iter().flatten();
        match innocent.into_iter().find(|server| self.honest.contains(*server)) {
            Some(innocent) => Err(format!(
                "refused: {server} holds {innocent}, which is honest, at fault: {error}"
            )),
            None => Ok(()),
        }
    }
}
