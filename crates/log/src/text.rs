//! Reading the text forms: lines, and errors that name the line.

use core::str::Lines;

/// Why a text is not a checkpoint statement or a receipt. Whoever made the text is to blame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct TextError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub problem: &'static str,
}

/// Takes a text apart line by line.
pub(crate) struct LineReader<'a> {
    lines: Lines<'a>,
    taken: usize,
}

impl<'a> LineReader<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { lines: text.lines(), taken: 0 }
    }

    /// An error in the line that was taken last.
    pub(crate) fn error(&self, problem: &'static str) -> TextError {
        TextError { line: self.taken.max(1), problem }
    }

    /// Takes a line.
    pub(crate) fn line(&mut self) -> Result<&'a str, TextError> {
        self.taken += 1;
        self.lines.next().ok_or(TextError { line: self.taken, problem: "the text ends too early" })
    }

    /// Takes a line, if one is left.
    pub(crate) fn next(&mut self) -> Option<&'a str> {
        self.taken += 1;
        self.lines.next()
    }

    /// Takes a line that must read `expected`.
    pub(crate) fn exactly(
        &mut self,
        expected: &str,
        problem: &'static str,
    ) -> Result<(), TextError> {
        if self.line()? == expected { Ok(()) } else { Err(self.error(problem)) }
    }

    /// Takes a line and reads it with `read`.
    pub(crate) fn parsed<T>(
        &mut self,
        read: impl FnOnce(&'a str) -> Option<T>,
        problem: &'static str,
    ) -> Result<T, TextError> {
        let line = self.line()?;
        read(line).ok_or_else(|| self.error(problem))
    }
}

/// Reads a number in its one spelling: decimal digits without sign and leading zeros.
pub(crate) fn decimal(text: &str) -> Option<u64> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let canonical = digits && (text == "0" || !text.starts_with('0'));
    canonical.then(|| text.parse().ok())?
}
