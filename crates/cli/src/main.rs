//! The binary `ally`.
//!
//! `cli` says what can be typed, `commands` holds one file per command, `output` prints answers
//! on standard output, and `failure` prints errors on standard error and chooses the exit code.

#![forbid(unsafe_code)]

mod bench;
mod causes;
mod ceremony;
mod chaos;
mod cli;
mod commands;
mod connect;
mod dealer;
mod demo;
mod draft;
mod failure;
mod files;
mod local;
mod member;
mod output;
mod passphrase;
mod program;
mod sim;
mod statistics;
mod wrap;

use clap::Parser;
use cli::Cli;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let output = cli.global.output();
    passphrase::ask_at_terminal();
    match cli.command.run(&output) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(&output),
    }
}
