//! Errors as people and scripts meet them: what happened, what still works, the next command.

use crate::output::Output;
use crate::wrap::{error_columns, wrap};
use anstyle::{AnsiColor, Style};
use serde::Serialize;
use std::fmt::Display;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

/// How the program ends if it does not succeed; `ally --help` lists them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// The question was answered, and the answer is no.
    No = 1,
    /// Arguments, files or keys are wrong.
    Input = 2,
    /// The alliance or a server cannot be reached, or does not decide.
    Unavailable = 3,
    /// A server gave an answer that is provably wrong.
    Forged = 4,
    /// A fault of this program.
    Internal = 70,
}

/// Why a command did not succeed.
#[derive(Debug, Serialize)]
pub struct Failure {
    /// Stable, explained in docs/errors.md: `ALLY-0211`.
    code: &'static str,
    /// What happened, to whom, since when; one sentence without a full stop.
    message: String,
    /// The lines of a file that it is about, with a mark.
    #[serde(skip_serializing_if = "Option::is_none")]
    excerpt: Option<String>,
    /// What else is known: a label and a text each, for instance `still works: reading`.
    details: Vec<(&'static str, String)>,
    /// What to try.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    #[serde(skip)]
    exit: Exit,
}

impl Failure {
    /// A failure with a code of docs/errors.md.
    pub fn new(exit: Exit, code: &'static str, message: impl Display) -> Self {
        Self {
            code,
            message: message.to_string(),
            excerpt: None,
            details: Vec::new(),
            next: None,
            exit,
        }
    }

    /// Adds something known, under a label such as `organisation` or `still works`.
    #[must_use]
    pub fn detail(mut self, label: &'static str, text: impl Display) -> Self {
        self.details.push((label, text.to_string()));
        self
    }

    /// Shows the lines of a file that it is about, in place of many words.
    #[must_use]
    pub fn excerpt(mut self, lines: impl Display) -> Self {
        self.excerpt = Some(lines.to_string());
        self
    }

    /// Says what to try: a command, or an instruction.
    #[must_use]
    pub fn next(mut self, next: impl Display) -> Self {
        self.next = Some(next.to_string());
        self
    }

    /// What happened, without code and advice.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// A file or directory could not be read or written.
    pub fn file(path: &Path, error: &io::Error) -> Self {
        let next = match error.kind() {
            io::ErrorKind::NotFound => "check the path",
            io::ErrorKind::IsADirectory => "name a file in it",
            io::ErrorKind::PermissionDenied => "check the owner and mode of the file",
            io::ErrorKind::StorageFull => "make room on the disk",
            _ => "check the file and its disk",
        };
        Self::new(Exit::Input, "ALLY-0001", format_args!("{}: {error}", path.display())).next(next)
    }

    /// Standard output could not be written. A reader that has seen enough is no failure worth a
    /// word: see [`Failure::report`].
    pub fn standard_output(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::new(Exit::Internal, BROKEN_PIPE, "standard output was closed");
        }
        Self::new(Exit::Input, "ALLY-0001", format_args!("standard output: {error}"))
    }

    /// Something that cannot happen did.
    pub fn internal(error: impl Display) -> Self {
        Self::new(Exit::Internal, "ALLY-0070", error)
            .next("report it, with the command and the output of `ally --version`")
    }

    /// Prints the failure on standard error; returns the exit code.
    pub fn report(&self, output: &Output) -> ExitCode {
        if self.code == BROKEN_PIPE {
            // `ally listen | head` ends like any other filter.
            return ExitCode::SUCCESS;
        }
        // Nobody is left to tell if standard error is gone; the exit code remains.
        let _ = self.print(output, "error", AnsiColor::Red);
        ExitCode::from(self.exit as u8)
    }

    /// Prints it as something that the program goes on in spite of, on standard error.
    pub fn warn(&self, output: &Output) {
        // As above.
        let _ = self.print(output, "warning", AnsiColor::Yellow);
    }

    fn print(&self, output: &Output, kind: &str, colour: AnsiColor) -> io::Result<()> {
        if output.is_json() {
            return writeln!(io::stderr().lock(), "{}", serde_json::json!({ kind: self }));
        }
        let mut stderr = anstream::stderr().lock();
        let colour = Style::new().bold().fg_color(Some(colour.into()));
        let bold = Style::new().bold();
        let columns = error_columns();
        let head = format!("{kind} {}", self.code);
        writeln!(stderr, "{}", labelled("", colour, &head, &self.message, columns))?;
        if let Some(excerpt) = &self.excerpt {
            writeln!(stderr, "{}", excerpt.trim_end())?;
        }
        let next = self.next.iter().map(|next| ("next", next));
        for (label, text) in self.details.iter().map(|(label, text)| (*label, text)).chain(next) {
            writeln!(stderr, "{}", labelled("  ", bold, label, text, columns))?;
        }
        Ok(())
    }
}

/// `label: text`, the label in a style, all of it indented and further where the line is broken.
fn labelled(indent: &str, style: Style, label: &str, text: &str, columns: Option<usize>) -> String {
    let head = format!("{indent}{label}:");
    let line = wrap(&format!("{head} {text}"), columns, indent.len() + 2);
    // No label is so long that it would be broken.
    let rest = line.strip_prefix(&head).unwrap_or(&line);
    format!("{indent}{style}{label}{style:#}:{rest}")
}

/// Not an error anybody sees.
const BROKEN_PIPE: &str = "broken pipe";
