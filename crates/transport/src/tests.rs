use super::*;
use ally_alliance::keys::{ClientKey, TransportKey};
use rustls::{ClientConfig, ClientConnection, Connection, ServerConfig, ServerConnection};
use std::sync::Arc;

fn transport(seed: u8) -> TransportKey {
    TransportKey::from_seed(&[seed; 32])
}

fn identity(seed: u8) -> Identity {
    Identity::new(transport(seed)).unwrap()
}

/// Runs a handshake in memory; the error of whichever end complains first.
fn handshake(
    client: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
) -> Result<(Connection, Connection), rustls::Error> {
    let mut client: Connection = ClientConnection::new(client, server_name()).unwrap().into();
    let mut server: Connection = ServerConnection::new(server).unwrap().into();
    while client.is_handshaking() || server.is_handshaking() {
        pass(&mut client, &mut server)?;
        pass(&mut server, &mut client)?;
    }
    Ok((client, server))
}

fn pass(from: &mut Connection, to: &mut Connection) -> Result<(), rustls::Error> {
    let mut bytes = Vec::new();
    while from.wants_write() {
        from.write_tls(&mut bytes).unwrap();
    }
    let mut rest = &bytes[..];
    while !rest.is_empty() {
        to.read_tls(&mut rest).unwrap();
        to.process_new_packets()?;
    }
    Ok(())
}

fn unknown_key(error: &rustls::Error) -> Option<UnknownKey> {
    match KeyProblem::of(&std::io::Error::other(error.clone()))? {
        KeyProblem::Unknown(unknown) => Some(unknown),
        KeyProblem::Refused => None,
    }
}

#[test]
fn ends_that_pin_each_other_learn_each_others_keys() {
    let client = client_config(&identity(1), Pins::of([transport(2).public()]), &[b"ally/1"]);
    let server = server_config(&identity(2), Pins::of([transport(1).public()]), &[b"ally/1"]);
    let (client, server) = handshake(client, server).unwrap();
    assert_eq!(peer_key(&client), Some(transport(2).public()));
    assert_eq!(peer_key(&server), Some(transport(1).public()));
    assert_eq!(client.alpn_protocol(), Some(&b"ally/1"[..]));
    assert_eq!(client.protocol_version(), Some(rustls::ProtocolVersion::TLSv1_3));
    let group = client.negotiated_key_exchange_group().unwrap().name();
    assert_eq!(group, rustls::NamedGroup::X25519MLKEM768);
}

#[test]
fn a_server_with_another_key_is_refused_and_its_key_named() {
    let client = client_config(&identity(1), Pins::of([transport(2).public()]), &[]);
    let server = server_config(&identity(3), Pins::any(), &[]);
    let error = handshake(client, server).unwrap_err();
    assert_eq!(unknown_key(&error), Some(UnknownKey { key: *transport(3).public().as_bytes() }));
}

#[test]
fn a_client_with_another_key_is_refused() {
    let client = client_config(&identity(9), Pins::any(), &[]);
    let server = server_config(&identity(2), Pins::of([transport(1).public()]), &[]);
    let error = handshake(client, server).unwrap_err();
    assert_eq!(unknown_key(&error), Some(UnknownKey { key: *transport(9).public().as_bytes() }));
}

#[test]
fn a_client_without_a_key_is_refused() {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let bare = ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(verifier::PinnedKeys::new(Pins::any(), provider))
        .with_no_client_auth();
    let server = server_config(&identity(2), Pins::any(), &[]);
    let error = handshake(Arc::new(bare), server).unwrap_err();
    assert!(matches!(error, rustls::Error::NoCertificatesPresented), "{error}");
}

/// Knowing a public key is not enough: the certificate says key 2, the signature is by key 3.
#[test]
fn showing_a_key_without_holding_it_is_refused() {
    let shown = identity(2).certified();
    let held = identity(3).certified();
    let forged = rustls::sign::CertifiedKey::new(shown.cert.clone(), held.key.clone());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let server = ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_client_cert_verifier(verifier::PinnedKeys::new(Pins::any(), provider))
        .with_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(forged)));
    let client = client_config(&identity(1), Pins::of([transport(2).public()]), &[]);
    let error = handshake(client, Arc::new(server)).unwrap_err();
    let bad = rustls::CertificateError::BadSignature;
    assert!(matches!(&error, rustls::Error::InvalidCertificate(cause) if *cause == bad), "{error}");
}

#[test]
fn an_end_that_speaks_another_protocol_is_refused() {
    let client = client_config(&identity(1), Pins::any(), &[b"h2"]);
    let server = server_config(&identity(2), Pins::any(), &[b"ally/1"]);
    let error = handshake(client, server).unwrap_err();
    assert!(matches!(error, rustls::Error::NoApplicationProtocol), "{error}");
}

#[test]
fn applications_come_with_keys_of_their_own_role() {
    let key = ClientKey::from_seed(&[7; 32]);
    let public = key.public();
    let client = client_config(&Identity::new(key).unwrap(), Pins::any(), &[b"h2"]);
    let server = server_config(&identity(2), Pins::of([public]), &[b"h2"]);
    let (_, server) = handshake(client, server).unwrap();
    assert_eq!(peer_key::<ally_alliance::keys::Client>(&server), Some(public));
}

#[test]
fn a_certificate_with_garbage_in_it_is_an_error_and_no_panic() {
    let certificate = identity(1).certified().cert[0].clone();
    assert!(certificate::key_in(&certificate).is_ok());
    for length in 0..certificate.len() {
        assert!(certificate::key_in(&certificate[..length].to_vec().into()).is_err());
    }
    for position in 0..certificate.len() {
        let mut bytes = certificate.to_vec();
        bytes[position] ^= 0x80;
        // Many fields of a certificate may hold anything; what counts is that the key, if one comes
        // out, is the one in the bytes.
        if let Ok(key) = certificate::key_in(&bytes.clone().into()) {
            assert!(bytes.windows(32).any(|window| window == key));
        }
    }
}
