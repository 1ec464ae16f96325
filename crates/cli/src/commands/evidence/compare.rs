//! `ally evidence export` and `ally evidence compare`: what several servers kept, held against each
//! other.

use super::{OTHER_ALLIANCE, failure};
use crate::connect::Document;
use crate::failure::{Exit, Failure};
use crate::files::read_bounded;
use crate::member;
use crate::output::{Output, table};
use ally_alliance::Alliance;
use ally_consensus::{BlockRef, DecisionPath, Side, TestimonyKind, TrailEnd};
use ally_node::evidence::{
    Comparison, Proven, RECORDS_FILE_BYTES_MAX, Records, RecordsError, compare,
};
use ally_policy::ServerSet;
use anstyle::{AnsiColor, Style};
use clap::Args;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// The file holds no records.
const NO_RECORDS: &str = "ALLY-0415";

#[derive(Debug, Args)]
#[command(after_long_help = "\
Every server keeps the votes behind what it decided and the reports behind each view that it entered, \
the newest. Export writes them into one file, to be compared with those of other servers. The server \
has to be stopped. The file holds signatures and headers, no commands and no secrets.

Exit codes: 0 the file is written; 2 the document or the data directory cannot be used.

Examples:
  ally evidence export --data acme-1/data --out acme-1.records
  ally evidence export --data acme-1/data --out acme-1.records -o json | jq .decisions")]
pub(super) struct Export {
    /// The data directory of a server that does not run
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Write the records into this file
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    alliance: Document,
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
For the day on which two servers have decided differently. Give the records of as many servers as you \
can: each a file that `ally evidence export` wrote, or the data directory of a server that is stopped. \
It says where they conflict and who is guilty, and writes each proof into a file that `ally evidence \
verify` accepts. Nobody who brings records is believed: only signatures count, and records that were \
made up or changed convict nobody.

Where the guilty are not more than the policy tolerates, it names the certificates that nothing in the \
records explains: bring the records of more servers, or know that only the guilty could explain them.

Exit codes: 0 there is an answer, whether the records agree or not; 2 a file, a directory or the \
document cannot be used.

Examples:
  ally evidence compare acme-1.records bank-1.records
  ally evidence compare acme-1/data bank-1.records --out proofs
  ally evidence compare *.records -o json | jq -r '.guilty[].server'")]
pub(super) struct Compare {
    /// Records, or data directories, of several servers
    #[arg(value_name = "PATH", required = true, num_args = 1..)]
    records: Vec<PathBuf>,
    /// Write the proofs into files in this directory
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    alliance: Document,
}

impl Export {
    pub(super) fn run(self, output: &Output) -> Result<(), Failure> {
        let alliance = self.alliance.read()?;
        let records = read(&self.data, &alliance)?;
        member::write(&self.out, &records.to_file(&alliance))?;
        let [decisions, views] =
            [TestimonyKind::Backing, TestimonyKind::Choice].map(|kind| records.count(kind));
        let server = name(&alliance, records.server.index());
        let answer = json!({
            "server": server,
            "decisions": decisions,
            "view_changes": views,
            "file": self.out,
        });
        output.answer(&answer, || {
            format!(
                "what {server} kept of what others signed\n  votes behind decisions:    \
                 {decisions}\n  reports behind new views:  {views}\n  written:                   {}",
                self.out.display()
            )
        })
    }
}

impl Compare {
    pub(super) fn run(self, output: &Output) -> Result<(), Failure> {
        let alliance = self.alliance.read()?;
        let records: Vec<_> =
            self.records.iter().map(|path| read(path, &alliance)).collect::<Result<_, _>>()?;
        let comparison =
            compare(&records, &alliance).map_err(|error| failure("the records", &error))?;
        let written = self.write(&comparison)?;
        let shown = Shown { alliance: &alliance, records: &records, comparison, written };
        output.answer(&shown.json(), || shown.text())
    }

    /// Writes the proofs; gives their files.
    fn write(&self, comparison: &Comparison) -> Result<Vec<PathBuf>, Failure> {
        let Some(dir) = &self.out else { return Ok(Vec::new()) };
        std::fs::create_dir_all(dir).map_err(|error| Failure::file(dir, &error))?;
        let write = |(proven, text): &(Proven, String)| {
            let path = dir.join(format!("{}-{}.evidence", proven.server, proven.kind));
            member::write(&path, text.as_bytes()).map(|()| path)
        };
        comparison.proven.iter().map(write).collect()
    }
}

/// The records in a file, or of a data directory.
fn read(path: &Path, alliance: &Alliance) -> Result<Records, Failure> {
    let records = match path.is_dir() {
        true => Records::of_data(path, alliance),
        false => Records::from_file(&read_bounded(path, RECORDS_FILE_BYTES_MAX)?, alliance),
    };
    records.map_err(|error| match error {
        RecordsError::Store(error) => error.into(),
        RecordsError::OtherAlliance { .. } => {
            Failure::new(Exit::Input, OTHER_ALLIANCE, format_args!("{}: {error}", path.display()))
                .next("give the document of that alliance with --alliance")
        }
        _ => Failure::new(Exit::Input, NO_RECORDS, format_args!("{}: {error}", path.display()))
            .next("`ally evidence export --data DIR --out FILE` writes the records of a stopped server"),
    })
}

/// A comparison, ready to be shown.
struct Shown<'a> {
    alliance: &'a Alliance,
    records: &'a [Records],
    comparison: Comparison,
    written: Vec<PathBuf>,
}

impl Shown<'_> {
    fn json(&self) -> Value {
        let Comparison { conflict, proven, beyond_policy, ends, refused } = &self.comparison;
        let guilty = proven.iter().enumerate().map(|(place, (proven, text))| {
            json!({
                "server": proven.server,
                "organisation": proven.organisation,
                "kind": proven.kind,
                "proves": proven.proves,
                "id": proven.id.to_string(),
                "file": self.written.get(place),
                "evidence": text,
            })
        });
        json!({
            "records_of": self.brought(),
            "conflict": conflict.as_ref().map(|conflict| json!({
                "height": conflict.height.0,
                "blocks": conflict.sides.iter().map(|side| self.side_json(side)).collect::<Vec<_>>(),
            })),
            "guilty": guilty.collect::<Vec<_>>(),
            "more_than_tolerated": beyond_policy,
            "unexplained": ends.iter().map(|end| self.end_text(end)).collect::<Vec<_>>(),
            "refused": refused,
        })
    }

    fn side_json(&self, side: &Side) -> Value {
        json!({
            "block": side.block.hash.to_string(),
            "view": side.view.map(|view| view.0),
            "how": how(side.path),
            "by": self.names(&side.by),
        })
    }

    fn text(&self) -> String {
        let mut text = match &self.comparison.conflict {
            None => format!("the records of {} agree", self.brought().join(", ")),
            Some(conflict) => {
                let bad = Style::new().bold().fg_color(Some(AnsiColor::Red.into()));
                let rows = conflict.sides.iter().map(|side| {
                    let view = side.view.map_or("-".to_owned(), |view| view.to_string());
                    let by = self.names(&side.by).join(", ");
                    [short(side.block), view, how(side.path).to_owned(), by]
                });
                format!(
                    "{bad}Conflict{bad:#} at height {}: {} blocks are decided\n{}",
                    conflict.height,
                    conflict.sides.len(),
                    table(["BLOCK", "VIEW", "HOW", "BY"], rows)
                )
            }
        };
        text += &self.guilty_text();
        for end in &self.comparison.ends {
            text += &format!("\nunexplained: {}", self.end_text(end));
        }
        if self.comparison.refused > 0 {
            let refused = self.comparison.refused;
            text += &format!("\nleft out: {refused} parts that nobody they name has signed");
        }
        text
    }

    fn guilty_text(&self) -> String {
        let proven = &self.comparison.proven;
        if proven.is_empty() {
            return "\n\nnobody is proven guilty".to_owned();
        }
        let count = proven.iter().map(|(proven, _)| proven.culprit).collect::<ServerSet>().len();
        let enough = match self.comparison.beyond_policy {
            true => "more than the policy tolerates",
            false => "not more than the policy tolerates",
        };
        let rows = proven.iter().enumerate().map(|(place, (proven, _))| {
            let file = self.written.get(place).map(|path| path.display().to_string());
            [
                proven.server.clone(),
                proven.organisation.clone(),
                proven.kind.to_owned(),
                file.unwrap_or_else(|| "(--out DIR writes it)".to_owned()),
            ]
        });
        let servers = if count == 1 { "server" } else { "servers" };
        format!(
            "\n\nProven guilty: {count} {servers}, {enough}\n{}",
            table(["SERVER", "ORGANISATION", "KIND", "PROOF"], rows)
        )
    }

    fn end_text(&self, end: &TrailEnd) -> String {
        match end {
            TrailEnd::NewView { view, tip } => format!(
                "the certificate that opened view {view} from block {} ({}). Honest servers that \
                 signed it keep the reports that it follows from: bring the records of others",
                tip.height,
                short(*tip)
            ),
            TrailEnd::Commit { view, block, voters } => format!(
                "the certificate that a quorum voted in view {view} for block {} ({}). Known to have \
                 voted: {}",
                block.height,
                short(*block),
                self.names(voters).join(", ")
            ),
            TrailEnd::Checkpoint { block } => format!(
                "the alliance's certificate of block {} ({}). Honest servers that signed it keep the \
                 votes that decided it: bring the records of others",
                block.height,
                short(*block)
            ),
        }
    }

    fn brought(&self) -> Vec<String> {
        self.records.iter().map(|records| name(self.alliance, records.server.index())).collect()
    }

    fn names(&self, servers: &ServerSet) -> Vec<String> {
        servers.iter().map(|server| name(self.alliance, server.index())).collect()
    }
}

fn name(alliance: &Alliance, place: usize) -> String {
    alliance.policy().servers().get(place).cloned().unwrap_or_else(|| format!("server {place}"))
}

fn short(block: BlockRef) -> String {
    block.hash.to_string()[..12].to_owned()
}

fn how(path: DecisionPath) -> &'static str {
    match path {
        DecisionPath::Fast => "votes",
        DecisionPath::Slow => "commits",
        DecisionPath::Certificate => "certificate",
    }
}
