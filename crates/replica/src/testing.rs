//! Batches for unit tests; signatures do not matter there.

use crate::batch::{Batch, HeldBatch, SignedBatch};
use ally_consensus::Sequence;
use ally_policy::ServerIndex;
use bytes::Bytes;

/// A batch with one command of `bytes` bytes, all `fill`.
pub(crate) fn held(origin: u16, sequence: u64, fill: u8, bytes: usize) -> HeldBatch {
    let commands = [Bytes::from(vec![fill; bytes])];
    let batch = Batch::new(ServerIndex(origin), Sequence(sequence), &commands).unwrap();
    HeldBatch::trusted(SignedBatch { signature: [fill; 64], batch })
}
