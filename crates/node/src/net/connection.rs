//! One connection, from the hellos to its end.

use super::events::EventSender;
use super::frame::{self, Announced, Frame};
use super::links::Shared;
use super::peer::{FRAME_OVERHEAD_BYTES, Link, Peer};
use super::{Budget, LinkError, LinkEvent, LinkKind, Timing};
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

/// What is sent with one call into TLS and the kernel.
const COALESCED_BYTES: usize = 64 * 1024;
/// Bodies from here on are not copied together with others.
const LARGE_BYTES: usize = 16 * 1024;
const READ_BUFFER_BYTES: usize = 64 * 1024;

/// Signs of life of one connection, in milliseconds since it began.
struct Pulse {
    start: Instant,
    heard_ms: AtomicU64,
    progress_ms: AtomicU64,
    writing: AtomicBool,
    /// The driver is slow, so nothing is read: silence is no sign of death then.
    delivering: AtomicBool,
}

/// Runs a connection whose hellos were exchanged until it ends. Tells the driver when it comes up and
/// when it goes down. Returns how long it was up.
///
/// `place` is dropped once the connection has taken the place of its predecessor: a peer that connects
/// again and again waits there, and its connections stay counted meanwhile.
pub(super) async fn run(
    stream: impl AsyncRead + AsyncWrite,
    peer: &Peer,
    kind: LinkKind,
    shared: &Shared,
    place: impl Sized,
) -> Duration {
    let replaced = CancellationToken::new();
    let number = peer.up(kind, replaced.clone(), &shared.events).await;
    drop(place);
    let pulse = Pulse::new();
    let (reader, writer) = tokio::io::split(stream);
    // Each of these ends by failing only; the first one to fail ends the connection.
    let ended = tokio::select! {
        ended = read(reader, peer, kind, shared, &pulse) => ended,
        ended = write(writer, peer.link(kind), &pulse) => ended,
        ended = watch(peer.link(kind), &shared.timing, &pulse) => ended,
        () = replaced.cancelled() => Err(LinkError::Replaced),
        () = shared.stop.cancelled() => Err(LinkError::ShuttingDown),
    };
    let error = Arc::new(match ended {
        Ok(never) => match never {},
        Err(error) => error,
    });
    peer.down(kind, number, error, &shared.events).await;
    pulse.start.elapsed()
}

async fn read(
    reader: impl AsyncRead + Unpin,
    peer: &Peer,
    kind: LinkKind,
    shared: &Shared,
    pulse: &Pulse,
) -> Result<Infallible, LinkError> {
    let limit = shared.limits.frame_bytes(kind);
    let link = peer.link(kind);
    let mut reader = BufReader::with_capacity(READ_BUFFER_BYTES, reader);
    loop {
        let announced = frame::read_header(&mut reader, limit).await?;
        pulse.heard();
        match announced {
            Announced::Ping => link.queue.pong(frame::read_stamp(&mut reader).await?),
            Announced::Pong => {
                let stamp = frame::read_stamp(&mut reader).await?;
                if kind == LinkKind::Control {
                    peer.measured(
                        pulse.start.elapsed().saturating_sub(Duration::from_micros(stamp)),
                    );
                }
            }
            Announced::Data(length) => {
                receive(&mut reader, length, peer, kind, &shared.events, pulse).await?;
            }
        }
    }
}

/// Reads one data frame, once its sender's budget has room for it, and hands it to the driver.
async fn receive(
    reader: &mut (impl AsyncRead + Unpin),
    length: usize,
    peer: &Peer,
    kind: LinkKind,
    events: &EventSender,
    pulse: &Pulse,
) -> Result<(), LinkError> {
    let link = peer.link(kind);
    pulse.delivering.store(true, Relaxed);
    let permits = (length + FRAME_OVERHEAD_BYTES) as u32;
    let Ok(permit) = link.budget.clone().acquire_many_owned(permits).await else {
        return Err(LinkError::ShuttingDown);
    };
    pulse.delivered();
    let bytes = frame::read_body(reader, length, || pulse.heard()).await?;
    link.received_frames.fetch_add(1, Relaxed);
    link.received_bytes.fetch_add(length as u64, Relaxed);
    let from = peer.server();
    let event = LinkEvent::Frame { from, link: kind, bytes, budget: Budget::new(permit) };
    pulse.delivering.store(true, Relaxed);
    if !events.send(event).await {
        return Err(LinkError::ShuttingDown);
    }
    pulse.delivered();
    Ok(())
}

async fn write(
    mut writer: impl AsyncWrite + Unpin,
    link: &Link,
    pulse: &Pulse,
) -> Result<Infallible, LinkError> {
    let mut frames = Vec::new();
    let mut buffer = Vec::with_capacity(COALESCED_BYTES);
    loop {
        link.queue.take(&mut frames, COALESCED_BYTES).await;
        pulse.write_begins();
        for frame in frames.drain(..) {
            frame.write_head(&mut buffer);
            let Frame::Data(body) = frame else { continue };
            if body.len() < LARGE_BYTES {
                buffer.extend_from_slice(&body);
                continue;
            }
            put(&mut writer, &buffer, pulse).await?;
            buffer.clear();
            put(&mut writer, &body, pulse).await?;
        }
        put(&mut writer, &buffer, pulse).await?;
        buffer.clear();
        writer.flush().await.map_err(LinkError::from_io)?;
        pulse.writing.store(false, Relaxed);
    }
}

/// Writes all of `bytes`, noting progress on the way: a large frame may take its time, but not stand
/// still.
async fn put(
    writer: &mut (impl AsyncWrite + Unpin),
    bytes: &[u8],
    pulse: &Pulse,
) -> Result<(), LinkError> {
    for chunk in bytes.chunks(COALESCED_BYTES) {
        writer.write_all(chunk).await.map_err(LinkError::from_io)?;
        pulse.progress();
    }
    Ok(())
}

/// Sends pings, and notices when the peer is gone without a word.
async fn watch(link: &Link, timing: &Timing, pulse: &Pulse) -> Result<Infallible, LinkError> {
    let mut tick = tokio::time::interval(timing.keep_alive);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let start = pulse.start;
    loop {
        let now = tick.tick().await;
        link.queue.ping((now - start).as_micros() as u64);
        let since =
            |ms: &AtomicU64| (now - start).saturating_sub(Duration::from_millis(ms.load(Relaxed)));
        if !pulse.delivering.load(Relaxed) && since(&pulse.heard_ms) > timing.silence_max {
            return Err(LinkError::Silent(timing.silence_max));
        }
        if pulse.writing.load(Relaxed) && since(&pulse.progress_ms) > timing.silence_max {
            return Err(LinkError::Stuck(timing.silence_max));
        }
    }
}

impl Pulse {
    fn new() -> Self {
        Self {
            start: Instant::now(),
            heard_ms: AtomicU64::new(0),
            progress_ms: AtomicU64::new(0),
            writing: AtomicBool::new(false),
            delivering: AtomicBool::new(false),
        }
    }

    fn now_ms(&self) -> u64 {
        self.start.elapsed().as_millis() as u64
    }

    fn heard(&self) {
        self.heard_ms.store(self.now_ms(), Relaxed);
    }

    fn progress(&self) {
        self.progress_ms.store(self.now_ms(), Relaxed);
    }

    fn write_begins(&self) {
        self.progress();
        self.writing.store(true, Relaxed);
    }

    fn delivered(&self) {
        self.heard();
        self.delivering.store(false, Relaxed);
    }
}
