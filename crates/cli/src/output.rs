//! Answers on standard output: tables for people, JSON for programs. Notes go to standard error.

use crate::failure::Failure;
use clap::ValueEnum;
use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;
use std::fmt::{self, Display};
use std::io::{self, IsTerminal, Write};

/// How answers are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Format {
    /// Tables and lines for people
    #[default]
    Table,
    /// One JSON value per answer, one per line where there are many
    Json,
}

/// Where answers go. Colour appears on terminals only, and not if `NO_COLOR` is set.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    format: Format,
}

impl Output {
    /// Answers in this format.
    pub fn new(format: Format) -> Self {
        Self { format }
    }

    /// Whether answers are for a program.
    pub fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    /// Prints one answer: as one line of JSON, or what `table` prints for a person.
    ///
    /// # Errors
    /// [`Failure`] if standard output cannot be written.
    pub fn answer(
        &self,
        json: &impl Serialize,
        text: impl FnOnce() -> String,
    ) -> Result<(), Failure> {
        if self.is_json() { self.json(json) } else { self.line(text()) }
    }

    /// Prints one line of JSON.
    ///
    /// # Errors
    /// As [`Output::answer`].
    pub fn json(&self, value: &impl Serialize) -> Result<(), Failure> {
        let mut line = serde_json::to_vec(value).map_err(Failure::internal)?;
        line.push(b'\n');
        self.bytes(&line)
    }

    /// Prints text and ends the line.
    ///
    /// # Errors
    /// As [`Output::answer`].
    pub fn line(&self, text: impl Display) -> Result<(), Failure> {
        writeln!(anstream::stdout().lock(), "{text}").map_err(Failure::standard_output)
    }

    /// Prints bytes as they are.
    ///
    /// # Errors
    /// As [`Output::answer`].
    pub fn bytes(&self, bytes: &[u8]) -> Result<(), Failure> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(bytes).and_then(|()| stdout.flush()).map_err(Failure::standard_output)
    }

    /// Tells a person something that is no answer; silent where a program reads along.
    pub fn note(&self, text: fmt::Arguments<'_>) {
        if !self.is_json() || io::stderr().is_terminal() {
            // Nobody is left to tell if standard error is gone.
            let _ = writeln!(anstream::stderr().lock(), "{text}");
        }
    }
}

/// A table without lines, its columns aligned: `header` in bold, then the rows.
pub fn table<const N: usize>(
    header: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header);
    table.add_rows(rows);
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.trim_fmt()
}

/// A command for the eyes: text as it is, and in hexadecimal whatever has control characters or such
/// that turn the direction of writing, so that nobody's command can move another's cursor or line.
pub fn printable(command: &[u8]) -> String {
    let steers = |letter: char| {
        letter.is_control()
            || matches!(letter, '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    match std::str::from_utf8(command) {
        Ok(text) if !text.chars().any(steers) => text.to_owned(),
        _ => format!("0x{}", hex(command)),
    }
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_cannot_write_to_the_terminal() {
        assert_eq!(printable("déjà vu".as_bytes()), "déjà vu");
        assert_eq!(printable(b"\x1b[2J"), "0x1b5b324a");
        assert_eq!(printable(b"two\nlines"), "0x74776f0a6c696e6573");
        assert_eq!(printable(&[0xff, 0]), "0xff00");
        assert_eq!(printable("\u{202e}01".as_bytes()), "0xe280ae3031", "written backwards");
    }
}
