//! A listener: a task that follows the log, and the stream that hands out what it finds.

use crate::client::forged;
use crate::link::{Link, attempt, failed};
use crate::listen::contact::Search;
use crate::listen::patience::Patience;
use crate::listen::verifier::Verifier;
use crate::listen::{Contact, Decided, ListenOptions};
use crate::{Attempt, Cause, Client, Error};
use ally_alliance::keys::ClientPublic;
use ally_proto::v1::ListenReply;
use ally_proto::v1::listen_reply::Kind;
use futures::Stream;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tonic::{Code, Status, Streaming};

/// Blocks that wait for the application. It reads at its own pace: the server is held back.
const BLOCKS_WAITING_MAX: usize = 16;

/// Pauses before the next server is asked: the first, and the longest; back to the first as soon as
/// a block comes.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// How long a stream has to stand to count as contact, if it brings no block before.
const STANDING: Duration = Duration::from_secs(1);

/// The log as a stream of decided blocks. It ends only with an error that asking other servers
/// cannot mend; faults of single servers are logged and bridged.
///
/// While no server can be reached it keeps trying, and [`Listener::contact`] says so;
/// [`ListenOptions::give_up_after`] bounds it.
#[derive(Debug)]
pub struct Listener {
    blocks: mpsc::Receiver<Result<Decided, Error>>,
    contact: watch::Receiver<Contact>,
}

impl Listener {
    /// Follows `client`'s alliance over `links`, in this order.
    pub(crate) fn start(
        client: &Client,
        links: Vec<Link>,
        from: u64,
        options: ListenOptions,
    ) -> Self {
        let (sender, blocks) = mpsc::channel(BLOCKS_WAITING_MAX);
        let verifier = Verifier::new(client.membership().clone(), from, options.mark_duplicates);
        let search = Search::new(links.len(), Instant::now());
        let contact = search.contact();
        let key = *client.key();
        let task = Task { links, key, verifier, options, search, blocks: sender, pause: PAUSES.0 };
        tokio::spawn(task.run());
        Self { blocks, contact }
    }

    /// Whether there is a server to listen to, now and as it changes.
    pub fn contact(&self) -> watch::Receiver<Contact> {
        self.contact.clone()
    }

    /// The next block. Cancellation-safe.
    pub async fn next(&mut self) -> Option<Result<Decided, Error>> {
        self.blocks.recv().await
    }
}

impl Stream for Listener {
    type Item = Result<Decided, Error>;

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Decided, Error>>> {
        self.blocks.poll_recv(context)
    }
}

struct Task {
    links: Vec<Link>,
    /// The client's.
    key: ClientPublic,
    verifier: Verifier,
    options: ListenOptions,
    search: Search,
    blocks: mpsc::Sender<Result<Decided, Error>>,
    pause: Duration,
}

/// Why one server's stream ended.
enum End {
    /// Nobody listens any more.
    Unheard,
    /// Try the next server.
    Lost(Attempt),
    /// Perhaps the next server knows more. Nothing is wrong with that.
    Quiet,
    /// The server's answer does not verify. Try the next server.
    Forged(String),
    /// The server says that it no longer keeps what is asked for. Nothing proves that: it is believed
    /// once all servers say so.
    Gone(Error),
}

impl Task {
    async fn run(mut self) {
        let mut gone = 0;
        for at in (0..self.links.len()).cycle() {
            let link = self.links[at].clone();
            let server = link.server();
            let end = self.follow(&link).await;
            gone = if matches!(end, End::Gone(_)) { gone + 1 } else { 0 };
            match end {
                End::Unheard => return,
                End::Gone(error) if gone == self.links.len() => return self.end(error).await,
                End::Quiet => continue,
                End::Gone(error) => {
                    tracing::info!(server = server.name, %error, "another server is asked");
                    continue;
                }
                End::Lost(attempt) => {
                    let why = &attempt.outcome;
                    tracing::info!(server = server.name, why, "lost the log's stream");
                    self.search.failed(at, attempt);
                }
                End::Forged(fault) => {
                    let error = forged(server, &fault);
                    tracing::warn!(server = server.name, %error, "a server is faulty");
                    self.search.failed(at, failed(server, fault, Cause::Other));
                }
            }
            if let Some(limit) = self.options.give_up_after
                && let Some(attempts) = self.search.in_vain(limit, Instant::now())
            {
                let error = Error::nobody(&self.key, attempts);
                return self.end(error).await;
            }
            tokio::select! {
                () = sleep(self.pause) => {}
                () = self.blocks.closed() => return,
            }
            self.pause = (self.pause * 2).min(PAUSES.1);
        }
    }

    async fn end(self, error: Error) {
        // Nobody listens if this fails.
        _ = self.blocks.send(Err(error)).await;
    }

    async fn follow(&mut self, link: &Link) -> End {
        let replies = match self.open(link).await {
            Ok(replies) => replies,
            Err(end) => return end,
        };
        let known = self.verifier.proven_height();
        let end = self.take(link, replies).await;
        // A server that only ever begins to speak is none.
        if self.verifier.proven_height() > known || matches!(end, End::Quiet) {
            self.search.heard(Instant::now());
        }
        end
    }

    /// Takes what a server sends, until it is of no more use.
    async fn take(&mut self, link: &Link, mut replies: Streaming<ListenReply>) -> End {
        let opened_at = Instant::now();
        let mut patience = Patience::new(&self.verifier, opened_at);
        let mut stands = false;
        loop {
            let reply = tokio::select! {
                reply = replies.message() => reply,
                () = sleep_until(opened_at + STANDING), if !stands => {
                    stands = true;
                    self.search.found();
                    continue;
                }
                () = sleep_until(patience.deadline()) => return self.silent(link),
                () = self.blocks.closed() => return End::Unheard,
            };
            let decided = match reply {
                Ok(Some(reply)) => self.take_in(reply),
                Ok(None) => return lost(link, "the server ended the stream"),
                Err(status) => return End::Lost(attempt(link.server(), &status)),
            };
            match decided {
                Ok(decided) => {
                    for block in decided {
                        if self.blocks.send(Ok(block)).await.is_err() {
                            return End::Unheard;
                        }
                        self.pause = PAUSES.0;
                        self.search.found();
                    }
                }
                Err(fault) => return End::Forged(fault),
            }
            // After the application took the blocks: its pace is not the server's fault.
            patience.note(&self.verifier, Instant::now());
        }
    }

    fn silent(&self, link: &Link) -> End {
        match self.verifier.waits_for_proof() {
            true => lost(link, "no proof came for its blocks"),
            false => End::Quiet,
        }
    }

    async fn open(&mut self, link: &Link) -> Result<Streaming<ListenReply>, End> {
        let request = self.verifier.request();
        let mut api = link.api();
        // Everybody is to be asked before the listener gives up.
        let share = self.options.give_up_after.map(|limit| limit / self.links.len() as u32);
        let opened = timeout(share.unwrap_or(Duration::MAX), link.opened(api.listen(request)));
        let late = Err(Status::deadline_exceeded("no answer in time"));
        match opened.await.unwrap_or(late) {
            Ok(replies) => Ok(replies),
            Err(status) if status.code() == Code::OutOfRange => {
                let server = link.server().name.clone();
                Err(End::Gone(Error::NotFound { server, reason: status.message().to_owned() }))
            }
            Err(status) => Err(End::Lost(attempt(link.server(), &status))),
        }
    }

    fn take_in(&mut self, reply: ListenReply) -> Result<Vec<Decided>, String> {
        match reply.kind {
            Some(Kind::Start(start)) => self.verifier.start(&start.frontier).map(|()| Vec::new()),
            Some(Kind::Block(block)) => {
                self.verifier.block(block)?;
                match self.options.unverified {
                    true => Ok(self.verifier.take_unproven()),
                    false => Ok(Vec::new()),
                }
            }
            Some(Kind::Anchor(anchor)) => self.verifier.anchor(&anchor),
            // A newer server may tell more than this client knows of.
            None => Ok(Vec::new()),
        }
    }
}

fn lost(link: &Link, why: &str) -> End {
    End::Lost(failed(link.server(), why.to_owned(), Cause::Other))
}
