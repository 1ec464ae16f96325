//! The key inside a certificate.

use ally_alliance::keys::{PublicKey, TlsRole};
use rustls::pki_types::CertificateDer;
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, CommonState, Error};

/// `SubjectPublicKeyInfo` of every Ed25519 key up to the 32 bytes of the key (RFC 8410, section 4).
const ED25519_SPKI_PREFIX: [u8; 12] =
    [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// The key of the other end of a connection whose handshake is complete; `None` before that, or if
/// the bytes are no valid key of the role.
pub fn peer_key<R: TlsRole>(connection: &CommonState) -> Option<PublicKey<R>> {
    let certificate = connection.peer_certificates()?.first()?;
    PublicKey::from_bytes(&key_in(certificate).ok()?).ok()
}

/// Takes the Ed25519 key out of a certificate.
///
/// # Errors
/// [`Error::InvalidCertificate`] if the bytes are no certificate or hold another kind of key; the
/// other end is to blame.
pub(crate) fn key_in(certificate: &CertificateDer<'_>) -> Result<[u8; 32], Error> {
    let parsed = ParsedCertificate::try_from(certificate)?;
    let spki = parsed.subject_public_key_info();
    spki.strip_prefix(&ED25519_SPKI_PREFIX)
        .and_then(|key| key.try_into().ok())
        .ok_or(Error::InvalidCertificate(CertificateError::BadEncoding))
}
