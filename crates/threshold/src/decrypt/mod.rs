//! Sealing to a BLS key: only the servers of its formula together can open, or everybody can once
//! the alliance has signed what it was sealed to.
//!
//! ```text
//!            EncryptionKey::seal                       seal_until
//!                    |                                      |
//!                Ciphertext                             TimeSealed
//!                    |                                      |
//!    each server: KeyShare::open_share         the alliance signs the round's message,
//!                    |                         as it does whatever was sealed
//!             DecryptionShare ..                            |
//!                    |                                      |
//!           combine_decryption                          open_with
//!                    '--------------> message <-------------'
//! ```
//!
//! Both are one idea: a signature is the private key of an identity, and the identity is what is
//! signed (Boneh & Franklin 2001). A [`Ciphertext`] is sealed to an identity of its own, a
//! [`TimeSealed`] one to a message that the alliance will sign anyway. So opening is signing, and
//! everything that holds for signature shares holds for decryption shares: they prove themselves,
//! culprits are named, the opened value does not depend on who contributed, refreshed and reshared
//! keys open what was sealed before.
//!
//! # Security
//! - *Chosen ciphertexts.* A ciphertext is signed with its own ephemeral key, which is its identity:
//!   the step from identity-based to chosen-ciphertext secure encryption of Canetti, Halevi & Katz
//!   (2004), for threshold keys Boneh, Boyen & Halevi (2006). Everybody can check it before any share is
//!   given, so a server's shares for what others made up teach nothing about a ciphertext: with another
//!   ephemeral key the identity is another, and with the same one the signature would be a forgery.
//!   [`TimeSealed`] is made as `FullIdent`, by the transformation of Fujisaki & Okamoto (1999). Both
//!   under the bilinear Diffie-Hellman assumption in the random oracle model, with static corruption.
//! - *No confusion.* What a decryption share signs is hashed to the curve under a tag that no
//!   [`Message`](crate::Message) of a caller can have. So no signature share, whatever was signed, is
//!   a decryption share, and the other way round; in the proofs the two are independent oracles, so a
//!   key could even serve both uses. Give decryption a key of its own all the same: who may ask for
//!   signatures and who may ask for openings are different questions.
//! - *What is bound in.* The key (by its fingerprint, which no refresh changes), the purpose and the
//!   context. Under another one, a ciphertext is refused.
//! - *A decryption share is no vote.* Servers open whatever valid ciphertext they are asked to; who may
//!   ask is for the caller to decide.
//!
//! Not protected against: enough corrupt servers, now or later (there is no forward secrecy: a
//! signature on a round opens all that was ever sealed to it), quantum computers.

mod beacon;
mod ciphertext;
mod context;
mod error;
mod open;
mod payload;
mod time_lock;

pub use beacon::{Beacon, BeaconRound, RoundMessage};
pub use ciphertext::{Ciphertext, EncryptionKey};
pub use context::SealContext;
pub use error::{OpenError, SealError};
pub use open::{DecryptionShare, combine_decryption, verify_decryption_share};
pub use payload::SEALED_BYTES_MAX;
pub use time_lock::{TimeSealed, open_with, seal_until};
