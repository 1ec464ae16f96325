//! What can be typed: global flags and the list of commands.

use crate::commands::{
    AllianceCommand, Bench, Chaos, Completion, Demo, Dev, EvidenceCommand, Init, Key, Lie, Listen,
    Man, Policy, Propose, Receipt, Serve, Sim, Status, Verify,
};
use crate::failure::Failure;
use crate::output::{Format, Output};
use clap::{Args, Parser, Subcommand};

const LONG_ABOUT: &str = "\
Ally runs services that several organisations own together without trusting each other: no member \
can forge, rewrite or stop one alone. Commands are ordered by Fast Byzantine Paxos, two message \
steps from proposal to decision, and every answer comes with a signature that anyone can verify \
with one public key.";

const AFTER_LONG_HELP: &str = "\
Exit codes:
  0  done; the answer is yes
  1  the answer is no: a proof does not verify, a policy fails a condition
  2  bad input: arguments, files, keys
  3  the alliance or a server cannot be reached, or does not decide
  4  a server gave an answer that is provably wrong
  70 a fault of this program

Flags go before ALLY_* environment variables, and these before files. Data goes to standard output, \
everything else to standard error. Errors carry a code that docs/errors.md explains.";

/// The command line.
#[derive(Debug, Parser)]
#[command(
    name = "ally",
    version,
    about = "Consensus for organisations that do not trust each other",
    long_about = LONG_ABOUT,
    after_long_help = AFTER_LONG_HELP,
    arg_required_else_help = true,
    disable_help_subcommand = true
)]
pub struct Cli {
    /// Flags that every command takes.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Flags that every command takes.
#[derive(Debug, Args)]
pub struct Global {
    /// How to print answers
    #[arg(
        short = 'o',
        long = "output",
        global = true,
        value_enum,
        default_value_t,
        value_name = "FORMAT",
        env = "ALLY_OUTPUT"
    )]
    format: Format,
}

impl Global {
    /// Where and how answers go.
    pub fn output(&self) -> Output {
        Output::new(self.format)
    }
}

/// One variant per command, each in its own file under `commands`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Watch an alliance at work: found, order, kill, repair, verify, forge
    Demo(Demo),
    /// Run a whole alliance on this machine, to play with
    Dev(Dev),
    /// Check a trust policy, or ask what it survives
    Policy(Policy),
    /// Make a member's servers, or join an alliance with them
    Init(Init),
    /// Found, show and sign alliance documents
    Alliance(AllianceCommand),
    /// Make keys: an application's, or an alliance's with all its members; seal key files
    Key(Key),
    /// Run one consensus server
    Serve(Serve),
    /// Propose commands and get their receipts
    Propose(Propose),
    /// Follow the log as it is decided
    Listen(Listen),
    /// Fetch the receipt of something that was ordered
    Receipt(Receipt),
    /// Ask the servers how they are
    Status(Status),
    /// Check a receipt offline: did the alliance order this command?
    Verify(Verify),
    /// List, show and check proofs that servers lied
    Evidence(EvidenceCommand),
    /// Measure how fast an alliance is, and what it costs
    Bench(Bench),
    /// Run simulated alliances under faults and attacks, and check what must hold
    Sim(Sim),
    /// Break an alliance on this machine in every way there is, and check it
    Chaos(Chaos),
    /// Run a server that lies, in an alliance to play with
    #[command(hide = true)]
    Lie(Lie),
    /// Print a completion script for a shell
    Completion(Completion),
    /// Print or write the manual pages
    Man(Man),
}

impl Command {
    /// Does it.
    ///
    /// # Errors
    /// [`Failure`] says what happened, how to go on, and which exit code it is.
    pub fn run(self, output: &Output) -> Result<(), Failure> {
        match self {
            Self::Demo(command) => command.run(output),
            Self::Dev(command) => command.run(output),
            Self::Init(command) => command.run(output),
            Self::Alliance(command) => command.run(output),
            Self::Key(command) => command.run(output),
            Self::Serve(command) => command.run(output),
            Self::Propose(command) => command.run(output),
            Self::Listen(command) => command.run(output),
            Self::Receipt(command) => command.run(output),
            Self::Status(command) => command.run(output),
            Self::Verify(command) => command.run(output),
            Self::Evidence(command) => command.run(output),
            Self::Bench(command) => command.run(output),
            Self::Sim(command) => command.run(output),
            Self::Chaos(command) => command.run(output),
            Self::Lie(command) => command.run(output),
            Self::Completion(command) => command.run(output),
            Self::Man(command) => command.run(output),
            Self::Policy(command) => command.run(output),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_explains_itself_with_an_example() {
        for command in Cli::command().get_subcommands() {
            let help = command.get_after_long_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains("Example"), "`ally {}` has no example", command.get_name());
            assert!(command.get_about().is_some(), "`ally {}` says nothing", command.get_name());
        }
    }
}
