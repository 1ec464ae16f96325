//! What a replica asks for.

use crate::{OwnKeys, PublicKeys};
use ally_consensus::{BlockHash, BlockRef, CheckpointCertificate, Digest, Height};
use ally_log::Checkpoint;
use ally_replica::{Done, Job};
use rand_core::CryptoRng;

/// Does a job. None where a server without a share of the key is asked for one: it gives none, and is
/// not waited for; and for batches, which whoever holds the signing key signs in place.
///
/// `rng` is mixed into proofs of shares ([`ally_threshold::KeyShare::prove`]).
pub fn run(job: Job, keys: &PublicKeys, own: &OwnKeys, rng: &mut impl CryptoRng) -> Option<Done> {
    Some(match job {
        Job::CertifyShare(checkpoint) => Done::CertifyShare {
            block: block_of(&checkpoint),
            share: own.certify_share(keys, &checkpoint)?,
        },
        Job::CombineCertificate { checkpoint, shares } => Done::CombineCertificate {
            block: block_of(&checkpoint),
            result: keys.combine_certificate(&checkpoint, &shares).map(|signature| {
                CheckpointCertificate {
                    block: block_of(&checkpoint),
                    log_size: checkpoint.log_size,
                    log_root: Digest(checkpoint.log_root.0),
                    signature,
                }
            }),
        },
        Job::ProveShare { checkpoint, share } => Done::ProveShare {
            block: block_of(&checkpoint),
            proof: own.prove_certify_share(keys, &checkpoint, &share, rng),
        },
        Job::CheckShare { checkpoint, server, share, proof } => Done::CheckShare {
            block: block_of(&checkpoint),
            server,
            valid: keys.certify_share_holds(&checkpoint, server, &share, &proof),
        },
        Job::CombineStatement { statement, shares } => Done::CombineStatement {
            statement,
            result: keys.combine_statement(&statement, &shares),
        },
        _ => return None,
    })
}

/// The block that a checkpoint speaks of.
pub fn block_of(checkpoint: &Checkpoint) -> BlockRef {
    BlockRef { height: Height(checkpoint.height), hash: BlockHash(checkpoint.block.0) }
}
