//! One log: size and root in every header decided and every certificate are those of the commands
//! decided so far. So every checkpoint extends every other.
//!
//! The tree is this file's own, from RFC 6962.
//!
//! Source: docs/protocol.md#data, docs/protocol.md#certificates.

use super::{Invariant, Kind};
use crate::ascending::Ascending;
use crate::observation::Observation;
use ally_consensus::{Digest, Micros};
use ally_replica::DeliveredBlock;
use sha2::{Digest as _, Sha256};

/// Heights below the newest at which checkpoints are forgotten.
const HEIGHTS_KEPT: usize = 4096;

/// The log as the first honest server to decide each height has it.
#[derive(Default)]
pub(super) struct Log {
    height: u64,
    tree: Tree,
    /// Size and root after each height.
    checkpoints: Ascending<u64, (u64, Digest), HEIGHTS_KEPT>,
    /// Certificates for heights that nobody has delivered yet.
    ahead: Vec<(u64, (u64, Digest))>,
}

/// The roots of the complete subtrees that the log's leaves make, largest first.
#[derive(Default)]
struct Tree {
    size: u64,
    peaks: Vec<[u8; 32]>,
}

impl Tree {
    fn append(&mut self, command: &[u8]) {
        let mut hash: [u8; 32] =
            Sha256::new().chain_update([0]).chain_update(command).finalize().into();
        // Each trailing one of the size is a complete subtree that the new one completes further.
        for _ in 0..self.size.trailing_ones() {
            let left = self.peaks.pop().expect("a peak for each one in the size");
            hash = join(&left, &hash);
        }
        self.peaks.push(hash);
        self.size += 1;
    }

    fn root(&self) -> Digest {
        let mut peaks = self.peaks.iter().rev();
        let Some(last) = peaks.next() else { return Digest(Sha256::digest([]).into()) };
        Digest(peaks.fold(*last, |right, left| join(left, &right)))
    }
}

fn join(left: &[u8; 32], right: &[u8; 32]) -> [u8; 32] {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

impl Log {
    fn delivered(&mut self, block: &DeliveredBlock) -> Result<(), String> {
        let (height, header) = (block.block.height.0, block.header());
        let found = (header.log_size, header.log_root);
        if height <= self.height {
            let expected = self.checkpoints.get(&height);
            return compare("header", height, found, expected.copied().unwrap_or(found));
        }
        let first = self.tree.size;
        for batch in &block.batches {
            batch.batch().commands().for_each(|command| self.tree.append(&command));
        }
        let expected = (self.tree.size, self.tree.root());
        self.height = height;
        self.checkpoints.insert(height, expected);
        compare("header", height, found, expected)?;
        let edge = block.state.frontier();
        let stored = (edge.size(), Digest(edge.root().0));
        compare("stored log", height, stored, expected)?;
        if block.first_index != first {
            return Err(format!(
                "log: height {height} begins at {}, not {first}",
                block.first_index
            ));
        }
        let reached = self.ahead.extract_if(.., |(ahead, _)| *ahead <= height);
        for (at, found) in reached.collect::<Vec<_>>() {
            self.certified(at, found)?;
        }
        Ok(())
    }

    fn certified(&mut self, height: u64, found: (u64, Digest)) -> Result<(), String> {
        if height > self.height {
            self.ahead.push((height, found));
            return Ok(());
        }
        let expected = self.checkpoints.get(&height);
        compare("certificate", height, found, expected.copied().unwrap_or(found))
    }
}

fn compare(
    what: &str,
    height: u64,
    found: (u64, Digest),
    expected: (u64, Digest),
) -> Result<(), String> {
    if found == expected {
        return Ok(());
    }
    Err(format!(
        "log: the {what} at height {height} says {} commands and root {}, the log has {} and {}",
        found.0, found.1, expected.0, expected.1
    ))
}

impl Invariant for Log {
    fn looks_at(&self) -> &'static [Kind] {
        &[Kind::Delivered, Kind::Certified]
    }

    fn see(&mut self, _: Micros, what: &Observation<'_>) -> Result<(), String> {
        match what {
            Observation::Delivered { block, .. } => self.delivered(block),
            Observation::Certified { certificate } => self.certified(
                certificate.block.height.0,
                (certificate.log_size, certificate.log_root),
            ),
            _ => Ok(()),
        }
    }
}
