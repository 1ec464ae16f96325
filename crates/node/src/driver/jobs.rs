//! Slow cryptography, away from the loop that decides.

use super::alarm::Alarm;
use crate::driver::Event;
use crate::keys::{OwnKeys, PublicKeys};
use ally_consensus::{BlockHash, BlockRef, CheckpointCertificate, Digest, Height, Micros};
use ally_log::Checkpoint;
use ally_replica::{Done, Job};
use rustix::time::{ClockId, clock_gettime};
use std::sync::mpsc;
use std::thread;
use tokio::sync::mpsc::UnboundedSender;

const THREAD: &str = "ally-crypto";

/// A thread that computes shares and combines them, one after the other. The replica has a handful
/// of jobs under way at most, so that the queue needs no bound of its own.
pub(super) struct Jobs {
    queue: mpsc::Sender<Job>,
}

impl Jobs {
    /// Starts the thread, which does jobs with `run`. It ends when the value is dropped.
    ///
    /// # Errors
    /// If the system has no thread left.
    pub(super) fn start(
        run: impl Fn(Job) -> Option<Done> + Send + 'static,
        events: UnboundedSender<Event>,
    ) -> std::io::Result<Self> {
        let (queue, jobs) = mpsc::channel::<Job>();
        thread::Builder::new().name(THREAD.into()).spawn(move || {
            let _alarm = Alarm::new(THREAD, events.clone());
            for job in jobs {
                let before = cpu_time();
                let done = run(job);
                let cost = Micros(cpu_time().saturating_sub(before));
                if let Some(done) = done
                    && events.send(Event::Done(done, cost)).is_err()
                {
                    return;
                }
            }
        })?;
        Ok(Self { queue })
    }

    /// Hands over a job; it is answered by [`Event::Done`].
    pub(super) fn run(&self, job: Job) {
        // The thread ends only with the driver, or tells it that it panicked.
        let _ = self.queue.send(job);
    }
}

/// The processor time that this thread has used, in microseconds. It does not run while the thread
/// waits for a core: how much others compute changes nothing about what a job costs.
fn cpu_time() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let (seconds, nanos) = (time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs());
    seconds * 1_000_000 + nanos / 1000
}

/// Does a job.
pub(super) fn run(job: Job, keys: &PublicKeys, own: &OwnKeys) -> Option<Done> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::mpsc::unbounded_channel;

    #[test]
    fn a_panic_over_a_job_stops_the_server() {
        let (events, mut own) = unbounded_channel();
        let jobs = Jobs::start(|_| panic!("as this test wants"), events).expect("a thread");
        let block = BlockRef { height: Height(1), hash: BlockHash([0; 32]) };
        let statement = ally_consensus::Statement::Commit { view: ally_consensus::View(0), block };
        jobs.run(Job::CombineStatement { statement, shares: Vec::new() });
        assert!(matches!(own.blocking_recv(), Some(Event::Panicked(THREAD))));
    }
}
