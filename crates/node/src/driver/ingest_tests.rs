use super::*;
use crate::net::{Budget, LinkKind};
use ally_consensus::{
    AllianceId, BlockRef, Bounds, CheckpointCertificate, Context, Epoch, Height, Message,
    NewViewCertificate, PolicyDigest, Rotation, Signed, Statement, View,
};
use ally_policy::{FaultModel, TrustPolicy};
use ally_replica::PeerMessage;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::Semaphore;

/// Refuses every certificate, and counts them.
struct Refuses(Arc<AtomicUsize>);

impl Authenticator for Refuses {
    fn signature(&self, _: ServerIndex, _: &[u8], _: &[u8; 64]) -> bool {
        true
    }

    fn statement(&self, _: &Context, _: &Statement, _: &[u8]) -> bool {
        self.0.fetch_add(1, Ordering::Relaxed);
        false
    }

    fn checkpoint(&self, _: &Context, _: &CheckpointCertificate) -> bool {
        false
    }

    fn share_bytes_max(&self, _: ServerIndex, _: &Statement) -> usize {
        0
    }
}

fn context() -> Context {
    Context { alliance: AllianceId([1; 32]), epoch: Epoch(0), policy: PolicyDigest([2; 32]) }
}

fn bounds() -> Bounds {
    Bounds::of(&TrustPolicy::flat(3, 4, FaultModel::Byzantine).unwrap())
}

fn frame(from: ServerIndex, message: &PeerMessage) -> LinkEvent {
    let permit = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
    let (bytes, budget) = (message.to_frame(), Budget::new(permit));
    LinkEvent::Frame { from, link: LinkKind::Control, bytes, budget }
}

/// A certificate that opens a view, with rubbish for a signature.
fn forged(from: ServerIndex) -> PeerMessage {
    let tip = BlockRef::genesis(context().alliance, Epoch(0));
    let certificate = NewViewCertificate { view: View(7), tip, signature: vec![0; 48] };
    let body = Message::EnterView(certificate);
    PeerMessage::Consensus(Signed { signer: from, signature: [0; 64], body })
}

#[tokio::test]
async fn nobody_waits_behind_the_rubbish_of_another() {
    let refused = Arc::new(AtomicUsize::new(0));
    let rotation = Rotation::new(Epoch(0), vec![vec![ServerIndex(0)], vec![ServerIndex(1)]]);
    let authenticator = Refuses(Arc::clone(&refused));
    let checker =
        Arc::new(Checker::new(context(), rotation, bounds(), 0..=1024, 1 << 20, authenticator));
    let (frames, link_events) = mpsc::channel(64);
    let (driver, mut events) = mpsc::channel(64);
    let (liar, honest) = (ServerIndex(0), ServerIndex(1));
    for _ in 0..32 {
        assert!(frames.send(frame(liar, &forged(liar))).await.is_ok());
    }
    let question = PeerMessage::SyncRequest(Height(3));
    assert!(frames.send(frame(honest, &question)).await.is_ok());
    let (own, _) = mpsc::unbounded_channel();
    tokio::spawn(ingest(link_events, 2, checker, driver, own, |_, _| {}));
    let first = events.recv().await.expect("an event");
    assert!(matches!(first, Event::Peer { from, .. } if from == honest));
    let before = refused.load(Ordering::Relaxed);
    assert!(before < 8, "{before} forged certificates were looked at before the honest message");
    drop(frames);
    assert!(events.recv().await.is_none(), "nothing forged comes through, and the lanes end");
    assert_eq!(refused.load(Ordering::Relaxed), 32);
}

/// Panics over every certificate.
struct Panics;

impl Authenticator for Panics {
    fn signature(&self, _: ServerIndex, _: &[u8], _: &[u8; 64]) -> bool {
        true
    }

    fn statement(&self, _: &Context, _: &Statement, _: &[u8]) -> bool {
        panic!("as this test wants")
    }

    fn checkpoint(&self, _: &Context, _: &CheckpointCertificate) -> bool {
        false
    }

    fn share_bytes_max(&self, _: ServerIndex, _: &Statement) -> usize {
        0
    }
}

#[tokio::test]
async fn a_panic_over_a_message_stops_the_server_in_place_of_making_it_deaf() {
    let rotation = Rotation::new(Epoch(0), vec![vec![ServerIndex(0)], vec![ServerIndex(1)]]);
    let checker = Arc::new(Checker::new(context(), rotation, bounds(), 0..=1024, 1 << 20, Panics));
    let (frames, link_events) = mpsc::channel(1);
    let (driver, _events) = mpsc::channel(1);
    let (own, mut told) = mpsc::unbounded_channel();
    tokio::spawn(ingest(link_events, 2, checker, driver, own, |_, _| {}));
    let sender = ServerIndex(0);
    assert!(frames.send(frame(sender, &forged(sender))).await.is_ok());
    drop(frames);
    assert!(matches!(told.recv().await, Some(Event::Panicked(_))));
}
