//! `ally status`: what each server says about itself and the alliance.

use crate::connect::{Connect, block_on};
use crate::failure::Failure;
use crate::output::{Output, table};
use ally::{Attempt, Progress, ServerEntry, StatusReply};
use anstyle::{AnsiColor, Style};
use clap::Args;
use serde_json::{Value, json};

/// Arguments of `ally status`.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Asks every server. What they say is not proven: it is for people and alarms. Exit code 0 if at least \
one answers, 3 if none does.

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
        Err(error) => {
            let nothing = String::new;
            let error = format!("unreachable: {}", error.outcome);
            [name, organisation, error, nothing(), nothing(), nothing(), nothing(), nothing()]
        }
    }
}

/// What a person should know beyond the table.
fn remarks(answers: &[Answer]) -> Vec<String> {
    let warning = Style::new().bold().fg_color(Some(AnsiColor::Yellow.into()));
    let mut remarks = Vec::new();
    for (server, answer) in answers {
        let Ok(reply) = answer else { continue };
        if !reply.missing_organisations.is_empty() {
            let missing = reply.missing_organisations.join(", ");
            remarks.push(format!("{warning}{} misses: {missing}{warning:#}", server.name));
        }
    }
    let margin = answers.iter().filter_map(|(_, answer)| answer.as_ref().ok());
    remarks.extend(margin.max_by_key(|reply| reply.height).map(margin_text));
    remarks
}

fn margin_text(reply: &StatusReply) -> String {
    match reply.margin {
        None => "decisions have stopped: too many servers are out of reach".to_owned(),
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
            "error": error.outcome,
        }),
    });
    json!({ "servers": servers.collect::<Vec<_>>() })
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
        "version": reply.version,
        "epoch": reply.epoch,
        "progress": reply.progress().as_str_name().trim_start_matches("PROGRESS_").to_lowercase(),
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
