//! Applications at work while faults happen: some propose, some listen.

use super::Nemesis;
use super::history::{Acknowledged, Forged, Heard, History, Operation};
use crate::failure::Failure;
use ally::{Client, Error, ListenOptions, Options, Proposal};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

/// How long one attempt may take before the same is proposed again.
const ATTEMPT: Duration = Duration::from_secs(4);
/// How long a server may be silent before the next one is asked as well.
const PATIENCE: Duration = Duration::from_secs(1);
/// After an attempt that failed at once.
const PAUSE: Duration = Duration::from_millis(100);
/// Receipts that a client keeps: the first, and every so many.
const SAMPLE_EVERY: u64 = 50;
const SAMPLE_MAX: usize = 16;
/// The most commands of one client.
const OPERATIONS_MAX: usize = 1 << 20;

/// How far everybody is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Propose one command after the other.
    Work,
    /// Bring the last one to its end, and no other.
    Drain,
    /// Leave even that: it has taken too long.
    Leave,
}

/// The applications of a run.
pub struct Clients {
    phase: watch::Sender<Phase>,
    /// Size of the log that listeners have to reach.
    goal: watch::Sender<Option<u64>>,
    proposers: Vec<JoinHandle<History>>,
    listeners: Vec<JoinHandle<Vec<Heard>>>,
    acknowledged: Arc<AtomicU64>,
}

/// What the applications have seen.
pub struct Seen {
    /// By proposer.
    pub histories: Vec<History>,
    /// By listener; nothing if it did not hear `size` entries in time.
    pub heard: Vec<Option<Vec<Heard>>>,
    /// How long the log was when listeners were told to come to an end.
    pub size: u64,
}

impl Clients {
    /// Starts two proposers and a listener for each server, which ask it first. `pace` is the time
    /// from one command of a proposer to its next.
    ///
    /// # Errors
    /// [`Failure`] if the client's key cannot be read.
    pub fn start(nemesis: &Nemesis, begun: Instant, pace: Duration) -> Result<Self, Failure> {
        let (phase, phases) = watch::channel(Phase::Work);
        let (goal, goals) = watch::channel(None);
        let acknowledged = Arc::new(AtomicU64::new(0));
        let (mut proposers, mut listeners) = (Vec::new(), Vec::new());
        for (place, server) in nemesis.fleet().servers().iter().enumerate() {
            let options = Options::default().first_server(server.server()).patience(PATIENCE);
            let client = nemesis.application(options.connect_timeout(PATIENCE))?;
            for number in [2 * place, 2 * place + 1] {
                let proposer = Proposer {
                    client: client.clone(),
                    number,
                    begun,
                    pace,
                    acknowledged: Arc::clone(&acknowledged),
                    phases: phases.clone(),
                };
                proposers.push(tokio::spawn(proposer.run()));
            }
            listeners.push(tokio::spawn(listen(client, goals.clone())));
        }
        Ok(Self { phase, goal, proposers, listeners, acknowledged })
    }

    /// Commands that have their receipt.
    pub fn acknowledged(&self) -> u64 {
        self.acknowledged.load(Relaxed)
    }

    /// Lets the proposers bring their last commands to their end. Those that are not there within
    /// the time leave them unanswered.
    pub async fn drain(&self, within: Duration) {
        self.phase.send_replace(Phase::Drain);
        let all_done = async {
            while self.proposers.iter().any(|proposer| !proposer.is_finished()) {
                sleep(PAUSE).await;
            }
        };
        _ = timeout(within, all_done).await;
        self.phase.send_replace(Phase::Leave);
    }

    /// Ends the listeners when they have heard `size` entries or the time is over.
    ///
    /// # Errors
    /// [`Failure`] if a client has panicked.
    pub async fn end(self, size: u64, within: Duration) -> Result<Seen, Failure> {
        let mut histories = Vec::new();
        for proposer in self.proposers {
            histories.push(proposer.await.map_err(Failure::internal)?);
        }
        self.goal.send_replace(Some(size));
        let deadline = Instant::now() + within;
        let mut heard = Vec::new();
        for mut listener in self.listeners {
            match tokio::time::timeout_at(deadline, &mut listener).await {
                Ok(done) => heard.push(Some(done.map_err(Failure::internal)?)),
                Err(_) => {
                    listener.abort();
                    heard.push(None);
                }
            }
        }
        Ok(Seen { histories, heard, size })
    }
}

/// A client that proposes a command, waits for its receipt, and proposes the next.
struct Proposer {
    client: Client,
    number: usize,
    begun: Instant,
    pace: Duration,
    acknowledged: Arc<AtomicU64>,
    phases: watch::Receiver<Phase>,
}

impl Proposer {
    async fn run(mut self) -> History {
        let mut history = History::default();
        for number in 0..OPERATIONS_MAX as u64 {
            if *self.phases.borrow() != Phase::Work {
                break;
            }
            let next = Instant::now() + self.pace;
            self.propose(number, &mut history).await;
            tokio::select! {
                () = tokio::time::sleep_until(next) => {}
                _ = self.phases.wait_for(|phase| *phase != Phase::Work) => {}
            }
        }
        history
    }

    /// Proposes the same until its receipt is here: that is safe, whatever became of earlier
    /// attempts.
    async fn propose(&mut self, number: u64, history: &mut History) {
        let command = format!("client {} command {number}", self.number);
        // A text of this length always makes a proposal, unless the system has no randomness.
        let Ok(proposal) = Proposal::new(command.as_bytes()) else { return };
        let (client, id, asked_ms) = (self.number, proposal.id(), self.now_ms());
        let mut operation =
            Operation { client, number, id, asked_ms, acknowledged: None, attempts: 0 };
        while operation.acknowledged.is_none() {
            operation.attempts = operation.attempts.saturating_add(1);
            let answer = tokio::select! {
                answer = self.client.propose(&proposal, ATTEMPT) => answer,
                _ = self.phases.wait_for(|phase| *phase == Phase::Leave) => break,
            };
            match answer {
                Ok(receipt) => {
                    self.acknowledged.fetch_add(1, Relaxed);
                    let index = receipt.index;
                    operation.acknowledged = Some(Acknowledged { at_ms: self.now_ms(), index });
                    if number.is_multiple_of(SAMPLE_EVERY) && history.sample.len() < SAMPLE_MAX {
                        history.sample.push((proposal.clone(), receipt));
                    }
                }
                Err(error) => {
                    if let Error::Forged { server, fault } = error {
                        history.forged.push(Forged { server, fault });
                    }
                    sleep(PAUSE).await;
                }
            }
        }
        history.operations.push(operation);
    }

    fn now_ms(&self) -> u64 {
        self.begun.elapsed().as_millis() as u64
    }
}

/// Follows the log from its beginning until it is as long as it has to be.
async fn listen(client: Client, mut goal: watch::Receiver<Option<u64>>) -> Vec<Heard> {
    let mut heard = Vec::new();
    let mut listener = client.listen(0, ListenOptions::default());
    loop {
        let enough = goal.borrow_and_update().is_some_and(|size| heard.len() as u64 >= size);
        if enough {
            return heard;
        }
        tokio::select! {
            block = listener.next() => {
                let Some(Ok(block)) = block else { return heard };
                heard.extend(block.commands.iter().map(|command| Heard {
                    index: command.index,
                    id: command.id,
                    duplicate_of: command.duplicate_of,
                }));
            }
            changed = goal.changed() => {
                if changed.is_err() {
                    return heard;
                }
            }
        }
    }
}
