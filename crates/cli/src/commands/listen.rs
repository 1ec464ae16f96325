//! `ally listen`: the log, as it is decided.

use crate::connect::{Connect, block_on, seconds};
use crate::failure::Failure;
use crate::output::{Output, hex, printable};
use ally::{Client, Command, Contact, Decided, ListenOptions, Listener};
use clap::Args;
use serde_json::{Value, json};
use std::future::pending;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// Arguments of `ally listen`.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Prints every command of the log in order, from the beginning or from an index on, and then those that \
are decided, until interrupted. Nothing is printed before a certificate proves it, whichever servers \
fail or lie on the way. When no server answers any more, a warning says so on standard error, and all \
are asked again until one does.

Commands that are no text are printed as 0x and hexadecimal digits. Duplicates (a client proposed \
the same thing twice) are marked: state machines skip them.

Examples:
  ally listen
  ally listen --from 1000 --count 10
  ally listen --give-up-after 60
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
    /// End with an error when no server has answered for so long; without it, keep asking
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    give_up_after: Option<Duration>,
}

impl Listen {
    /// Prints commands until there were enough.
    pub fn run(self, output: &Output) -> Result<(), Failure> {
        block_on(async {
            let client = self.connect.client()?;
            // Later on a listener waits for servers; a mistyped address should not have to.
            client.reach(self.connect.timeout()).await?;
            let mut options = ListenOptions::default();
            if self.unverified {
                options = options.unverified();
            }
            if let Some(limit) = self.give_up_after {
                options = options.give_up_after(limit);
            }
            let mut listener = client.listen(self.from, options);
            let mut watched = Watched::new(&listener);
            let mut left = self.count.unwrap_or(u64::MAX);
            while left > 0 {
                let block = tokio::select! {
                    block = listener.next() => block,
                    contact = watched.next() => {
                        watched.tell(output, &client, &contact);
                        continue;
                    }
                };
                let Some(block) = block else { break };
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

/// What is said of a listener's contact to servers: when it is lost, and when it is back.
struct Watched {
    contact: watch::Receiver<Contact>,
    lost: Option<Instant>,
}

impl Watched {
    fn new(listener: &Listener) -> Self {
        Self { contact: listener.contact(), lost: None }
    }

    async fn next(&mut self) -> Contact {
        match self.contact.changed().await {
            Ok(()) => self.contact.borrow_and_update().clone(),
            // The listener has ended, and says itself why.
            Err(_) => pending().await,
        }
    }

    fn tell(&mut self, output: &Output, client: &Client, contact: &Contact) {
        match contact {
            Contact::Lost { since, attempts } if self.lost.is_none() => {
                self.lost = Some(*since);
                let seconds = since.elapsed().as_secs_f64();
                Failure::from(client.nobody(attempts.clone()))
                    .detail("since", format_args!("{seconds:.1} s ago"))
                    .detail("meanwhile", "all servers are asked again until one answers")
                    .warn(output);
            }
            Contact::Held => {
                if let Some(since) = self.lost.take() {
                    let seconds = since.elapsed().as_secs_f64();
                    output.note(format_args!("a server answers again, after {seconds:.1} s"));
                }
            }
            _ => {}
        }
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
