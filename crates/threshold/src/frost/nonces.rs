//! One-time nonces, prepared in batches.
//!
//! ```text
//! NonceBatch::open ---> CommitmentBatch, published ahead
//!      | reserve(sessions)          the nonces are moved out and marked
//!      v
//!   Reserved
//!      | persist(store)             the marks are on the disk, or the store refuses
//!      v
//!   Durable --- sign(key share) --> SignatureShare
//! ```
//!
//! Whoever sees two shares made with one pair of nonces for different sessions solves two equations
//! for the key share. So a pair signs once:
//!
//! - *by type*: a [`Durable`] is moved into the share that it makes, and nothing is `Clone`;
//! - *by state*: the batch remembers what it gave out, whatever became of it;
//! - *after a crash*: nonces live in memory only and are never encoded, so that all unused ones go
//!   with the process, and a new batch starts under a new serial number. No backup can bring a nonce
//!   back;
//! - *in a copy of the process* (a snapshot of a virtual machine, a fork): the mark is written
//!   first, and a [`NonceStore`] that the copies share takes it from one of them only;
//! - *under bad randomness*: a nonce depends on the key share and on its place in its batch too.
//!
//! Not protected against: copies of the process whose stores are copied with them.
//!
//! # Source
//! RFC 9591, sections 4.1, 5.1 and 7.3. "Persist, then send" is ours.

use super::NONCES_MAX;
use super::ciphersuite::{NoncePlace, nonce};
use super::commitment::{CommitmentBatch, CommitmentPoints};
use super::error::{NonceError, OpenError};
use super::group::{Point, SecretScalar};
use super::key_share::KeyShare;
use super::public_key::PublicKey;
use super::record::{NonceClaim, NonceRecord, NonceStore};
use super::session::Session;
use super::signature_share::SignatureShare;
use crate::SignError;
use ally_policy::ServerIndex;
use rand_core::CryptoRng;

/// A server's nonces that it has published commitments to. Wiped when it goes; cannot be printed,
/// copied or written down.
pub struct NonceBatch {
    record: NonceRecord,
    pairs: Vec<Option<NoncePair>>,
    published: CommitmentBatch,
}

/// A hiding and a binding nonce.
pub(super) struct NoncePair {
    pub(super) hiding: SecretScalar,
    pub(super) binding: SecretScalar,
}

impl NoncePair {
    /// What is published of it; `None` where a nonce is 0.
    pub(super) fn commit(&self) -> Option<CommitmentPoints> {
        let hiding = Point::new(self.hiding.times_base())?;
        Some(CommitmentPoints { hiding, binding: Point::new(self.binding.times_base())? })
    }
}

impl NonceBatch {
    /// Prepares `count` pairs, from 1 to [`NONCES_MAX`], each good for one signature with `share`,
    /// and records the batch in `store`. `serial` is one that this key share has not had: the store
    /// refuses others. Nonces come out of `rng`, the key share and their place, hashed together.
    ///
    /// # Errors
    /// [`OpenError`]: the caller is to blame, or the store.
    ///
    /// # Cost
    /// Two multiplications of the base point for each pair, in constant time.
    pub fn open<S: NonceStore>(
        public: &PublicKey,
        share: &KeyShare,
        serial: u64,
        count: u16,
        store: &mut S,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, OpenError<S::Error>> {
        if share.key() != public.id() {
            return Err(OpenError::OtherKey);
        }
        if !(1..=NONCES_MAX).contains(&usize::from(count)) {
            return Err(OpenError::Count { count });
        }
        let (key, server) = (share.key(), share.server());
        let record = NonceRecord::new(key, server, serial, count);
        store.claim(&record.claim_since(&record)).map_err(OpenError::Store)?;
        let mut published = CommitmentBatch { key, server, serial, pairs: Vec::new() };
        // Of the final size at once: a buffer that grows leaves copies of secrets behind.
        let mut pairs = Vec::with_capacity(usize::from(count));
        for index in 0..count {
            let mut fresh =
                |half| nonce(share.secret(), &NoncePlace { key, serial, index, half }, rng);
            let pair = NoncePair { hiding: fresh(0), binding: fresh(1) };
            published.pairs.push(pair.commit().expect("a nonce is not 0"));
            pairs.push(Some(pair));
        }
        Ok(Self { record, pairs, published })
    }

    /// The commitments, to be published. Those of used pairs stay in it.
    pub fn commitments(&self) -> &CommitmentBatch {
        &self.published
    }

    /// How many pairs are left.
    pub fn left(&self) -> u16 {
        self.record.left()
    }

    /// Takes out the pair that each of `sessions` was opened with. From here on they are used,
    /// whatever happens: what is not signed with is wiped.
    ///
    /// A share is no vote: the caller reserves only for what may be signed.
    ///
    /// # Errors
    /// [`NonceError`]: nothing is taken out. Whoever opened the session is to blame.
    pub fn reserve(&mut self, sessions: &[Session]) -> Result<Reserved, NonceError> {
        let mut record = self.record.clone();
        let mut indices = Vec::with_capacity(sessions.len());
        for session in sessions {
            let commitment = session.commitment(self.published.key, self.published.server)?;
            let (serial, index) = (commitment.serial, commitment.index);
            let own = self.published.commitment(index);
            if own.filter(|own| own.serial == serial).is_none() {
                return Err(NonceError::Unknown { serial, index });
            }
            // RFC 9591, section 5.2: sign for nothing but one's own commitments.
            if own != Some(commitment) {
                return Err(NonceError::OtherCommitment { serial, index });
            }
            if !record.mark(index) {
                return Err(NonceError::Used { serial, index });
            }
            indices.push(usize::from(index));
        }
        let claim = record.claim_since(&self.record);
        self.record = record;
        let pairs = indices.into_iter().filter_map(|index| self.pairs.get_mut(index)?.take());
        let server = self.published.server;
        let jobs = sessions.iter().cloned().zip(pairs);
        let durable = jobs.map(|(session, pair)| Durable { server, session, pair }).collect();
        Ok(Reserved { claim, durable })
    }
}

/// Nonces that are taken out of a batch, and not yet known to be marked on the disk.
#[must_use = "nonces that are reserved and not persisted are wiped"]
pub struct Reserved {
    claim: NonceClaim,
    durable: Vec<Durable>,
}

impl Reserved {
    /// Marks the nonces as used in `store`, with one write for all of them: from here on shares may
    /// be made, in the order of the sessions.
    ///
    /// # Errors
    /// The store's. The nonces are wiped: these sessions go on without this server.
    pub fn persist<S: NonceStore>(self, store: &mut S) -> Result<Vec<Durable>, S::Error> {
        if !self.durable.is_empty() {
            store.claim(&self.claim)?;
        }
        Ok(self.durable)
    }
}

/// A pair of nonces that is marked as used, for one session. Signs once:
///
/// ```
/// # use ally_threshold::SignError;
/// # use ally_threshold::frost::{Durable, KeyShare, SignatureShare};
/// fn once(nonces: Durable, share: &KeyShare) -> Result<SignatureShare, SignError> {
///     nonces.sign(share)
/// }
/// ```
///
/// and not again:
///
/// ```compile_fail,E0382
/// # use ally_threshold::frost::{Durable, KeyShare};
/// fn twice(nonces: Durable, share: &KeyShare) {
///     let first = nonces.sign(share);
///     let second = nonces.sign(share);
/// }
/// ```
///
/// Nothing but [`Reserved::persist`] makes one, nor can it be copied:
///
/// ```compile_fail,E0599
/// # use ally_threshold::frost::Durable;
/// fn copy(nonces: &Durable) -> Durable {
///     Durable::clone(nonces)
/// }
/// ```
pub struct Durable {
    server: ServerIndex,
    session: Session,
    pair: NoncePair,
}

impl Durable {
    /// This server's share of the session's signature. Constant time.
    ///
    /// # Errors
    /// [`SignError::OtherKey`] where `share` is not the one that the nonces were made for; they are
    /// wiped.
    ///
    /// # Source
    /// RFC 9591, section 5.2.
    pub fn sign(self, share: &KeyShare) -> Result<SignatureShare, SignError> {
        if share.server() != self.server {
            return Err(SignError::OtherKey);
        }
        self.session.sign(share, self.pair)
    }
}
