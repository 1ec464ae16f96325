//! `ally key`: keys of applications.

use crate::dealer;
use crate::failure::Failure;
use crate::output::Output;
use ally_alliance::keys::ClientKey;
use clap::{Args, Subcommand};
use serde_json::json;
use std::path::PathBuf;

/// Arguments of `ally key`.
#[derive(Debug, Args)]
#[command(
    arg_required_else_help = true,
    after_long_help = "\
Examples:
  ally key client --owner billing --out billing.key"
)]
pub struct Key {
    #[command(subcommand)]
    kind: Kind,
}

#[derive(Debug, Subcommand)]
enum Kind {
    /// Make a key for an application, and print what servers admit it by
    Client(Client),
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
The line that is printed goes into `clients` in the server.toml of each server that should admit the \
application.

Examples:
  ally key client --owner billing --out billing.key")]
struct Client {
    /// The new file; readable by its owner only
    #[arg(long, value_name = "FILE", default_value = "client.key")]
    out: PathBuf,
    /// Whose key it is, for people
    #[arg(long, value_name = "NAME", default_value = "an application")]
    owner: String,
}

impl Key {
    /// Makes the key.
    pub fn run(self, output: &Output) -> Result<(), Failure> {
        let Kind::Client(Client { out, owner }) = self.kind;
        let key = ClientKey::generate(&mut dealer::rng()?);
        key.write(&out, &owner)?;
        let public = key.public().to_string();
        output.answer(&json!({ "client": public, "file": out }), || public.clone())
    }
}
