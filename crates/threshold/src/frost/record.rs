//! Which nonces of a batch are used: what has to be on the disk before a share leaves.

use super::{NONCES_MAX, SUITE, VERSION};
use crate::KeyId;
use ally_codec::{Decode, DecodeError, Encode, Reader, Writer};
use ally_policy::ServerIndex;

const WORDS: usize = NONCES_MAX / 64;

/// Which nonces of one batch are used. No secret is in it: nonces themselves are never written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NonceRecord {
    key: KeyId,
    server: ServerIndex,
    serial: u64,
    /// From 1 to [`NONCES_MAX`].
    count: u16,
    used: [u64; WORDS],
}

/// What is asked of a store: to record that nonces are used, unless one of them is already; or that
/// a batch is opened, unless it was before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NonceClaim {
    /// The nonces claimed, as a record in which nothing else is used.
    claimed: NonceRecord,
}

/// Where it is durably recorded which nonces are used.
pub trait NonceStore {
    /// Why nothing was recorded.
    type Error;

    /// Looks up the record of [`NonceClaim::key`], [`NonceClaim::server`] and
    /// [`NonceClaim::serial`], keeps what [`NonceClaim::apply`] makes of it in its place, and returns
    /// once that survives a crash. No other claim comes in between.
    ///
    /// One store answers for all copies of a process there may be, such as a virtual machine
    /// restored from a snapshot while the original runs on: keep it where no snapshot takes it along.
    /// Keep records as long as the key share; they are short.
    ///
    /// # Errors
    /// `apply` refused, or nothing is kept, or it is not known whether it is.
    fn claim(&mut self, claim: &NonceClaim) -> Result<(), Self::Error>;
}

impl NonceClaim {
    /// The key.
    pub fn key(&self) -> KeyId {
        self.claimed.key
    }

    /// Whose nonces they are.
    pub fn server(&self) -> ServerIndex {
        self.claimed.server
    }

    /// The serial number of the batch.
    pub fn serial(&self) -> u64 {
        self.claimed.serial
    }

    /// What to keep in place of `stored`, the record that is kept for the same key, server and
    /// serial number. `None` refuses: a batch is opened that was opened before, or nonces are claimed
    /// that are used, or that nobody opened.
    ///
    /// So every pair of nonces is in one claim at most that is not refused.
    pub fn apply(&self, stored: Option<&NonceRecord>) -> Option<NonceRecord> {
        let opens = self.claimed.used == [0; WORDS];
        let Some(stored) = stored.filter(|_| !opens) else {
            return (opens && stored.is_none()).then(|| self.claimed.clone());
        };
        let same_batch = NonceRecord { used: stored.used, ..self.claimed } == *stored;
        let mut pairs = self.claimed.used.iter().zip(&stored.used);
        let unused = pairs.all(|(claimed, used)| claimed & used == 0);
        (same_batch && unused).then(|| {
            let used = std::array::from_fn(|word| self.claimed.used[word] | stored.used[word]);
            NonceRecord { used, ..self.claimed }
        })
    }
}

impl NonceRecord {
    /// A batch of which nothing is used. `count` is from 1 to [`NONCES_MAX`].
    pub(super) fn new(key: KeyId, server: ServerIndex, serial: u64, count: u16) -> Self {
        Self { key, server, serial, count, used: [0; WORDS] }
    }

    /// The key.
    pub fn key(&self) -> KeyId {
        self.key
    }

    /// Whose nonces they are.
    pub fn server(&self) -> ServerIndex {
        self.server
    }

    /// The serial number of the batch.
    pub fn serial(&self) -> u64 {
        self.serial
    }

    /// Whether the nonces of that index are used; what is past the end is.
    pub fn is_used(&self, index: u16) -> bool {
        index >= self.count || self.used[usize::from(index) / 64] >> (index % 64) & 1 == 1
    }

    /// How many pairs are not used.
    pub fn left(&self) -> u16 {
        let used: u32 = self.used.iter().map(|word| word.count_ones()).sum();
        self.count - used as u16
    }

    /// Marks a pair; `false` if it is marked already, or past the end.
    pub(super) fn mark(&mut self, index: u16) -> bool {
        let fresh = !self.is_used(index);
        if fresh {
            self.used[usize::from(index) / 64] |= 1 << (index % 64);
        }
        fresh
    }

    /// Claims what is marked here and not in `before`, an earlier state of the same batch; to open
    /// it where that is nothing.
    pub(super) fn claim_since(&self, before: &Self) -> NonceClaim {
        let used = std::array::from_fn(|word| self.used[word] & !before.used[word]);
        NonceClaim { claimed: Self { used, ..*self } }
    }
}

/// `version (1) || suite (1) || key id (32) || server (2, LE) || serial (8, LE) || pairs (2, LE) ||
/// used (32)`: index i is bit `i % 8` of byte `i / 8`.
impl Encode for NonceRecord {
    fn encode(&self, writer: &mut Writer) {
        writer.u8(VERSION).u8(SUITE).raw(&self.key.0).u16(self.server.0).u64(self.serial);
        writer.u16(self.count);
        self.used.iter().for_each(|word| {
            writer.u64(*word);
        });
    }
}

impl Decode for NonceRecord {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        if reader.u8()? != VERSION || reader.u8()? != SUITE {
            return Err(DecodeError::Invalid("version of a nonce record"));
        }
        let (key, server) = (KeyId(reader.array()?), ServerIndex(reader.u16()?));
        let (serial, count) = (reader.u64()?, reader.u16()?);
        if !(1..=NONCES_MAX).contains(&usize::from(count)) {
            return Err(DecodeError::Invalid("size of a nonce record"));
        }
        let mut record = Self::new(key, server, serial, count);
        for word in &mut record.used {
            *word = reader.u64()?;
        }
        let marked = |index: usize| record.used[index / 64] >> (index % 64) & 1 == 1;
        if (usize::from(count)..NONCES_MAX).any(marked) {
            return Err(DecodeError::Invalid("nonce record: a mark past its end"));
        }
        Ok(record)
    }
}
