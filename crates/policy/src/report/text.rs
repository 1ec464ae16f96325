//! A report for people.

use std::fmt::Write;

use super::{ConditionReport, Report, TwoStep};
use crate::FaultModel;
use crate::families::SETS_SHOWN_MAX;
use crate::render::count_of;

/// The width of the column of headings.
const HEADING: usize = 13;

/// Longer lists are cut: the JSON has more.
const LISTED_MAX: usize = 4;

impl Report {
    /// The report as text of up to about 100 columns, without colours.
    pub fn to_text(&self) -> String {
        self.to_text_within(COLUMNS)
    }

    /// The report as text of up to about so many columns (60 at least), without colours.
    pub fn to_text_within(&self, columns: usize) -> String {
        let mut text = Text::within(columns);
        self.write_verdict(&mut text);
        self.write_members(&mut text);
        self.write_rules(&mut text);
        self.write_sets(&mut text);
        self.write_conditions(&mut text);
        for warning in &self.warnings {
            text.row("Warning", warning);
        }
        text.text
    }

    fn write_verdict(&self, text: &mut Text) {
        let whose = match self.model {
            FaultModel::Byzantine => "servers that fail in any way",
            FaultModel::AttestedLeader => {
                "servers that fail in any way but propose through \
                                           an attested log"
            }
            FaultModel::Attested => "servers that speak through an attested log",
        };
        let open = self.words.failures.iter().all(|failure| failure.sets().is_none());
        let verdict = match (self.ok, open) {
            (true, _) => "ok",
            (false, false) => "NOT SAFE",
            (false, true) => "NOT SHOWN TO BE SAFE",
        };
        text.line(&format!("{}: {verdict} with {whose} (model {})", self.file, self.model));
        for failure in &self.words.failures {
            text.gap();
            match failure.sets() {
                Some(_) => {
                    text.row("Fails", failure.condition().statement());
                    text.row("So", failure.condition().consequence());
                }
                None => text.row("Open", failure.condition().statement()),
            }
            text.row("Because", &failure.explanation());
        }
        // Where nobody can tell what is wrong, nobody can tell what would be right.
        if !self.ok && !open {
            let lines = self.repair.as_ref().map(|repair| repair.lines()).unwrap_or_default();
            text.rows("Repair", &lines);
        }
        text.gap();
    }

    fn write_members(&self, text: &mut Text) {
        let servers = plural(self.servers.len(), "server");
        if self.organisations.iter().all(|own| own.servers == [own.name.clone()]) {
            text.row("Servers", &format!("{servers}, each an organisation of its own"));
            text.row("", &self.servers.join(", "));
            return;
        }
        let organisations = plural(self.organisations.len(), "organisation");
        text.row("Servers", &format!("{servers} in {organisations}"));
        let widest = self.organisations.iter().map(|own| own.name.len()).max().unwrap_or(0);
        for organisation in &self.organisations {
            let servers = organisation.servers.join(", ");
            text.row("", &format!("{:widest$}  {servers}", organisation.name));
        }
    }

    fn write_rules(&self, text: &mut Text) {
        text.row("Decide", &self.decide_formula);
        text.rows("  may fail", &self.words.may_fail);
        let fast = self.fast_formula.as_deref().unwrap_or_default();
        match self.two_step {
            TwoStep::Always => text.row("Two steps", "always"),
            TwoStep::Reduced if self.smallest_fast_quorums == [self.servers.clone()] => {
                text.row("Two steps", "while every server responds; else three steps");
            }
            TwoStep::Reduced => {
                text.row("Two steps", &format!("while {fast} respond; else three steps"));
                text.rows("  may fail", &self.words.may_fail_fast);
            }
            TwoStep::Never => text.row("Two steps", "never: the policy cannot be used as it is"),
        }
        if self.certify_formula == self.kernel_formula {
            text.row("Certify", &format!("{}, a kernel", self.certify_formula));
        } else {
            text.row("Certify", &self.certify_formula);
            text.row("Kernel", &self.kernel_formula);
        }
    }

    fn write_sets(&self, text: &mut Text) {
        text.gap();
        self.write_family(text, "Quorums", "smallest", &self.smallest_quorums);
        self.write_family(text, "May fail", "largest", &self.largest_fail_prone);
        if self.two_step == TwoStep::Reduced && self.smallest_fast_quorums.len() > 1 {
            self.write_family(text, "Fast quorums", "smallest", &self.smallest_fast_quorums);
        }
        self.write_family(text, "Certify sets", "smallest", &self.smallest_certify_sets);
    }

    fn write_family(&self, text: &mut Text, heading: &str, kind: &str, sets: &[Vec<String>]) {
        let cut = self.truncated && sets.len() == SETS_SHOWN_MAX;
        let count = if cut { format!("{}+", sets.len()) } else { sets.len().to_string() };
        let (least, most) = (sets.iter().map(Vec::len).min(), sets.iter().map(Vec::len).max());
        let size = match (least.unwrap_or(0), most.unwrap_or(0)) {
            (least, most) if least == most => count_of(least),
            (least, most) => format!("{} to {}", count_of(least), count_of(most)),
        };
        let servers = if size == "one" { "server" } else { "servers" };
        text.row(heading, &format!("{count} {kind}, of {size} {servers}"));
        for set in sets.iter().take(LISTED_MAX) {
            text.row("", &if set.is_empty() { "(nobody)".to_owned() } else { set.join(", ") });
        }
        if sets.len() > LISTED_MAX {
            text.row("", "...");
        }
    }

    fn write_conditions(&self, text: &mut Text) {
        text.gap();
        for (at, report) in self.conditions.iter().enumerate() {
            let heading = if at == 0 { "Conditions" } else { "" };
            text.row(heading, &condition_line(report));
        }
    }
}

fn condition_line(report: &ConditionReport) -> String {
    let verdict = match (report.holds, report.undecided) {
        (true, _) => "holds",
        (false, true) => "not found out",
        (false, false) => "fails",
    };
    let needed = if report.required { "needed" } else { "not needed" };
    let name = report.condition.name();
    format!("{name} {verdict} ({needed}): {}", report.condition.statement())
}

/// `4 servers`, `1 server`
fn plural(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// Rows of a heading and a text, the text wrapped under itself.
pub(crate) struct Text {
    pub(crate) text: String,
    columns: usize,
}

/// The columns that a line fills if nobody says otherwise, and the fewest that make sense.
pub(crate) const COLUMNS: usize = 100;
const COLUMNS_MIN: usize = 60;

impl Text {
    /// Lines of up to about so many columns.
    pub(crate) fn within(columns: usize) -> Self {
        Self { text: String::new(), columns: columns.max(COLUMNS_MIN) }
    }

    pub(crate) fn line(&mut self, line: &str) {
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    pub(crate) fn gap(&mut self) {
        if !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    pub(crate) fn row(&mut self, heading: &str, text: &str) {
        for (at, line) in wrap(text, self.columns - HEADING - 1).iter().enumerate() {
            let heading = if at == 0 { heading } else { "" };
            let mut row = String::new();
            // Writing to a string cannot fail.
            let _ = write!(row, "{heading:HEADING$} {line}");
            self.line(&row);
        }
    }

    pub(crate) fn rows(&mut self, heading: &str, lines: &[String]) {
        for (at, line) in lines.iter().enumerate() {
            self.row(if at == 0 { heading } else { "" }, line);
        }
    }
}

/// Breaks at spaces. Indentation at the start of the text is kept on every line.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let indent = &text[..text.len() - text.trim_start().len()];
    let mut lines = Vec::new();
    let mut line = String::from(indent);
    for word in text.split_whitespace() {
        let fresh = line.len() == indent.len();
        if !fresh && line.chars().count() + 1 + word.chars().count() > width {
            lines.push(std::mem::replace(&mut line, String::from(indent)));
        }
        if line.len() > indent.len() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    if lines.len() == 1 { vec![text.to_owned()] } else { lines }
}
