//! One's own end: a key and a certificate made from it.

use ally_alliance::keys::{SecretKey, TlsRole};
use rcgen::{CertificateParams, DistinguishedName, DnType, PublicKeyData, SignatureAlgorithm};
use rustls::pki_types::CertificateDer;
use rustls::sign::CertifiedKey;
use rustls::{SignatureScheme, sign};
use std::fmt;
use std::sync::Arc;

/// A key that identifies this process, with a self-signed certificate around it. Cheap to clone: the
/// secret is held once and wiped with the last clone.
#[derive(Clone)]
pub struct Identity {
    certified: Arc<CertifiedKey>,
}

/// No certificate could be made from a key.
#[derive(Debug, thiserror::Error)]
#[error("no certificate could be made from the key: {source}")]
pub struct IdentityError {
    #[from]
    source: rcgen::Error,
}

impl Identity {
    /// Wraps a key into a certificate that says nothing but the key.
    ///
    /// # Errors
    /// [`IdentityError`] if the certificate cannot be encoded; not known to happen.
    pub fn new<R: TlsRole>(key: SecretKey<R>) -> Result<Self, IdentityError> {
        let signer = Signer { public: *key.public().as_bytes(), key };
        let mut params = CertificateParams::new(Vec::new())?;
        // The subject says what the bytes are to whoever meets them in a packet dump; no one reads
        // it otherwise.
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "ally (identified by key)");
        let certificate: CertificateDer<'static> = params.self_signed(&signer)?.into();
        let certified = CertifiedKey::new(vec![certificate], Arc::new(TlsKey(Arc::new(signer))));
        Ok(Self { certified: Arc::new(certified) })
    }

    pub(crate) fn certified(&self) -> Arc<CertifiedKey> {
        self.certified.clone()
    }
}

/// The secret, in its wiping type all the time: neither rcgen nor rustls gets a copy.
struct Signer<R: TlsRole> {
    key: SecretKey<R>,
    public: [u8; 32],
}

impl<R: TlsRole> PublicKeyData for Signer<R> {
    fn der_bytes(&self) -> &[u8] {
        &self.public
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &rcgen::PKCS_ED25519
    }
}

impl<R: TlsRole> rcgen::SigningKey for Signer<R> {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        Ok(self.key.sign(message).to_vec())
    }
}

struct TlsKey<R: TlsRole>(Arc<Signer<R>>);

// rustls asks for Debug; the secret stays out of it.
impl<R: TlsRole> fmt::Debug for TlsKey<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "secret key of {}", self.0.key.public())
    }
}

impl<R: TlsRole> sign::SigningKey for TlsKey<R> {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn sign::Signer>> {
        offered
            .contains(&SignatureScheme::ED25519)
            .then(|| Box::new(Self(self.0.clone())) as Box<dyn sign::Signer>)
    }

    fn algorithm(&self) -> rustls::SignatureAlgorithm {
        rustls::SignatureAlgorithm::ED25519
    }
}

impl<R: TlsRole> sign::Signer for TlsKey<R> {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rustls::Error> {
        Ok(self.0.key.sign(message).to_vec())
    }

    fn scheme(&self) -> SignatureScheme {
        SignatureScheme::ED25519
    }
}
