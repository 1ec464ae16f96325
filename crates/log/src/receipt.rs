//! What a client takes home: proof that the alliance ordered its command.

use crate::certificate::{Certificate, CertificateError, CertificateVerifier, SIGNATURE_BYTES_MAX};
use crate::checkpoint::{Checkpoint, STATEMENT_BYTES_MAX};
use crate::hash::{Hash, leaf_hash};
use crate::proof::{InclusionProof, PROOF_HASHES_MAX, ProofError};
use crate::text::{LineReader, TextError, decimal};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use ally_codec::{Decode, DecodeError, Encode, Reader, Writer};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

/// The longest receipt file in bytes; longer input is refused before it is read.
pub const RECEIPT_TEXT_BYTES_MAX: usize =
    256 + 45 * PROOF_HASHES_MAX + STATEMENT_BYTES_MAX + 2 * SIGNATURE_BYTES_MAX;

const FIRST_LINE: &str = "ally-receipt v1";
const SIGNATURE_LINE: &str = "signature";
/// Characters of base64 in a line of the signature.
const SIGNATURE_LINE_CHARACTERS: usize = 64;

/// Proof that a command stands at `index` of the alliance's log. It verifies offline, with the
/// command and the alliance's public key alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Position of the command among all commands ever ordered, from 0.
    pub index: u64,
    /// [`leaf_hash`] of the command.
    pub leaf: Hash,
    /// The way from the leaf to the certified root.
    pub proof: InclusionProof,
    /// The certified checkpoint.
    pub certificate: Certificate,
}

/// Why a receipt proves nothing. Whoever handed it out is to blame.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReceiptError {
    /// The receipt is for another command.
    #[error("the receipt is for the command with leaf hash {receipt}, this one has {command}")]
    Command {
        /// Leaf hash in the receipt.
        receipt: Hash,
        /// Leaf hash of the command at hand.
        command: Hash,
    },
    /// The inclusion proof does not lead to the certified root.
    #[error("the inclusion proof fails")]
    Proof(#[source] ProofError),
    /// The alliance did not sign the checkpoint.
    #[error("the certificate fails")]
    Certificate(#[source] CertificateError),
}

impl Receipt {
    /// Checks everything: the command is the one at `index` of the log whose root the alliance
    /// signed.
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
        let command = leaf_hash(command);
        if self.leaf != command {
            return Err(ReceiptError::Command { receipt: self.leaf, command });
        }
        let checkpoint = &self.certificate.checkpoint;
        self.proof
            .verify(self.leaf, self.index, checkpoint.log_size, &checkpoint.log_root)
            .map_err(ReceiptError::Proof)?;
        self.certificate.verify(verifier).map_err(ReceiptError::Certificate)
    }

    /// The receipt as a text file that people can keep, read and take apart with a shell:
    ///
    /// ```text
    /// ally-receipt v1
    /// index <index>
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
        let Self { index, leaf, proof, certificate } = self;
        let mut text = format!("{FIRST_LINE}\nindex {index}\nleaf {}\n", leaf.to_base64());
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

    /// Reads a receipt file. Nothing but the output of [`Receipt::to_text`] is accepted, byte for
    /// byte.
    ///
    /// # Errors
    /// [`TextError`] with the line.
    pub fn from_text(text: &[u8]) -> Result<Self, TextError> {
        if text.len() > RECEIPT_TEXT_BYTES_MAX {
            return Err(TextError { line: 1, problem: "longer than any receipt" });
        }
        let text = core::str::from_utf8(text)
            .map_err(|_| TextError { line: 1, problem: "not a text file" })?;
        let mut lines = LineReader::new(text);
        let receipt = Self::parse_lines(&mut lines)?;
        match first_difference(&receipt.to_text(), text) {
            None => Ok(receipt),
            Some(line) => Err(TextError { line, problem: "not written as `ally` writes it" }),
        }
    }

    fn parse_lines(lines: &mut LineReader<'_>) -> Result<Self, TextError> {
        lines.exactly(FIRST_LINE, "not a receipt: the first line is not `ally-receipt v1`")?;
        let index =
            lines.parsed(|line| decimal(line.strip_prefix("index ")?), "not `index NUMBER`")?;
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
        Ok(Self { index, leaf, proof: InclusionProof { path }, certificate })
    }
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

/// `index (8, LE) || leaf (32) || proof || certificate`.
impl Encode for Receipt {
    fn encode(&self, writer: &mut Writer) {
        writer.u64(self.index).value(&self.leaf).value(&self.proof).value(&self.certificate);
    }
}

impl Decode for Receipt {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            index: reader.u64()?,
            leaf: reader.value()?,
            proof: reader.value()?,
            certificate: reader.value()?,
        })
    }
}
