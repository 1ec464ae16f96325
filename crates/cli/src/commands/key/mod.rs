//! `ally key`: keys of applications, and the ceremony that makes an alliance's keys.

mod audit;
mod ceremony;
mod client;
mod seal;

use crate::failure::Failure;
use crate::output::Output;
use clap::{Args, Subcommand};

/// Arguments of `ally key`.
#[derive(Debug, Args)]
#[command(
    arg_required_else_help = true,
    after_long_help = "\
Examples:
  ally key client --owner billing --out billing.key
  ally key ceremony --help
  ally key audit ceremony
  ally key seal acme/admin.key acme/acme-1/keys"
)]
pub struct Key {
    #[command(subcommand)]
    kind: Kind,
}

#[derive(Debug, Subcommand)]
enum Kind {
    /// Make a key for an application, and print what servers admit it by
    Client(client::Client),
    /// Make an alliance's keys together, so that nobody ever knows them
    Ceremony(ceremony::Ceremony),
    /// Check a ceremony from what was published, without secrets
    Audit(audit::Audit),
    /// Seal key files with a passphrase
    Seal(seal::Seal),
    /// Take the seal of key files away
    Unseal(seal::Unseal),
}

impl Key {
    /// Does it.
    pub fn run(self, output: &Output) -> Result<(), Failure> {
        match self.kind {
            Kind::Client(command) => command.run(output),
            Kind::Ceremony(command) => command.run(output),
            Kind::Audit(command) => command.run(output),
            Kind::Seal(command) => command.run(output),
            Kind::Unseal(command) => command.run(output),
        }
    }
}
