//! `ally status`: what each server says about itself and the alliance.

use crate::connect::{Connect, block_on};
use crate::failure::Failure;
use crate::output::{Output, table};
use ally::{Attempt, Cause, Progress, ServerEntry, StatusReply};
use anstyle::{AnsiColor, Style};
use clap::Args;
use serde_json::{Value, json};

/// Arguments of `ally status`.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Asks every server. What they say is not proven: it is for people and alarms. Of a server that gives no \
status it says which of three it is: unreachable; refuses this key (its owner has to admit the client); \
wrong alliance (somebody else answers at its address). Exit code 0 if at least one answers, 2 if those \
that can be reached refuse the key, 3 if none can be.

Examples:
  ally status
  watch ally status
  ally status -o json | jq '.servers[] | select(.reachable | not) | .organisation'")]
pub struct Status {
    #[command(flatten)]
    connect: Connect,
}

type Answer = (ServerEntry, Result<StatusReply, Attempt>);

impl Status {
    /// Asks and prints.
    pub fn run(self, output: &Output) -> Result<(), Failure> {
        block_on(async {
            let client = self.connect.client()?;
            let answers = client.status(self.connect.timeout()).await;
            output.answer(&json(&answers), || text(&answers))?;
            let attempts = answers.into_iter().map(|(_, answer)| answer.err());
            match attempts.collect::<Option<Vec<_>>>() {
                Some(nobody) => Err(client.nobody(nobody).into()),
                None => Ok(()),
            }
        })
    }
}

fn text(answers: &[Answer]) -> String {
    let rows = answers.iter().map(|(server, answer)| row(server, answer));
    let header = ["SERVER", "ORGANISATION", "STATE", "VIEW", "HEIGHT", "LOG", "CERTIFIED", "PEERS"];
    let mut text = table(header, rows);
    for line in remarks(answers) {
        text += "\n";
        text += &line;
    }
    text
}

fn row(server: &ServerEntry, answer: &Result<StatusReply, Attempt>) -> [String; 8] {
    let (name, organisation) = (server.name.clone(), server.organisation.clone());
    match answer {
        Ok(reply) => {
            let connected = reply.peers.iter().filter(|peer| peer.connected).count();
            [
                name,
                organisation,
                state(reply),
                format!("{} ({})", reply.view, reply.leader),
                reply.height.to_string(),
                reply.log_size.to_string(),
                reply.certified_log_size.to_string(),
                format!("{connected}/{}", reply.peers.len()),
            ]
        }
        Err(attempt) => {
            let (state, nothing) = (word(attempt.cause).to_owned(), || "-".to_owned());
            [name, organisation, state, nothing(), nothing(), nothing(), nothing(), nothing()]
        }
    }
}

/// Why a server gives no status.
fn word(cause: Cause) -> &'static str {
    match cause {
        Cause::NotAdmitted => "refuses this key",
        Cause::WrongAlliance => "wrong alliance",
        _ => "unreachable",
    }
}

/// What a person should know beyond the table.
fn remarks(answers: &[Answer]) -> Vec<String> {
    let warning = Style::new().bold().fg_color(Some(AnsiColor::Yellow.into()));
    let failed = answers.iter().filter_map(|(_, answer)| answer.as_ref().err());
    let mut remarks: Vec<String> = failed.map(|attempt| attempt.to_string()).collect();
    for (servers, missing) in missing(answers) {
        let (servers, missing) = (servers.join(", "), missing.join(", "));
        remarks.push(format!("{warning}out of reach of {servers}: {missing}{warning:#}"));
    }
    remarks.extend(farthest(answers).map(margin_text));
    remarks
}

/// Who misses the same organisations, and which.
fn missing(answers: &[Answer]) -> Vec<(Vec<&str>, &[String])> {
    let mut groups: Vec<(Vec<&str>, &[String])> = Vec::new();
    for (server, answer) in answers {
        let Ok(reply) = answer else { continue };
        let missing = &reply.missing_organisations[..];
        match groups.iter_mut().find(|(_, own)| *own == missing) {
            Some((servers, _)) => servers.push(&server.name),
            None if missing.is_empty() => {}
            None => groups.push((vec![&server.name], missing)),
        }
    }
    groups
}

/// The answer of the server that knows most.
fn farthest(answers: &[Answer]) -> Option<&StatusReply> {
    let replies = answers.iter().filter_map(|(_, answer)| answer.as_ref().ok());
    replies.max_by_key(|reply| reply.height)
}

fn margin_text(reply: &StatusReply) -> String {
    match reply.margin {
        None if reply.missing_organisations.is_empty() => {
            "decisions have stopped: too many servers are out of reach".to_owned()
        }
        None => {
            format!("decisions have stopped without {}", reply.missing_organisations.join(", "))
        }
        Some(0) => "no further server may fail, or decisions stop".to_owned(),
        Some(1) => "1 more server may fail, whichever it is, before decisions stop".to_owned(),
        Some(more) => format!("{more} more servers may fail, whichever they are"),
    }
}

fn state(reply: &StatusReply) -> String {
    let word = match reply.progress() {
        Progress::Idle => "idle",
        Progress::Committing => "committing",
        Progress::Stalled => "STALLED",
        Progress::CatchingUp => "catching up",
        Progress::Unspecified => "unknown",
    };
    match reply.progress() {
        Progress::Stalled => format!("{word} for {} s", reply.progress_for_ms / 1000),
        _ => word.to_owned(),
    }
}

fn json(answers: &[Answer]) -> Value {
    let servers = answers.iter().map(|(server, answer)| match answer {
        Ok(reply) => server_json(server, reply),
        Err(error) => json!({
            "server": server.name,
            "organisation": server.organisation,
            "address": server.address,
            "reachable": false,
            "state": word(error.cause).replace(' ', "_"),
            "error": error.outcome,
        }),
    });
    let farthest = farthest(answers);
    json!({
        "deciding": farthest.map(|reply| reply.margin.is_some()),
        "margin": farthest.and_then(|reply| reply.margin),
        "missing_organisations": farthest.map(|reply| &reply.missing_organisations),
        "servers": servers.collect::<Vec<_>>(),
    })
}

fn progress(reply: &StatusReply) -> String {
    reply.progress().as_str_name().trim_start_matches("PROGRESS_").to_lowercase()
}

fn server_json(server: &ServerEntry, reply: &StatusReply) -> Value {
    let peers = reply.peers.iter().map(|peer| {
        json!({
            "server": peer.server,
            "organisation": peer.organisation,
            "connected": peer.connected,
            "for_ms": peer.for_ms,
            "rtt_us": (peer.rtt_us > 0).then_some(peer.rtt_us),
            "last_error": (!peer.last_error.is_empty()).then_some(&peer.last_error),
        })
    });
    json!({
        "server": server.name,
        "organisation": server.organisation,
        "address": server.address,
        "reachable": true,
        "state": progress(reply),
        "version": reply.version,
        "epoch": reply.epoch,
        "progress": progress(reply),
        "progress_for_ms": reply.progress_for_ms,
        "view": reply.view,
        "leader": reply.leader,
        "height": reply.height,
        "log_size": reply.log_size,
        "certified_height": reply.certified_height,
        "certified_log_size": reply.certified_log_size,
        "two_step_decisions": reply.two_step_decisions,
        "three_step_decisions": reply.three_step_decisions,
        "view_changes": reply.view_changes,
        "undecided_commands": reply.undecided_commands,
        "missing_organisations": reply.missing_organisations,
        "margin": reply.margin,
        "peers": peers.collect::<Vec<_>>(),
    })
}
