//! Calls as they come in and answers as they go out, with the room that they occupy.
//!
//! A message occupies memory from its first byte on, long before anybody can look at it: a client
//! may begin as many as it has calls, and never end one. So bytes are paid for as they are read.

use crate::api::room::{Room, Toll};
use futures::future::BoxFuture;
use http_body::{Body, Frame};
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep, sleep_until};
use tonic::Status;
use tonic::body::Body as AnyBody;
use tonic::codegen::{Bytes, Service, http};
use tonic::server::NamedService;

/// The room that an answer occupies until all of it is sent.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tab(pub(crate) Toll);

/// A service whose calls pay for their room.
#[derive(Debug, Clone)]
pub(crate) struct Metered<S> {
    service: S,
    room: Room,
    /// How long a message may take from its first byte to its last.
    patience: Duration,
}

impl<S> Metered<S> {
    /// Calls of `service`, which pay for what they bring with `room`.
    pub(crate) fn new(service: S, room: Room, patience: Duration) -> Self {
        Self { service, room, patience }
    }
}

impl<S: NamedService> NamedService for Metered<S> {
    const NAME: &'static str = S::NAME;
}

impl<S> Service<http::Request<AnyBody>> for Metered<S>
where
    S: Service<http::Request<AnyBody>, Response = http::Response<AnyBody>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, mut request: http::Request<AnyBody>) -> Self::Future {
        let (toll, tab) = (Toll::default(), Tab::default());
        request.extensions_mut().insert(toll.clone());
        request.extensions_mut().insert(tab.clone());
        let (room, patience) = (self.room.clone(), self.patience);
        let request = request.map(|body| AnyBody::new(Inbound::new(body, room, toll, patience)));
        let answer = self.service.call(request);
        Box::pin(
            async move { Ok(answer.await?.map(|body| AnyBody::new(Outbound { body, _tab: tab }))) },
        )
    }
}

type Payment = BoxFuture<'static, Result<OwnedSemaphorePermit, Status>>;

/// What a client sends. A frame is passed on once there is room for it.
struct Inbound {
    body: AnyBody,
    room: Room,
    toll: Toll,
    patience: Duration,
    /// A frame, and the room for it.
    paying: Option<(Frame<Bytes>, Payment)>,
    /// When the message that was begun has to be complete.
    limit: Pin<Box<Sleep>>,
}

impl Inbound {
    fn new(body: AnyBody, room: Room, toll: Toll, patience: Duration) -> Self {
        let limit = Box::pin(sleep_until(Instant::now() + patience));
        Self { body, room, toll, patience, paying: None, limit }
    }
}

impl Body for Inbound {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        if this.toll.is_due() && this.limit.as_mut().poll(context).is_ready() {
            return Poll::Ready(Some(Err(too_slow(this.patience))));
        }
        if this.paying.is_none() {
            let frame = match Pin::new(&mut this.body).poll_frame(context) {
                Poll::Ready(Some(Ok(frame))) => frame,
                Poll::Ready(other) => return Poll::Ready(other),
                Poll::Pending => return Poll::Pending,
            };
            let Some(bytes) = frame.data_ref().map(Bytes::len).filter(|bytes| *bytes > 0) else {
                return Poll::Ready(Some(Ok(frame)));
            };
            if !this.toll.is_due() {
                this.limit.as_mut().reset(Instant::now() + this.patience);
            }
            let room = this.room.clone();
            this.paying = Some((frame, Box::pin(async move { room.take(bytes).await })));
        }
        let Some((_, permit)) = &mut this.paying else { return Poll::Pending };
        let permit = ready!(permit.as_mut().poll(context));
        let frame = this.paying.take().map(|(frame, _)| frame);
        Poll::Ready(frame.map(|frame| {
            this.toll.add(permit?);
            Ok(frame)
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.paying.is_none() && self.body.is_end_stream()
    }
}

fn too_slow(patience: Duration) -> Status {
    Status::deadline_exceeded(format!(
        "a message was begun and not completed within {} s",
        patience.as_secs()
    ))
}

/// What a client is sent.
struct Outbound {
    body: AnyBody,
    _tab: Tab,
}

impl Body for Outbound {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;
    use std::future::poll_fn;
    use tokio::sync::mpsc;

    /// A body whose frames a test hands in.
    struct Fed(mpsc::Receiver<Bytes>);

    impl Body for Fed {
        type Data = Bytes;
        type Error = Status;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
            self.0.poll_recv(context).map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
        }
    }

    fn inbound(room: &Room) -> (mpsc::Sender<Bytes>, Toll, Inbound) {
        let (sender, frames) = mpsc::channel(8);
        let toll = Toll::default();
        let body = AnyBody::new(Fed(frames));
        let patience = Duration::from_millis(100);
        (sender, toll.clone(), Inbound::new(body, room.clone(), toll, patience))
    }

    async fn frame(body: &mut Inbound) -> Result<usize, Status> {
        let frame = poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await;
        Ok(frame.expect("it goes on")?.into_data().expect("data").len())
    }

    #[tokio::test]
    async fn messages_that_are_begun_share_the_room_and_more_are_refused() {
        let room = Room::new(100, Duration::from_millis(50));
        let (one, toll, mut first) = inbound(&room);
        let (other, _, mut second) = inbound(&room);
        one.send(Bytes::from(vec![0; 60])).await.expect("open");
        other.send(Bytes::from(vec![0; 60])).await.expect("open");
        assert_eq!(frame(&mut first).await.expect("there is room"), 60);
        let refused = frame(&mut second).await.expect_err("there is none");
        assert_eq!(refused.code(), tonic::Code::ResourceExhausted);
        // Once the first message is taken over and answered, there is room for the next.
        let (other, _, mut third) = inbound(&room);
        other.send(Bytes::from(vec![0; 60])).await.expect("open");
        let mut waits = Box::pin(frame(&mut third));
        assert!((&mut waits).now_or_never().is_none());
        drop(toll.take());
        assert_eq!(waits.await.expect("there is room now"), 60);
    }

    #[tokio::test]
    async fn a_message_that_is_begun_and_not_ended_gives_its_room_back() {
        let room = Room::new(1 << 30, Duration::from_millis(50));
        let (drip, toll, mut body) = inbound(&room);
        let drop_by_drop = async {
            while drip.send(Bytes::from_static(b"x")).await.is_ok() {
                tokio::task::yield_now().await;
            }
        };
        let taken = async {
            loop {
                if let Err(status) = frame(&mut body).await {
                    drop(body);
                    return status;
                }
            }
        };
        let (given_up, ()) = tokio::join!(taken, drop_by_drop);
        assert_eq!(given_up.code(), tonic::Code::DeadlineExceeded);
        drop(toll);
        drop(room.take(1 << 30).await.expect("all of it is back"));
        // Between messages a client may be silent for as long as it likes.
        let (_open, _, mut idle) = inbound(&room);
        let silence = tokio::time::timeout(Duration::from_millis(300), frame(&mut idle)).await;
        assert!(silence.is_err(), "{silence:?}");
    }
}
