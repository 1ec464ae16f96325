//! Cryptography with private keys.

use super::World;
use crate::observation::Observation;
use ally_byzantine::Keys;
use ally_consensus::{CheckpointCertificate, Digest};
use ally_keyring::block_of;
use ally_log::Checkpoint;
use ally_policy::ServerIndex;
use ally_replica::{CombineFailure, Done, HeldBatch, Job, SignedBatch, batch_signing_bytes};

impl World {
    /// Does a job; none if the server has no share of the key that it takes.
    pub(super) fn run_job(&mut self, server: ServerIndex, job: Job) -> Option<Done> {
        let signer = &self.signers[server.index()];
        let server = self.name(server);
        Some(match job {
            Job::SignBatch(batch) => {
                let bytes = batch_signing_bytes(&self.context, &batch.reference());
                let signature = signer.sign(server, &bytes);
                Done::SignBatch(HeldBatch::trusted(SignedBatch { signature, batch }))
            }
            Job::CertifyShare(checkpoint) => {
                let share = signer.certify_share(server, &checkpoint);
                if share.is_empty() {
                    return None;
                }
                let share = self.coalition.spoilt(server, &checkpoint, share);
                Done::CertifyShare { block: block_of(&checkpoint), share }
            }
            Job::CombineCertificate { checkpoint, shares } => {
                let result = self.certify(&checkpoint, &shares);
                Done::CombineCertificate { block: block_of(&checkpoint), result }
            }
            Job::ProveShare { checkpoint, share } => {
                let proof = signer.prove(server, &checkpoint, &share);
                Done::ProveShare { block: block_of(&checkpoint), proof }
            }
            Job::CheckShare { checkpoint, server, share, proof } => {
                let valid = self.keys.is_share(server, &checkpoint, &share, &proof);
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
        })
    }

    fn certify(
        &mut self,
        checkpoint: &Checkpoint,
        shares: &[(ServerIndex, Vec<u8>)],
    ) -> Result<CheckpointCertificate, CombineFailure> {
        let signature = self.keys.certify(checkpoint, shares)?;
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
