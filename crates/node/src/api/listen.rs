//! One listen stream: the log from an index on, read from the store as fast as the client reads.

use crate::api::limits::READ_BYTES;
use crate::api::reads::Reads;
use crate::api::room::Room;
use crate::api::sent::Outgoing;
use crate::api::{AnchorProof, Backend, DecidedBlock, ReadError, Tip};
use ally_codec::Encode;
use ally_consensus::Height;
use ally_log::leaf_hash;
use ally_proto::limits::ANCHOR_HEADERS_MAX;
use ally_proto::v1::listen_reply::Kind;
use ally_proto::v1::{Anchor, Block, ListenReply, ListenRequest, ListenStart};
use bytes::BytesMut;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, mpsc, watch};
use tokio_util::sync::CancellationToken;
use tonic::Status;

/// A listener that follows the log. It holds one read's worth of blocks; a client that reads
/// slowly is served from the store, however far behind it falls.
pub(crate) struct ListenStream<B> {
    reads: Reads<B>,
    from: u64,
    /// Height of the block to send next.
    next: Height,
    /// Everything up to this height is proven to the listener.
    anchored: Height,
    tip: watch::Receiver<Tip>,
    room: Room,
    stop: CancellationToken,
    replies: mpsc::Sender<Result<Outgoing, Status>>,
}

impl<B: Backend> ListenStream<B> {
    /// Finds where to begin.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` if the request contradicts itself, `OUT_OF_RANGE` if it asks for what is
    /// no longer kept; `INTERNAL` if the store fails.
    pub(crate) async fn open(
        request: ListenRequest,
        reads: Reads<B>,
        room: Room,
        stop: CancellationToken,
        replies: mpsc::Sender<Result<Outgoing, Status>>,
    ) -> Result<(Self, ListenReply), Status> {
        let ListenRequest { from, leaves_from, after_height } = request;
        if leaves_from > from {
            return Err(Status::invalid_argument("`leaves_from` is above `from`"));
        }
        let tip = reads.backend().tip();
        let (next, frontier) = reads
            .run(move |backend| {
                let (next, size) = beginning(backend, leaves_from, after_height)?;
                Ok((next, backend.frontier(size)?))
            })
            .await?;
        let start = ListenStart { frontier: frontier.to_bytes().into() };
        let anchored = Height(next.0.saturating_sub(1));
        let stream = Self { reads, from, next, anchored, tip, room, stop, replies };
        Ok((stream, ListenReply { kind: Some(Kind::Start(start)) }))
    }

    /// Runs until the client is gone or the server stops.
    pub(crate) async fn run(mut self, start: ListenReply) {
        let ended = match self.send(start, None).await {
            Ok(()) => self.follow().await,
            Err(status) => Err(status),
        };
        if let Err(status) = ended {
            // A client that is gone needs no status.
            _ = self.replies.send(Err(status)).await;
        }
    }

    async fn follow(&mut self) -> Result<(), Status> {
        loop {
            self.tip.borrow_and_update();
            while self.send_blocks().await? {
                self.send_anchor().await?;
            }
            self.send_anchor().await?;
            tokio::select! {
                changed = self.tip.changed() => changed.map_err(|_| stopping())?,
                () = self.stop.cancelled() => return Err(stopping()),
                () = self.replies.closed() => return Ok(()),
            }
        }
    }

    /// Sends the blocks of one read; returns whether there were any.
    async fn send_blocks(&mut self) -> Result<bool, Status> {
        if self.next > self.tip.borrow().height {
            return Ok(false);
        }
        let (blocks, room) = self.read().await?;
        let some = !blocks.is_empty();
        for block in blocks {
            self.next = block.header.height.next();
            let block = self.block(block);
            let reply = ListenReply { kind: Some(Kind::Block(block)) };
            self.send(reply, Some(room.clone())).await?;
        }
        Ok(some)
    }

    /// The next blocks, with the room that they occupy.
    async fn read(&self) -> Result<(Vec<DecidedBlock>, Arc<OwnedSemaphorePermit>), Status> {
        let (next, mut wanted) = (self.next, READ_BYTES);
        loop {
            let room = self.room.take(wanted).await?;
            let blocks = self.reads.run(move |backend| backend.blocks(next, READ_BYTES)).await?;
            let entries = blocks.iter().flat_map(|block| &block.entries);
            let bytes = entries.map(bytes::Bytes::len).sum();
            if bytes <= wanted {
                return Ok((blocks, Arc::new(room)));
            }
            // The last block went beyond. Blocks do not change: the second time it fits.
            wanted = bytes;
        }
    }

    fn block(&self, block: DecidedBlock) -> Block {
        let DecidedBlock { header, first_index, mut entries } = block;
        let unwanted = self.from.saturating_sub(first_index).min(entries.len() as u64) as usize;
        let wanted = entries.split_off(unwanted);
        let mut leaves = BytesMut::with_capacity(32 * unwanted);
        entries.iter().for_each(|entry| leaves.extend_from_slice(leaf_hash(entry).as_bytes()));
        let (header, leaves) = (header.to_bytes().into(), leaves.freeze());
        Block { header, first_index, entries: wanted, leaves }
    }

    /// Sends the best proof there is for blocks that were sent and are not proven.
    async fn send_anchor(&mut self) -> Result<(), Status> {
        let last = Height(self.next.0.saturating_sub(1));
        let certified = self.tip.borrow().certified_height;
        let target = last.min(certified);
        if target <= self.anchored {
            return Ok(());
        }
        let read = move |backend: &B| backend.anchor(target, ANCHOR_HEADERS_MAX);
        let Some(AnchorProof { certificate, headers }) = self.reads.run(read).await? else {
            return Ok(());
        };
        let height = Height(certificate.checkpoint.height);
        // Blocks that were sent already need no second header; those above them do.
        let headers = headers.iter().filter(|header| header.height > last);
        let headers = headers.map(|header| header.to_bytes().into()).collect();
        let anchor = Anchor { certificate: certificate.to_bytes().into(), headers };
        self.send(ListenReply { kind: Some(Kind::Anchor(anchor)) }, None).await?;
        self.anchored = height.min(last);
        Ok(())
    }

    async fn send(
        &self,
        reply: ListenReply,
        room: Option<Arc<OwnedSemaphorePermit>>,
    ) -> Result<(), Status> {
        tokio::select! {
            sent = self.replies.send(Ok(Outgoing { reply, room })) => {
                sent.map_err(|_| Status::cancelled("the client is gone"))
            }
            () = self.stop.cancelled() => Err(stopping()),
        }
    }
}

/// Height of the block to begin with, and the log size before it.
fn beginning<B: Backend>(
    backend: &B,
    index: u64,
    after_height: Option<u64>,
) -> Result<(Height, u64), ReadError> {
    let tip = *backend.tip().borrow();
    let next = tip.height.next();
    let height = match after_height {
        Some(height) => Height(height).next(),
        None if index >= tip.log_size => next,
        None => backend.height_of(index)?,
    };
    if height >= next {
        // A listener may be ahead of this server: it gets the log from here, and skips what it has.
        return Ok((next, tip.log_size));
    }
    match backend.blocks(height, 1)?.first() {
        Some(block) => Ok((height, block.first_index)),
        None => Err(ReadError::Store(format!("the block at height {height} is missing"))),
    }
}

fn stopping() -> Status {
    Status::unavailable("the server is shutting down")
}
