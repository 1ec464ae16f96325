//! FROST(Ed25519, SHA-512), RFC 9591: a threshold key whose signatures are ordinary Ed25519.
//!
//! Signing takes two rounds, of which the first is done ahead: servers prepare one-time nonces in
//! batches and publish commitments to them. So these keys are types of their own, beside the crate's
//! other keys, which sign without knowing who else does.
//!
//! ```text
//!              each server, ahead                     per signature
//!   NonceBatch::open --> CommitmentBatch --.
//!        |                                 `--> Session::new(key, message, k commitments)
//!        | reserve(session)                       |                        |
//!        v                                        v                        |
//!     Reserved -- persist(store) --> Durable -- sign --> SignatureShare    |
//!                                                            `--> Session::aggregate --> signature
//! ```
//!
//! # Parameters
//! `k of` distinct servers (`1 <= k`), server index + 1 as identifier. A session has k signers or
//! more, fixed when it is opened; all of them have to answer.
//!
//! # Safety
//! Unforgeable while fewer than `k` servers are corrupt, in the random oracle model, under the
//! one-more discrete logarithm assumption (Bellare, Crites, Komlo, Maller, Tessaro & Zhu 2022, static
//! corruption), however many sessions run at once. A pair of nonces that signs twice gives the key
//! share away: see `NonceBatch` for what stands against it.
//!
//! # Liveness
//! The signature is verified before anybody sees it. If it does not verify, each share is checked
//! against its sender's commitments, without any proof, and who sent a wrong one is named: so after
//! at most as many sessions as there are corrupt servers, an honest set signs.
//!
//! # Deviations from the RFC
//! Commitments and shares carry the key's id, which holds its epoch, and shares the digest of the
//! session that they answer; what is hashed and signed is the RFC's. Verification is strict
//! (cofactorless, no points of small order), so that every verifier agrees.
//!
//! # Not protected against
//! A single dealer ([`deal`](fn@deal)), who knows the key; copies of a process with a copied
//! [`NonceStore`]; a coordinator that opens sessions which are never completed, and so uses up
//! nonces: sign only what may be signed, and let many coordinate; side channels other than time. Signatures are not unique: they are no coin.
//!
//! # Source
//! RFC 9591; Komlo & Goldberg, "FROST: Flexible round-optimized Schnorr threshold signatures" (SAC
//! 2020); Drijvers, Edalatnejad, Ford, Kiltz, Loss, Neven & Stepanovs, "On the security of two-round
//! multi-signatures" (2019); Benhamouda, Lepoint, Loss, Orrù & Raykova, "On the (in)security of ROS"
//! (2021).
//!
//! ```
//! use ally_policy::{Formula, ServerIndex};
//! use ally_threshold::frost::{NonceBatch, NonceClaim, NonceRecord, NonceStore, Session, deal};
//! # use rand_chacha::rand_core::SeedableRng;
//! # let mut rng = rand_chacha::ChaCha20Rng::seed_from_u64(7);
//!
//! // A real store writes to the disk.
//! #[derive(Default)]
//! struct Memory(std::collections::BTreeMap<u64, NonceRecord>);
//! impl NonceStore for Memory {
//!     type Error = &'static str;
//!     fn claim(&mut self, claim: &NonceClaim) -> Result<(), Self::Error> {
//!         let record = claim.apply(self.0.get(&claim.serial()));
//!         self.0.insert(claim.serial(), record.ok_or("a nonce would be used twice")?);
//!         Ok(())
//!     }
//! }
//!
//! let leaves = (0..3).map(|index| Formula::Leaf(ServerIndex(index))).collect();
//! let key = deal(&Formula::gate(2, leaves)?, 0, &mut rng)?;
//!
//! // Ahead: two of the servers publish commitments.
//! let mut stores = [Memory::default(), Memory::default()];
//! let mut batches = Vec::new();
//! for (share, store) in key.shares.iter().zip(&mut stores) {
//!     batches.push(NonceBatch::open(&key.public, share, 0, 16, store, &mut rng)?);
//! }
//!
//! // One round: who signs, with which nonces, what.
//! let message = b"the log has 13 entries";
//! let commitments = batches.iter().filter_map(|batch| batch.commitments().commitment(0));
//! let commitments: Vec<_> = commitments.map(|given| (given.server(), given)).collect();
//! let session = Session::new(&key.public, message, &commitments)?;
//! let mut answers = Vec::new();
//! for ((share, store), batch) in key.shares.iter().zip(&mut stores).zip(&mut batches) {
//!     for nonces in batch.reserve(&[session.clone()])?.persist(store)? {
//!         answers.push((share.server(), nonces.sign(share)?));
//!     }
//! }
//! let signature = session.aggregate(&answers)?;
//! assert!(key.public.verify(message, &signature));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod ciphersuite;
mod commitment;
mod contribution;
mod deal;
mod error;
mod generation;
mod group;
mod key_share;
mod nonces;
mod proof;
mod public_key;
mod record;
mod refresh;
mod session;
mod sharing;
mod signature_share;
mod threshold;

#[cfg(test)]
mod tests;

pub use commitment::{Commitment, CommitmentBatch};
pub use contribution::{Contribution, Dealing, SecretPart};
pub use deal::{Dealt, deal};
pub use error::{NonceError, OpenError, SigningError};
pub use generation::Plan;
pub use key_share::KeyShare;
pub use nonces::{Durable, NonceBatch, Reserved};
pub use public_key::PublicKey;
pub use record::{NonceClaim, NonceRecord, NonceStore};
pub use refresh::Refresh;
pub use session::{SIGNATURE_BYTES, Session};
pub use signature_share::SignatureShare;

/// The most pairs of nonces in a batch.
pub const NONCES_MAX: usize = 256;

/// The version of the encodings.
const VERSION: u8 = 1;

/// Stands behind the version in every encoding; no [`Scheme`](crate::Scheme) has it, so that nothing
/// of a FROST key is taken for something of another.
const SUITE: u8 = 0xf1;
