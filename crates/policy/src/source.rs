//! Where in which file something was written.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// A text with the name of its file, able to say where a byte of it is.
#[derive(Debug, Clone)]
pub struct Source {
    file: Arc<str>,
    text: Arc<str>,
}

impl Source {
    /// A text and the name of its file, as people know it.
    pub fn new(file: &str, text: &str) -> Self {
        Self { file: file.into(), text: text.into() }
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The place of a range of bytes. A range beyond the text is cut to it.
    pub fn place(&self, range: Range<usize>) -> Place {
        let start = floor_char_boundary(&self.text, range.start);
        let line_start = self.text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line_text = self.text[line_start..].lines().next().unwrap_or("");
        let marked = &self.text[start..floor_char_boundary(&self.text, range.end.max(start))];
        Place {
            file: self.file.clone(),
            line: self.text[..start].matches('\n').count() + 1,
            column: self.text[line_start..start].chars().count() + 1,
            width: marked.lines().next().unwrap_or("").chars().count().max(1),
            line_text: line_text.to_owned(),
        }
    }
}

/// A place in a file that a person wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    file: Arc<str>,
    line: usize,
    column: usize,
    width: usize,
    line_text: String,
}

/// Longer lines are not shown: a person would not find the mark in them.
const SHOWN_LINE_MAX: usize = 400;

impl Place {
    /// The file's name, as it was given.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The line, from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// The column in characters, from 1.
    pub fn column(&self) -> usize {
        self.column
    }

    /// The line as it was written, with the place marked below it:
    ///
    /// ```text
    ///  3 | acme = "4 of (acme-1, acme-2, acme-3)"
    ///    |         ^
    /// ```
    pub fn snippet(&self) -> String {
        let number = self.line.to_string();
        let margin = " ".repeat(number.len());
        if self.line_text.len() > SHOWN_LINE_MAX {
            return format!(" {number} | (a long line, see column {})\n", self.column);
        }
        // Tabs stay tabs below the line, so that the mark stands under what it means.
        let before = self.line_text.chars().take(self.column - 1);
        let indent: String = before.map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
        let mark = "^".repeat(self.width);
        format!(" {number} | {}\n {margin} | {indent}{mark}\n", self.line_text)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

fn floor_char_boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_count_from_one_and_in_characters() {
        let source = Source::new("p.toml", "a = 1\nü = \"x\"\n");
        let place = source.place(12..13);
        assert_eq!(place.to_string(), "p.toml:2:6");
        assert_eq!(place.snippet(), " 2 | ü = \"x\"\n   |      ^\n");
    }

    #[test]
    fn a_place_beyond_the_text_is_its_end() {
        let source = Source::new("p.toml", "abc");
        assert_eq!(source.place(90..99).to_string(), "p.toml:1:4");
        assert_eq!(Source::new("p.toml", "").place(0..1).to_string(), "p.toml:1:1");
    }
}
