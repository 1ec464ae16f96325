//! `ally man`: manual pages made from the same text as `--help`.

use crate::cli::Cli;
use crate::failure::Failure;
use crate::output::Output;
use clap::{Args, CommandFactory};
use clap_mangen::Man as Page;
use std::fs;
use std::path::PathBuf;

/// Arguments of `ally man`.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  ally man | man -l -
  ally man --dir /usr/local/share/man/man1")]
pub struct Man {
    /// Write a page for each command into this directory, in place of printing the main page
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

impl Man {
    /// Prints `ally(1)`, or writes all pages.
    pub fn run(self, output: &Output) -> Result<(), Failure> {
        let Some(dir) = self.dir else {
            let mut page = Vec::new();
            Page::new(Cli::command()).render(&mut page).map_err(Failure::standard_output)?;
            return output.bytes(&page);
        };
        fs::create_dir_all(&dir).map_err(|error| Failure::file(&dir, &error))?;
        clap_mangen::generate_to(Cli::command(), &dir)
            .map_err(|error| Failure::file(&dir, &error))?;
        output.note(format_args!("manual pages are in {}", dir.display()));
        Ok(())
    }
}
