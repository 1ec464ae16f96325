//! Public keys and the text form in which people pass them around.

use super::Role;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use curve25519_dalek::EdwardsPoint;
use ed25519_dalek::{Signature, VerifyingKey};
use sha2::{Digest, Sha256};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::str::FromStr;

const KEY_BYTES: usize = 32;
const CHECK_BYTES: usize = 4;
/// Length of the base64 part: 36 bytes make 48 characters without padding.
const TEXT_CHARS: usize = 48;

/// An Ed25519 public key of one role.
///
/// Its text form is `<role>:<48 characters>`: base64 (URL alphabet) of `key (32) || check (4)`, where
/// the check is the front of a SHA-256 over role and key. A mistyped character or a key pasted into
/// the wrong field is therefore an error at once and not a peer that cannot connect.
#[derive(Clone, Copy)]
pub struct PublicKey<R: Role> {
    key: VerifyingKey,
    role: PhantomData<R>,
}

/// Why a text or a byte string is not a public key of the wanted role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyTextError {
    /// No `role:` in front.
    #[error("`{found}` is no key: expected `{wanted}:` and {TEXT_CHARS} characters")]
    Shape {
        /// The role wanted here.
        wanted: &'static str,
        /// The front of what stands there.
        found: String,
    },
    /// A key of another role.
    #[error("a {wanted} key is needed here, this is a {found} key")]
    WrongRole {
        /// The role wanted here.
        wanted: &'static str,
        /// The role in front of the key.
        found: String,
    },
    /// Not 48 characters of base64.
    #[error(
        "the key after `{wanted}:` is not {TEXT_CHARS} characters of A-Z a-z 0-9 - _ ({length} \
         characters found): copy the whole line again"
    )]
    Encoding {
        /// The role wanted here.
        wanted: &'static str,
        /// Characters after the colon.
        length: usize,
    },
    /// The check does not match.
    #[error(
        "the {wanted} key has a typing mistake in it (its check does not match): copy it again"
    )]
    Check {
        /// The role wanted here.
        wanted: &'static str,
    },
    /// The bytes are no point of the curve, or one of small order.
    #[error("the {wanted} key is not a valid Ed25519 key")]
    Invalid {
        /// The role wanted here.
        wanted: &'static str,
    },
}

impl<R: Role> PublicKey<R> {
    /// Reads the 32 bytes of RFC 8032.
    ///
    /// # Errors
    /// [`KeyTextError::Invalid`] if they are no point of the curve or one of small order, for which
    /// signatures exist that fit any message.
    pub fn from_bytes(bytes: &[u8; KEY_BYTES]) -> Result<Self, KeyTextError> {
        match VerifyingKey::from_bytes(bytes) {
            Ok(key) if !key.is_weak() => Ok(Self { key, role: PhantomData }),
            _ => Err(KeyTextError::Invalid { wanted: R::NAME }),
        }
    }

    /// The 32 bytes of RFC 8032.
    pub fn as_bytes(&self) -> &[u8; KEY_BYTES] {
        self.key.as_bytes()
    }

    /// Whether `signature` (64 bytes, RFC 8032) is this key's on `message`. Strict: one key, one
    /// message, no second signature that a bystander could derive from the first.
    ///
    /// # Cost
    /// About 35 us; [`super::PreparedKey`] takes less.
    pub fn verify(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        self.key.verify_strict(message, &Signature::from_bytes(signature)).is_ok()
    }

    /// The key as a point of the curve.
    pub(super) fn point(&self) -> EdwardsPoint {
        self.key.to_edwards()
    }

    pub(super) fn of(key: VerifyingKey) -> Self {
        Self { key, role: PhantomData }
    }
}

impl<R: Role> PartialEq for PublicKey<R> {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl<R: Role> Eq for PublicKey<R> {}

impl<R: Role> Hash for PublicKey<R> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl<R: Role> fmt::Display for PublicKey<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = [0; KEY_BYTES + CHECK_BYTES];
        bytes[..KEY_BYTES].copy_from_slice(self.as_bytes());
        bytes[KEY_BYTES..].copy_from_slice(&check::<R>(self.as_bytes()));
        write!(f, "{}:{}", R::NAME, URL_SAFE_NO_PAD.encode(bytes))
    }
}

impl<R: Role> fmt::Debug for PublicKey<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<R: Role> FromStr for PublicKey<R> {
    type Err = KeyTextError;

    fn from_str(text: &str) -> Result<Self, KeyTextError> {
        let wanted = R::NAME;
        let Some((role, encoded)) = text.split_once(':') else {
            let found = text.chars().take(24).collect();
            return Err(KeyTextError::Shape { wanted, found });
        };
        if role != wanted {
            let found = role.chars().take(24).collect();
            return Err(KeyTextError::WrongRole { wanted, found });
        }
        let mut bytes = [0; KEY_BYTES + CHECK_BYTES];
        let read = URL_SAFE_NO_PAD.decode_slice(encoded, &mut bytes).ok();
        if encoded.len() != TEXT_CHARS || read != Some(bytes.len()) {
            return Err(KeyTextError::Encoding { wanted, length: encoded.chars().count() });
        }
        let mut key = [0; KEY_BYTES];
        key.copy_from_slice(&bytes[..KEY_BYTES]);
        if bytes[KEY_BYTES..] != check::<R>(&key) {
            return Err(KeyTextError::Check { wanted });
        }
        Self::from_bytes(&key)
    }
}

fn check<R: Role>(key: &[u8; KEY_BYTES]) -> [u8; CHECK_BYTES] {
    let digest =
        Sha256::new_with_prefix("ally/v1/key text\0").chain_update(R::NAME).chain_update(key);
    let mut check = [0; CHECK_BYTES];
    check.copy_from_slice(&digest.finalize()[..CHECK_BYTES]);
    check
}
