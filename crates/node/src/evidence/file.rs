//! Evidence as a file.

use super::words;
use ally_alliance::Alliance;
use ally_codec::{Decode, DecodeError, Encode};
use ally_consensus::{Digest, Law, Unproven};
use ally_keyring::PublicKeys;
use ally_log::OriginError;
use ally_policy::ServerIndex;
use ally_replica::Evidence;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use std::fmt::Write as _;
use thiserror::Error;

/// The longest evidence file: two choices of a leader with the reports of all servers, in base64.
pub const EVIDENCE_FILE_BYTES_MAX: usize = 64 << 20;

/// The version of the format.
const VERSION: u32 = 1;
/// Letters in a line of base64.
const LINE: usize = 76;

/// What was proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proven {
    /// Digest of the proof: its id.
    pub id: Digest,
    /// The guilty server, by index and by name.
    pub culprit: ServerIndex,
    /// Its name in the policy.
    pub server: String,
    /// The organisation that runs it.
    pub organisation: String,
    /// Which rule it broke.
    pub kind: &'static str,
    /// What it did, in words.
    pub proves: String,
    /// The proof's length in bytes.
    pub size: usize,
}

/// Why a file, or bytes, prove nothing.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EvidenceError {
    /// It is no evidence file.
    #[error("it is no evidence file: {0}")]
    NotAFile(String),
    /// It is about another alliance, or another epoch of it.
    #[error("it is about alliance {found}, and the document is that of {expected}")]
    OtherAlliance {
        /// Which one, with its epoch.
        found: String,
        /// That of the document.
        expected: String,
    },
    /// The bytes are no proof.
    #[error("the proof cannot be read: {0}")]
    Unreadable(#[from] DecodeError),
    /// The proof names a server that the alliance does not have.
    #[error("the alliance has no server with the number {}", .0.0)]
    UnknownServer(ServerIndex),
    /// The proof proves nothing.
    #[error("it proves nothing: {0}")]
    Unproven(#[from] Unproven),
    /// The proof is right, and what stands around it was changed.
    #[error(
        "line {line} was changed: the proof in the file is right, but it is not what the file says"
    )]
    Altered {
        /// The first line that differs, from 1.
        line: usize,
    },
    /// The document's origin is none.
    #[error("the alliance's origin: {0}")]
    Origin(#[from] OriginError),
}

/// The file's content.
#[derive(Deserialize)]
struct Outer {
    evidence: Inner,
}

#[derive(Deserialize)]
struct Inner {
    version: u32,
    alliance: String,
    epoch: u64,
    proof: String,
}

/// Checks the canonical bytes of a proof.
///
/// # Errors
/// [`EvidenceError`]: whoever presents it is wrong, or lies. Nothing follows about the accused.
///
/// # Cost
/// As [`Evidence::verify`].
pub fn verify(bytes: &[u8], alliance: &Alliance) -> Result<Proven, EvidenceError> {
    let evidence = Evidence::from_bytes(bytes)?;
    let culprit = evidence.culprit();
    let server = alliance.server(culprit).ok_or(EvidenceError::UnknownServer(culprit))?;
    let keys = PublicKeys::of(alliance)?;
    let (context, rotation) = (alliance.context(), alliance.rotation());
    let policy = alliance.policy();
    let law = Law { context: &context, rotation: &rotation, policy, judge: &keys };
    evidence.verify(&law, &keys)?;
    let organisation = alliance.organisation_of(culprit);
    Ok(Proven {
        id: evidence.digest(),
        culprit,
        server: server.name().to_owned(),
        organisation: organisation.map_or_else(String::new, |one| one.name().to_owned()),
        kind: evidence.kind().name(),
        proves: words::proves(&evidence, server.name(), &law),
        size: evidence.to_bytes().len(),
    })
}

/// The file for a proof, which is checked.
///
/// # Errors
/// As [`verify`].
pub fn to_file(bytes: &[u8], alliance: &Alliance) -> Result<(Proven, String), EvidenceError> {
    let proven = verify(bytes, alliance)?;
    let text = render(&proven, bytes, alliance);
    Ok((proven, text))
}

/// Checks a file, to the last byte.
///
/// # Errors
/// As [`verify`], and [`EvidenceError::NotAFile`], [`EvidenceError::OtherAlliance`],
/// [`EvidenceError::Altered`].
pub fn verify_file(text: &str, alliance: &Alliance) -> Result<Proven, EvidenceError> {
    let not_a_file = |what: &dyn std::fmt::Display| EvidenceError::NotAFile(what.to_string());
    let Outer { evidence } = toml::from_str(text).map_err(|e| not_a_file(&e.message()))?;
    if evidence.version != VERSION {
        let what = format!("version {} is not known here", evidence.version);
        return Err(EvidenceError::NotAFile(what));
    }
    let expected = format!("{}, epoch {}", alliance.id(), alliance.epoch());
    let found = format!("{}, epoch {}", evidence.alliance, evidence.epoch);
    if found != expected {
        return Err(EvidenceError::OtherAlliance { found, expected });
    }
    let letters: String = evidence.proof.split('\n').collect();
    let bytes = STANDARD.decode(letters).map_err(|e| not_a_file(&e))?;
    let (proven, right) = to_file(&bytes, alliance)?;
    match right == text {
        true => Ok(proven),
        false => Err(EvidenceError::Altered { line: first_difference(&right, text) }),
    }
}

fn first_difference(right: &str, text: &str) -> usize {
    let same = right.split('\n').zip(text.split('\n')).take_while(|(one, other)| one == other);
    same.count() + 1
}

fn render(proven: &Proven, bytes: &[u8], alliance: &Alliance) -> String {
    let mut text = String::from(
        "# Evidence that a server of an alliance broke the rules. Check it before you believe it:\n\
         #   ally evidence verify FILE --alliance alliance.toml\n\
         # with the alliance document from somewhere good. No server and no network is needed.\n\n\
         [evidence]\n",
    );
    let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
    let fields = [
        ("version", VERSION.to_string()),
        ("alliance", quoted(&alliance.id().to_string())),
        ("origin", quoted(alliance.origin())),
        ("epoch", alliance.epoch().to_string()),
        ("id", quoted(&proven.id.to_string())),
        ("server", quoted(&proven.server)),
        ("organisation", quoted(&proven.organisation)),
        ("kind", quoted(proven.kind)),
        ("proves", quoted(&proven.proves)),
    ];
    for (name, value) in fields {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{name} = {value}");
    }
    text += "proof = \"\"\"\n";
    let letters = STANDARD.encode(bytes);
    for line in letters.as_bytes().chunks(LINE) {
        text.extend(line.iter().map(|letter| char::from(*letter)));
        text.push('\n');
    }
    text + "\"\"\"\n"
}
