//! The two rustls configurations.

use crate::verifier::PinnedKeys;
use crate::{Identity, Pins};
use rustls::client::Resumption;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::ServerName;
use rustls::server::NoServerSessionStorage;
use rustls::sign::SingleCertAndKey;
use rustls::version::TLS13;
use rustls::{ClientConfig, ServerConfig};
use std::sync::Arc;

/// For the end that accepts connections: shows `identity`, admits ends that hold one of `pins`, and
/// agrees on one of the protocols of `alpn` (or refuses the connection).
pub fn server_config(identity: &Identity, pins: Pins, alpn: &[&[u8]]) -> Arc<ServerConfig> {
    let provider = provider();
    let mut config = ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[&TLS13])
        .expect("the provider has suites for TLS 1.3")
        .with_client_cert_verifier(PinnedKeys::new(pins, provider))
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(identity.certified())));
    config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Arc::new(config)
}

/// For the end that connects: shows `identity`, talks to ends that hold one of `pins` only, and
/// offers the protocols of `alpn`.
pub fn client_config(identity: &Identity, pins: Pins, alpn: &[&[u8]]) -> Arc<ClientConfig> {
    let provider = provider();
    let mut config = ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[&TLS13])
        .expect("the provider has suites for TLS 1.3")
        .dangerous()
        .with_custom_certificate_verifier(PinnedKeys::new(pins, provider))
        .with_client_cert_resolver(Arc::new(SingleCertAndKey::from(identity.certified())));
    config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
    config.resumption = Resumption::disabled();
    config.enable_sni = false;
    Arc::new(config)
}

/// The name to pass where rustls asks for one. It is neither sent nor checked: keys are.
pub fn server_name() -> ServerName<'static> {
    ServerName::try_from("ally.invalid").expect("a constant that parses")
}

/// AWS-LC with the hybrid key exchange in front, so that traffic recorded today stays closed to a
/// quantum computer of tomorrow.
fn provider() -> Arc<CryptoProvider> {
    let kx_groups = vec![aws_lc_rs::kx_group::X25519MLKEM768, aws_lc_rs::kx_group::X25519];
    Arc::new(CryptoProvider { kx_groups, ..aws_lc_rs::default_provider() })
}
