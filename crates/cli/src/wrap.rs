//! Lines that fit the terminal.

use std::io;
use terminal_size::{Width, terminal_size_of};

/// Narrower terminals are taken to be this wide: there is no sense in a word per line.
const COLUMNS_MIN: usize = 40;

/// How wide the terminal on standard output is; `None` if there is none.
pub fn output_columns() -> Option<usize> {
    columns(terminal_size_of(io::stdout()))
}

/// How wide the terminal on standard error is; `None` if there is none.
pub fn error_columns() -> Option<usize> {
    columns(terminal_size_of(io::stderr()))
}

fn columns<T>(size: Option<(Width, T)>) -> Option<usize> {
    size.map(|(Width(columns), _)| usize::from(columns).max(COLUMNS_MIN))
}

/// Breaks a line at spaces so that each part has at most `columns` letters; parts after the first
/// are indented. Longer words stay whole. Without `columns` nothing is broken: programs and files
/// have no width.
pub fn wrap(line: &str, columns: Option<usize>, indent: usize) -> String {
    let Some(columns) = columns else { return line.to_owned() };
    let mut words = line.split(' ');
    let mut wrapped = words.next().unwrap_or_default().to_owned();
    let mut used = wrapped.chars().count();
    // Nothing but spaces so far.
    let mut blank = wrapped.is_empty();
    for word in words {
        let length = word.chars().count();
        if !blank && used + 1 + length > columns {
            wrapped.push('\n');
            wrapped.extend(std::iter::repeat_n(' ', indent));
            used = indent;
        } else {
            wrapped.push(' ');
            used += 1;
        }
        wrapped.push_str(word);
        used += length;
        blank &= word.is_empty();
    }
    wrapped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words() {
        assert_eq!(wrap("one two three", Some(8), 2), "one two\n  three");
        assert_eq!(wrap("one two three", Some(13), 2), "one two three");
        assert_eq!(wrap("one two three", None, 2), "one two three");
        assert_eq!(wrap("  a label: bc", Some(10), 4), "  a label:\n    bc");
        assert_eq!(wrap("déjà vu", Some(7), 0), "déjà vu", "letters are counted, not bytes");
    }

    #[test]
    fn a_word_that_is_too_long_stays_whole() {
        assert_eq!(wrap("at /a/long/path now", Some(8), 2), "at\n  /a/long/path\n  now");
    }
}
