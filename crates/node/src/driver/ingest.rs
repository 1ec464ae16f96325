//! From frames to checked messages: decoding and signatures, outside the driver's thread.

use crate::driver::Event;
use crate::keys::PublicKeys;
use crate::net::LinkEvent;
use ally_replica::Checker;
use std::sync::Arc;
use tokio::sync::mpsc;

/// Checks what comes over one kind of link and hands it to the driver. Ends with the links or with
/// the driver. While the driver is busy, nothing more is taken from the peers.
pub(crate) async fn ingest(
    mut frames: mpsc::Receiver<LinkEvent>,
    checker: Arc<Checker<Arc<PublicKeys>>>,
    driver: mpsc::Sender<Event>,
) {
    while let Some(event) = frames.recv().await {
        let event = match event {
            LinkEvent::Connected(server) => Event::Connected(server),
            LinkEvent::Disconnected(server, reason) => {
                tracing::info!(%server, %reason, "link down");
                Event::Disconnected(server)
            }
            LinkEvent::Frame { from, bytes, budget, .. } => {
                match checker.check_frame(from, bytes) {
                    Ok(message) => Event::Peer { from, message, budget },
                    Err(reason) => {
                        tracing::warn!(%reason, "refused a message");
                        continue;
                    }
                }
            }
        };
        if driver.send(event).await.is_err() {
            return;
        }
    }
}
