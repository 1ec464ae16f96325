//! One propose stream to one server, shared by everybody in this process who proposes there.

use crate::connect::ConnectError;
use crate::in_flight::{Group, InFlight, Lost, LostKind, Outcome};
use crate::link::{Link, connect_error, describe};
use crate::membership::Membership;
use ally_codec::Decode;
use ally_log::Certificate;
use ally_proto::Entry;
use ally_proto::limits::{REQUEST_BYTES_MAX, REQUEST_ENTRIES_MAX};
use ally_proto::v1::propose_event::Kind;
use ally_proto::v1::{ProposeReply, ProposeRequest, Until};
use std::collections::VecDeque;
use tokio::sync::{mpsc, oneshot};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

/// Groups that wait to be taken up by the task; more make proposers wait.
const GROUPS_WAITING_MAX: usize = 1024;

/// Entries that are sent and not answered. Beyond it, nothing is sent: the server would hold the
/// stream back anyway.
const IN_FLIGHT_ENTRIES_MAX: usize = 1 << 16;

/// Messages that wait for HTTP/2 to take them.
const MESSAGES_WAITING_MAX: usize = 2;

/// A handle to the task that owns the stream. The task ends with the last handle.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    groups: mpsc::Sender<Group>,
}

impl Session {
    /// Starts the task; it connects when there is something to propose, and again after a loss.
    pub(crate) fn start(link: Link, membership: Membership) -> Self {
        let (sender, receiver) = mpsc::channel(GROUPS_WAITING_MAX);
        let task = Task { link, membership, groups: receiver, waiting: VecDeque::new() };
        tokio::spawn(task.run());
        Self { groups: sender }
    }

    /// Proposes entries, at most one message full of them, and waits until all are as far as `until`
    /// says.
    ///
    /// # Errors
    /// [`Lost`] if the stream broke or the server refused. The entries may be ordered all the same.
    pub(crate) async fn propose(
        &self,
        entries: Vec<Entry>,
        until: Until,
    ) -> Result<Vec<Outcome>, Lost> {
        debug_assert!((1..=REQUEST_ENTRIES_MAX).contains(&entries.len()));
        let (done, answer) = oneshot::channel();
        let group = Group { entries, until, done };
        let gone = || Lost::broken("the connection's task has ended".to_owned());
        self.groups.send(group).await.map_err(|_| gone())?;
        answer.await.unwrap_or_else(|_| Err(gone()))
    }
}

struct Task {
    link: Link,
    membership: Membership,
    groups: mpsc::Receiver<Group>,
    /// Taken from `groups` and not sent.
    waiting: VecDeque<Group>,
}

impl Task {
    async fn run(mut self) {
        while let Some(group) = self.groups.recv().await {
            self.waiting.push_back(group);
            let mut in_flight = InFlight::default();
            if let Err(lost) = self.stream(&mut in_flight).await {
                in_flight.lose(&lost);
                // Those who came while the stream was being opened share its fate: it took long
                // enough to see that it will not be, and their turn would take as long again.
                while let Ok(group) = self.groups.try_recv() {
                    self.waiting.push_back(group);
                }
                self.waiting.drain(..).for_each(|group| group.lose(&lost));
            }
        }
    }

    /// Runs one stream until it breaks, or until nobody proposes any more.
    async fn stream(&mut self, in_flight: &mut InFlight) -> Result<(), Lost> {
        let (messages, outbound) = mpsc::channel(MESSAGES_WAITING_MAX);
        let mut api = self.link.api();
        let opened = self.link.opened(api.propose(ReceiverStream::new(outbound))).await;
        let mut inbound = opened.map_err(|status| unopened(&status))?;
        let mut open = true;
        loop {
            // Another server has answered them in the meantime, or nobody wants to know any more.
            while self.waiting.front().is_some_and(Group::is_given_up) {
                self.waiting.pop_front();
            }
            let may_send = !self.waiting.is_empty() && in_flight.entries() < IN_FLIGHT_ENTRIES_MAX;
            tokio::select! {
                permit = messages.reserve(), if may_send => match permit {
                    Ok(permit) => permit.send(self.message(in_flight)),
                    Err(_) => return Err(Lost::broken("the stream was closed".to_owned())),
                },
                reply = next_reply(&mut inbound) => self.take_in(reply?, in_flight)?,
                group = self.groups.recv(), if open && self.waiting.len() < GROUPS_WAITING_MAX => {
                    match group {
                        Some(group) => self.wait_for(group),
                        None => open = false,
                    }
                }
            }
            if !open && self.waiting.is_empty() && in_flight.entries() == 0 {
                return Ok(());
            }
        }
    }

    /// Takes up `group` and whatever else is there already, so that it shares a message.
    fn wait_for(&mut self, group: Group) {
        self.waiting.push_back(group);
        while self.waiting.len() < GROUPS_WAITING_MAX {
            let Ok(group) = self.groups.try_recv() else { return };
            self.waiting.push_back(group);
        }
    }

    /// The next message: groups in their order that fit and are followed equally far.
    fn message(&mut self, in_flight: &mut InFlight) -> ProposeRequest {
        let first_tag = in_flight.next_tag();
        let mut entries = Vec::new();
        let mut bytes = 0;
        let until = self.waiting.front().map_or(Until::Decided, |group| group.until);
        while let Some(group) = self.waiting.front() {
            bytes += group.bytes();
            let fits = entries.len() + group.entries.len() <= REQUEST_ENTRIES_MAX
                && bytes <= REQUEST_BYTES_MAX;
            if group.until != until || !(fits || entries.is_empty()) {
                break;
            }
            let Some(group) = self.waiting.pop_front() else { break };
            entries.extend(group.entries.iter().map(|entry| entry.as_bytes().clone()));
            in_flight.add(group);
        }
        ProposeRequest { first_tag, entries, until: until.into() }
    }

    fn take_in(&self, reply: ProposeReply, in_flight: &mut InFlight) -> Result<(), Lost> {
        for event in reply.events {
            match event.kind {
                Some(Kind::Ordered(ordered)) => in_flight.ordered(&ordered)?,
                Some(Kind::Rejected(rejected)) => in_flight.rejected(&rejected)?,
                Some(Kind::Receipt(issued)) => in_flight.receipt(issued)?,
                Some(Kind::Certified(certified)) => {
                    in_flight.certified(self.certified_size(&certified.certificate)?)?;
                }
                // A newer server may tell more than this client knows of.
                None => {}
            }
        }
        Ok(())
    }

    /// How much of the log a certificate covers, once it is verified.
    fn certified_size(&self, certificate: &[u8]) -> Result<u64, Lost> {
        let certificate = Certificate::from_bytes(certificate)
            .map_err(|error| Lost::forged(format!("a certificate cannot be read: {error}")))?;
        if certificate.checkpoint.origin != *self.membership.origin() {
            return Err(Lost::forged("a certificate is for another alliance".to_owned()));
        }
        let verified = certificate.verify(&self.membership.verifier());
        verified.map_err(|error| Lost::forged(error.to_string()))?;
        Ok(certificate.checkpoint.log_size)
    }
}

fn unopened(status: &Status) -> Lost {
    let kind = match connect_error(status) {
        Some(ConnectError::NotAdmitted) => LostKind::NotAdmitted,
        _ => LostKind::Unreached,
    };
    Lost { why: describe(status), kind }
}

async fn next_reply(inbound: &mut Streaming<ProposeReply>) -> Result<ProposeReply, Lost> {
    match inbound.message().await {
        Ok(Some(reply)) => Ok(reply),
        Ok(None) => Err(Lost::broken("the server ended the stream".to_owned())),
        Err(status) => Err(Lost::broken(describe(&status))),
    }
}
