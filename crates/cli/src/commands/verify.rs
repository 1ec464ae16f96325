//! `ally verify`: a receipt against a command and the alliance's public key, offline.

use crate::failure::{Exit, Failure};
use crate::files::{read_bounded, read_text};
use crate::output::Output;
use ally::{AllianceKey, ReceiptError, ReceiptFile};
use ally_log::RECEIPT_FILE_BYTES_MAX;
use ally_proto::limits::COMMAND_BYTES_MAX;
use anstyle::{AnsiColor, Style};
use clap::{ArgGroup, Args};
use serde_json::json;
use std::path::{Path, PathBuf};

/// The longest PEM file that is read.
const KEY_BYTES_MAX: usize = 16 << 10;

/// The receipt is no receipt.
const BAD_RECEIPT: &str = "ALLY-0401";
/// The key is no alliance's key.
const BAD_KEY: &str = "ALLY-0402";
/// The receipt proves nothing about the command.
const NOT_PROVEN: &str = "ALLY-0403";

/// Arguments of `ally verify`.
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("what").required(true),
    after_long_help = "\
Needs no server and no network. Exit code 0: the alliance ordered this command at this place; 1: the \
receipt does not prove it; 2: a file cannot be read.

Have the key from the members you would believe, never from whoever handed you the receipt.

Examples:
  ally verify --key alliance.pem --receipt receipt.txt --file command
  ally verify --key alliance.pem --receipt receipt.txt --command 'set 5'
  ally verify --key alliance.pem --receipt receipt.txt --file command -o json | jq .index"
)]
pub struct Verify {
    /// The alliance's public key (PEM)
    #[arg(long, value_name = "FILE", env = "ALLY_PUBLIC_KEY", default_value = "alliance.pem")]
    key: PathBuf,
    /// The receipt; `-` reads standard input
    #[arg(long, value_name = "FILE")]
    receipt: PathBuf,
    /// The command's bytes; `-` reads standard input
    #[arg(long, value_name = "FILE", group = "what")]
    file: Option<PathBuf>,
    /// The command as text
    #[arg(long, value_name = "TEXT", group = "what")]
    command: Option<String>,
}

impl Verify {
    /// Checks everything and says what is proven.
    pub fn run(self, output: &Output) -> Result<(), Failure> {
        let key = read_key(&self.key)?;
        let file = read_receipt(&self.receipt)?;
        let command = match (&self.file, self.command) {
            (Some(path), _) => read_bounded(path, COMMAND_BYTES_MAX)?,
            (None, command) => command.unwrap_or_default().into_bytes(),
        };
        if let Err(error) = file.verify(&command, &key) {
            return Err(not_proven(&self.receipt, &self.key, &error));
        }
        let checkpoint = &file.receipt.certificate.checkpoint;
        let answer = json!({
            "verified": true,
            "index": file.receipt.index,
            "origin": checkpoint.origin.to_string(),
            "epoch": checkpoint.epoch,
            "height": checkpoint.height,
            "log_size": checkpoint.log_size,
            "scheme": key.scheme(),
            "key": key.fingerprint(),
        });
        output.answer(&answer, || text(&file, &key))
    }
}

fn text(file: &ReceiptFile, key: &AllianceKey) -> String {
    let good = Style::new().bold().fg_color(Some(AnsiColor::Green.into()));
    let checkpoint = &file.receipt.certificate.checkpoint;
    format!(
        "{good}Verified OK{good:#}: {} ordered this command as entry {} of its log\n  \
         proof: certificate of block {} over {} entries (epoch {})\n  key:   {} {}",
        checkpoint.origin,
        file.receipt.index,
        checkpoint.height,
        checkpoint.log_size,
        checkpoint.epoch,
        key.scheme(),
        key.fingerprint()
    )
}

fn read_key(path: &Path) -> Result<AllianceKey, Failure> {
    let pem = read_text(path, KEY_BYTES_MAX)?;
    AllianceKey::from_pem(&pem).map_err(|error| {
        let message = format_args!("{}: {error}", path.display());
        Failure::new(Exit::Input, BAD_KEY, message).next(
            "`ally alliance show --pem` prints the key of an alliance you have the document of",
        )
    })
}

fn read_receipt(path: &Path) -> Result<ReceiptFile, Failure> {
    let text = read_bounded(path, RECEIPT_FILE_BYTES_MAX)?;
    ReceiptFile::from_text(&text).map_err(|error| {
        let message = format_args!("{}: {error}", path.display());
        // A file that was changed is an answer to the question: no.
        Failure::new(Exit::No, BAD_RECEIPT, message)
            .detail("proven", "nothing: a receipt has one spelling, to the last byte")
            .next("ask whoever gave you the receipt for the file as it was issued")
    })
}

fn not_proven(receipt: &Path, key: &Path, error: &ReceiptError) -> Failure {
    let (cause, next) = match error {
        ReceiptError::Entry { .. } => (
            "the receipt is for another command",
            "check that the file holds the command's bytes exactly: no line end added, none lost",
        ),
        ReceiptError::Certificate(_) => (
            "the alliance whose key this is did not sign the checkpoint",
            "check that this is the alliance's key: compare fingerprints with its members",
        ),
        _ => (
            "the proof does not lead to the signed log root",
            "ask whoever gave you the receipt for the file as it was issued",
        ),
    };
    let message = format_args!("{}: does not verify: {cause}", receipt.display());
    Failure::new(Exit::No, NOT_PROVEN, message)
        .detail("found", error)
        .detail("key", key.display())
        .next(next)
}
