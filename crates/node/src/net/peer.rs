//! What is known about one peer.

use super::events::EventSender;
use super::log_gate::LogGate;
use super::queue::Queue;
use super::{LinkError, LinkEvent, LinkKind, LinkStatus, LinksConfig, PeerConfig, PeerStatus};
use ally_policy::ServerIndex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// One other server, whether it is connected or not.
pub(super) struct Peer {
    pub(super) config: PeerConfig,
    links: [Link; 2],
    /// Held while events about the connection are handed over, so that they come in order.
    presence: tokio::sync::Mutex<Presence>,
    seen: Mutex<Seen>,
    /// Microseconds; 0 until it was measured.
    round_trip_us: AtomicU64,
    gate: LogGate,
}

/// One of the two links to a peer.
pub(super) struct Link {
    pub(super) queue: Queue,
    /// Bytes that may be in memory, received and not yet let go of by the driver.
    pub(super) budget: Arc<Semaphore>,
    pub(super) received_frames: AtomicU64,
    pub(super) received_bytes: AtomicU64,
}

/// Which connections are up. A connection is known by the number it got when it came up.
#[derive(Default)]
struct Presence {
    count: u64,
    up: [Option<(u64, CancellationToken)>; 2],
}

/// A copy of what the status needs, readable without waiting.
#[derive(Default)]
struct Seen {
    up: [bool; 2],
    connected_since: Option<Instant>,
    last_error: Option<LastError>,
}

struct LastError {
    message: String,
    at: Instant,
    /// It says what is wrong; for some time no error that does not takes its place.
    is_telling: bool,
}

impl Peer {
    pub(super) fn new(config: PeerConfig, links: &LinksConfig) -> Self {
        let limits = &links.limits;
        let link = |kind| Link {
            queue: Queue::new(kind, limits),
            budget: Arc::new(Semaphore::new(
                limits.received_bytes.max(limits.frame_bytes(kind)) + FRAME_OVERHEAD_BYTES,
            )),
            received_frames: AtomicU64::new(0),
            received_bytes: AtomicU64::new(0),
        };
        Self {
            config,
            links: LinkKind::ALL.map(link),
            presence: tokio::sync::Mutex::default(),
            seen: Mutex::default(),
            round_trip_us: AtomicU64::new(0),
            gate: LogGate::default(),
        }
    }

    pub(super) fn server(&self) -> ServerIndex {
        self.config.server
    }

    pub(super) fn link(&self, kind: LinkKind) -> &Link {
        &self.links[kind.index()]
    }

    /// A connection came up. If there was one of this kind it is told to end: whoever dials anew has
    /// given up the old one. Returns the connection's number.
    pub(super) async fn up(
        &self,
        kind: LinkKind,
        stop: CancellationToken,
        events: &EventSender,
    ) -> u64 {
        let mut presence = self.presence.lock().await;
        let was_connected = presence.is_connected();
        presence.count += 1;
        let number = presence.count;
        let replaced = presence.up[kind.index()].replace((number, stop));
        if let Some((_, old)) = &replaced {
            old.cancel();
        }
        self.link(kind).queue.connect();
        self.note(&presence);
        if was_connected {
            let error = Arc::new(LinkError::Replaced);
            events.send(LinkEvent::Disconnected(self.server(), error)).await;
        }
        if presence.is_connected() {
            let PeerConfig { server, name, .. } = &self.config;
            if let Some(held_back) = self.gate.admit("connected") {
                tracing::info!(server = server.0, name, held_back, "peer connected");
            }
            events.send(LinkEvent::Connected(*server)).await;
        }
        number
    }

    /// The connection with this number ended.
    pub(super) async fn down(
        &self,
        kind: LinkKind,
        number: u64,
        error: Arc<LinkError>,
        events: &EventSender,
    ) {
        let mut presence = self.presence.lock().await;
        let place = &presence.up[kind.index()];
        if place.as_ref().is_none_or(|(current, _)| *current != number) {
            // A newer connection has taken over and has said so.
            return;
        }
        let was_connected = presence.is_connected();
        presence.up[kind.index()] = None;
        self.link(kind).queue.disconnect();
        self.note(&presence);
        self.failed(kind, &error);
        if was_connected {
            events.send(LinkEvent::Disconnected(self.server(), error)).await;
        }
    }

    /// Keeps the error for the status, and logs it unless it has just been.
    pub(super) fn failed(&self, kind: LinkKind, error: &LinkError) {
        if matches!(error, LinkError::ShuttingDown) {
            return;
        }
        let message = error.to_string();
        if let Some(held_back) = self.gate.admit(&message) {
            let PeerConfig { server, name, .. } = &self.config;
            tracing::warn!(server = server.0, name, link = %kind, held_back, "peer: {message}");
        }
        self.seen().fail(message, error.is_telling(), Instant::now());
    }

    /// Notes the time to the peer and back.
    pub(super) fn measured(&self, round_trip: Duration) {
        self.round_trip_us.store((round_trip.as_micros() as u64).max(1), Relaxed);
    }

    pub(super) fn status(&self) -> PeerStatus {
        let seen = self.seen();
        let round_trip_us = self.round_trip_us.load(Relaxed);
        PeerStatus {
            server: self.config.server,
            name: self.config.name.clone(),
            address: self.config.address.clone(),
            connected_for: seen.connected_since.map(|since| since.elapsed()),
            round_trip: (round_trip_us > 0).then(|| Duration::from_micros(round_trip_us)),
            links: LinkKind::ALL.map(|kind| self.link(kind).status(kind, seen.up[kind.index()])),
            last_error: seen
                .last_error
                .as_ref()
                .map(|last| (last.message.clone(), last.at.elapsed())),
        }
    }

    fn note(&self, presence: &Presence) {
        let mut seen = self.seen();
        seen.up = LinkKind::ALL.map(|kind| presence.up[kind.index()].is_some());
        seen.connected_since = presence.is_connected().then(Instant::now);
        if let Some(last) = seen.last_error.as_mut().filter(|_| presence.is_connected()) {
            // Whatever was wrong is not any more.
            last.is_telling = false;
        }
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long an error that says what is wrong is shown in place of later ones that do not. The other of
/// the two links, and the end that was refused, often see no more than a closed connection.
const TELLING_FOR: Duration = Duration::from_secs(60);

impl Seen {
    fn fail(&mut self, message: String, is_telling: bool, now: Instant) {
        let shown = |last: &LastError| last.is_telling && now - last.at < TELLING_FOR;
        if is_telling || !self.last_error.as_ref().is_some_and(shown) {
            self.last_error = Some(LastError { message, at: now, is_telling });
        }
    }
}

/// What a frame is counted as beyond its bytes, so that empty frames are not free.
pub(super) const FRAME_OVERHEAD_BYTES: usize = 256;

impl Presence {
    fn is_connected(&self) -> bool {
        self.up.iter().all(Option::is_some)
    }
}

impl Link {
    fn status(&self, kind: LinkKind, up: bool) -> LinkStatus {
        let counts = self.queue.counts();
        LinkStatus {
            kind,
            up,
            queued_frames: counts.queued_frames,
            queued_bytes: counts.queued_bytes,
            dropped_frames: counts.dropped,
            sent_frames: counts.sent_frames,
            sent_bytes: counts.sent_bytes,
            received_frames: self.received_frames.load(Relaxed),
            received_bytes: self.received_bytes.load(Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_that_says_what_is_wrong_is_not_hidden_by_one_that_does_not() {
        let mut seen = Seen::default();
        let shown = |seen: &Seen| seen.last_error.as_ref().map(|last| last.message.clone());
        let begin = Instant::now();
        seen.fail("closed".into(), false, begin);
        seen.fail("our key is refused".into(), true, begin);
        seen.fail("closed".into(), false, begin + TELLING_FOR / 2);
        assert_eq!(shown(&seen).as_deref(), Some("our key is refused"));
        seen.fail("another alliance".into(), true, begin + TELLING_FOR / 2);
        assert_eq!(shown(&seen).as_deref(), Some("another alliance"));
        seen.fail("no route".into(), false, begin + 2 * TELLING_FOR);
        assert_eq!(shown(&seen).as_deref(), Some("no route"));
    }
}
