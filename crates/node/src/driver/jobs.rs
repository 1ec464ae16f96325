//! Slow cryptography, away from the loop that decides.

use crate::driver::Event;
use crate::keys::{OwnKeys, PublicKeys};
use ally_consensus::{BlockHash, BlockRef, CheckpointCertificate, Digest, Height};
use ally_log::Checkpoint;
use ally_replica::{Done, Job};
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use tokio::sync::mpsc::UnboundedSender;

/// A thread that computes shares and combines them, one after the other. The replica has a handful
/// of jobs under way at most, so that the queue needs no bound of its own.
pub(super) struct Jobs {
    queue: mpsc::Sender<Job>,
}

impl Jobs {
    /// Starts the thread. It ends when the value is dropped.
    ///
    /// # Errors
    /// If the system has no thread left.
    pub(super) fn start(
        keys: Arc<PublicKeys>,
        own: Arc<OwnKeys>,
        events: UnboundedSender<Event>,
    ) -> std::io::Result<Self> {
        let (queue, jobs) = mpsc::channel::<Job>();
        thread::Builder::new().name("ally-crypto".into()).spawn(move || {
            for job in jobs {
                if let Some(done) = run(job, &keys, &own)
                    && events.send(Event::Done(done)).is_err()
                {
                    return;
                }
            }
        })?;
        Ok(Self { queue })
    }

    /// Hands over a job; it is answered by [`Event::Done`].
    pub(super) fn run(&self, job: Job) {
        // The thread ends only with the driver.
        let _ = self.queue.send(job);
    }
}

fn run(job: Job, keys: &PublicKeys, own: &OwnKeys) -> Option<Done> {
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
            proof: own.prove_certify_share(keys, &checkpoint, &share),
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
        // A server without a share of the key gives none, and is not waited for.
        // Batches are signed in place; see `Driver::run_job`.
        _ => return None,
    })
}

fn block_of(checkpoint: &Checkpoint) -> BlockRef {
    BlockRef { height: Height(checkpoint.height), hash: BlockHash(checkpoint.block.0) }
}
