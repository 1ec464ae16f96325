//! `ally listen`: the log, as it is decided.

use crate::connect::{Connect, block_on};
use crate::failure::Failure;
use crate::output::{Output, hex, printable};
use ally::{Command, Decided, ListenOptions};
use clap::Args;
use serde_json::{Value, json};

/// Arguments of `ally listen`.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Prints every command of the log in order, from the beginning or from an index on, and then those that \
are decided, until interrupted. Nothing is printed before a certificate proves it, whichever servers \
fail or lie on the way.

Commands that are no text are printed as 0x and hexadecimal digits. Duplicates (a client proposed \
the same thing twice) are marked: state machines skip them.

Examples:
  ally listen
  ally listen --from 1000 --count 10
  ally listen -o json | jq -r 'select(.duplicate_of == null) | .command'")]
pub struct Listen {
    #[command(flatten)]
    connect: Connect,
    /// Index of the first entry wanted
    #[arg(long, value_name = "INDEX", default_value_t = 0)]
    from: u64,
    /// End after so many commands
    #[arg(long, value_name = "NUMBER")]
    count: Option<u64>,
    /// Print blocks before they are proven: earlier, and as the server says
    #[arg(long)]
    unverified: bool,
}

impl Listen {
    /// Prints commands until there were enough.
    pub fn run(self, output: &Output) -> Result<(), Failure> {
        block_on(async {
            let client = self.connect.client()?;
            // A listener waits for servers for ever; a mistyped address should not.
            client.reach(self.connect.timeout()).await?;
            let mut options = ListenOptions::default();
            if self.unverified {
                options = options.unverified();
            }
            let mut listener = client.listen(self.from, options);
            let mut left = self.count.unwrap_or(u64::MAX);
            while left > 0 {
                let Some(block) = listener.next().await else { break };
                let block = block?;
                for command in &block.commands {
                    if left == 0 {
                        break;
                    }
                    left -= 1;
                    tell(output, &block, command)?;
                }
            }
            Ok(())
        })
    }
}

fn tell(output: &Output, block: &Decided, command: &Command) -> Result<(), Failure> {
    output.answer(&json(block, command), || {
        let duplicate = match command.duplicate_of {
            Some(index) => format!("  (duplicate of {index})"),
            None => String::new(),
        };
        format!("{}  {}{duplicate}", command.index, printable(&command.bytes))
    })
}

fn json(block: &Decided, command: &Command) -> Value {
    json!({
        "index": command.index,
        "height": block.height,
        "timestamp_us": block.timestamp_us,
        "id": command.id.to_string(),
        "nonce": hex(&command.nonce.0),
        "command": std::str::from_utf8(&command.bytes).ok(),
        "command_hex": hex(&command.bytes),
        "duplicate_of": command.duplicate_of,
        "verified": block.certificate.is_some(),
    })
}
