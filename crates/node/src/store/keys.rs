//! How keys are written: big-endian, so that the order of bytes is the order of numbers.

use super::records::{BatchKey, EvidenceKey, TestimonyKey};
use ally_consensus::{Digest, Height, Sequence};
use ally_policy::ServerIndex;

/// Key of the commit count in the table of the store's own notes.
pub(super) const COMMITS: &[u8] = b"commits";
/// Key of the first journal position that is kept.
pub(super) const JOURNAL_FIRST: &[u8] = b"journal first";
/// Key of the last journal position.
pub(super) const JOURNAL_LAST: &[u8] = b"journal last";

/// `number (8, BE)`: journal positions, heights and indices.
pub(super) fn number(number: u64) -> [u8; 8] {
    number.to_be_bytes()
}

/// Reads [`number`] back; nothing if it is not 8 bytes.
pub(super) fn to_number(key: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(key.try_into().ok()?))
}

/// `origin (2, BE) || sequence (8, BE) || digest (32)`.
pub(super) fn batch(key: BatchKey) -> [u8; 42] {
    let mut bytes = [0; 42];
    bytes[..2].copy_from_slice(&key.origin.0.to_be_bytes());
    bytes[2..10].copy_from_slice(&number(key.sequence.0));
    bytes[10..].copy_from_slice(&key.digest.0);
    bytes
}

/// What the keys of an origin's batches from a sequence on are not below.
pub(super) fn batches_from(origin: ServerIndex, sequence: Sequence) -> [u8; 42] {
    batch(BatchKey { origin, sequence, digest: Digest([0; 32]) })
}

/// Reads [`batch`] back; nothing if it is not 42 bytes.
pub(super) fn to_batch(key: &[u8]) -> Option<BatchKey> {
    let (origin, rest) = key.split_at_checked(2)?;
    let (sequence, digest) = rest.split_at_checked(8)?;
    Some(BatchKey {
        origin: ServerIndex(u16::from_be_bytes(origin.try_into().ok()?)),
        sequence: Sequence(to_number(sequence)?),
        digest: Digest(digest.try_into().ok()?),
    })
}

/// `log size (8, BE) || height (8, BE)`: blocks without commands share a log size, and each has a
/// certificate of its own.
pub(super) fn certificate(log_size: u64, height: Height) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&number(log_size));
    bytes[8..].copy_from_slice(&number(height.0));
    bytes
}

/// The log size in a [`certificate`] key; nothing if it is not 16 bytes.
pub(super) fn to_log_size(key: &[u8]) -> Option<u64> {
    let (log_size, height) = key.split_at_checked(8)?;
    to_number(height)?;
    to_number(log_size)
}

/// `level (1) || index (8, BE)`.
pub(super) fn tile(level: u8, index: u64) -> [u8; 9] {
    let mut bytes = [level; 9];
    bytes[1..].copy_from_slice(&index.to_be_bytes());
    bytes
}

/// `kind (1) || number (8, BE) || length (4, BE)`.
pub(super) fn testimony(key: TestimonyKey) -> [u8; 13] {
    let mut bytes = [key.kind; 13];
    bytes[1..9].copy_from_slice(&number(key.number));
    bytes[9..].copy_from_slice(&key.bytes.to_be_bytes());
    bytes
}

/// Reads [`testimony`] back; nothing if it is not 13 bytes.
pub(super) fn to_testimony(key: &[u8]) -> Option<TestimonyKey> {
    let (kind, rest) = key.split_first()?;
    let (number, bytes) = rest.split_at_checked(8)?;
    let bytes = u32::from_be_bytes(bytes.try_into().ok()?);
    Some(TestimonyKey { kind: *kind, number: to_number(number)?, bytes })
}

/// `culprit (2, BE) || kind (1) || digest (32)`.
pub(super) fn evidence(key: EvidenceKey) -> [u8; 35] {
    let mut bytes = [0; 35];
    bytes[..2].copy_from_slice(&key.culprit.0.to_be_bytes());
    bytes[2] = key.kind;
    bytes[3..].copy_from_slice(&key.digest.0);
    bytes
}

/// Reads [`evidence`] back; nothing if it is not 35 bytes.
pub(super) fn to_evidence(key: &[u8]) -> Option<EvidenceKey> {
    let (culprit, rest) = key.split_at_checked(2)?;
    let (kind, digest) = rest.split_first()?;
    Some(EvidenceKey {
        culprit: ServerIndex(u16::from_be_bytes(culprit.try_into().ok()?)),
        kind: *kind,
        digest: Digest(digest.try_into().ok()?),
    })
}
