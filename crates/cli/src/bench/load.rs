//! The load: commands at a pace, and how long each took.

use crate::failure::Failure;
use crate::statistics::Latencies;
use ally::{Client, Error, Nonce, Proposal, Until};
use futures::StreamExt;
use futures::future::LocalBoxFuture;
use futures::stream::FuturesUnordered;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

/// How long a command may take before it counts as failed.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(30);
/// How long the last commands may take after the load has ended.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);
/// How often an open loop sends what is due.
const TICK: Duration = Duration::from_millis(1);
/// The most commands proposed together.
const GROUP_MAX: u64 = 1024;
/// Groups that each client of a closed loop has under way.
const GROUPS_PER_CLIENT: u64 = 8;
/// The most commands of an open loop under way; beyond it they are counted as dropped.
const UNDER_WAY_MAX: u64 = 200_000;

/// When commands are sent.
#[derive(Debug, Clone, Copy)]
pub enum Pace {
    /// So many in a second, whatever becomes of earlier ones. Latency counts from the time at which
    /// a command should have been sent, so that a stall shows in all commands it held up.
    Open {
        /// Commands in a second.
        rate: f64,
    },
    /// Each client has so many under way and sends more as answers come.
    Closed {
        /// Commands under way for each client.
        in_flight: u64,
    },
}

/// A load.
pub struct Load {
    /// Who proposes.
    pub clients: Vec<Client>,
    /// When.
    pub pace: Pace,
    /// Bytes of a command.
    pub size: usize,
    /// How long to go on before anything counts.
    pub warm_up: Duration,
    /// How long to measure.
    pub measure: Duration,
}

/// What came of a load.
#[derive(Default)]
pub struct Measured {
    /// Commands decided or certified while it was measured.
    pub done: u64,
    /// Commands that were due while too many were under way.
    pub dropped: u64,
    /// Commands whose fate is not known.
    pub failed: u64,
    /// Why the first of these failed.
    pub error: Option<Error>,
    /// From sending (see [`Pace`]) to the news of the decision; for every other group of commands.
    pub decided: Latencies,
    /// From sending to the verified certificate that covers the command; for the other groups.
    pub certified: Latencies,
}

/// Commands proposed together.
struct Group {
    count: u64,
    /// When the first should have been sent, and the time between them.
    first: Instant,
    step: Duration,
    until: Until,
    client: usize,
    result: Result<(), Error>,
}

/// What a run keeps.
struct Run<'a> {
    load: &'a Load,
    begun: Instant,
    /// Counts the nonces.
    proposed: u64,
    salt: u64,
    groups: u64,
    under_way: u64,
    measured: Measured,
}

impl Load {
    /// Runs it; calls `at_start` and `at_end` when measuring begins and ends.
    ///
    /// # Errors
    /// [`Failure`] if a command cannot be made.
    pub async fn run(
        &self,
        at_start: impl FnOnce(),
        at_end: impl FnOnce(),
    ) -> Result<Measured, Failure> {
        let begun = Instant::now();
        let salt = rand_salt();
        let measured = Measured::default();
        let mut run =
            Run { load: self, begun, proposed: 0, salt, groups: 0, under_way: 0, measured };
        let mut marks = Marks { begun, load: self, start: Some(at_start), end: Some(at_end) };
        match self.pace {
            Pace::Open { rate } => run.open(rate, &mut marks).await?,
            Pace::Closed { in_flight } => run.closed(in_flight, &mut marks).await?,
        }
        Ok(run.measured)
    }

    fn duration(&self) -> Duration {
        self.warm_up + self.measure
    }
}

impl<'a> Run<'a> {
    async fn open(
        &mut self,
        rate: f64,
        marks: &mut Marks<'_, impl FnOnce(), impl FnOnce()>,
    ) -> Result<(), Failure> {
        let mut groups = FuturesUnordered::new();
        let step = Duration::from_secs_f64(1.0 / rate);
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut sent = 0;
        while self.begun.elapsed() < self.load.duration() {
            tokio::select! {
                biased;
                Some(group) = groups.next(), if !groups.is_empty() => self.record(group),
                _ = tick.tick() => {
                    marks.pass();
                    let due = (self.begun.elapsed().as_secs_f64() * rate) as u64;
                    while sent < due {
                        let count = (due - sent).min(GROUP_MAX);
                        // The first command is due one step after the start.
                        let first = self.begun + step.mul_f64((sent + 1) as f64);
                        sent += count;
                        if self.under_way + count > UNDER_WAY_MAX {
                            self.measured.dropped += count;
                            continue;
                        }
                        groups.push(self.group(count, first, step)?);
                    }
                }
            }
        }
        marks.pass();
        self.drain(groups).await;
        Ok(())
    }

    async fn closed(
        &mut self,
        in_flight: u64,
        marks: &mut Marks<'_, impl FnOnce(), impl FnOnce()>,
    ) -> Result<(), Failure> {
        let mut groups = FuturesUnordered::new();
        let lanes = in_flight.min(GROUPS_PER_CLIENT);
        for lane in 0..lanes * self.load.clients.len() as u64 {
            // What does not divide evenly goes to the first lanes.
            let lane = lane % lanes;
            let count = in_flight / lanes + u64::from(lane < in_flight % lanes);
            groups.push(self.group(count.min(GROUP_MAX), Instant::now(), Duration::ZERO)?);
        }
        while self.begun.elapsed() < self.load.duration() {
            let Some(group) = groups.next().await else { break };
            marks.pass();
            let (count, client, failed) = (group.count, group.client, group.result.is_err());
            self.record(group);
            if failed {
                // Nobody helps at the moment; do not spin.
                tokio::time::sleep(TICK).await;
            }
            let next = self.group_of(client, count, Instant::now(), Duration::ZERO)?;
            groups.push(next);
        }
        marks.pass();
        self.drain(groups).await;
        Ok(())
    }

    /// The last answers; what does not come is failed.
    async fn drain(&mut self, mut groups: FuturesUnordered<LocalBoxFuture<'a, Group>>) {
        let all = async {
            while let Some(group) = groups.next().await {
                self.record(group);
            }
        };
        if timeout(DRAIN_TIMEOUT, all).await.is_err() {
            self.measured.failed += self.under_way;
        }
    }

    /// The next client's turn.
    fn group(
        &mut self,
        count: u64,
        first: Instant,
        step: Duration,
    ) -> Result<LocalBoxFuture<'a, Group>, Failure> {
        let client = self.groups as usize % self.load.clients.len();
        self.group_of(client, count, first, step)
    }

    fn group_of(
        &mut self,
        client: usize,
        count: u64,
        first: Instant,
        step: Duration,
    ) -> Result<LocalBoxFuture<'a, Group>, Failure> {
        let proposals = (0..count).map(|_| self.proposal()).collect::<Result<Vec<_>, _>>()?;
        // Each client's groups alternate: its number is in the count of groups.
        let turn = self.groups / self.load.clients.len() as u64;
        let until = if turn.is_multiple_of(2) { Until::Decided } else { Until::Certified };
        self.groups += 1;
        self.under_way += count;
        let load = self.load;
        Ok(Box::pin(async move {
            let result = load.clients[client].propose_until(&proposals, until, COMMAND_TIMEOUT);
            let result = result.await.map(|_| ());
            Group { count, first, step, until, client, result }
        }))
    }

    /// A command that was never proposed before.
    fn proposal(&mut self) -> Result<Proposal, Error> {
        let mut nonce = [0; 16];
        nonce[..8].copy_from_slice(&self.salt.to_le_bytes());
        nonce[8..].copy_from_slice(&self.proposed.to_le_bytes());
        self.proposed += 1;
        // Bytes that no compression helps with are not needed: nothing is compressed.
        let command = vec![b'x'; self.load.size];
        Proposal::with_nonce(Nonce(nonce), &command)
    }

    fn record(&mut self, group: Group) {
        self.under_way -= group.count;
        if let Err(error) = group.result {
            self.measured.failed += group.count;
            self.measured.error.get_or_insert(error);
            return;
        }
        let now = Instant::now();
        let (start, end) = (self.begun + self.load.warm_up, self.begun + self.load.duration());
        if (start..end).contains(&now) {
            self.measured.done += group.count;
        }
        let latencies = match group.until {
            Until::Decided => &mut self.measured.decided,
            Until::Certified => &mut self.measured.certified,
        };
        for at in 0..group.count {
            let sent = group.first + group.step.mul_f64(at as f64);
            if (start..end).contains(&sent) {
                latencies.add(now.saturating_duration_since(sent));
            }
        }
    }
}

/// Calls what is to be called when measuring begins and ends.
struct Marks<'a, S, E> {
    begun: Instant,
    load: &'a Load,
    start: Option<S>,
    end: Option<E>,
}

impl<S: FnOnce(), E: FnOnce()> Marks<'_, S, E> {
    fn pass(&mut self) {
        let elapsed = self.begun.elapsed();
        if elapsed >= self.load.warm_up
            && let Some(start) = self.start.take()
        {
            start();
        }
        if elapsed >= self.load.duration()
            && let Some(end) = self.end.take()
        {
            end();
        }
    }
}

/// Tells the commands of this run from those of others.
fn rand_salt() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| since.as_nanos() as u64) ^ (u64::from(std::process::id()) << 48)
}
