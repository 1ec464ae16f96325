//! `ally propose`: commands into the log, receipts out of it.

use crate::connect::{Connect, block_on};
use crate::failure::{Exit, Failure};
use crate::files::read_bounded;
use crate::output::{Output, hex};
use ally::{Client, Nonce, Placement, Proposal, ReceiptFile, Until};
use ally_proto::limits::COMMAND_BYTES_MAX;
use clap::{Args, ValueEnum};
use futures::{Stream, StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};
use std::fs;
use std::io::{self, BufRead, BufReader, IsTerminal, Read};
use std::path::PathBuf;
use std::thread;
use tokio::sync::mpsc;

/// Proposals under way at a time.
const UNDER_WAY_MAX: usize = 1024;

/// A nonce that is none.
const BAD_NONCE: &str = "ALLY-0404";
/// Nothing to propose.
const NOTHING: &str = "ALLY-0405";

/// Arguments of `ally propose`.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Each argument is a command; without arguments, each line of standard input is one. Prints where each \
command stands in the log, in the order in which they were given.

Examples:
  ally propose 'set 5' 'add 3'
  ally propose --receipts receipts/ < commands.txt
  ally propose --file contract.pdf --receipts . && ally verify --receipt 17.receipt --file contract.pdf
  ally propose -o json 'set 5' | jq -r .receipt > receipt.txt")]
pub struct Propose {
    #[command(flatten)]
    connect: Connect,
    /// The commands
    #[arg(value_name = "COMMAND", conflicts_with = "file")]
    commands: Vec<String>,
    /// Propose the bytes of this file as one command; `-` reads standard input
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// How far to follow: only a receipt is proof
    #[arg(long, value_enum, default_value_t, value_name = "STEP")]
    until: Step,
    /// Write each receipt into this directory, as INDEX.receipt
    #[arg(long, value_name = "DIR")]
    receipts: Option<PathBuf>,
    /// The nonce of an earlier proposal of the same command: propose it again, apply it once
    #[arg(long, value_name = "HEX", value_parser = nonce)]
    nonce: Option<Nonce>,
}

/// How far to follow a proposal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum Step {
    /// A server says that it is decided
    Decided,
    /// A server says that a certificate covers it
    Certified,
    /// Its receipt is here and verified
    #[default]
    Receipt,
}

/// Commands as they are read; reading may take a while.
type Commands = Box<dyn Iterator<Item = Result<Vec<u8>, Failure>> + Send>;

/// What became of one command.
struct Done {
    proposal: Proposal,
    placement: Placement,
    receipt: Option<ReceiptFile>,
}

impl Propose {
    /// Proposes everything and prints where it stands.
    pub fn run(mut self, output: &Output) -> Result<(), Failure> {
        if let Some(dir) = &self.receipts {
            fs::create_dir_all(dir).map_err(|error| Failure::file(dir, &error))?;
        }
        let commands = self.commands()?;
        block_on(async {
            let client = self.connect.client()?;
            let done = read_aside(commands)
                .map(|command| async {
                    let proposal = self.proposal(&command?)?;
                    self.propose(&client, proposal).await
                })
                .buffered(UNDER_WAY_MAX);
            let this = &self;
            done.try_for_each(|done| async move { this.tell(output, &done) }).await
        })
    }

    /// The commands, as they are read.
    fn commands(&mut self) -> Result<Commands, Failure> {
        if let Some(file) = &self.file {
            let command = read_bounded(file, COMMAND_BYTES_MAX)?;
            return Ok(Box::new([Ok(command)].into_iter()));
        }
        if !self.commands.is_empty() {
            let commands = std::mem::take(&mut self.commands).into_iter();
            return Ok(Box::new(commands.map(|command| Ok(command.into_bytes()))));
        }
        if io::stdin().is_terminal() {
            return Err(Failure::new(Exit::Input, NOTHING, "there is nothing to propose")
                .next("give commands as arguments, or lines on standard input"));
        }
        Ok(Box::new(lines(BufReader::new(io::stdin()))))
    }

    fn proposal(&self, command: &[u8]) -> Result<Proposal, Failure> {
        Ok(match self.nonce {
            Some(nonce) => Proposal::with_nonce(nonce, command)?,
            None => Proposal::new(command)?,
        })
    }

    async fn propose(&self, client: &Client, proposal: Proposal) -> Result<Done, Failure> {
        let within = self.connect.timeout();
        let until = match self.until {
            Step::Decided => Until::Decided,
            Step::Certified => Until::Certified,
            Step::Receipt => {
                let (receipt, placement) = client.propose_placed(&proposal, within).await?;
                let receipt = Some(proposal.receipt_file(receipt));
                return Ok(Done { proposal, placement, receipt });
            }
        };
        let placed = client.propose_until(std::slice::from_ref(&proposal), until, within).await?;
        let placement = placed.first().copied();
        let placement = placement.ok_or_else(|| Failure::internal("no answer came"))?;
        Ok(Done { proposal, placement, receipt: None })
    }

    fn tell(&self, output: &Output, done: &Done) -> Result<(), Failure> {
        if let (Some(dir), Some(receipt)) = (&self.receipts, &done.receipt) {
            let path = dir.join(format!("{}.receipt", done.placement.index));
            fs::write(&path, receipt.to_text()).map_err(|error| Failure::file(&path, &error))?;
        }
        output.answer(&self.json(done), || {
            let proven = if done.receipt.is_some() { "verified" } else { "not proven" };
            format!("{}  {}  {proven}", done.placement.index, done.proposal.id())
        })
    }

    fn json(&self, done: &Done) -> Value {
        let nonce = done.proposal.entry().nonce().0;
        let certificate = done.receipt.as_ref().map(|file| &file.receipt.certificate);
        json!({
            "index": done.placement.index,
            "height": done.placement.height,
            "certificate_height": certificate.map(|own| own.checkpoint.height),
            "id": done.proposal.id().to_string(),
            "nonce": hex(&nonce),
            "duplicate": done.placement.duplicate,
            "receipt": done.receipt.as_ref().map(ReceiptFile::to_text),
        })
    }
}

/// Reads on a thread of its own, so that what was proposed goes on while the next line is awaited.
fn read_aside(commands: Commands) -> impl Stream<Item = Result<Vec<u8>, Failure>> {
    let (sender, receiver) = mpsc::channel(UNDER_WAY_MAX);
    thread::spawn(move || {
        for command in commands {
            if sender.blocking_send(command).is_err() {
                return;
            }
        }
    });
    stream::unfold(receiver, async |mut receiver| Some((receiver.recv().await?, receiver)))
}

/// The lines of `reader` without their ends; a line beyond the limit of commands ends them.
fn lines(mut reader: impl BufRead + Send) -> impl Iterator<Item = Result<Vec<u8>, Failure>> + Send {
    std::iter::from_fn(move || {
        let mut line = Vec::new();
        let limit = COMMAND_BYTES_MAX as u64 + 2;
        match reader.by_ref().take(limit).read_until(b'\n', &mut line) {
            Ok(0) => None,
            Ok(_) => {
                let line = line.strip_suffix(b"\n").unwrap_or(&line);
                Some(Ok(line.strip_suffix(b"\r").unwrap_or(line).to_vec()))
            }
            Err(error) => Some(Err(Failure::file("standard input".as_ref(), &error))),
        }
    })
    // Empty lines are no commands.
    .filter(|line| line.as_ref().map_or(true, |line| !line.is_empty()))
}

fn nonce(text: &str) -> Result<Nonce, String> {
    let bad = || format!("{BAD_NONCE}: a nonce is 32 hexadecimal digits, as `-o json` prints it");
    if text.len() != 32 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(bad());
    }
    let number = u128::from_str_radix(text, 16).map_err(|_| bad())?;
    Ok(Nonce(number.to_be_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_is_a_command() {
        let found: Vec<_> =
            lines(&b"set 5\r\n\nadd 3\nlast"[..]).map(|line| line.expect("readable")).collect();
        assert_eq!(found, [b"set 5".to_vec(), b"add 3".to_vec(), b"last".to_vec()]);
    }

    #[test]
    fn a_nonce_is_read_as_it_is_printed() {
        let text = "000102030405060708090a0b0c0d0eff";
        let expected = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 255];
        assert_eq!(nonce(text), Ok(Nonce(expected)));
        for bad in ["", "+00102030405060708090a0b0c0d0eff", &text[1..], "zz"] {
            assert!(nonce(bad).is_err(), "{bad}");
        }
    }
}
