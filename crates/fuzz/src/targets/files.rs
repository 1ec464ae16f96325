//! Files that a member writes for itself: keys, a server's configuration, a scenario of the simulator.

use crate::cursor::Cursor;
use crate::fixtures::signing_key;
use ally_alliance::ServerConfig;
use ally_alliance::fuzzing::{KeyFields, read_key_file, write_key_file};
use ally_alliance::keys::SigningPublic;
use ally_sim::{Scenario, Setting, Style};
use std::path::Path;

/// The longest text.
const TEXT_BYTES_MAX: usize = 16 * 1024;

/// `kind (1) || text`, or the fields of a key file.
pub(super) fn run(data: &[u8]) {
    let mut cursor = Cursor::new(data);
    let kind = cursor.byte();
    if kind == 1 {
        return key_fields(cursor);
    }
    let Ok(text) = str::from_utf8(cursor.rest()) else { return };
    match kind {
        _ if text.len() > TEXT_BYTES_MAX => {}
        0 => key_text(text),
        2 => config(text),
        3 => scenario(text),
        4 => public_key(text),
        _ => {}
    }
}

/// A file of each kind.
pub(super) fn seeds() -> Vec<Vec<u8>> {
    let public = signing_key(0).public().to_string();
    let fields = fields("signing", "acme-1", &public, &[7; 32]);
    let config = "server = \"acme-1\"\nalliance = \"a.toml\"\nclients = [\"any\"]\n\
                  durability = \"none\"\nlog = \"debug\"\n\n[listen]\npeers = \"0.0.0.0:7400\"\n\
                  clients = \"[::1]:7401\"\n\n[addresses]\nglobex-1 = \"10.0.0.2:7400\"\n";
    let mut seeds = vec![
        [&[0][..], &write_key_file(&fields)].concat(),
        [&[1, 6][..], b"acme-1", &[9; 32]].concat(),
        [&[2][..], config.as_bytes()].concat(),
        [&[4][..], public.as_bytes()].concat(),
    ];
    let setting = Setting::named("four").expect("a setting of this name");
    for (seed, style) in (1..=4).zip(Style::ALL.into_iter().cycle()) {
        let scenario = Scenario::draw(seed, &setting, style).expect("a sound policy");
        seeds.push([&[3][..], scenario.to_file().as_bytes()].concat());
    }
    seeds
}

fn fields(kind: &str, owner: &str, public: &str, secret: &[u8]) -> KeyFields {
    let (kind, owner, public) = (kind.to_owned(), owner.to_owned(), public.to_owned());
    KeyFields { kind, owner, public, secret: secret.to_vec() }
}

fn key_text(text: &str) {
    match read_key_file(text) {
        Ok(fields) => comes_back(&fields),
        Err(error) => assert_ne!(error.to_string(), "", "an error says something"),
    }
}

/// `owner's length (1) || owner || secret`.
fn key_fields(mut cursor: Cursor<'_>) {
    let length = usize::from(cursor.byte());
    let owner = String::from_utf8_lossy(cursor.bytes(length)).into_owned();
    comes_back(&fields("signing", &owner, "signing:abc", cursor.rest()));
}

/// A key file is read as it was written, but for letters that no name has.
fn comes_back(fields: &KeyFields) {
    let text = String::from_utf8(write_key_file(fields)).expect("a key file is text");
    let again = read_key_file(&text).expect("as it was written");
    let owner: String = fields.owner.chars().filter(|c| !c.is_control()).take(256).collect();
    assert_eq!(again, KeyFields { owner, ..fields.clone() });
}

fn config(text: &str) {
    match ServerConfig::parse(text, Path::new("home/server.toml")) {
        Ok(config) => {
            let listens = [config.listen_peers(), config.listen_clients()];
            assert!(listens.iter().all(|one| one.as_str().parse().as_ref() == Ok(*one)));
            assert_ne!(config.log().name(), "");
        }
        Err(error) => assert_ne!(error.to_string(), "", "an error says something"),
    }
}

fn scenario(text: &str) {
    if let Ok(scenario) = Scenario::from_file(text) {
        let again = Scenario::from_file(&scenario.to_file());
        assert_eq!(again.ok(), Some(scenario), "a scenario comes back as it was written");
    }
}

fn public_key(text: &str) {
    if let Ok(key) = text.parse::<SigningPublic>() {
        assert_eq!(key.to_string(), text, "one key, one text");
        assert!(!key.verify(b"a message", &[0; 64]), "a signature of nothing");
    }
}
