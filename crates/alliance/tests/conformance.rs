//! Frozen: the document of one alliance, what is hashed of it and what its members sign. Whoever
//! changes one of these bytes breaks every running alliance and must say so with a new version.

use ally_alliance::{AllianceDocument, SignatureState};
use sha2::{Digest, Sha256};
use std::fmt::Write;

const DOCUMENT: &str = include_str!("conformance/alliance.toml");
const BYTES: &str = include_str!("conformance/bytes.txt");

fn document() -> AllianceDocument {
    AllianceDocument::parse(DOCUMENT, "alliance.toml").expect("documents of this version are read")
}

/// What member `name` signs, put together by hand as docs/protocol.md#signatures says.
fn bytes_to_sign(document: &AllianceDocument, name: &str) -> Vec<u8> {
    let context = document.context();
    let mut bytes = b"ally/v1/alliance-document\0".to_vec();
    bytes.extend(context.alliance.0);
    bytes.extend(context.epoch.0.to_le_bytes());
    bytes.extend(context.policy.0);
    bytes.extend(name.as_bytes());
    bytes
}

/// The base64 of a member's signature in the document.
fn signature(name: &str) -> [u8; 64] {
    use base64::Engine;
    let entry = DOCUMENT.split("[[signature]]").find(|entry| {
        entry.lines().any(|line| line == format!("organisation = \"{name}\""))
            && entry.contains("\nsignature = ")
    });
    let line = entry.expect("it has signed").lines().find_map(|l| l.strip_prefix("signature = "));
    let text = line.expect("a signature").trim_matches('"');
    let bytes = base64::engine::general_purpose::STANDARD.decode(text).expect("base64");
    bytes.try_into().expect("64 bytes")
}

#[test]
fn conformance_the_bytes_of_a_document_are_frozen() {
    let document = document();
    let canonical = document.canonical_bytes();
    let mut found = String::new();
    writeln!(found, "canonical {} {}", canonical.len(), hex::encode(Sha256::digest(&canonical)))
        .unwrap();
    writeln!(found, "id {}", hex::encode(document.id().0)).unwrap();
    writeln!(found, "fingerprint {}", document.fingerprint()).unwrap();
    writeln!(found, "policy {}", hex::encode(document.context().policy.0)).unwrap();
    for member in document.organisations() {
        let bytes = bytes_to_sign(&document, member.name());
        writeln!(found, "sign {} {}", member.name(), hex::encode(bytes)).unwrap();
    }
    assert_eq!(found, BYTES);
    // The identity is a hash of these very bytes.
    let id = Sha256::new_with_prefix(b"ally/v1/alliance\0").chain_update(&canonical).finalize();
    assert_eq!(document.id().0[..], id[..]);
}

#[test]
fn conformance_the_signatures_of_a_document_are_frozen() {
    let document = document();
    for member in document.organisations() {
        let bytes = bytes_to_sign(&document, member.name());
        assert!(member.admin().verify(&bytes, &signature(member.name())), "{}", member.name());
    }
    let states = document.verify_signatures();
    assert_eq!(states.len(), 4);
    assert!(states.iter().all(|(_, state)| *state == SignatureState::Signed));
}

#[test]
fn conformance_the_text_of_a_document_is_frozen() {
    assert_eq!(document().render(), DOCUMENT);
}
