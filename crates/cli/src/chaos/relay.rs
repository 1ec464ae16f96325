//! The network between two servers, or between applications and a server: everything they say to each
//! other goes through here.
//!
//! A relay listens where whoever dials believes the server to be, and carries the bytes of
//! each connection both ways. What is done to a direction holds for connections that are open and for
//! those to come. Nothing is ever lost from the middle of a connection, because TCP loses nothing:
//! a stall keeps what it holds and lets it go at the end, and a cut ends the connection.

use crate::failure::Failure;
use futures::FutureExt;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep, sleep_until};

/// The most bytes that are carried at a time.
const PIECE_BYTES: usize = 16 << 10;
/// Pieces on their way in one direction of one connection; with more, nothing is read.
const PIECES_MAX: usize = 64;
/// Connections of one relay. Two servers have two and open them anew; an application has up to four
/// with each server, and there are as many as servers.
const CONNECTIONS_MAX: usize = 512;
/// How long the other server may take to accept.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// After an error of the system.
const PAUSE: Duration = Duration::from_millis(50);

/// What one direction does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Passage {
    /// Nothing arrives.
    pub stalled: bool,
    /// Everything arrives so much later.
    pub delay: Duration,
    /// So many bytes arrive in a second.
    pub bytes_per_s: Option<u64>,
}

/// What a relay does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Weather {
    /// No connection lives.
    pub cut: bool,
    /// Counts up: every connection that is open at a change breaks.
    pub resets: u64,
    /// From whoever dials to the server.
    pub there: Passage,
    /// And back.
    pub back: Passage,
}

/// The relay between those who dial and the server that is dialled. Ends when it is dropped.
#[derive(Debug)]
pub struct Relay {
    address: SocketAddr,
    weather: watch::Sender<Weather>,
    carried: Arc<AtomicU64>,
    serving: JoinHandle<()>,
}

impl Relay {
    /// Listens, for a server at `target`.
    ///
    /// # Errors
    /// [`Failure`] if the system gives no port.
    pub async fn start(target: SocketAddr) -> Result<Self, Failure> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.map_err(Failure::internal)?;
        let address = listener.local_addr().map_err(Failure::internal)?;
        let (weather, seen) = watch::channel(Weather::default());
        let carried = Arc::default();
        let serving = tokio::spawn(serve(listener, target, seen, Arc::clone(&carried)));
        Ok(Self { address, weather, carried, serving })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes what it does, at once and for all its connections.
    pub fn set(&self, weather: Weather) {
        self.weather.send_replace(weather);
    }

    /// Bytes that have arrived through it.
    pub fn carried(&self) -> u64 {
        self.carried.load(Relaxed)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Takes connections for as long as the relay lives; they end with it.
async fn serve(
    listener: TcpListener,
    target: SocketAddr,
    weather: watch::Receiver<Weather>,
    carried: Arc<AtomicU64>,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                // Beyond the limit, and while cut, a connection ends as soon as it has begun.
                Ok((stream, _)) if connections.len() < CONNECTIONS_MAX => {
                    let (weather, carried) = (weather.clone(), Arc::clone(&carried));
                    connections.spawn(connection(stream, target, weather, carried));
                }
                Ok(_) => {}
                Err(_) => sleep(PAUSE).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// One connection, until either end or the weather ends it.
async fn connection(
    dialler: TcpStream,
    target: SocketAddr,
    weather: watch::Receiver<Weather>,
    carried: Arc<AtomicU64>,
) {
    let broken = broken(weather.clone());
    let carry = async {
        let connecting = tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect(target));
        let Ok(Ok(other)) = connecting.await else { return };
        // The ends have set it for themselves; what lies between them must not add to it.
        _ = dialler.set_nodelay(true);
        _ = other.set_nodelay(true);
        let (from_dialler, to_dialler) = dialler.into_split();
        let (from_other, to_other) = other.into_split();
        let there = Direction { weather: weather.clone(), of: |w| w.there, carried: &carried };
        let back = Direction { weather, of: |w| w.back, carried: &carried };
        // An end that has closed has closed both ways: servers never half-close.
        tokio::select! {
            () = there.carry(from_dialler, to_other) => {}
            () = back.carry(from_other, to_dialler) => {}
        }
    };
    tokio::select! {
        () = broken => {}
        () = carry => {}
    }
}

/// Completes when connections that are open now have to end.
async fn broken(mut weather: watch::Receiver<Weather>) {
    let resets = weather.borrow_and_update().resets;
    // It fails when the relay is gone.
    _ = weather.wait_for(|now| now.cut || now.resets != resets).await;
}

/// One direction of one connection.
struct Direction<'a> {
    weather: watch::Receiver<Weather>,
    of: fn(&Weather) -> Passage,
    carried: &'a AtomicU64,
}

impl Direction<'_> {
    fn passage(&self) -> Passage {
        (self.of)(&self.weather.borrow())
    }

    /// Carries bytes until an end closes.
    async fn carry(mut self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
        let (pieces, mut waiting) = mpsc::channel::<(Instant, Vec<u8>)>(PIECES_MAX);
        let weather = self.weather.clone();
        let of = self.of;
        let read = async move {
            loop {
                let mut piece = vec![0; PIECE_BYTES];
                let Ok(length @ 1..) = from.read(&mut piece).await else { return };
                piece.truncate(length);
                let due = Instant::now() + of(&weather.borrow()).delay;
                if pieces.send((due, piece)).await.is_err() {
                    return;
                }
            }
        };
        let write = async {
            while let Some((due, piece)) = waiting.recv().await {
                sleep_until(due).await;
                self.opened().await;
                if to.write_all(&piece).await.is_err() {
                    return;
                }
                self.carried.fetch_add(piece.len() as u64, Relaxed);
                if let Some(rate) = self.passage().bytes_per_s {
                    sleep(Duration::from_secs_f64(piece.len() as f64 / rate.max(1) as f64)).await;
                }
            }
        };
        // What was read before an end closed still arrives: the writer ends after the reader. If the
        // writer ends first, nobody is there to read for.
        tokio::select! {
            () = write => {}
            () = read.then(|()| std::future::pending()) => {}
        }
    }

    /// Completes when the direction is not stalled.
    async fn opened(&mut self) {
        let of = self.of;
        // It fails when the relay is gone, and the connection with it.
        _ = self.weather.wait_for(|now| !of(now).stalled).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that sends back what it hears, the relay to it, and a connection through that.
    async fn echo() -> (Relay, TcpStream) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let target = listener.local_addr().expect("it is bound");
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut read, mut write) = stream.split();
                    tokio::io::copy(&mut read, &mut write).await
                });
            }
        });
        let relay = Relay::start(target).await.expect("a relay");
        let stream = TcpStream::connect(relay.address()).await.expect("it listens");
        (relay, stream)
    }

    async fn says(stream: &mut TcpStream, text: &[u8]) {
        stream.write_all(text).await.expect("it is open");
    }

    async fn hears(stream: &mut TcpStream, length: usize) -> Vec<u8> {
        let mut heard = vec![0; length];
        stream.read_exact(&mut heard).await.expect("it is open");
        heard
    }

    #[tokio::test]
    async fn a_stall_in_one_direction_keeps_everything_until_its_end() {
        let (relay, mut stream) = echo().await;
        says(&mut stream, b"one").await;
        assert_eq!(hears(&mut stream, 3).await, b"one");
        let back = Passage { stalled: true, ..Passage::default() };
        relay.set(Weather { back, ..Weather::default() });
        let before = relay.carried();
        says(&mut stream, b"two").await;
        // It arrives there, and nothing comes back.
        while relay.carried() < before + 3 {
            tokio::task::yield_now().await;
        }
        let mut byte = [0];
        tokio::select! {
            biased;
            _ = stream.read(&mut byte) => panic!("something came back"),
            () = tokio::task::yield_now() => {}
        }
        relay.set(Weather::default());
        assert_eq!(hears(&mut stream, 3).await, b"two");
    }

    #[tokio::test]
    async fn a_delay_is_waited_for() {
        let (relay, mut stream) = echo().await;
        let there = Passage { delay: Duration::from_millis(60), ..Passage::default() };
        relay.set(Weather { there, ..Weather::default() });
        let begun = Instant::now();
        says(&mut stream, b"late").await;
        assert_eq!(hears(&mut stream, 4).await, b"late");
        assert!(begun.elapsed() >= Duration::from_millis(60));
    }

    #[tokio::test]
    async fn a_reset_and_a_cut_end_what_is_open_and_a_cut_what_comes() {
        let (relay, mut stream) = echo().await;
        says(&mut stream, b"one").await;
        hears(&mut stream, 3).await;
        relay.set(Weather { resets: 1, ..Weather::default() });
        assert!(stream.read_u8().await.is_err(), "it has ended");
        let mut again = TcpStream::connect(relay.address()).await.expect("it listens");
        says(&mut again, b"two").await;
        assert_eq!(hears(&mut again, 3).await, b"two");
        relay.set(Weather { cut: true, resets: 1, ..Weather::default() });
        assert!(again.read_u8().await.is_err(), "it has ended");
        let mut refused = TcpStream::connect(relay.address()).await.expect("it listens");
        assert!(refused.read_u8().await.is_err(), "it ends at once");
    }
}
