//! What readers may see: the log as far as it is on this server's disk.

use crate::api::Tip;
use ally_consensus::{CheckpointCertificate, Height};
use ally_log::TileWriter;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use tokio::sync::watch;

/// The right edge of the log for proofs, and the tip for listeners. Moves on when what it speaks of
/// is durable here, so that a reader finds everything below it in the store, and no restart takes
/// back what a listener saw.
pub(crate) struct Published {
    edge: RwLock<Arc<TileWriter>>,
    tip: watch::Sender<Tip>,
    /// A certificate that came before its block.
    ahead: Mutex<Option<Arc<CheckpointCertificate>>>,
}

/// A step of the tip that waits for the disk.
pub(super) enum Step {
    /// A block, and the right edge after it.
    Block(Height, Arc<TileWriter>),
    /// A certificate.
    Certificate(Arc<CheckpointCertificate>),
}

impl Published {
    /// What was recovered.
    pub(crate) fn new(tip: Tip, edge: TileWriter) -> Self {
        let edge = RwLock::new(Arc::new(edge));
        Self { edge, tip: watch::Sender::new(tip), ahead: Mutex::new(None) }
    }

    /// The right edge.
    pub(crate) fn edge(&self) -> Arc<TileWriter> {
        Arc::clone(&self.edge.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The tip now.
    pub(crate) fn tip(&self) -> Tip {
        *self.tip.borrow()
    }

    /// The tip and its changes.
    pub(crate) fn watch(&self) -> watch::Receiver<Tip> {
        self.tip.subscribe()
    }

    /// These steps are durable.
    pub(super) fn advance(&self, steps: impl IntoIterator<Item = Step>) {
        let mut tip = self.tip();
        let before = tip;
        let mut ahead = self.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        for step in steps {
            match step {
                Step::Block(height, edge) => {
                    (tip.height, tip.log_size) = (height, edge.size());
                    *self.edge.write().unwrap_or_else(PoisonError::into_inner) = edge;
                }
                Step::Certificate(certificate) => *ahead = Some(certificate),
            }
            if let Some(certificate) = ahead.take_if(|c| c.block.height <= tip.height) {
                tip.certified_height = tip.certified_height.max(certificate.block.height);
                tip.certified_log_size = tip.certified_log_size.max(certificate.log_size);
            }
        }
        if tip != before {
            self.tip.send_replace(tip);
        }
    }
}
