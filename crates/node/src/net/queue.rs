//! What waits to be sent to one peer on one link.

use super::LinkKind;
use super::frame::{Frame, HEADER_BYTES};
use bytes::Bytes;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// What became of a frame that was handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Sent {
    /// It waits to be sent, or will be when the peer is back (control).
    Queued,
    /// It waits to be sent; older frames gave way to it (control).
    QueuedOverOldest,
    /// There is no room: the peer reads too slowly (bulk). Nothing was queued.
    Full,
    /// The peer is not connected (bulk). Nothing was queued.
    Disconnected,
    /// The frame is above the limit for this link. Nothing was queued.
    TooLong,
    /// There is no such peer, or it is this server itself. Nothing was queued.
    NoSuchPeer,
}

/// A bounded queue with one reader, the connection of the moment.
pub(super) struct Queue {
    kind: LinkKind,
    frame_bytes_max: usize,
    bytes_max: usize,
    frames_max: usize,
    inner: Mutex<Inner>,
    filled: Notify,
}

#[derive(Default)]
struct Inner {
    frames: VecDeque<Bytes>,
    bytes: usize,
    connected: bool,
    ping: Option<u64>,
    pong: Option<u64>,
    dropped: u64,
    sent_frames: u64,
    sent_bytes: u64,
}

/// Numbers for the status.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts {
    pub(super) queued_frames: usize,
    pub(super) queued_bytes: usize,
    pub(super) dropped: u64,
    pub(super) sent_frames: u64,
    pub(super) sent_bytes: u64,
}

impl Queue {
    pub(super) fn new(kind: LinkKind, limits: &super::Limits) -> Self {
        Self {
            kind,
            frame_bytes_max: limits.frame_bytes(kind),
            bytes_max: limits.queue_bytes(kind),
            frames_max: limits.queue_frames,
            inner: Mutex::new(Inner::default()),
            filled: Notify::new(),
        }
    }

    /// Adds a frame, by the rule of the link's kind.
    pub(super) fn push(&self, frame: Bytes) -> Sent {
        if frame.len() > self.frame_bytes_max {
            return Sent::TooLong;
        }
        let mut inner = self.lock();
        let sent = match self.kind {
            LinkKind::Control => self.make_room(&mut inner, frame.len()),
            LinkKind::Bulk if !inner.connected => return Sent::Disconnected,
            LinkKind::Bulk if self.is_full(&inner, frame.len()) => return Sent::Full,
            LinkKind::Bulk => Sent::Queued,
        };
        inner.bytes += frame.len();
        inner.frames.push_back(frame);
        drop(inner);
        self.filled.notify_one();
        sent
    }

    /// Asks the writer to send a ping. One that is still waiting is replaced: there is never more
    /// than one of each in a queue.
    pub(super) fn ping(&self, stamp: u64) {
        self.lock().ping = Some(stamp);
        self.filled.notify_one();
    }

    /// Asks the writer to answer a ping.
    pub(super) fn pong(&self, stamp: u64) {
        self.lock().pong = Some(stamp);
        self.filled.notify_one();
    }

    /// Waits until there is something to send, and moves about `bytes` of it to `frames`. Dropping
    /// the future loses nothing.
    pub(super) async fn take(&self, frames: &mut Vec<Frame>, bytes: usize) {
        while !self.try_take(frames, bytes) {
            self.filled.notified().await;
        }
    }

    fn try_take(&self, frames: &mut Vec<Frame>, bytes: usize) -> bool {
        let mut inner = self.lock();
        frames.extend(inner.pong.take().map(Frame::Pong));
        frames.extend(inner.ping.take().map(Frame::Ping));
        let mut taken = 0;
        while taken < bytes {
            let Some(frame) = inner.frames.pop_front() else { break };
            taken += frame.len() + HEADER_BYTES;
            inner.bytes -= frame.len();
            inner.sent_frames += 1;
            inner.sent_bytes += frame.len() as u64;
            frames.push(Frame::Data(frame));
        }
        !frames.is_empty()
    }

    /// A connection begins: bulk frames are taken from now on.
    pub(super) fn connect(&self) {
        self.lock().connected = true;
    }

    /// The connection ended: what waits on a bulk link is for a peer that will have moved on by the
    /// time it is back, and it asks for what it lacks. Control frames stay, newest last.
    pub(super) fn disconnect(&self) {
        let mut inner = self.lock();
        inner.connected = false;
        (inner.ping, inner.pong) = (None, None);
        if self.kind == LinkKind::Bulk {
            inner.dropped += inner.frames.len() as u64;
            inner.frames.clear();
            inner.bytes = 0;
        }
    }

    pub(super) fn counts(&self) -> Counts {
        let inner = self.lock();
        Counts {
            queued_frames: inner.frames.len(),
            queued_bytes: inner.bytes,
            dropped: inner.dropped,
            sent_frames: inner.sent_frames,
            sent_bytes: inner.sent_bytes,
        }
    }

    fn make_room(&self, inner: &mut Inner, length: usize) -> Sent {
        let mut sent = Sent::Queued;
        while self.is_full(inner, length) {
            let Some(oldest) = inner.frames.pop_front() else { break };
            inner.bytes -= oldest.len();
            inner.dropped += 1;
            sent = Sent::QueuedOverOldest;
        }
        sent
    }

    fn is_full(&self, inner: &Inner, length: usize) -> bool {
        inner.frames.len() >= self.frames_max || inner.bytes + length > self.bytes_max
    }

    /// No code panics while it holds the lock, and plain numbers would be usable even then.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Limits;
    use super::*;

    fn queue(kind: LinkKind) -> Queue {
        let limits = Limits {
            control_frame_bytes: 10,
            bulk_frame_bytes: 10,
            control_queue_bytes: 30,
            bulk_queue_bytes: 30,
            queue_frames: 5,
            ..Limits::default()
        };
        Queue::new(kind, &limits)
    }

    fn frame(first: u8, length: usize) -> Bytes {
        let mut bytes = vec![0; length];
        bytes[0] = first;
        bytes.into()
    }

    fn firsts(queue: &Queue) -> Vec<u8> {
        let mut frames = Vec::new();
        queue.try_take(&mut frames, usize::MAX);
        let first = |frame: &Frame| match frame {
            Frame::Data(body) => Some(body[0]),
            _ => None,
        };
        frames.iter().filter_map(first).collect()
    }

    #[test]
    fn on_control_the_newest_frames_win() {
        let queue = queue(LinkKind::Control);
        for first in 0..3 {
            assert_eq!(queue.push(frame(first, 10)), Sent::Queued);
        }
        assert_eq!(queue.push(frame(3, 10)), Sent::QueuedOverOldest);
        assert_eq!(queue.counts().dropped, 1);
        assert_eq!(firsts(&queue), [1, 2, 3]);
        for first in 0..6 {
            let _ = queue.push(frame(first, 1));
        }
        assert_eq!(firsts(&queue), [1, 2, 3, 4, 5]);
    }

    #[test]
    fn on_bulk_the_sender_is_told() {
        let queue = queue(LinkKind::Bulk);
        assert_eq!(queue.push(frame(0, 10)), Sent::Disconnected);
        queue.connect();
        for first in 0..3 {
            assert_eq!(queue.push(frame(first, 10)), Sent::Queued);
        }
        assert_eq!(queue.push(frame(3, 10)), Sent::Full);
        assert_eq!(firsts(&queue), [0, 1, 2]);
        assert_eq!(queue.push(frame(4, 10)), Sent::Queued);
        queue.disconnect();
        assert_eq!(queue.counts().queued_bytes, 0);
        assert_eq!(queue.counts().dropped, 1);
    }

    #[test]
    fn control_frames_wait_for_the_peer_to_come_back() {
        let queue = queue(LinkKind::Control);
        queue.connect();
        let _ = queue.push(frame(1, 5));
        queue.disconnect();
        let _ = queue.push(frame(2, 5));
        assert_eq!(firsts(&queue), [1, 2]);
    }

    #[test]
    fn a_frame_above_the_limit_is_not_taken() {
        assert_eq!(queue(LinkKind::Control).push(frame(1, 11)), Sent::TooLong);
    }

    #[test]
    fn at_most_one_ping_and_one_pong_wait() {
        let queue = queue(LinkKind::Control);
        for stamp in 0..100 {
            queue.ping(stamp);
            queue.pong(stamp);
        }
        let mut frames = Vec::new();
        assert!(queue.try_take(&mut frames, 0));
        assert_eq!(frames, [Frame::Pong(99), Frame::Ping(99)]);
        frames.clear();
        assert!(!queue.try_take(&mut frames, 0));
    }

    #[test]
    fn what_waits_is_taken_a_part_at_a_time() {
        let queue = queue(LinkKind::Control);
        for first in 0..3 {
            let _ = queue.push(frame(first, 10));
        }
        let mut frames = Vec::new();
        assert!(queue.try_take(&mut frames, 16));
        assert_eq!(frames.len(), 2);
        assert_eq!(queue.counts().queued_bytes, 10);
    }
}
