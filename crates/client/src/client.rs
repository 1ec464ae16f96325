//! The client: one object for everything an application asks of an alliance.

use crate::attempts::Attempts;
use crate::in_flight::Outcome;
use crate::link::{self, Link};
use crate::reading::Reading;
use crate::session::Session;
use crate::standings::Standings;
use crate::{
    Attempt, Cause, Error, ListenOptions, Listener, Membership, Options, Proposal, ServerEntry,
};
use ally_alliance::keys::{ClientKey, ClientPublic};
use ally_codec::Decode;
use ally_log::Receipt;
use ally_proto::limits::{REQUEST_BYTES_MAX, REQUEST_ENTRIES_MAX};
use ally_proto::v1::receipt_request::By;
use ally_proto::v1::{
    ReceiptReply, ReceiptRequest, StatusReply, StatusRequest, Until as WireUntil,
};
use ally_proto::{Entry, ProposalId};
use ally_transport::Identity;
use bytes::Bytes;
use futures::future::{FutureExt, join_all};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::timeout;
use tonic::{Response, Status};

/// How long servers may take to say whom they miss, after a proposal came to nothing.
const DIAGNOSIS_TIMEOUT: Duration = Duration::from_secs(1);

/// How long a server that did not help may take to answer when it is tried again.
const TRIAL_TIMEOUT: Duration = Duration::from_secs(2);

/// Talks to the servers of one alliance. Cheap to clone; clones share connections.
///
/// Everything it returns is verified with the alliance's public key, except where the documentation
/// says "weak".
#[derive(Debug, Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    membership: Membership,
    options: Options,
    key: ClientPublic,
    /// In the order in which they are asked while all of them help.
    servers: Vec<(Link, Session)>,
    standings: Mutex<Standings>,
}

/// How far [`Client::propose_until`] follows a proposal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// One server says that it is decided. Weak: nothing proves it.
    Decided,
    /// One server says that it is decided, and that a certificate (which is verified) covers its
    /// place in the log. Weak: nothing proves that it is the command that stands there.
    Certified,
}

/// Where a proposal stands in the log, as one server says. Weak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placement {
    /// Index in the log; of the earlier copy if it is a duplicate.
    pub index: u64,
    /// Height of the block that holds it.
    pub height: u64,
    /// The proposal had been ordered before.
    pub duplicate: bool,
}

impl From<&Outcome> for Placement {
    fn from(outcome: &Outcome) -> Self {
        let Outcome { index, height, duplicate, .. } = *outcome;
        Self { index, height, duplicate }
    }
}

impl Client {
    /// Prepares a client; connections are opened when they are needed.
    ///
    /// # Errors
    /// [`Error::UnknownServer`] if the options name no server of the alliance; [`Error::Identity`] if
    /// no certificate can be made from the key.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn new(membership: Membership, key: ClientKey, options: Options) -> Result<Self, Error> {
        let public = key.public();
        let identity = Identity::new(key).map_err(|error| Error::Identity(error.to_string()))?;
        let servers = in_order(&membership, &options)?.into_iter().map(|server| {
            let link = Link::new(server, &identity, options.connect_timeout);
            let session = Session::start(link.clone(), membership.clone());
            (link, session)
        });
        let servers: Vec<_> = servers.collect();
        let standings = Mutex::new(Standings::new(servers.len()));
        let inner = Inner { membership, options, key: public, servers, standings };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The alliance.
    pub fn membership(&self) -> &Membership {
        &self.inner.membership
    }

    /// Proposes a command and waits for its receipt, which is verified.
    ///
    /// Asks one server after the other if need be; one that was no help is asked last for a while.
    /// Dropping the future, or an error, does not take
    /// the proposal back: it may be ordered later. To ask again for the same, pass the same
    /// [`Proposal`]; whatever is proposed twice is applied once.
    ///
    /// # Errors
    /// [`Error::Undecided`] if `within` is over, with the organisations that are missing;
    /// [`Error::NotAdmitted`], at once where all servers say so, if none admits the client's key;
    /// [`Error::Unreachable`] if no server could be reached at all; [`Error::Forged`] if the only
    /// answers did not verify.
    pub async fn propose(&self, proposal: &Proposal, within: Duration) -> Result<Receipt, Error> {
        Ok(self.propose_placed(proposal, within).await?.0)
    }

    /// As [`Client::propose`], with what the server says beside the receipt. That part is weak,
    /// except for the index, which is the receipt's.
    ///
    /// # Errors
    /// As [`Client::propose`].
    pub async fn propose_placed(
        &self,
        proposal: &Proposal,
        within: Duration,
    ) -> Result<(Receipt, Placement), Error> {
        let entries = vec![proposal.entry().clone()];
        let check = |server: &ServerEntry, outcomes: &[Outcome]| {
            let outcome = outcomes.first().ok_or_else(|| forged(server, "an empty answer"))?;
            let receipt = outcome.receipt.as_deref();
            let receipt = receipt.ok_or_else(|| forged(server, "no receipt"))?;
            let receipt = self.check_receipt(server, receipt, proposal.entry())?;
            if receipt.index != outcome.index {
                return Err(forged(server, "the receipt is for another index"));
            }
            Ok((receipt, Placement::from(outcome)))
        };
        self.attempts().run(entries, WireUntil::Receipt, within, check).await
    }

    /// Proposes many commands and waits until all are as far as `until` says; in their order, unless
    /// a server fails in between. Weak: nothing proves the answer. Fetch receipts for what matters.
    ///
    /// # Errors
    /// As [`Client::propose`]. Some of the proposals may be decided even so.
    pub async fn propose_until(
        &self,
        proposals: &[Proposal],
        until: Until,
        within: Duration,
    ) -> Result<Vec<Placement>, Error> {
        let until = match until {
            Until::Decided => WireUntil::Decided,
            Until::Certified => WireUntil::Certified,
        };
        let mut placements = Vec::with_capacity(proposals.len());
        for entries in messages(proposals) {
            let check = |_: &ServerEntry, outcomes: &[Outcome]| {
                Ok(outcomes.iter().map(Placement::from).collect())
            };
            let placed: Vec<_> = self.attempts().run(entries, until, within, check).await?;
            placements.extend(placed);
        }
        Ok(placements)
    }

    /// Follows the log from the entry `from` on: every decided block in order, gap-free, across the
    /// failure of servers. See [`ListenOptions`] for what is verified.
    pub fn listen(&self, from: u64, options: ListenOptions) -> Listener {
        let order = self.standings().order();
        let links = order.iter().map(|at| self.inner.servers[*at].0.clone()).collect();
        Listener::start(self, links, from, options)
    }

    /// The entry at `index` with its receipt, verified.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the server asked has none (weak: nothing proves that); otherwise as
    /// [`Client::propose`].
    pub async fn receipt(&self, index: u64, within: Duration) -> Result<(Entry, Receipt), Error> {
        let check = |server: &ServerEntry, reply| {
            let (entry, receipt) = self.read_receipt(server, reply)?;
            if receipt.index != index {
                return Err(forged(server, "the receipt is for another index"));
            }
            Ok((entry, receipt))
        };
        self.read_reply(By::Index(index), within, check).await
    }

    /// The entry of a recent proposal with its receipt, verified.
    ///
    /// # Errors
    /// As [`Client::receipt`].
    pub async fn receipt_of(
        &self,
        id: ProposalId,
        within: Duration,
    ) -> Result<(Entry, Receipt), Error> {
        let by = By::Id(Bytes::copy_from_slice(id.0.as_bytes()));
        let check = |server: &ServerEntry, reply| {
            let (entry, receipt) = self.read_receipt(server, reply)?;
            if entry.id() != id {
                return Err(forged(server, "the receipt is for another proposal"));
            }
            Ok((entry, receipt))
        };
        self.read_reply(by, within, check).await
    }

    /// What each server says about itself, in the order in which they are asked. Weak. Of a server
    /// that says it is of another alliance nothing is returned but that.
    pub async fn status(
        &self,
        within: Duration,
    ) -> Vec<(ServerEntry, Result<StatusReply, Attempt>)> {
        let ask = |link: &Link| {
            let (server, mut api) = (link.server().clone(), link.api());
            async move {
                let reply = api.status(StatusRequest {});
                let answer = answer_within(&server, within, reply).await;
                let answer = answer.and_then(|reply| self.of_this_alliance(&server, reply));
                (server, answer)
            }
        };
        join_all(self.links().map(ask)).await
    }

    /// The connections, in the order in which they are asked.
    pub(crate) fn links(&self) -> impl Iterator<Item = &Link> {
        self.inner.servers.iter().map(|(link, _)| link)
    }

    fn of_this_alliance(
        &self,
        server: &ServerEntry,
        reply: StatusReply,
    ) -> Result<StatusReply, Attempt> {
        if reply.alliance_id[..] == self.inner.membership.alliance().0 {
            return Ok(reply);
        }
        let outcome = format!("it serves another alliance, {}", reply.origin);
        Err(link::failed(server, outcome, Cause::WrongAlliance))
    }

    /// Makes sure that somebody can be talked to.
    ///
    /// # Errors
    /// [`Error::NotAdmitted`] or [`Error::Unreachable`] if no server gives its status.
    pub async fn reach(&self, within: Duration) -> Result<(), Error> {
        let mut attempts = Vec::new();
        for (_, answer) in self.status(within).await {
            match answer {
                Ok(_) => return Ok(()),
                Err(attempt) => attempts.push(attempt),
            }
        }
        Err(self.nobody(attempts))
    }

    /// The error for a call, [`Client::status`] for instance, to which these servers did not answer.
    pub fn nobody(&self, attempts: Vec<Attempt>) -> Error {
        Error::nobody(&self.inner.key, attempts)
    }

    /// Who has helped lately.
    pub(crate) fn standings(&self) -> MutexGuard<'_, Standings> {
        // Whole after every call, so a panic elsewhere does not spoil it.
        self.inner.standings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks a server that did not help, beside what the application asks for. Proposing again what is
    /// decided already is what shows that it takes proposals and follows the log.
    pub(crate) fn try_again(&self, at: usize, entry: Entry) {
        let (client, session) = (self.clone(), self.inner.servers[at].1.clone());
        tokio::spawn(async move {
            let trial = session.propose(vec![entry], WireUntil::Decided);
            if let Ok(Ok(_)) = timeout(TRIAL_TIMEOUT, trial).await {
                client.standings().restored(at);
            }
        });
    }

    fn attempts(&self) -> Attempts<'_> {
        Attempts::new(self, &self.inner.servers, self.inner.options.patience)
    }

    pub(crate) fn key(&self) -> &ClientPublic {
        &self.inner.key
    }

    /// Organisations that the reached servers say they miss; `None` if none is reached.
    pub(crate) async fn missing_organisations(&self) -> Option<Vec<String>> {
        let replies = self.status(DIAGNOSIS_TIMEOUT).await.into_iter();
        let missing = replies.filter_map(|(_, reply)| Some(reply.ok()?.missing_organisations));
        let mut missing = missing.reduce(|mut all, more| {
            all.extend(more);
            all
        })?;
        missing.sort();
        missing.dedup();
        Some(missing)
    }

    async fn read_reply<T>(
        &self,
        by: By,
        within: Duration,
        check: impl Fn(&ServerEntry, ReceiptReply) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let ask = |at: usize| {
            let (mut api, by) = (self.inner.servers[at].0.api(), by.clone());
            async move { api.receipt(ReceiptRequest { by: Some(by) }).await }.boxed()
        };
        let links = self.inner.servers.iter().map(|(link, _)| link).collect();
        Reading::new(self, links, self.inner.options.patience).run(within, ask, check).await
    }

    fn read_receipt(
        &self,
        server: &ServerEntry,
        reply: ReceiptReply,
    ) -> Result<(Entry, Receipt), Error> {
        let entry = Entry::from_bytes(reply.entry);
        let entry = entry.map_err(|error| forged(server, &error.to_string()))?;
        let receipt = self.check_receipt(server, &reply.receipt, &entry)?;
        Ok((entry, receipt))
    }

    fn check_receipt(
        &self,
        server: &ServerEntry,
        receipt: &[u8],
        entry: &Entry,
    ) -> Result<Receipt, Error> {
        let receipt = Receipt::from_bytes(receipt)
            .map_err(|error| forged(server, &format!("the receipt cannot be read: {error}")))?;
        if receipt.certificate.checkpoint.origin != *self.inner.membership.origin() {
            return Err(forged(server, "the receipt is from another alliance"));
        }
        let verified = receipt.verify(entry.as_bytes(), &self.inner.membership.verifier());
        verified.map_err(|error| forged(server, &error.to_string()))?;
        Ok(receipt)
    }
}

/// Waits for a server's answer to one question.
pub(crate) async fn answer_within<T>(
    server: &ServerEntry,
    within: Duration,
    reply: impl Future<Output = Result<Response<T>, Status>>,
) -> Result<T, Attempt> {
    match timeout(within, reply).await {
        Ok(Ok(reply)) => Ok(reply.into_inner()),
        Ok(Err(status)) => Err(link::attempt(server, &status)),
        Err(_) => {
            let outcome = format!("no answer within {:.1} s", within.as_secs_f64());
            Err(link::failed(server, outcome, Cause::Other))
        }
    }
}

/// The servers as they are asked: the first one wanted, then the others from there on.
fn in_order(membership: &Membership, options: &Options) -> Result<Vec<ServerEntry>, Error> {
    let mut servers = membership.servers().to_vec();
    if let Some(name) = &options.first_server {
        let place = servers.iter().position(|server| server.name == *name);
        let place = place.ok_or_else(|| Error::UnknownServer {
            name: name.clone(),
            known: servers.iter().map(|server| server.name.clone()).collect(),
        })?;
        servers.rotate_left(place);
    }
    Ok(servers)
}

/// Cuts proposals into groups that fit into a message each.
fn messages(proposals: &[Proposal]) -> Vec<Vec<Entry>> {
    let mut messages: Vec<Vec<Entry>> = Vec::new();
    let mut bytes = 0;
    for proposal in proposals {
        let entry = proposal.entry().clone();
        bytes += entry.as_bytes().len();
        match messages.last_mut() {
            Some(last) if last.len() < REQUEST_ENTRIES_MAX && bytes <= REQUEST_BYTES_MAX => {
                last.push(entry);
            }
            _ => {
                bytes = entry.as_bytes().len();
                messages.push(vec![entry]);
            }
        }
    }
    messages
}

pub(crate) fn forged(server: &ServerEntry, fault: &str) -> Error {
    Error::Forged { server: server.name.clone(), fault: fault.to_owned() }
}
