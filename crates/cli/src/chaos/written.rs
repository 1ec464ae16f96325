//! What stands on a server's disk after a run.

use crate::failure::Failure;
use ally::{Entry, ProposalId};
use ally_alliance::{Alliance, KeyPurpose};
use ally_consensus::{BlockHash, BlockRef, CheckpointCertificate};
use ally_log::{Checkpoint, Frontier, Hash, Origin, leaf_hash};
use ally_node::{WrittenBlock, WrittenLog};
use std::path::Path;

/// Faults of one log that are told.
const FAULTS_MAX: usize = 10;

/// A server's whole log, read from its disk and computed anew.
#[derive(Debug, Default)]
pub struct ServerLog {
    /// Whose.
    pub server: String,
    /// The proposals, in order.
    pub ids: Vec<ProposalId>,
    /// The blocks, in order.
    pub blocks: Vec<BlockHash>,
    /// Size of the log that the newest certificate covers.
    pub certified: u64,
    /// Where it contradicts itself: a chain with a gap, a root that the commands do not give.
    pub faults: Vec<String>,
    /// Proofs of misbehaviour that the server keeps.
    pub evidence: Vec<Vec<u8>>,
}

impl ServerLog {
    /// Reads the data directory of a server that has stopped.
    ///
    /// # Errors
    /// [`Failure`] if it cannot be read: after a run that is a violation.
    pub fn read(server: &str, data: &Path, alliance: &Alliance) -> Result<Self, Failure> {
        let mut written = WrittenLog::open(data)?;
        let mut own = Self { server: server.to_owned(), ..Self::default() };
        let mut frontier = Frontier::new();
        let context = alliance.context();
        let mut tip = BlockRef::genesis(context.alliance, context.epoch);
        for block in written.by_ref() {
            own.add(&block?, &mut tip, &mut frontier);
        }
        if let Some(certificate) = written.certificate()? {
            own.check_certificate(&certificate, alliance)?;
        }
        own.evidence = written.evidence()?.into_iter().map(|(_, bytes)| bytes.to_vec()).collect();
        Ok(own)
    }

    fn add(&mut self, block: &WrittenBlock, tip: &mut BlockRef, frontier: &mut Frontier) {
        let header = &block.header;
        if header.parent != tip.hash || header.height != tip.height.next() {
            self.fault(format!("block {} does not follow block {}", header.height, tip.height));
        }
        *tip = header.block_ref();
        self.blocks.push(tip.hash);
        frontier.append_many(block.entries.iter().map(|entry| leaf_hash(entry)));
        for entry in &block.entries {
            match Entry::from_bytes(entry.clone()) {
                Ok(entry) => self.ids.push(entry.id()),
                Err(error) => self.fault(format!("in block {}: {error}", header.height)),
            }
        }
        if header.log_size != frontier.size() || header.log_root.0 != frontier.root().0 {
            self.fault(format!("block {} names another log than its commands give", header.height));
        }
    }

    fn check_certificate(
        &mut self,
        certificate: &CheckpointCertificate,
        alliance: &Alliance,
    ) -> Result<(), Failure> {
        let block = certificate.block;
        self.certified = certificate.log_size;
        let at = block.height.0.checked_sub(1).and_then(|at| self.blocks.get(at as usize));
        if at != Some(&block.hash) {
            self.fault(format!("the certificate of block {} is for another block", block.height));
        }
        let checkpoint = Checkpoint {
            origin: Origin::new(alliance.origin()).map_err(Failure::internal)?,
            log_size: certificate.log_size,
            log_root: Hash(certificate.log_root.0),
            epoch: alliance.epoch().0,
            height: block.height.0,
            block: Hash(block.hash.0),
        };

        let key = alliance.key(KeyPurpose::Certify);
        if !key.verify(checkpoint.statement().as_bytes(), &certificate.signature) {
            self.fault(format!("the certificate of block {} does not verify", block.height));
        }
        Ok(())
    }

    fn fault(&mut self, what: String) {
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(what);
        }
    }
}
