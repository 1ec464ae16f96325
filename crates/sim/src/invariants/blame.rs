//! No honest server is ever blamed.
//!
//! Source: docs/protocol.md#evidence.

use ally_consensus::Evidence;
use ally_policy::{ServerIndex, ServerSet};

/// Who must not be accused.
pub(super) struct Blame {
    honest: ServerSet,
}

impl Blame {
    pub(super) fn new(honest: ServerSet) -> Self {
        Self { honest }
    }

    pub(super) fn blamed(&self, server: ServerIndex, evidence: &Evidence) -> Result<(), String> {
        let accused = match evidence {
            Evidence::Headers(proof) => proof.first.signer,
            Evidence::Votes { first, .. } => first.signer,
            Evidence::Selection(choice) => choice.signer,
            _ => return Ok(()),
        };
        match self.honest.contains(accused) {
            true => {
                Err(format!("blame: {server} accuses {accused}, which is honest: {evidence:?}"))
            }
            false => Ok(()),
        }
    }
}
