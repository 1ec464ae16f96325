//! One question that any server can answer, several servers.

use crate::link::{self, Link, connect_error};
use crate::{Attempt, Cause, Client, Error, ServerEntry};
use futures::StreamExt;
use futures::future::{BoxFuture, FutureExt};
use futures::stream::FuturesUnordered;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};
use tonic::{Code, Response, Status};

type Answer<T> = Result<Response<T>, Status>;

/// Asks each server once, until one gives an answer that stands up to a check.
///
/// The next server is asked when one has failed, or was silent for the patience. A "no" counts for
/// little, as nothing proves it: it is passed on only if nobody says yes.
pub(crate) struct Reading<'a> {
    client: &'a Client,
    links: Vec<&'a Link>,
    patience: Duration,
    attempts: Vec<Attempt>,
    /// What is worth more to the caller than that a server was not there.
    telling: Option<Error>,
}

impl<'a> Reading<'a> {
    /// Of servers in the order of the client's.
    pub(crate) fn new(client: &'a Client, links: Vec<&'a Link>, patience: Duration) -> Self {
        Self { client, links, patience, attempts: Vec::new(), telling: None }
    }

    /// Runs until `check` accepts an answer, everybody has said something, or time is up.
    pub(crate) async fn run<T, U>(
        mut self,
        within: Duration,
        ask: impl Fn(usize) -> BoxFuture<'a, Answer<T>>,
        check: impl Fn(&ServerEntry, T) -> Result<U, Error>,
    ) -> Result<U, Error> {
        let deadline = Instant::now() + within;
        let mut order = self.client.standings().order().into_iter();
        let mut asked = FuturesUnordered::new();
        let mut silent: Vec<(usize, Instant)> = Vec::new();
        let mut next_at = Instant::now();
        while order.len() > 0 || !asked.is_empty() {
            tokio::select! {
                biased;
                Some((at, answer)) = asked.next(), if !asked.is_empty() => {
                    silent.retain(|(asked, _)| *asked != at);
                    if let Some(value) = self.checked(at, answer, &check) {
                        self.note(at, &silent);
                        return Ok(value);
                    }
                    next_at = Instant::now();
                }
                () = sleep_until(deadline) => break,
                () = sleep_until(next_at), if order.len() > 0 => {
                    let Some(at) = order.next() else { break };
                    let answer = ask(at);
                    asked.push(async move { (at, answer.await) }.boxed());
                    let now = Instant::now();
                    silent.push((at, now));
                    next_at = now + self.patience;
                }
            }
        }
        for (at, _) in silent {
            let late = format!("no answer within {:.1} s", within.as_secs_f64());
            self.attempts.push(link::failed(self.links[at].server(), late, Cause::Other));
        }
        Err(self.report())
    }

    /// Notes who helped, and who was silent in the meantime.
    fn note(&self, helped: usize, silent: &[(usize, Instant)]) {
        let now = Instant::now();
        let mut standings = self.client.standings();
        standings.restored(helped);
        for (at, asked_at) in silent {
            if *asked_at + self.patience <= now {
                standings.failed(*at, now);
            }
        }
    }

    /// The answer of a server if it is of use.
    fn checked<T, U>(
        &mut self,
        at: usize,
        answer: Answer<T>,
        check: impl Fn(&ServerEntry, T) -> Result<U, Error>,
    ) -> Option<U> {
        let server = self.links[at].server();
        let now = Instant::now();
        match answer.map(|reply| check(server, reply.into_inner())) {
            Ok(Ok(value)) => return Some(value),
            Ok(Err(error)) => {
                tracing::warn!(server = server.name, %error, "a server is faulty");
                self.client.standings().forged(at, now);
                self.attempts.push(link::failed(server, error.to_string(), Cause::Other));
                self.telling = Some(error);
            }
            Err(status) if matches!(status.code(), Code::NotFound | Code::OutOfRange) => {
                let (name, reason) = (server.name.clone(), status.message().to_owned());
                self.attempts.push(link::failed(server, reason.clone(), Cause::Other));
                let found = Error::NotFound { server: name, reason };
                self.telling.get_or_insert(found);
            }
            Err(status) => {
                // A server that answers and has no receipt yet may be well.
                if connect_error(&status).is_some() {
                    self.client.standings().failed(at, now);
                }
                self.attempts.push(link::attempt(server, &status));
            }
        }
        None
    }

    fn report(self) -> Error {
        let Self { client, attempts, telling, .. } = self;
        telling.unwrap_or_else(|| {
            match attempts.iter().any(|attempt| attempt.cause == Cause::NotAdmitted) {
                true => client.nobody(attempts),
                false => Error::Unanswered(attempts),
            }
        })
    }
}
