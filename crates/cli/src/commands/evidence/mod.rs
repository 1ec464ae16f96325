//! `ally evidence`: who is proven to have lied, and how anyone can check it.

mod compare;
mod kept;

use crate::connect::{Connect, Document, block_on};
use crate::failure::{Exit, Failure};
use crate::files::read_text;
use crate::member;
use crate::output::{Output, printable, table};
use ally_alliance::Alliance;
use ally_node::evidence::{EVIDENCE_FILE_BYTES_MAX, EvidenceError, Proven, to_file, verify_file};
use anstyle::{AnsiColor, Style};
use clap::{Args, Subcommand};
use compare::{Compare, Export};
use kept::{Kept, Shelf};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// The file is no evidence file, or was changed.
const BAD_FILE: &str = "ALLY-0411";
/// The evidence is about another alliance.
const OTHER_ALLIANCE: &str = "ALLY-0412";
/// The evidence proves nothing.
const NOT_PROVEN: &str = "ALLY-0413";
/// Nobody who was asked keeps it.
const NOT_KEPT: &str = "ALLY-0414";

/// Arguments of `ally evidence`.
#[derive(Debug, Args)]
#[command(
    arg_required_else_help = true,
    after_long_help = "\
Servers sign what they say. Whoever signs two things of which a correct server signs one at most has \
proven its own guilt; servers that see it keep the proof. A proof needs no trust in whoever shows it: \
it is checked with the alliance document alone.

Examples:
  ally evidence list
  ally evidence show 3f9c --out acme-1.evidence
  ally evidence verify acme-1.evidence --alliance alliance.toml
  ally evidence compare acme-1.records bank-1.records --out proofs"
)]
pub struct EvidenceCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the proofs that servers keep
    List(List),
    /// Fetch a proof, check it, and say what it proves
    Show(Show),
    /// Check a proof in a file, offline: who is guilty of what?
    Verify(Verify),
    /// Write what a stopped server kept of what others signed into a file
    Export(Export),
    /// Hold what several servers kept against each other: do they conflict, and who is guilty?
    Compare(Compare),
}

/// Where proofs come from.
#[derive(Debug, Args)]
struct Source {
    #[command(flatten)]
    connect: Connect,
    /// Read the data directory of a server that does not run, in place of asking servers
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
Asks every server, or reads the data directory of one that is stopped. What running servers list is not \
proven: `ally evidence show` checks. That a server keeps nothing does not prove that nobody lied.

Exit codes: 0 there is an answer, also if it is that nothing is kept; 2 the document, a key or the data \
directory cannot be used; 3 no server can be reached.

Examples:
  ally evidence list
  ally evidence list --data acme-1/data
  ally evidence list -o json | jq -r '.evidence[].organisation'")]
struct List {
    #[command(flatten)]
    source: Source,
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
ID is what `ally evidence list` prints, or its first digits. The proof is checked before anything is \
printed or written; of a server that gives another one, the next is asked.

Exit codes: 0 it is proven; 1 nobody who was asked keeps such a proof, or it proves nothing; 2 bad input; \
3 no server can be reached.

Examples:
  ally evidence show 3f9c
  ally evidence show 3f9c --out acme-1.evidence
  ally evidence show 3f9c --data acme-1/data -o json | jq -r .proves")]
struct Show {
    #[command(flatten)]
    source: Source,
    /// The proof's id, or its first digits
    #[arg(value_name = "ID", value_parser = digits)]
    id: String,
    /// Write the proof into this file
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
Needs no server and no network. Exit code 0: the server named is guilty; 1: the file does not prove it, \
or was changed; 2: a file cannot be read, or the document is another alliance's.

Have the document from somewhere good, not from whoever handed you the evidence.

Examples:
  ally evidence verify acme-1.evidence --alliance alliance.toml
  ally evidence verify - --alliance alliance.toml < acme-1.evidence
  ally evidence verify acme-1.evidence -o json | jq -r .organisation")]
struct Verify {
    /// The evidence; `-` reads standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    alliance: Document,
}

impl EvidenceCommand {
    /// Lists, shows or checks.
    pub fn run(self, output: &Output) -> Result<(), Failure> {
        match self.action {
            Action::List(list) => list.run(output),
            Action::Show(show) => show.run(output),
            Action::Verify(verify) => verify.run(output),
            Action::Export(export) => export.run(output),
            Action::Compare(compare) => compare.run(output),
        }
    }
}

impl Source {
    fn alliance(&self) -> Result<Alliance, Failure> {
        self.connect.alliance()
    }

    async fn shelf(&self, alliance: &Alliance) -> Result<Shelf, Failure> {
        match &self.data {
            Some(data) => Shelf::stopped(data, alliance),
            None => Shelf::running(self.connect.client()?, self.connect.timeout()).await,
        }
    }
}

impl List {
    fn run(self, output: &Output) -> Result<(), Failure> {
        let alliance = self.source.alliance()?;
        let shelf = block_on(self.source.shelf(&alliance))?;
        let answer = json!({
            "evidence": shelf.kept.iter().map(kept_json).collect::<Vec<_>>(),
            "silent": shelf.silent,
        });
        output.answer(&answer, || list_text(&shelf))
    }
}

fn list_text(shelf: &Shelf) -> String {
    let mut text = match shelf.kept.is_empty() {
        true => "no evidence is kept".to_owned(),
        false => {
            let rows = shelf.kept.iter().map(|kept| {
                [
                    kept.id()[..16].to_owned(),
                    printable(kept.server.as_bytes()),
                    printable(kept.organisation.as_bytes()),
                    printable(kept.kind.as_bytes()),
                    kept.size.to_string(),
                    kept.by.join(", "),
                ]
            });
            table(["ID", "SERVER", "ORGANISATION", "KIND", "BYTES", "KEPT BY"], rows)
        }
    };
    for silent in &shelf.silent {
        text += &format!("\nno answer: {silent}");
    }
    text
}

fn kept_json(kept: &Kept) -> Value {
    json!({
        "id": kept.id(),
        "server": kept.server,
        "organisation": kept.organisation,
        "kind": kept.kind,
        "size": kept.size,
        "kept_by": kept.by,
    })
}

impl Show {
    fn run(self, output: &Output) -> Result<(), Failure> {
        let alliance = self.source.alliance()?;
        let (proven, text) = block_on(async {
            let shelf = self.source.shelf(&alliance).await?;
            let id = self.choose(&shelf)?;
            let (bytes, by) = shelf.fetch(id).await?;
            to_file(&bytes, &alliance).map_err(|error| {
                failure(&format!("the proof that {by} keeps"), &error)
                    .detail("kept by", by)
                    .next("ask another server: --server")
            })
        })?;
        if let Some(path) = &self.out {
            member::write(path, text.as_bytes())?;
        }
        let mut answer = json(&proven);
        answer["file"] = json!(self.out);
        answer["evidence"] = json!(text);
        output.answer(&answer, || match &self.out {
            Some(path) => format!("{}\n  written: {}", guilty(&proven), path.display()),
            None => guilty(&proven),
        })
    }

    /// The id in full.
    fn choose(&self, shelf: &Shelf) -> Result<[u8; 32], Failure> {
        let mut found = shelf.kept.iter().filter(|kept| kept.id().starts_with(&self.id));
        let next = "`ally evidence list` lists what is kept";
        match (found.next(), found.next()) {
            (Some(kept), None) => Ok(kept.digest),
            (None, _) => {
                let message = format_args!("no evidence is kept whose id begins with {}", self.id);
                let failure = Failure::new(Exit::No, NOT_KEPT, message).next(next);
                Err(shelf
                    .silent
                    .iter()
                    .fold(failure, |failure, silent| failure.detail("no answer", silent)))
            }
            (Some(_), Some(_)) => {
                let message = format_args!("more than one id begins with {}", self.id);
                Err(Failure::new(Exit::Input, NOT_KEPT, message).next("give more digits of it"))
            }
        }
    }
}

impl Verify {
    fn run(self, output: &Output) -> Result<(), Failure> {
        let alliance = self.alliance.read()?;
        let text = read_text(&self.file, EVIDENCE_FILE_BYTES_MAX)?;
        let proven = verify_file(&text, &alliance)
            .map_err(|error| failure(&self.file.display().to_string(), &error))?;
        output.answer(&json(&proven), || guilty(&proven))
    }
}

fn json(proven: &Proven) -> Value {
    json!({
        "proven": true,
        "id": proven.id.to_string(),
        "server": proven.server,
        "organisation": proven.organisation,
        "kind": proven.kind,
        "proves": proven.proves,
        "size": proven.size,
    })
}

fn guilty(proven: &Proven) -> String {
    let bad = Style::new().bold().fg_color(Some(AnsiColor::Red.into()));
    format!(
        "{bad}Proven{bad:#}: {} of {} broke the rules ({})\n  what: {}\n  id:   {}",
        proven.server, proven.organisation, proven.kind, proven.proves, proven.id
    )
}

fn failure(what: &str, error: &EvidenceError) -> Failure {
    let (exit, code, next) = match error {
        EvidenceError::NotAFile(_) | EvidenceError::Altered { .. } => {
            (Exit::No, BAD_FILE, "ask whoever gave you the evidence for the file as it was written")
        }
        EvidenceError::OtherAlliance { .. } => {
            (Exit::Input, OTHER_ALLIANCE, "give the document of that alliance with --alliance")
        }
        EvidenceError::Origin(_) => (Exit::Input, OTHER_ALLIANCE, "check the document"),
        _ => (Exit::No, NOT_PROVEN, "believe nothing of it: nobody is accused by it"),
    };
    Failure::new(exit, code, format_args!("{what}: {error}"))
        .detail("proven", "nothing, against nobody")
        .next(next)
}

/// The beginning of an id.
fn digits(text: &str) -> Result<String, String> {
    let text = text.to_ascii_lowercase();
    match (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        true => Ok(text),
        false => Err("not 1 to 64 hexadecimal digits".to_owned()),
    }
}

fn data_of_another(data: &Path) -> Failure {
    let message =
        format_args!("{}: the data directory of another alliance's server", data.display());
    Failure::new(Exit::Input, OTHER_ALLIANCE, message)
        .next("give the document of that alliance with --alliance")
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn every_action_explains_itself_with_an_example() {
        let cli = crate::cli::Cli::command();
        let evidence = cli.find_subcommand("evidence").expect("there is one");
        for action in evidence.get_subcommands() {
            let help = action.get_after_long_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains("Examples"), "`ally evidence {}`", action.get_name());
        }
    }

    #[test]
    fn an_id_may_be_short_but_not_wrong() {
        assert_eq!(digits("3F9c"), Ok("3f9c".to_owned()));
        assert!(["", "xyz", &"0".repeat(65)].iter().all(|text| digits(text).is_err()));
    }
}
