//! What a run came to, for people and for programs.

use super::FaultKind;
use super::checks::Check;
use crate::output::table;
use anstyle::{AnsiColor, Style};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The verdict, and what it rests on.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Whether every rule was kept.
    pub ok: bool,
    /// What the faults were drawn from.
    pub seed: u64,
    /// How long the faults went on, s.
    pub seconds: f64,
    /// How long it took afterwards until everything was decided everywhere, s.
    pub recovery_s: f64,
    /// Servers.
    pub servers: usize,
    /// Who lied.
    pub liar: Option<String>,
    /// How often each kind of fault happened.
    pub faults: BTreeMap<FaultKind, u64>,
    /// Kinds of faults that were asked for and never happened: nothing was tested by them.
    pub missing: Vec<FaultKind>,
    /// Kinds of faults that do not work here, and why.
    pub left_out: BTreeMap<FaultKind, String>,
    /// How often a server has stopped because its disk was full.
    pub stops_for_disk: u64,
    /// How often the liar lied in which way. The last half second before it was killed is missing.
    pub lies: BTreeMap<String, u64>,
    /// Proofs against the liar that honest servers keep, by kind.
    pub convicted_of: BTreeMap<String, u64>,
    /// What the clients saw.
    pub commands: Commands,
    /// Bytes that went from server to server.
    pub carried_bytes: u64,
    /// Rule by rule.
    pub checks: Vec<Check>,
    /// What was written: schedule, history, evidence, and the alliance if it is kept.
    pub files: Vec<PathBuf>,
}

/// What the clients saw.
#[derive(Debug, Default, Serialize)]
pub struct Commands {
    /// Asked for.
    pub proposed: u64,
    /// Their receipts came.
    pub acknowledged: u64,
    /// Needed more than one attempt.
    pub repeated: u64,
    /// Entries of the log, repetitions among them.
    pub log_size: u64,
    /// Blocks.
    pub height: u64,
    /// From the question to the receipt, ms: half of the commands.
    pub median_ms: u64,
    /// And all of them.
    pub longest_ms: u64,
}

impl Report {
    /// For people.
    pub fn text(&self) -> String {
        let bold = Style::new().bold();
        let commands = &self.commands;
        let mut text = format!(
            "\n{bold}{} servers, {:.0} s of faults, seed {}{bold:#}\n\
             {} commands acknowledged of {} proposed, {} after more than one attempt; receipts after \
             {} ms (median) to {} ms\n\
             {} entries in {} blocks; everything decided everywhere {:.1} s after the last fault\n\n",
            self.servers,
            self.seconds,
            self.seed,
            commands.acknowledged,
            commands.proposed,
            commands.repeated,
            commands.median_ms,
            commands.longest_ms,
            commands.log_size,
            commands.height,
            self.recovery_s,
        );
        text += &self.faults_table();
        text += "\n\n";
        text += &self.checks_table();
        for check in self.checks.iter().filter(|check| !check.holds()) {
            text += &format!("\n\n{bold}{}{bold:#}", check.rule);
            for violation in &check.violations {
                text += &format!("\n  {violation}");
            }
            let more = check.broken - check.violations.len() as u64;
            if more > 0 {
                text += &format!("\n  and {more} more");
            }
        }
        text += "\n";
        for file in &self.files {
            text += &format!("\nwritten: {}", file.display());
        }
        text
    }

    fn faults_table(&self) -> String {
        let happened = self.faults.iter().map(|(kind, count)| {
            let note = match kind {
                FaultKind::Disk => format!("the server stopped {} times", self.stops_for_disk),
                FaultKind::Byzantine => self.about_liar(),
                _ => String::new(),
            };
            [kind.name().to_owned(), count.to_string(), note]
        });
        let left_out = self.left_out.iter();
        let left_out =
            left_out.map(|(kind, why)| [kind.name().to_owned(), "-".to_owned(), why.clone()]);
        table(["FAULT", "TIMES", ""], happened.chain(left_out))
    }

    fn about_liar(&self) -> String {
        let name = self.liar.as_deref().unwrap_or("?");
        let lies: u64 = self.lies.values().sum();
        let proofs: u64 = self.convicted_of.values().sum();
        let kinds: Vec<_> = self.convicted_of.keys().map(String::as_str).collect();
        match proofs {
            0 => format!("{name}: {lies} lies, none of them proven"),
            _ => format!("{name}: {lies} lies; {proofs} proofs kept ({})", kinds.join(", ")),
        }
    }

    fn checks_table(&self) -> String {
        let mark = |check: &Check| {
            let (word, colour) = match check.holds() {
                true => ("ok", AnsiColor::Green),
                false => ("BROKEN", AnsiColor::Red),
            };
            let style = Style::new().bold().fg_color(Some(colour.into()));
            format!("{style}{word}{style:#}")
        };
        let rows = self.checks.iter();
        let rows =
            rows.map(|check| [mark(check), check.looked_at.to_string(), check.rule.to_owned()]);
        table(["", "LOOKED AT", "RULE"], rows)
    }
}
