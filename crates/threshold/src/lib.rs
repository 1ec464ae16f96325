//! Threshold keys over a trust policy: RSA (Shoup), BLS12-381 and Ed25519 (FROST).
//!
//! A key is dealt over a [`Formula`](ally_policy::Formula): the servers that satisfy the formula
//! can sign together, no others can, and nobody ever holds the private key. What comes out is one
//! ordinary signature that verifies with one public key, whoever contributed:
//!
//! ```text
//! deal ----> PublicKey (everybody) ---------------------------------------------.
//!    `-----> KeyShare (each server its own) -- sign --> SignatureShare           |
//!                                                          | of many servers    |
//!                                                          v                    v
//!                                                       combine ---------> signature
//!                                                          |
//!                           Inconsistent: ask for proofs   |   prove --> ShareProof
//!                                                          `-> verify_share --> Blame
//! ```
//!
//! Who deals:
//!
//! - [`deal()`]: one dealer, who knows the private key for a moment.
//! - [`Plan`]: several dealers, none of whom ever knows it. For RSA up to four, each with a modulus
//!   of its own; the key's is their product. For BLS any number.
//! - [`Handover`]: the holders themselves, who give new shares of the same key to themselves
//!   (refresh) or to others (reshare). What verifies signatures stays the same.
//!
//! The normal case pays for no proofs: shares are combined as they come and the result is verified
//! as anybody would verify it. Only when that fails are shares looked at one by one. BLS shares
//! prove themselves; RSA servers are asked for a [`ShareProof`], and whoever's share does not hold
//! is named, with evidence that a third party can check.
//!
//! ```
//! use ally_policy::{Formula, ServerIndex};
//! use ally_threshold::{Scheme, combine, deal};
//! # use rand_chacha::rand_core::SeedableRng;
//! # let mut rng = rand_chacha::ChaCha20Rng::seed_from_u64(7);
//!
//! let leaves = (0..4).map(|index| Formula::Leaf(ServerIndex(index))).collect();
//! let two_of_four = Formula::gate(2, leaves)?;
//! let dealt = deal(Scheme::Bls12381, &two_of_four, 0, &mut rng, &())?;
//!
//! let message = b"the log has 13 entries";
//! let mut contributions = Vec::new();
//! for share in &dealt.shares[1..3] {
//!     contributions.push((share.server(), share.sign(&dealt.public, message)?));
//! }
//! let signature = combine(&dealt.public, message, &contributions)?;
//! assert!(dealt.public.verify(message, &signature));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! No dealer is needed: in a [`Plan`] several make a key together that none of them ever knows, and a
//! [`Handover`] gives the holders of a key, or others, new shares of it.
//!
//! To a BLS key one can also seal: with [`EncryptionKey`] to the servers of its formula, who open
//! together, and with [`seal_until`] to a signature to come, with which everybody opens. A [`Beacon`]
//! draws public randomness from such signatures.
//!
//! Ed25519 keys over plain thresholds are in [`frost`]: they sign in two rounds, so they have types
//! of their own.
//!
//! Owns: secrets (wiped when dropped, never printed or copied), the check of everything that comes
//! from others before it reaches arithmetic, the final verification of every combination.
//! May not touch: consensus, clocks, I/O, randomness other than what it is given.

mod access;
mod bls;
mod combine;
mod contribution;
mod deal;
mod decrypt;
mod error;
mod expo;
pub mod frost;
mod generation;
mod handover;
mod key_share;
mod message;
mod pem;
mod primes;
mod progress;
mod public_key;
mod rsa;
mod scheme;
mod seed;
mod signature_share;
mod threshold_scheme;
mod verifying_key;

pub use combine::{combine, verify_share};
pub use contribution::{Contribution, Dealing, SecretPart};
pub use deal::{Dealt, deal};
pub use decrypt::{
    Beacon, BeaconRound, Ciphertext, DecryptionShare, EncryptionKey, OpenError, RoundMessage,
    SEALED_BYTES_MAX, SealContext, SealError, TimeSealed, combine_decryption, open_with,
    seal_until, verify_decryption_share,
};
pub use error::{
    Blame, CombineError, DealError, KeyShareError, LeafFault, PartFault, PlanError, SignError,
    UnsupportedEncoding,
};
pub use generation::Plan;
pub use handover::Handover;
pub use key_share::KeyShare;
pub use message::Message;
pub use progress::Progress;
pub use public_key::{KeyId, PublicKey};
pub use scheme::{Scheme, UnknownScheme};
pub(crate) use signature_share::LeafShares;
pub use signature_share::{ShareProof, SignatureShare};
pub use verifying_key::{KeyError, VerifyingKey};
