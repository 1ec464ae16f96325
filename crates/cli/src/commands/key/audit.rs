//! `ally key audit`: a ceremony done again without secrets.

use crate::ceremony::{Transcript, describe, failed, name, waiting};
use crate::failure::{Exit, Failure};
use crate::files::read_text;
use crate::output::{Output, hex, table};
use ally_alliance::AllianceDocument;
use ally_ceremony::{Outcome, Status, founded};
use ally_policy::{DOCUMENT_BYTES_MAX, ServerIndex};
use clap::Args;
use serde_json::json;
use std::path::PathBuf;

/// The ceremony is not what it should be.
const NOT_SOUND: &str = "ALLY-0320";

/// Arguments of `ally key audit`.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Takes a transcript, or the folder of a ceremony. Checks the signature of every record, everything that \
dealers published, every complaint, and the signature that every key gave as a test; who has the \
alliance document learns whether its keys are those that were made here.

What it shows: these servers made these keys together, each under a signature of its own, and no dealer \
gave anything that does not fit what it had committed to. What nothing can show: that the dealers did \
not tell each other what they knew.

Examples:
  ally key audit founding.transcript --alliance alliance.toml
  ally key audit ceremony -o json")]
pub struct Audit {
    /// The transcript, or the folder
    #[arg(value_name = "FILE", default_value = "ceremony.transcript")]
    file: PathBuf,
    /// The alliance document that should have come of it
    #[arg(long, value_name = "FILE")]
    alliance: Option<PathBuf>,
}

impl Audit {
    /// Does it.
    pub fn run(self, output: &Output) -> Result<(), Failure> {
        let transcript = Transcript::read(&self.file)?;
        let board = &transcript.board;
        let no = |message: String| Failure::new(Exit::No, NOT_SOUND, message);
        let outcome = match board.status() {
            Status::Complete(outcome) => outcome,
            Status::Failed(cause) => return Err(failed(board, &cause)),
            Status::Waiting { stage, missing } => {
                let for_whom = waiting(board, stage, &missing);
                return Err(no(format!("the ceremony is not complete: it waits for {for_whom}"))
                    .next("get the missing records from those who have them"));
            }
            other => return Err(Failure::internal(format_args!("{other:?}"))),
        };
        let document = founded(&transcript.founding, &outcome.keys).map_err(Failure::internal)?;
        if let Some(file) = &self.alliance {
            let text = read_text(file, DOCUMENT_BYTES_MAX)?;
            let theirs = AllianceDocument::parse(&text, &file.display().to_string())?;
            if theirs.id() != document.id() {
                let message = format!("{} is not what came of this ceremony", file.display());
                return Err(no(message)
                    .detail("this ceremony", document.fingerprint())
                    .detail("the document", theirs.fingerprint())
                    .next("do not sign or use it; ask who wrote it"));
            }
        }
        report(&transcript, &outcome, &document, output)
    }
}

fn report(
    transcript: &Transcript,
    outcome: &Outcome,
    document: &AllianceDocument,
    output: &Output,
) -> Result<(), Failure> {
    let proposal = transcript.board.proposal();
    let name = |server: ServerIndex| name(&transcript.board, server);
    let dealers = |key: usize| {
        let left_out =
            |dealer: &ServerIndex| outcome.disqualified.iter().any(|(out, _)| out == dealer);
        let dealers = proposal.keys()[key].dealers.iter().filter(|dealer| !left_out(dealer));
        dealers.map(|dealer| name(*dealer)).collect::<Vec<_>>()
    };
    let keys = || proposal.keys().iter().zip(&outcome.keys).enumerate();
    let left_out = outcome
        .disqualified
        .iter()
        .map(|(dealer, fault)| (name(*dealer), describe(&transcript.board, fault)));
    let left_out: Vec<_> = left_out.collect();
    let complaints: Vec<_> =
        outcome.false_complaints.iter().map(|(by, about)| (name(*by), name(*about))).collect();
    let answer = json!({
        "ceremony": hex(&proposal.id().0),
        "fingerprint": document.fingerprint(),
        "keys": keys().map(|(at, (task, key))| json!({
            "name": task.name,
            "scheme": key.scheme().name(),
            "fingerprint": hex(&key.fingerprint()),
            "dealers": dealers(at),
        })).collect::<Vec<_>>(),
        "left_out": left_out.iter().map(|(dealer, why)| json!({ "server": dealer, "reason": why }))
            .collect::<Vec<_>>(),
        "false_complaints": complaints.iter().map(|(by, about)| json!({ "by": by, "about": about }))
            .collect::<Vec<_>>(),
    });
    output.answer(&answer, || {
        let rows = keys().map(|(at, (task, key))| {
            let fingerprint = hex(&key.fingerprint()[..16]);
            [task.name.clone(), key.scheme().to_string(), dealers(at).join(", "), fingerprint]
        });
        let mut text = table(["key", "scheme", "dealt by", "fingerprint"], rows);
        for (dealer, why) in &left_out {
            text.push_str(&format!("\nleft out: {dealer}: {why}"));
        }
        for (by, about) in &complaints {
            text.push_str(&format!("\n{by} complained about {about} without cause"));
        }
        let records = transcript.board.records().count();
        text.push_str(&format!(
            "\n\nsound: {records} signed records of {} servers, every key has signed as a test\n\
             alliance document {}",
            proposal.participants().len(),
            document.fingerprint()
        ));
        text
    })
}
