//! A certificate implies a decision: what the alliance signs, an honest server decided.
//!
//! Source: docs/protocol.md#certificates.

use ally_consensus::{BlockRef, CheckpointCertificate};

/// What was certified.
#[derive(Default)]
pub(super) struct Certification {
    certified: Vec<BlockRef>,
}

impl Certification {
    pub(super) fn certified(&mut self, certificate: &CheckpointCertificate) {
        self.certified.push(certificate.block);
    }

    pub(super) fn finish(&self, chain: &[BlockRef]) -> Result<(), String> {
        let decided =
            |block: &BlockRef| chain.get((block.height.0 as usize).wrapping_sub(1)) == Some(block);
        match self.certified.iter().find(|block| !decided(block)) {
            Some(block) => Err(format!("certificate: height {} was never decided", block.height)),
            None => Ok(()),
        }
    }
}
