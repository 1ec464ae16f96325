//! `ally key client`: a key for an application.

use crate::dealer;
use crate::failure::Failure;
use crate::output::Output;
use ally_alliance::keys::ClientKey;
use clap::Args;
use serde_json::json;
use std::path::PathBuf;

/// Arguments of `ally key client`.
#[derive(Debug, Args)]
#[command(after_long_help = "\
The line that is printed goes into `clients` in the server.toml of each server that should admit the \
application.

Examples:
  ally key client --owner billing --out billing.key")]
pub struct Client {
    /// The new file; readable by its owner only
    #[arg(long, value_name = "FILE", default_value = "client.key")]
    out: PathBuf,
    /// Whose key it is, for people
    #[arg(long, value_name = "NAME", default_value = "an application")]
    owner: String,
}

impl Client {
    /// Makes the key.
    pub fn run(self, output: &Output) -> Result<(), Failure> {
        let Self { out, owner } = self;
        let key = ClientKey::generate(&mut dealer::rng()?);
        key.write(&out, &owner)?;
        let public = key.public().to_string();
        output.answer(&json!({ "client": public, "file": out }), || public.clone())
    }
}
