//! One proposal, several servers: who is asked when, and what is reported if nobody helps.

use crate::client::forged;
use crate::in_flight::{Lost, LostKind, Outcome};
use crate::link::{self, Link};
use crate::session::Session;
use crate::{Cause, Client, Error, ServerEntry};
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
/// Who failed, or was silent until another one had answered, is asked last by later calls.
pub(crate) struct Attempts<'a> {
    client: &'a Client,
    servers: &'a [(Link, Session)],
    patience: Duration,
    asked: FuturesUnordered<BoxFuture<'a, Answer>>,
    states: Vec<State>,
    /// The servers as they are asked.
    order: Vec<usize>,
    next_at: Instant,
}

/// What is known of one server.
#[derive(Debug, Clone)]
struct State {
    /// Since when it owes an answer.
    asked_at: Option<Instant>,
    not_before: Instant,
    pause: Duration,
    reached: bool,
    outcome: String,
    cause: Cause,
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
            asked_at: None,
            not_before: now,
            pause: PAUSES.0,
            reached: false,
            outcome: "not asked".to_owned(),
            cause: Cause::Other,
            forged: None,
        };
        let states = vec![state; servers.len()];
        let (asked, order) = (FuturesUnordered::new(), client.standings().order());
        Self { client, servers, patience, asked, states, order, next_at: now }
    }

    /// Runs until `check` accepts an answer, nobody is left to ask, or time is up.
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
                        Ok(value) => {
                            self.answered(at, entries.first());
                            return Ok(value);
                        }
                        Err(lost) => self.failed(at, lost),
                    }
                }
                () = sleep_until(deadline) => return Err(self.report(started.elapsed()).await),
                at = ready(next) => self.ask(at, entries.clone(), until),
            }
            if self.states.iter().all(|state| state.cause == Cause::NotAdmitted) {
                return Err(self.report(started.elapsed()).await);
            }
        }
    }

    /// The server to ask next, and when; `None` if nobody else can be asked.
    fn next_server(&self) -> Option<(usize, Instant)> {
        let idle = self.order.iter().map(|at| (*at, &self.states[*at])).filter(|(_, state)| {
            // Who does not know our key will not come to know it.
            state.asked_at.is_none() && state.cause != Cause::NotAdmitted
        });
        let (at, state) = idle.min_by_key(|(_, state)| state.not_before)?;
        Some((at, state.not_before.max(self.next_at)))
    }

    fn ask(&mut self, at: usize, entries: Vec<Entry>, until: Until) {
        let session = self.servers[at].1.clone();
        let asked = async move { (at, session.propose(entries, until).await) };
        self.asked.push(asked.boxed());
        let now = Instant::now();
        self.next_at = now + self.patience;
        let state = &mut self.states[at];
        state.asked_at = Some(now);
        state.outcome = "no answer".to_owned();
    }

    /// Notes who helped and who was silent, and tries those again whose turn it is.
    fn answered(&self, at: usize, entry: Option<&Entry>) {
        let now = Instant::now();
        let mut standings = self.client.standings();
        standings.helped(at);
        for (at, state) in self.states.iter().enumerate() {
            if state.asked_at.is_some_and(|asked_at| asked_at + self.patience <= now) {
                standings.failed(at, now);
            }
        }
        // The entry is decided: a server that is well answers at once, and orders nothing twice.
        let Some(entry) = entry else { return };
        for at in standings.due(now) {
            self.client.try_again(at, entry.clone());
        }
    }

    /// Notes what a server did instead of helping; `None` if its answer did not stand the check.
    fn failed(&mut self, at: usize, lost: Option<Lost>) {
        let server = self.servers[at].0.server();
        let now = Instant::now();
        self.next_at = now;
        let state = &mut self.states[at];
        state.asked_at = None;
        let pause = match lost.as_ref().map(|lost| lost.kind) {
            Some(LostKind::Refused(pause)) => pause.max(state.pause),
            _ => state.pause,
        };
        state.not_before = now + pause;
        state.pause = (state.pause * 2).min(PAUSES.1);
        let kind = lost.as_ref().map(|lost| lost.kind);
        state.reached |= !matches!(kind, Some(LostKind::Unreached | LostKind::NotAdmitted));
        if kind == Some(LostKind::NotAdmitted) {
            state.cause = Cause::NotAdmitted;
        }
        if let Some(Lost { why, kind: LostKind::Forged }) = &lost {
            state.forged = Some(forged(server, why));
        }
        let mut standings = self.client.standings();
        match &state.forged {
            Some(error) => {
                tracing::warn!(server = server.name, %error, "a server is faulty");
                standings.forged(at, now);
            }
            None => standings.failed(at, now),
        }
        state.outcome = match lost {
            Some(lost) => lost.why,
            None => "its answer does not verify".to_owned(),
        };
    }

    async fn report(self, waited: Duration) -> Error {
        let attempt = |(state, (link, _)): (&State, &(Link, Session))| {
            link::failed(link.server(), state.outcome.clone(), state.cause)
        };
        let attempts: Vec<_> = self.states.iter().zip(self.servers).map(attempt).collect();
        let honest =
            |state: &State| state.forged.is_none() && (state.reached || state.asked_at.is_some());
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
            None => Error::nobody(self.client.key(), attempts),
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
