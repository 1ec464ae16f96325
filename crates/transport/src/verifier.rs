//! The pinning verifiers: rustls asks them whether the other end is who it should be.

use crate::Pins;
use crate::certificate::key_in;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError,
    PeerIncompatible, SignatureScheme,
};
use std::sync::Arc;

/// The other end proved to hold a key, but not one that is expected here.
///
/// It travels inside [`CertificateError::Other`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the other end has a key that is not expected here ({})", short(.key))]
pub struct UnknownKey {
    /// The key it has (32 bytes, RFC 8032).
    pub key: [u8; 32],
}

fn short(key: &[u8; 32]) -> String {
    let front: String = key[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{front}…")
}

/// Admits an end that holds a pinned key.
///
/// The certificate is untrusted bytes of which only the key is used. That the other end *holds* the
/// key follows from the handshake signature alone, which rustls has us check next.
#[derive(Debug)]
pub(crate) struct PinnedKeys {
    pins: Pins,
    provider: Arc<CryptoProvider>,
}

impl PinnedKeys {
    pub(crate) fn new(pins: Pins, provider: Arc<CryptoProvider>) -> Arc<Self> {
        Arc::new(Self { pins, provider })
    }

    fn admit(&self, certificate: &CertificateDer<'_>) -> Result<(), Error> {
        let key = key_in(certificate)?;
        if self.pins.admits(&key) {
            return Ok(());
        }
        let unknown = OtherError(Arc::new(UnknownKey { key }));
        Err(Error::InvalidCertificate(CertificateError::Other(unknown)))
    }
}

/// What rustls asks in the same words of whoever verifies a server and of whoever verifies a client.
macro_rules! handshake_signatures {
    () => {
        /// TLS 1.2 is not configured, so rustls never gets to ask; if it did, no is the safe answer.
        fn verify_tls12_signature(
            &self,
            _message: &[u8],
            _certificate: &CertificateDer<'_>,
            _signed: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            Err(Error::PeerIncompatible(PeerIncompatible::Tls12NotOffered))
        }

        fn verify_tls13_signature(
            &self,
            message: &[u8],
            certificate: &CertificateDer<'_>,
            signed: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            let algorithms = &self.provider.signature_verification_algorithms;
            verify_tls13_signature(message, certificate, signed, algorithms)
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            vec![SignatureScheme::ED25519]
        }
    };
}

impl ServerCertVerifier for PinnedKeys {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.admit(end_entity).map(|()| ServerCertVerified::assertion())
    }

    handshake_signatures!();
}

impl ClientCertVerifier for PinnedKeys {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.admit(end_entity).map(|()| ClientCertVerified::assertion())
    }

    handshake_signatures!();
}
