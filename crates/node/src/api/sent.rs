//! Messages on their way to a listener, with the room that they occupy.

use ally_proto::v1::ListenReply;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio_stream::Stream;
use tonic::Status;

/// A message, and the room of the read that it comes from.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) reply: ListenReply,
    pub(crate) room: Option<Arc<OwnedSemaphorePermit>>,
}

/// What HTTP/2 takes messages from. It asks for the next one when the last one is on its way, so that
/// until then the last one counts.
#[derive(Debug)]
pub(crate) struct Sent {
    queue: mpsc::Receiver<Result<Outgoing, Status>>,
    last: Option<Arc<OwnedSemaphorePermit>>,
}

impl Sent {
    /// The other end of a stream's queue.
    pub(crate) fn new(queue: mpsc::Receiver<Result<Outgoing, Status>>) -> Self {
        Self { queue, last: None }
    }
}

impl Stream for Sent {
    type Item = Result<ListenReply, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.last = None;
        self.queue.poll_recv(context).map(|next| {
            next.map(|next| {
                let Outgoing { reply, room } = next?;
                self.last = room;
                Ok(reply)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::room::Room;
    use std::time::Duration;
    use tokio_stream::StreamExt;

    #[tokio::test]
    async fn a_read_counts_until_its_last_message_is_on_its_way() {
        let all = Room::new(10, Duration::from_millis(50));
        let (queue, receiver) = mpsc::channel(2);
        let mut sent = Sent::new(receiver);
        let room = Some(Arc::new(all.take(10).await.expect("there is room")));
        for _ in 0..2 {
            let reply = ListenReply::default();
            queue.send(Ok(Outgoing { reply, room: room.clone() })).await.expect("it is read");
        }
        drop(room);
        for _ in 0..2 {
            sent.next().await.expect("queued").expect("no error");
            all.take(1).await.expect_err("the message may be in memory still");
        }
        drop(queue);
        assert!(sent.next().await.is_none());
        drop(all.take(10).await.expect("all of it is back"));
    }
}
