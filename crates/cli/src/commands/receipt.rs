//! `ally receipt`: the receipt of an entry that is in the log, from servers that run.

use crate::connect::{Connect, block_on};
use crate::failure::Failure;
use crate::member;
use crate::output::{Output, hex, printable};
use ally::{Client, Entry, Proposal, ProposalId, Receipt as Issued, ReceiptFile};
use ally_log::Hash;
use clap::Args;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::str::FromStr;

/// Arguments of `ally receipt`.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Servers are asked one after the other until one has it. What comes is verified with the alliance's key \
before anything is printed or written: the receipt is for this entry, and the alliance has signed it. \
`ally verify` and anyone else can do so again, with the command and without a server.

INDEX is the place in the log, ID what `ally propose` prints beside it. Ids are found among the last \
million entries.

Examples:
  ally receipt 17 > 17.receipt
  ally receipt 17 --out 17.receipt --command 17.command
  ally verify --key alliance.pem --receipt 17.receipt --file 17.command
  ally receipt 17 | ally verify --key alliance.pem --receipt - --command 'set 5'
  ally receipt 17 -o json | jq -r .command")]
pub struct Receipt {
    #[command(flatten)]
    connect: Connect,
    /// Index or id of the entry
    #[arg(value_name = "INDEX|ID")]
    which: Which,
    /// Write the receipt into this file, and say what it proves
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Write the command into this file, byte for byte
    #[arg(long, value_name = "FILE")]
    command: Option<PathBuf>,
}

/// How an entry is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Which {
    /// By its place.
    Index(u64),
    /// By its hash.
    Id(ProposalId),
}

impl Receipt {
    /// Fetches, verifies, prints or writes.
    pub fn run(self, output: &Output) -> Result<(), Failure> {
        let (entry, receipt) = block_on(async { self.fetch(&self.connect.client()?).await })?;
        let proposal = Proposal::from_entry(entry);
        let file = proposal.receipt_file(receipt);
        let text = file.to_text();
        if let Some(path) = &self.out {
            member::write(path, text.as_bytes())?;
        }
        if let Some(path) = &self.command {
            member::write(path, &proposal.command())?;
        }
        if output.is_json() {
            return output.json(&self.json(&proposal, &file));
        }
        match &self.out {
            Some(_) => output.line(self.text(&proposal, &file)),
            None => output.bytes(text.as_bytes()),
        }
    }

    async fn fetch(&self, client: &Client) -> Result<(Entry, Issued), Failure> {
        let within = self.connect.timeout();
        Ok(match self.which {
            Which::Index(index) => client.receipt(index, within).await?,
            Which::Id(id) => client.receipt_of(id, within).await?,
        })
    }

    fn text(&self, proposal: &Proposal, file: &ReceiptFile) -> String {
        let checkpoint = &file.receipt.certificate.checkpoint;
        let mut text = format!(
            "{}  {}  verified\n  command: {}\n  proof:   certificate of block {} over {} \
             entries (epoch {})",
            file.receipt.index,
            proposal.id(),
            printable(&proposal.command()),
            checkpoint.height,
            checkpoint.log_size,
            checkpoint.epoch,
        );
        for (what, path) in [("receipt", &self.out), ("command", &self.command)] {
            if let Some(path) = path {
                text += &format!("\n  written: the {what}, into {}", path.display());
            }
        }
        text
    }

    fn json(&self, proposal: &Proposal, file: &ReceiptFile) -> Value {
        let checkpoint = &file.receipt.certificate.checkpoint;
        let command = proposal.command();
        json!({
            "index": file.receipt.index,
            "id": proposal.id().to_string(),
            "nonce": hex(&file.nonce),
            "command": std::str::from_utf8(&command).ok(),
            "command_hex": hex(&command),
            "origin": checkpoint.origin.to_string(),
            "epoch": checkpoint.epoch,
            "height": checkpoint.height,
            "log_size": checkpoint.log_size,
            "receipt": file.to_text(),
            "receipt_file": self.out,
            "command_file": self.command,
        })
    }
}

impl FromStr for Which {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // Ids are printed in lower case; whoever copies them may shout.
        if let Some(id) = Hash::from_hex(&text.to_ascii_lowercase()) {
            return Ok(Self::Id(ProposalId(id)));
        }
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let index = digits.then(|| text.parse().ok()).flatten();
        index.map(Self::Index).ok_or_else(|| {
            "neither an index (a number from 0 on) nor an id (64 hexadecimal digits)".to_owned()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_named_by_its_place_or_its_hash() {
        assert_eq!("17".parse(), Ok(Which::Index(17)));
        assert_eq!(u64::MAX.to_string().parse(), Ok(Which::Index(u64::MAX)));
        let id = format!("{}ff", "01".repeat(31));
        let Ok(Which::Id(found)) = id.parse() else { panic!("an id") };
        assert_eq!(found.to_string(), id);
        assert_eq!(id.to_uppercase().parse(), Ok(Which::Id(found)));
        for bad in ["", "-1", "+1", "1.5", "18446744073709551616", "abc", &id[2..], &"é".repeat(32)]
        {
            assert!(bad.parse::<Which>().is_err(), "{bad}");
        }
    }
}
