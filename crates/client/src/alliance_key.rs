//! The one public key that everything is verified with.

use ally_log::CertificateVerifier;
use ally_threshold::{KeyError, VerifyingKey};

/// An alliance's public key, as relying parties hold it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllianceKey(VerifyingKey);

impl AllianceKey {
    /// Reads a PEM file, `alliance.pem`. For RSA it is what `openssl` reads too.
    ///
    /// # Errors
    /// [`KeyError`]: the text is to blame.
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        VerifyingKey::from_pem(pem).map(Self)
    }

    /// SHA-256 of the key in lower-case hexadecimal, for people to compare.
    pub fn fingerprint(&self) -> String {
        self.0.fingerprint().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The scheme and the size: `rsa3072`, `bls`.
    pub fn scheme(&self) -> &'static str {
        self.0.scheme().name()
    }
}

impl From<VerifyingKey> for AllianceKey {
    fn from(key: VerifyingKey) -> Self {
        Self(key)
    }
}

impl CertificateVerifier for AllianceKey {
    fn verify(&self, statement: &[u8], signature: &[u8]) -> bool {
        self.0.verify(statement, signature)
    }
}
