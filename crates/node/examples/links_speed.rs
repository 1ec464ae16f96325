//! How fast links are, and what they cost when idle: two servers in one process, over loopback.
//!
//! `cargo run --release -p ally-node --example links_speed`

use ally_alliance::keys::TransportKey;
use ally_consensus::{AllianceId, Context, Epoch, PolicyDigest};
use ally_node::net::{
    Events, Limits, LinkEvent, LinkKind, Links, LinksConfig, PeerConfig, Sent, Timing,
};
use ally_policy::ServerIndex;
use ally_transport::Identity;
use bytes::Bytes;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;

const IDLE: Duration = Duration::from_secs(20);

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let [(zero, mut zero_events), (one, mut one_events)] = pair().await?;
    for events in [&mut zero_events, &mut one_events] {
        while !matches!(events.next().await, Some(LinkEvent::Connected(_)) | None) {}
    }
    for (kind, frames, bytes) in [
        (LinkKind::Control, 500_000, 200),
        (LinkKind::Bulk, 50_000, 16 << 10),
        (LinkKind::Bulk, 1000, 1 << 20),
    ] {
        let (time, cpu) = stream(&zero, &mut one_events, kind, frames, bytes).await;
        let rate = frames as f64 / time.as_secs_f64();
        println!(
            "{kind}: {frames} frames of {bytes} bytes: {rate:.0} frames/s, {:.0} MB/s, {:.2} us of \
             CPU per frame on both ends",
            rate * bytes as f64 / 1e6,
            cpu.as_secs_f64() * 1e6 / frames as f64
        );
    }
    let (time, cpu) = ping_pong([&zero, &one], &mut zero_events, &mut one_events, 20_000).await;
    println!(
        "control: there and back in {:.1} us, {:.1} us of CPU on both ends",
        time.as_secs_f64() * 1e6 / 20_000.0,
        cpu.as_secs_f64() * 1e6 / 20_000.0
    );
    let before = cpu_time();
    tokio::time::sleep(IDLE).await;
    let share = (cpu_time() - before).as_secs_f64() / IDLE.as_secs_f64();
    println!("idle: {:.3} % of a core for both ends", share * 100.0);
    Ok(())
}

async fn pair() -> Result<[(Links, Events); 2], Box<dyn std::error::Error>> {
    let listeners =
        [TcpListener::bind("127.0.0.1:0").await?, TcpListener::bind("127.0.0.1:0").await?];
    let addresses = [listeners[0].local_addr()?, listeners[1].local_addr()?];
    let key = |server: u16| TransportKey::from_seed(&[server as u8 + 1; 32]);
    let mut started = Vec::new();
    for (own, listener) in (0u16..).zip(listeners) {
        let other = 1 - own;
        let peer = PeerConfig {
            server: ServerIndex(other),
            name: format!("s{other}"),
            key: key(other).public(),
            address: addresses[usize::from(other)].to_string(),
        };
        let context = Context {
            alliance: AllianceId([1; 32]),
            epoch: Epoch(0),
            policy: PolicyDigest([2; 32]),
        };
        let (limits, timing) = (Limits::default(), Timing::default());
        let own = ServerIndex(own);
        let config = LinksConfig { context, own, listener, peers: vec![peer], limits, timing };
        started.push(Links::start(config, Identity::new(key(own.0))?)?);
    }
    started.try_into().map_err(|_| "two servers".into())
}

/// Sends frames one way as fast as they are taken.
async fn stream(
    from: &Links,
    to: &mut Events,
    kind: LinkKind,
    frames: usize,
    bytes: usize,
) -> (Duration, Duration) {
    let body = Bytes::from(vec![7; bytes]);
    let (start, cpu) = (Instant::now(), cpu_time());
    let sending = async {
        let mut sent = 0;
        while sent < frames {
            // Control frames give way to newer ones: a burst at a time, so that none is lost.
            if kind == LinkKind::Control && queued(from) > 4000 {
                tokio::task::yield_now().await;
                continue;
            }
            match from.send(ServerIndex(1), kind, body.clone()) {
                Sent::Queued => sent += 1,
                _ => tokio::task::yield_now().await,
            }
        }
    };
    let receiving = async {
        for _ in 0..frames {
            let _ = to.next().await;
        }
    };
    tokio::join!(sending, receiving);
    (start.elapsed(), cpu_time() - cpu)
}

fn queued(links: &Links) -> usize {
    links.status().peers[0].links[0].queued_frames
}

async fn ping_pong(
    [zero, one]: [&Links; 2],
    zero_events: &mut Events,
    one_events: &mut Events,
    rounds: usize,
) -> (Duration, Duration) {
    let body = Bytes::from_static(&[7; 200]);
    let (start, cpu) = (Instant::now(), cpu_time());
    for _ in 0..rounds {
        let _ = zero.send(ServerIndex(1), LinkKind::Control, body.clone());
        let _ = one_events.next().await;
        let _ = one.send(ServerIndex(0), LinkKind::Control, body.clone());
        let _ = zero_events.next().await;
    }
    (start.elapsed(), cpu_time() - cpu)
}

/// What this process has used of all cores, from `/proc`; zero where there is none.
fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let ticks = stat.rsplit(')').next().unwrap_or("").split_whitespace().skip(11).take(2);
    let ticks: u64 = ticks.filter_map(|field| field.parse::<u64>().ok()).sum();
    // Linux counts in hundredths of a second for programs, whatever the kernel does.
    Duration::from_millis(ticks * 10)
}
