//! `ally lie`, which `ally chaos` runs: a server of a development alliance that lies.

use super::Serve;
use crate::chaos::{OneLiar, development_only};
use crate::failure::Failure;
use crate::output::Output;
use ally_node::Node;
use clap::Args;
use std::path::{Path, PathBuf};

/// Arguments of `ally lie`.
#[derive(Debug, Args)]
#[command(after_long_help = "\
`ally chaos` runs this. It refuses every alliance that was not founded by `ally dev`, `ally demo` or \
`ally chaos`.

Example:
  ally lie --script lies.toml --config acme-1/server.toml")]
pub struct Lie {
    /// How to lie
    #[arg(long, value_name = "FILE")]
    script: PathBuf,
    #[command(flatten)]
    serve: Serve,
}

impl Lie {
    /// Serves, and lies, until told to stop.
    pub fn run(self, output: &Output) -> Result<(), Failure> {
        let script = OneLiar::read(&self.script)?;
        let home = self.script.parent().unwrap_or(Path::new("")).to_owned();
        self.serve.run_as(output, async |config, alliance| {
            development_only(alliance)?;
            let between = |hands| Box::new(OneLiar::new(hands, alliance, &script, &home)) as Box<_>;
            Ok(Node::start_with(config, alliance, between).await?)
        })
    }
}
