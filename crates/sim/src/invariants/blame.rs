//! No honest server is ever blamed, and none stops because the policy's assumption seems broken.
//!
//! Source: docs/protocol.md#evidence.

use super::Invariant;
use crate::observation::Observation;
use ally_consensus::Micros;
use ally_policy::ServerSet;

/// Who must not be accused.
pub(super) struct Blame {
    honest: ServerSet,
}

impl Blame {
    pub(super) fn new(honest: ServerSet) -> Self {
        Self { honest }
    }
}

impl Invariant for Blame {
    fn see(&mut self, _: Micros, what: &Observation<'_>) -> Result<(), String> {
        match what {
            Observation::Accused { server, evidence }
                if self.honest.contains(evidence.culprit()) =>
            {
                let accused = evidence.culprit();
                Err(format!("blame: {server} accuses {accused}, which is honest: {evidence:?}"))
            }
            Observation::Halted { server, breach } => {
                Err(format!("halt: {server} stopped: {breach:?}"))
            }
            _ => Ok(()),
        }
    }
}
