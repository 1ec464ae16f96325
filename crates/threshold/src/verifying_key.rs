//! The part of a threshold key that relying parties need.

use std::fmt;

use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::{Message, Scheme, bls, pem, rsa};

/// The label of an RSA key's PEM block: what `openssl` reads as a public key.
const RSA_LABEL: &str = "PUBLIC KEY";

/// The label of a BLS key's PEM block: there is no format that others read.
const BLS_LABEL: &str = "ALLY BLS12-381 PUBLIC KEY";

/// What verifies an alliance's signatures. It stays the same when shares are refreshed. Cheap to
/// clone.
#[derive(Clone)]
pub struct VerifyingKey(Kind);

#[derive(Clone)]
enum Kind {
    /// An ordinary RSA public key with exponent 65537.
    Rsa(rsa::VerifyingKey),
    /// A point of G2 on BLS12-381.
    Bls(bls::VerifyingKey),
}

impl From<rsa::VerifyingKey> for VerifyingKey {
    fn from(key: rsa::VerifyingKey) -> Self {
        Self(Kind::Rsa(key))
    }
}

impl From<bls::VerifyingKey> for VerifyingKey {
    fn from(key: bls::VerifyingKey) -> Self {
        Self(Kind::Bls(key))
    }
}

/// Why a text is not a public key. Whoever wrote the text is to blame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum KeyError {
    /// No `-----BEGIN PUBLIC KEY-----` block.
    #[error("no PEM block of a public key")]
    NoBlock,
    /// The block is not base64.
    #[error("the PEM block is damaged: it is not base64")]
    Base64,
    /// The block holds something else than a key that Ally makes.
    #[error(
        "not an RSA key of 2048, 3072, 4096, 6144 or 8192 bits with exponent 65537 in canonical DER"
    )]
    Rsa,
    /// The block holds no point of the group.
    #[error("not a BLS12-381 key: the PEM block holds no point of the group")]
    Bls,
}

impl VerifyingKey {
    /// Reads the PEM block in `text`, as [`VerifyingKey::to_pem`] writes it.
    ///
    /// # Errors
    /// [`KeyError`]: the text is to blame.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        match pem::decode(text, BLS_LABEL) {
            Ok(point) => bls::VerifyingKey::from_bytes(&point).map(Self::from).ok_or(KeyError::Bls),
            Err(KeyError::NoBlock) => {
                let der = pem::decode(text, RSA_LABEL)?;
                rsa::VerifyingKey::from_der(&der).map(Self::from).ok_or(KeyError::Rsa)
            }
            Err(error) => Err(error),
        }
    }

    /// The key as a PEM block: for RSA a SubjectPublicKeyInfo, as `openssl` and every TLS library
    /// read it; for BLS the compressed point under a label of our own.
    pub fn to_pem(&self) -> String {
        match &self.0 {
            Kind::Rsa(key) => pem::encode(RSA_LABEL, &key.to_der()),
            Kind::Bls(key) => pem::encode(BLS_LABEL, &key.to_bytes()),
        }
    }

    /// SHA-256 of the key: for RSA that of the DER encoding in the PEM block, which is what
    /// `openssl pkey -pubin -outform DER | sha256sum` prints; for BLS that of the compressed point.
    pub fn fingerprint(&self) -> [u8; 32] {
        match &self.0 {
            Kind::Rsa(key) => key.fingerprint(),
            Kind::Bls(key) => Sha256::digest(key.to_bytes()).into(),
        }
    }

    /// The point of a BLS key.
    pub(crate) fn as_bls(&self) -> Option<&bls::VerifyingKey> {
        match &self.0 {
            Kind::Rsa(_) => None,
            Kind::Bls(key) => Some(key),
        }
    }

    /// The signature scheme.
    pub fn scheme(&self) -> Scheme {
        match &self.0 {
            Kind::Rsa(key) => key.scheme(),
            Kind::Bls(_) => Scheme::Bls12381,
        }
    }

    /// Whether `signature` is this key's signature on `message`. Never panics.
    ///
    /// # Cost
    /// RSA: about 20 squarings modulo N. BLS: two pairings.
    pub fn verify<'m>(&self, message: impl Into<Message<'m>>, signature: &[u8]) -> bool {
        let message = message.into();
        match &self.0 {
            Kind::Rsa(key) => {
                key.encode(&message).is_some_and(|encoded| key.verify(&encoded, signature))
            }
            Kind::Bls(key) => key.verify(&message, signature),
        }
    }
}

impl PartialEq for VerifyingKey {
    fn eq(&self, other: &Self) -> bool {
        self.fingerprint() == other.fingerprint()
    }
}

impl Eq for VerifyingKey {}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifyingKey({}, ", self.scheme())?;
        self.fingerprint().iter().take(8).try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str("..)")
    }
}
