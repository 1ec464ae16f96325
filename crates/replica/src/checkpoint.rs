//! What the alliance key signs.

use ally_consensus::{BlockRef, Digest, Epoch};
use ally_log::{Checkpoint, Hash, Origin};

/// The statement about a block and the log after it, of `log_size` entries, that the alliance key
/// signs: every server has to form the same bytes from it.
///
/// # Source
/// docs/protocol.md#certificates
pub fn checkpoint(
    origin: &Origin,
    epoch: Epoch,
    block: BlockRef,
    log_size: u64,
    log_root: Digest,
) -> Checkpoint {
    Checkpoint {
        origin: origin.clone(),
        log_size,
        log_root: Hash(log_root.0),
        epoch: epoch.0,
        height: block.height.0,
        block: Hash(block.hash.0),
    }
}
