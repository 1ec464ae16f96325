//! One proposal, several servers: who is asked when, and what is reported if nobody helps.

use crate::client::forged;
use crate::in_flight::{Lost, LostKind, Outcome};
use crate::link::Link;
use crate::session::Session;
use crate::{Attempt, Client, Error, ServerEntry};
use ally_proto::Entry;
use ally_proto::v1::Until;
use futures::StreamExt;
use futures::future::{BoxFuture, FutureExt};
use futures::stream::FuturesUnordered;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// Pauses before a server that failed is asked again: the first, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

type Answer = (usize, Result<Vec<Outcome>, Lost>);

/// Asks servers until one gives an answer that stands up to a check.
///
/// The first server is asked at once. When it fails, or is silent for the patience, the next one is
/// asked as well, and so on; whichever answers first wins. Each has at most one question at a time.
pub(crate) struct Attempts<'a> {
    client: &'a Client,
    servers: &'a [(Link, Session)],
    patience: Duration,
    asked: FuturesUnordered<BoxFuture<'a, Answer>>,
    states: Vec<State>,
    next_at: Instant,
}

/// What is known of one server.
#[derive(Debug, Clone)]
struct State {
    asking: bool,
    not_before: Instant,
    pause: Duration,
    reached: bool,
    outcome: String,
    forged: Option<Error>,
}

impl<'a> Attempts<'a> {
    pub(crate) fn new(
        client: &'a Client,
        servers: &'a [(Link, Session)],
        patience: Duration,
    ) -> Self {
        let now = Instant::now();
        let state = State {
            asking: false,
            not_before: now,
            pause: PAUSES.0,
            reached: false,
            outcome: "not asked".to_owned(),
            forged: None,
        };
        let states = vec![state; servers.len()];
        Self { client, servers, patience, asked: FuturesUnordered::new(), states, next_at: now }
    }

    /// Runs until `check` accepts an answer, or time is up.
    pub(crate) async fn run<T>(
        mut self,
        entries: Vec<Entry>,
        until: Until,
        within: Duration,
        check: impl Fn(&ServerEntry, &[Outcome]) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let started = Instant::now();
        let deadline = started + within;
        loop {
            let next = self.next_server();
            tokio::select! {
                biased;
                Some((at, answer)) = self.asked.next(), if !self.asked.is_empty() => {
                    let answer = answer.map_err(Some).and_then(|outcomes| {
                        check(self.servers[at].0.server(), &outcomes).map_err(|error| {
                            self.states[at].forged = Some(error);
                            None
                        })
                    });
                    match answer {
                        Ok(value) => return Ok(value),
                        Err(lost) => self.failed(at, lost),
                    }
                }
                () = sleep_until(deadline) => return Err(self.report(started.elapsed()).await),
                at = ready(next) => self.ask(at, entries.clone(), until),
            }
        }
    }

    /// The server to ask next, and when; `None` if all are being asked.
    fn next_server(&self) -> Option<(usize, Instant)> {
        let idle = self.states.iter().enumerate().filter(|(_, state)| !state.asking);
        let (at, state) = idle.min_by_key(|(_, state)| state.not_before)?;
        Some((at, state.not_before.max(self.next_at)))
    }

    fn ask(&mut self, at: usize, entries: Vec<Entry>, until: Until) {
        let session = self.servers[at].1.clone();
        let asked = async move { (at, session.propose(entries, until).await) };
        self.asked.push(asked.boxed());
        self.next_at = Instant::now() + self.patience;
        let state = &mut self.states[at];
        state.asking = true;
        state.outcome = "no answer".to_owned();
    }

    /// Notes what a server did instead of helping; `None` if its answer did not stand the check.
    fn failed(&mut self, at: usize, lost: Option<Lost>) {
        let server = self.servers[at].0.server();
        let now = Instant::now();
        self.next_at = now;
        let state = &mut self.states[at];
        state.asking = false;
        let pause = match lost.as_ref().map(|lost| lost.kind) {
            Some(LostKind::Refused(pause)) => pause.max(state.pause),
            _ => state.pause,
        };
        state.not_before = now + pause;
        state.pause = (state.pause * 2).min(PAUSES.1);
        state.reached |= lost.as_ref().is_none_or(|lost| lost.kind != LostKind::Unreached);
        if let Some(Lost { why, kind: LostKind::Forged }) = &lost {
            state.forged = Some(forged(server, why));
        }
        if let Some(error) = &state.forged {
            tracing::warn!(server = server.name, %error, "a server is faulty");
        }
        state.outcome = match lost {
            Some(lost) => lost.why,
            None => "its answer does not verify".to_owned(),
        };
    }

    async fn report(self, waited: Duration) -> Error {
        let attempt = |(state, (link, _)): (&State, &(Link, Session))| Attempt {
            server: link.server().name.clone(),
            organisation: link.server().organisation.clone(),
            outcome: state.outcome.clone(),
        };
        let attempts = self.states.iter().zip(self.servers).map(attempt).collect();
        let honest = |state: &State| state.forged.is_none() && (state.reached || state.asking);
        if !self.states.iter().any(honest)
            && let Some(error) = self.states.iter().find_map(|state| state.forged.clone())
        {
            return error;
        }
        match self.client.missing_organisations().await {
            Some(missing) => Error::Undecided { waited, missing, attempts },
            None if self.states.iter().any(|state| state.reached) => {
                Error::Undecided { waited, missing: Vec::new(), attempts }
            }
            None => Error::Unreachable(attempts),
        }
    }
}

async fn ready(next: Option<(usize, Instant)>) -> usize {
    match next {
        Some((at, when)) => {
            sleep_until(when).await;
            at
        }
        None => std::future::pending().await,
    }
}
