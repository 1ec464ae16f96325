//! The receipt as a file that people keep, read and take apart with a shell.

use crate::certificate::{Certificate, CertificateVerifier, SIGNATURE_BYTES_MAX};
use crate::checkpoint::{Checkpoint, STATEMENT_BYTES_MAX};
use crate::hash::Hash;
use crate::proof::{InclusionProof, PROOF_HASHES_MAX};
use crate::receipt::{Receipt, ReceiptError};
use crate::text::{LineReader, TextError, decimal};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

/// Bytes of the nonce in front of every command in the log.
pub const NONCE_BYTES: usize = 16;

/// The longest receipt file in bytes; longer input is refused before it is read.
pub const RECEIPT_FILE_BYTES_MAX: usize =
    256 + 45 * PROOF_HASHES_MAX + STATEMENT_BYTES_MAX + 2 * SIGNATURE_BYTES_MAX;

const FIRST_LINE: &str = "ally-receipt v1";
const SIGNATURE_LINE: &str = "signature";
/// Characters of base64 in a line of the signature.
const SIGNATURE_LINE_CHARACTERS: usize = 64;

/// A receipt for a command: a [`Receipt`], and the nonce that makes an entry of the command.
///
/// With this file, the command and the alliance's public key anyone can check, at any time and
/// without a network, that the alliance ordered the command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptFile {
    /// The proposer's nonce. The entry in the log is `nonce (16) || command`: the length is fixed,
    /// so that an entry has one command and nobody can pass off the end of it as another.
    pub nonce: [u8; NONCE_BYTES],
    /// The receipt of the entry.
    pub receipt: Receipt,
}

impl ReceiptFile {
    /// Checks everything: `command` is the one at [`Receipt::index`] of the log whose root the
    /// alliance signed.
    ///
    /// # Errors
    /// [`ReceiptError`] that names the part which fails.
    ///
    /// # Cost
    /// Hashing, and one verification ([`Certificate::verify`]).
    pub fn verify(
        &self,
        command: &[u8],
        verifier: &impl CertificateVerifier,
    ) -> Result<(), ReceiptError> {
        self.receipt.verify(&[&self.nonce, command].concat(), verifier)
    }

    /// The file's text:
    ///
    /// ```text
    /// ally-receipt v1
    /// index <position in the log, from 0>
    /// nonce <hex nonce>
    /// leaf <base64 leaf hash>
    /// proof <number of hashes>
    /// <base64 hash>                 once per hash, from the leaf's sibling upwards
    ///
    /// <origin>                      the four lines of the checkpoint statement, as signed
    /// <log size>
    /// <base64 log root>
    /// ally epoch <e> height <h> block <hex hash>
    ///
    /// signature
    /// <base64 signature>            in lines of 64 characters
    /// ```
    pub fn to_text(&self) -> String {
        let Receipt { index, leaf, proof, certificate } = &self.receipt;
        let mut text = format!("{FIRST_LINE}\nindex {index}\n");
        text += &format!("nonce {}\nleaf {}\n", hex::encode(self.nonce), leaf.to_base64());
        text += &format!("proof {}\n", proof.path().len());
        for hash in proof.path() {
            text += &hash.to_base64();
            text += "\n";
        }
        text += &format!("\n{}\n{SIGNATURE_LINE}\n", certificate.checkpoint.statement());
        let mut signature = BASE64.encode(&certificate.signature);
        while !signature.is_empty() {
            let rest = signature.split_off(signature.len().min(SIGNATURE_LINE_CHARACTERS));
            text += &signature;
            text += "\n";
            signature = rest;
        }
        text
    }

    /// Reads a receipt file. Nothing but the output of [`ReceiptFile::to_text`] is accepted, byte for
    /// byte.
    ///
    /// # Errors
    /// [`TextError`] with the line.
    pub fn from_text(text: &[u8]) -> Result<Self, TextError> {
        if text.len() > RECEIPT_FILE_BYTES_MAX {
            return Err(TextError { line: 1, problem: "longer than any receipt" });
        }
        let text = core::str::from_utf8(text)
            .map_err(|_| TextError { line: 1, problem: "not a text file" })?;
        let mut lines = LineReader::new(text);
        let file = Self::parse_lines(&mut lines)?;
        match first_difference(&file.to_text(), text) {
            None => Ok(file),
            Some(line) => Err(TextError { line, problem: "not written as `ally` writes it" }),
        }
    }

    fn parse_lines(lines: &mut LineReader<'_>) -> Result<Self, TextError> {
        lines.exactly(FIRST_LINE, "not a receipt: the first line is not `ally-receipt v1`")?;
        let index =
            lines.parsed(|line| decimal(line.strip_prefix("index ")?), "not `index NUMBER`")?;
        let nonce = lines.parsed(nonce, "not `nonce` and 32 hexadecimal digits")?;
        let leaf = lines
            .parsed(|line| Hash::from_base64(line.strip_prefix("leaf ")?), "not `leaf BASE64`")?;
        let count =
            lines.parsed(|line| decimal(line.strip_prefix("proof ")?), "not `proof NUMBER`")?;
        if count > PROOF_HASHES_MAX as u64 {
            return Err(lines.error("more hashes than any inclusion proof has"));
        }
        let path = (0..count)
            .map(|_| lines.parsed(Hash::from_base64, "not a hash in base64"))
            .collect::<Result<_, _>>()?;
        lines.exactly("", "no empty line after the proof")?;
        let checkpoint = Checkpoint::parse_lines(lines)?;
        lines.exactly("", "no empty line after the checkpoint")?;
        lines.exactly(SIGNATURE_LINE, "not `signature`")?;
        let signature = signature(lines)?;
        let certificate = Certificate { checkpoint, signature };
        let receipt = Receipt { index, leaf, proof: InclusionProof { path }, certificate };
        Ok(Self { nonce, receipt })
    }
}

/// Reads `nonce <32 hexadecimal digits>`.
fn nonce(line: &str) -> Option<[u8; NONCE_BYTES]> {
    let mut nonce = [0; NONCE_BYTES];
    hex::decode_to_slice(line.strip_prefix("nonce ")?, &mut nonce).ok()?;
    Some(nonce)
}

/// Takes all lines that are left as base64. The text is bounded, so they are too.
fn signature(lines: &mut LineReader<'_>) -> Result<Vec<u8>, TextError> {
    let mut encoded = String::new();
    while let Some(line) = lines.next() {
        encoded += line;
    }
    match BASE64.decode(encoded) {
        Ok(signature) if signature.len() <= SIGNATURE_BYTES_MAX => Ok(signature),
        Ok(_) => Err(lines.error("a longer signature than any alliance makes")),
        Err(_) => Err(lines.error("the signature is not base64")),
    }
}

/// The first line, from 1, in which two texts differ.
fn first_difference(canonical: &str, text: &str) -> Option<usize> {
    let line = |common: usize| canonical.as_bytes()[..common].split(|byte| *byte == b'\n').count();
    let common = canonical.bytes().zip(text.bytes()).take_while(|(a, b)| a == b).count();
    (canonical != text).then(|| line(common))
}
