//! `ally completion`: scripts that let shells complete commands and flags.

use crate::cli::Cli;
use crate::failure::Failure;
use crate::output::Output;
use clap::{Args, CommandFactory};
use clap_complete::Shell;

/// Arguments of `ally completion`.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  ally completion bash > /etc/bash_completion.d/ally
  ally completion zsh > ~/.zfunc/_ally
  ally completion fish > ~/.config/fish/completions/ally.fish")]
pub struct Completion {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

impl Completion {
    /// Prints the script.
    pub fn run(self, output: &Output) -> Result<(), Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "ally", &mut script);
        output.bytes(&script)
    }
}
