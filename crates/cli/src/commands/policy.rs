//! `ally policy`: is a policy safe, and what does it survive?

use crate::failure::{Exit, Failure};
use crate::files::read_text;
use crate::output::{Format, Output};
use crate::wrap::output_columns;
use ally_policy::{DOCUMENT_BYTES_MAX, Definition, FaultModel, TrustPolicy, check, explain};
use anstyle::{AnsiColor, Style};
use clap::{Args, Subcommand};
use std::path::{Path, PathBuf};

/// The widest that answers are.
const COLUMNS_MAX: usize = 100;
/// The policy fails a condition.
const REFUSED: &str = "ALLY-0102";
/// A server or organisation that the policy has not.
const UNKNOWN_SERVER: &str = "ALLY-0103";

/// Arguments of `ally policy`.
#[derive(Debug, Args)]
#[command(
    arg_required_else_help = true,
    after_long_help = "\
A policy is a TOML file. `decide` says who has to agree for a decision to stand; every other key \
names an organisation by its own formula; names without a formula are servers:

  decide = \"3 of (acme, globex, initech, umbrella)\"
  acme   = \"3 of (acme-1, acme-2, acme-3, acme-4)\"

Formulas are made of names, `K of (...)`, `all of (...)`, `any of (...)`, `majority of (...)`, \
`and`, `or` and parentheses. `fast` and `certify` may be given too; both follow from `decide`.

Examples:
  ally policy check policy.toml
  ally policy check policy.toml --model attested --json
  ally policy explain policy.toml --failed acme-1,globex"
)]
pub struct Policy {
    #[command(subcommand)]
    question: Question,
}

#[derive(Debug, Subcommand)]
enum Question {
    /// Say whether a policy is safe, what it survives and when it is fast
    Check(Check),
    /// Say what still works after some servers failed
    Explain(Explain),
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
Exit codes: 0 the policy may be used, 1 a condition it has to meet fails, 2 bad input.

Examples:
  ally policy check policy.toml
  ally policy check policy.toml --json | jq .two_step
  echo 'decide = \"2 of (a, b, c)\"' | ally policy check -")]
struct Check {
    #[command(flatten)]
    input: Input,
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  ally policy explain policy.toml --failed acme-1,globex-1
  ally policy explain policy.toml --failed acme         (all servers of acme)")]
struct Explain {
    #[command(flatten)]
    input: Input,
    /// The servers that failed; an organisation's name stands for all of its servers
    #[arg(long, value_name = "NAMES", value_delimiter = ',', required = true)]
    failed: Vec<String>,
}

/// What both questions are about.
#[derive(Debug, Args)]
struct Input {
    /// The policy's file; `-` reads standard input
    file: PathBuf,
    /// What a faulty server can do: byzantine, attested-leader or attested
    #[arg(long, default_value_t, value_name = "MODEL")]
    model: FaultModel,
    /// The same as `-o json`
    #[arg(long)]
    json: bool,
}

impl Policy {
    /// Answers the question.
    pub fn run(self, output: &Output) -> Result<(), Failure> {
        match self.question {
            Question::Check(question) => question.run(output),
            Question::Explain(question) => question.run(output),
        }
    }
}

impl Check {
    fn run(self, output: &Output) -> Result<(), Failure> {
        let definition = self.input.definition()?;
        let report = check(&definition, self.input.model)?;
        self.input.output(output).answer(&report, || styled(&report.to_text_within(columns())))?;
        if report.is_ok() {
            return Ok(());
        }
        let message = format_args!("{}: the policy is refused", definition.file());
        Err(Failure::new(Exit::No, REFUSED, message))
    }
}

impl Explain {
    fn run(self, output: &Output) -> Result<(), Failure> {
        let definition = self.input.definition()?;
        let policy = TrustPolicy::new(&definition, self.input.model)?;
        let names = self.failed.iter().map(|name| name.trim()).filter(|name| !name.is_empty());
        let failed = policy.servers_named(names).map_err(|error| {
            let servers = policy.servers().join(", ");
            Failure::new(Exit::Input, UNKNOWN_SERVER, error).detail("servers", servers)
        })?;
        let explanation = explain(&policy, &failed);
        self.input
            .output(output)
            .answer(&explanation, || styled(&explanation.to_text_within(columns())))
    }
}

impl Input {
    /// Where answers go: `--json` is `-o json`.
    fn output(&self, output: &Output) -> Output {
        if self.json { Output::new(Format::Json) } else { *output }
    }

    fn definition(&self) -> Result<Definition, Failure> {
        let text = read_text(&self.file, DOCUMENT_BYTES_MAX)?;
        Ok(Definition::parse(&text, &self.name())?)
    }

    fn name(&self) -> String {
        if self.is_stdin() { "policy".to_owned() } else { self.file.display().to_string() }
    }

    fn is_stdin(&self) -> bool {
        self.file == Path::new("-")
    }
}

/// How wide answers may be: lines of more than 100 letters are hard to read.
fn columns() -> usize {
    output_columns().unwrap_or(COLUMNS_MAX).min(COLUMNS_MAX)
}

/// The text with its headings in bold and the verdict in colour.
fn styled(text: &str) -> String {
    let bold = Style::new().bold();
    let good = Style::new().bold().fg_color(Some(AnsiColor::Green.into()));
    let bad = Style::new().bold().fg_color(Some(AnsiColor::Red.into()));
    let mut styled = String::new();
    for (at, line) in text.trim_end().lines().enumerate() {
        let line = if at == 0 {
            let line = line.replacen(": ok ", &format!(": {good}ok{good:#} "), 1);
            let line = line.replacen(": NOT SAFE ", &format!(": {bad}NOT SAFE{bad:#} "), 1);
            let open = "NOT SHOWN TO BE SAFE";
            line.replacen(&format!(": {open} "), &format!(": {bad}{open}{bad:#} "), 1)
        } else {
            match line.find("  ").filter(|_| !line.starts_with(' ')) {
                Some(end) => format!("{bold}{}{bold:#}{}", &line[..end], &line[end..]),
                None => line.to_owned(),
            }
        };
        styled.push_str(&line);
        styled.push('\n');
    }
    styled.trim_end().to_owned()
}
