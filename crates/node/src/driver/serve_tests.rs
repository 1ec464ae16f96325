use super::*;
use crate::driver::stored;
use crate::net::{Events, Limits, LinkEvent, LinkKind, Links, LinksConfig, PeerConfig, Timing};
use crate::store::{Durability, Identity as StoreIdentity, Store, WriteBatch};
use ally_alliance::keys::TransportKey;
use ally_consensus::{AllianceId, Context, Epoch, PolicyDigest, Sequence};
use ally_replica::{Batch, HeldBatch, SignedBatch};
use ally_transport::Identity;
use std::net::SocketAddr;
use std::sync::mpsc;
use tokio::net::TcpListener;

const ALLIANCE: AllianceId = AllianceId([1; 32]);
const US: ServerIndex = ServerIndex(0);
const GREEDY: ServerIndex = ServerIndex(1);
const HONEST: ServerIndex = ServerIndex(2);

fn key(server: u16) -> TransportKey {
    TransportKey::from_seed(&[server as u8 + 1; 32])
}

/// Links of a server to some others, at these addresses.
fn links(own: u16, listener: TcpListener, at: &[SocketAddr], others: &[u16]) -> (Links, Events) {
    let peer = |server: &u16| PeerConfig {
        server: ServerIndex(*server),
        name: format!("s{server}"),
        key: key(*server).public(),
        address: at[usize::from(*server)].to_string(),
    };
    let config = LinksConfig {
        context: Context { alliance: ALLIANCE, epoch: Epoch(0), policy: PolicyDigest([2; 32]) },
        own: ServerIndex(own),
        listener,
        peers: others.iter().map(peer).collect(),
        limits: Limits::default(),
        timing: Timing::default(),
    };
    Links::start(config, Identity::new(key(own)).expect("a certificate")).expect("three keys")
}

/// Our links, to two peers that are connected, and what the peers hold on to.
async fn connected() -> (Links, Vec<(Links, Events)>) {
    let mut listeners = Vec::new();
    for _ in 0..3 {
        listeners.push(TcpListener::bind("127.0.0.1:0").await.expect("a port"));
    }
    let at: Vec<_> = listeners.iter().map(|l| l.local_addr().expect("bound")).collect();
    let mut all = Vec::new();
    for (own, listener) in (0..).zip(listeners) {
        let others: &[u16] = if own == 0 { &[1, 2] } else { &[0] };
        all.push(links(own, listener, &at, others));
    }
    let (ours, mut events) = all.remove(0);
    for _ in 0..2 {
        assert!(matches!(events.next().await, Some(LinkEvent::Connected(_))));
    }
    all.push((ours.clone(), events));
    (ours, all)
}

/// A store that holds one batch.
fn stored(dir: &std::path::Path) -> (Store, BatchId) {
    let identity = StoreIdentity { alliance: ALLIANCE, server: US, epoch: Epoch(0) };
    Store::create(dir, &identity).expect("a fresh directory");
    let (store, _) = Store::open(dir, &identity, Durability::None).expect("opens");
    let batch = Batch::new(US, Sequence(0), &[b"a command".to_vec().into()]).expect("short");
    let held = HeldBatch::trusted(SignedBatch { signature: [0; 64], batch });
    let mut write = WriteBatch::new();
    stored::write_batch(&mut write, &held);
    store.commit(write).expect("durable");
    (store, held.id())
}

/// A peer that asks without end has its own places only: whoever is behind is answered all the same.
#[test]
fn one_that_asks_without_end_does_not_use_up_the_answers_for_others() {
    let parent = tempfile::tempdir().expect("a directory");
    let (store, id) = stored(&parent.path().join("data"));
    // One thread prepares answers; it is held up, so that all questions are there before any answer.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .max_blocking_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let (links, _peers) = connected().await;
        let serving = Serving::new(StoredLog::new(store), Voice::new(links.clone(), None), 3);
        let (go, held_up) = mpsc::channel::<()>();
        tokio::task::spawn_blocking(move || held_up.recv());
        (0..100).for_each(|_| serving.serve(GREEDY, Serve::Batches(vec![id])));
        serving.serve(HONEST, Serve::Batches(vec![id]));
        go.send(()).expect("it waits");
        // The thread takes one after the other: this comes last.
        tokio::task::spawn_blocking(|| ()).await.expect("no panic");
        let answers = |peer| {
            let status = links.status();
            let peer = status.peers.iter().find(|status| status.server == peer).expect("known");
            let bulk = &peer.links[LinkKind::Bulk.index()];
            bulk.queued_frames as u64 + bulk.sent_frames
        };
        assert_eq!(answers(HONEST), 1);
        assert_eq!(answers(GREEDY), ANSWERS_PER_PEER_MAX as u64);
    });
}
