//! A listener: a task that follows the log, and the stream that hands out what it finds.

use crate::client::forged;
use crate::link::{Link, describe};
use crate::listen::patience::Patience;
use crate::listen::verifier::Verifier;
use crate::listen::{Decided, ListenOptions};
use crate::{Error, Membership};
use ally_proto::v1::ListenReply;
use ally_proto::v1::listen_reply::Kind;
use futures::Stream;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until};
use tonic::{Code, Streaming};

/// Blocks that wait for the application. It reads at its own pace: the server is held back.
const BLOCKS_WAITING_MAX: usize = 16;

/// Pauses before the next server is asked: the first, and the longest; back to the first as soon as
/// a block comes.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// The log as a stream of decided blocks. It ends only with an error that asking other servers
/// cannot mend; faults of single servers are logged and bridged.
#[derive(Debug)]
pub struct Listener {
    blocks: mpsc::Receiver<Result<Decided, Error>>,
}

impl Listener {
    pub(crate) fn start(
        links: Vec<Link>,
        membership: Membership,
        from: u64,
        options: ListenOptions,
    ) -> Self {
        let (sender, blocks) = mpsc::channel(BLOCKS_WAITING_MAX);
        let verifier = Verifier::new(membership, from, options.mark_duplicates);
        let task = Task { links, verifier, options, blocks: sender, pause: PAUSES.0 };
        tokio::spawn(task.run());
        Self { blocks }
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
    verifier: Verifier,
    options: ListenOptions,
    blocks: mpsc::Sender<Result<Decided, Error>>,
    pause: Duration,
}

/// Why one server's stream ended.
enum End {
    /// Nobody listens any more.
    Unheard,
    /// Try the next server.
    Lost(String),
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
                End::Gone(error) if gone == self.links.len() => {
                    // Nobody listens if this fails.
                    _ = self.blocks.send(Err(error)).await;
                    return;
                }
                End::Quiet => continue,
                End::Gone(error) => {
                    tracing::info!(server = server.name, %error, "another server is asked");
                    continue;
                }
                End::Lost(why) => {
                    tracing::info!(server = server.name, why, "lost the log's stream")
                }
                End::Forged(fault) => {
                    let error = forged(server, &fault);
                    tracing::warn!(server = server.name, %error, "a server is faulty");
                }
            }
            tokio::select! {
                () = sleep(self.pause) => {}
                () = self.blocks.closed() => return,
            }
            self.pause = (self.pause * 2).min(PAUSES.1);
        }
    }

    async fn follow(&mut self, link: &Link) -> End {
        let mut replies = match self.open(link).await {
            Ok(replies) => replies,
            Err(end) => return end,
        };
        let mut patience = Patience::new(&self.verifier, Instant::now());
        loop {
            let reply = tokio::select! {
                reply = replies.message() => reply,
                () = sleep_until(patience.deadline()) => return self.silent(),
                () = self.blocks.closed() => return End::Unheard,
            };
            let decided = match reply {
                Ok(Some(reply)) => self.take_in(reply),
                Ok(None) => return End::Lost("the server ended the stream".to_owned()),
                Err(status) => return End::Lost(describe(&status)),
            };
            match decided {
                Ok(decided) => {
                    for block in decided {
                        if self.blocks.send(Ok(block)).await.is_err() {
                            return End::Unheard;
                        }
                        self.pause = PAUSES.0;
                    }
                }
                Err(fault) => return End::Forged(fault),
            }
            // After the application took the blocks: its pace is not the server's fault.
            patience.note(&self.verifier, Instant::now());
        }
    }

    fn silent(&self) -> End {
        match self.verifier.waits_for_proof() {
            true => End::Lost("no proof came for its blocks".to_owned()),
            false => End::Quiet,
        }
    }

    async fn open(&mut self, link: &Link) -> Result<Streaming<ListenReply>, End> {
        let request = self.verifier.request();
        let mut api = link.api();
        match link.opened(api.listen(request)).await {
            Ok(replies) => Ok(replies),
            Err(status) if status.code() == Code::OutOfRange => {
                let server = link.server().name.clone();
                Err(End::Gone(Error::NotFound { server, reason: status.message().to_owned() }))
            }
            Err(status) => Err(End::Lost(describe(&status))),
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
