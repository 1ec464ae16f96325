//! From frames to checked messages: decoding and signatures, outside the driver's thread.
//!
//! Checking is where a peer can cost this server most: a hundred bytes that claim to be a certificate
//! take a pairing to refuse. So each peer's frames are checked in a lane of their own: who sends
//! rubbish waits behind it, and nobody else does.

use super::alarm::Alarm;
use crate::driver::Event;
use crate::net::{LinkEvent, LogGate};
use ally_consensus::Authenticator;
use ally_policy::ServerIndex;
use ally_replica::Checker;
use bytes::Bytes;
use std::sync::Arc;
use tokio::sync::mpsc;

/// Checks what comes over one kind of link and hands it to the driver. Ends with the links or with
/// the driver, which learns of a panic through `own`. `overhear` is shown each frame before.
///
/// A lane needs no bound of its own: each frame in it holds a part of its sender's budget.
pub(crate) async fn ingest<A: Authenticator + Send + Sync + 'static>(
    mut frames: mpsc::Receiver<LinkEvent>,
    servers: usize,
    checker: Arc<Checker<A>>,
    driver: mpsc::Sender<Event>,
    own: mpsc::UnboundedSender<Event>,
    overhear: impl Fn(ServerIndex, &Bytes) + Clone + Send + Sync + 'static,
) {
    let lanes: Vec<_> = (0..servers)
        .map(|_| {
            let (lane, events) = mpsc::unbounded_channel();
            let alarm = Alarm::new("the check of incoming messages", own.clone());
            tokio::spawn(check_lane(
                events,
                Arc::clone(&checker),
                driver.clone(),
                overhear.clone(),
                alarm,
            ));
            lane
        })
        .collect();
    drop(driver);
    while let Some(event) = frames.recv().await {
        let ended = lanes.get(peer_of(&event).index()).is_none_or(|lane| lane.send(event).is_err());
        if ended {
            return;
        }
    }
}

fn peer_of(event: &LinkEvent) -> ServerIndex {
    match event {
        LinkEvent::Connected(server) | LinkEvent::Disconnected(server, _) => *server,
        LinkEvent::Frame { from, .. } => *from,
    }
}

/// Checks one peer's frames in order. While the driver is busy, nothing more is taken from the peer.
async fn check_lane<A: Authenticator>(
    mut frames: mpsc::UnboundedReceiver<LinkEvent>,
    checker: Arc<Checker<A>>,
    driver: mpsc::Sender<Event>,
    overhear: impl Fn(ServerIndex, &Bytes),
    _alarm: Alarm,
) {
    let gate = LogGate::default();
    while let Some(event) = frames.recv().await {
        let event = match event {
            LinkEvent::Connected(server) => Event::Connected(server),
            LinkEvent::Disconnected(server, reason) => {
                tracing::info!(%server, %reason, "link down");
                Event::Disconnected(server)
            }
            LinkEvent::Frame { from, bytes, budget, .. } => {
                overhear(from, &bytes);
                let checked = checker.check_frame(from, bytes);
                // A check may have taken long: the other lanes are next.
                tokio::task::yield_now().await;
                match checked {
                    Ok(message) => Event::Peer { from, message, budget },
                    Err(reason) => {
                        if let Some(held_back) = gate.admit(&reason.to_string()) {
                            tracing::warn!(%reason, held_back, "refused a message");
                        }
                        let Some(proof) = reason.proof().cloned() else { continue };
                        Event::Misstated { proof, budget }
                    }
                }
            }
        };
        if driver.send(event).await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
#[path = "ingest_tests.rs"]
mod tests;
