//! A replicated integer register in forty lines.
//!
//! ```text
//! cargo run -p ally --example register -- DIR 'add 5' 'set 7' 'add -2'
//! ```
//!
//! `DIR` holds `alliance.toml` and `client.key`, for instance what `ally dev --keep` leaves. Run it as
//! often and in as many places as you like: all copies apply the same commands in the same order, so
//! all see the same value, whichever servers fail or lie.

use ally::{Client, ListenOptions, Membership, Options, Proposal};
use ally_alliance::AllianceDocument;
use ally_alliance::keys::ClientKey;
use std::{env, error, fs, path::PathBuf, time::Duration};

/// The state machine: what a command does to the register depends on these two and nothing else.
fn apply(register: i64, command: &[u8]) -> i64 {
    let Ok(command) = std::str::from_utf8(command) else { return register };
    match command.split_once(' ').and_then(|(verb, number)| Some((verb, number.parse().ok()?))) {
        Some(("set", number)) => number,
        Some(("add", number)) => register.wrapping_add(number),
        // Anyone may propose anything. What is no command of ours changes nothing, everywhere.
        _ => register,
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn error::Error>> {
    let mut arguments = env::args().skip(1);
    let dir = PathBuf::from(arguments.next().ok_or("usage: register DIR [COMMAND...]")?);
    let document = fs::read_to_string(dir.join("alliance.toml"))?;
    let alliance = AllianceDocument::parse(&document, "alliance.toml")?.verify()?;
    let key = ClientKey::read(&dir.join("client.key"))?;
    let client = Client::new(Membership::of(&alliance), key, Options::default())?;

    let mut last = None;
    for command in arguments {
        // However this fails, the same proposal can be sent again and is applied once.
        let proposal = Proposal::new(command.as_bytes())?;
        last = Some(client.propose(&proposal, Duration::from_secs(10)).await?.index);
    }

    let (mut register, mut log) = (0, client.listen(0, ListenOptions::default()));
    while let Some(block) = log.next().await {
        for command in block?.commands {
            // A copy of what was applied already.
            if command.duplicate_of.is_none() {
                register = apply(register, &command.bytes);
                println!("{:>6}  {register}", command.index);
            }
            if last.is_some_and(|last| command.index >= last) {
                return Ok(());
            }
        }
    }
    Ok(())
}
