//! Cryptography with private keys, modelled.

use super::World;
use crate::observation::Observation;
use ally_byzantine::Keys;
use ally_consensus::{BlockHash, BlockRef, CheckpointCertificate, Digest, Height};
use ally_log::Checkpoint;
use ally_policy::{ServerIndex, ServerSet};
use ally_replica::{CombineFailure, Done, HeldBatch, Job, SignedBatch, batch_signing_bytes};

/// What a server shows for its share; whether it is right follows from the share.
const PROOF: &[u8] = b"proof";

impl World {
    pub(super) fn run_job(&mut self, server: ServerIndex, job: Job) -> Done {
        let signer = &self.signers[server.index()];
        let server = self.name(server);
        match job {
            Job::SignBatch(batch) => {
                let bytes = batch_signing_bytes(&self.context, &batch.reference());
                let signature = signer.sign(server, &bytes);
                Done::SignBatch(HeldBatch::trusted(SignedBatch { signature, batch }))
            }
            Job::CertifyShare(checkpoint) => {
                let mut share = signer.certify_share(server, &checkpoint);
                share[0] ^= u8::from(self.coalition.spoils(server));
                Done::CertifyShare { block: block_of(&checkpoint), share }
            }
            Job::CombineCertificate { checkpoint, shares } => {
                let result = self.certify(&checkpoint, &shares);
                Done::CombineCertificate { block: block_of(&checkpoint), result }
            }
            Job::ProveShare { checkpoint, .. } => {
                Done::ProveShare { block: block_of(&checkpoint), proof: PROOF.to_vec() }
            }
            Job::CheckShare { checkpoint, server, share, .. } => {
                let valid = self.keys.is_share(server, &checkpoint, &share);
                Done::CheckShare { block: block_of(&checkpoint), server, valid }
            }
            Job::CombineStatement { statement, shares } => {
                let result = self.keys.combine(&self.context, &statement, &shares);
                if result.is_ok() {
                    self.observe(Observation::Combined { statement: &statement });
                }
                Done::CombineStatement { statement, result }
            }
            other => panic!("a job that the world does not know: {other:?}"),
        }
    }

    /// Half of the worlds blame as BLS does, the others, as RSA, need proofs first.
    fn certify(
        &mut self,
        checkpoint: &Checkpoint,
        shares: &[(ServerIndex, Vec<u8>)],
    ) -> Result<CheckpointCertificate, CombineFailure> {
        let blame = |culprits: ServerSet| match self.scenario.seed % 2 {
            0 => CombineFailure::Culprits(culprits),
            _ => CombineFailure::Inconsistent,
        };
        let signature = self.keys.certify(checkpoint, shares).map_err(blame)?;
        let certificate = CheckpointCertificate {
            block: block_of(checkpoint),
            log_size: checkpoint.log_size,
            log_root: Digest(checkpoint.log_root.0),
            signature,
        };
        self.observe(Observation::Certified { certificate: &certificate });
        Ok(certificate)
    }
}

fn block_of(checkpoint: &Checkpoint) -> BlockRef {
    BlockRef { height: Height(checkpoint.height), hash: BlockHash(checkpoint.block.0) }
}
