//! Slow cryptography, away from the loop that decides.

use super::alarm::Alarm;
use crate::driver::Event;
use ally_consensus::Micros;
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

#[cfg(test)]
mod tests {
    use super::*;
    use ally_consensus::{BlockHash, BlockRef, Height};
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
