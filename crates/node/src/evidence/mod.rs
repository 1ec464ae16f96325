//! Evidence for people: one file that says who is guilty of what, and that anyone can check with the
//! alliance document alone.
//!
//! ```text
//! # what it is, and how to check it
//! [evidence]
//! version = 1
//! alliance = "<64 hexadecimal digits>"     the alliance, its name, and the epoch
//! ...
//! server = "acme-1"                        the accused
//! organisation = "acme"
//! kind = "two-votes"
//! proves = "..."                           in words
//! proof = """
//! <canonical bytes in base64, 76 letters in a line>
//! """
//! ```
//!
//! Of servers that disagree, [`Records`] is what each kept of what others signed, and [`compare`]
//! makes proofs of what several of them kept.
//!
//! The bytes are the proof; everything else follows from them and the alliance document. A file has
//! one spelling: checking it writes it anew and compares.

mod compare;
mod file;
mod records;
mod words;

pub use compare::{Comparison, compare};
pub use file::{EVIDENCE_FILE_BYTES_MAX, EvidenceError, Proven, to_file, verify, verify_file};
pub use records::{RECORDS_FILE_BYTES_MAX, Records, RecordsError};

use ally_consensus::Digest;
use ally_replica::{Evidence, EvidenceKind};

/// The id of a proof: SHA-256 of its bytes.
pub fn id(proof: &[u8]) -> Digest {
    Evidence::digest_of(proof)
}

/// The name of the kind with this code in a store's key.
pub fn kind_name(code: u8) -> &'static str {
    EvidenceKind::of_code(code).map_or("unknown", EvidenceKind::name)
}

#[cfg(test)]
mod kinds_tests;
#[cfg(test)]
mod tests;
