//! Text to tokens.

use std::fmt;
use std::ops::Range;

use super::SyntaxError;
use crate::error::Problem;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'a> {
    Name(&'a str),
    /// Digits only. Not a number yet: it may be too large for one.
    Number(&'a str),
    Of,
    And,
    Or,
    All,
    Any,
    Majority,
    Open,
    Close,
    Comma,
    End,
}

impl fmt::Display for Token<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(text) | Self::Number(text) => write!(f, "`{text}`"),
            Self::Of => f.write_str("`of`"),
            Self::And => f.write_str("`and`"),
            Self::Or => f.write_str("`or`"),
            Self::All => f.write_str("`all`"),
            Self::Any => f.write_str("`any`"),
            Self::Majority => f.write_str("`majority`"),
            Self::Open => f.write_str("`(`"),
            Self::Close => f.write_str("`)`"),
            Self::Comma => f.write_str("`,`"),
            Self::End => f.write_str("the end of the formula"),
        }
    }
}

const KEYWORDS: [(&str, Token); 6] = [
    ("of", Token::Of),
    ("and", Token::And),
    ("or", Token::Or),
    ("all", Token::All),
    ("any", Token::Any),
    ("majority", Token::Majority),
];

/// Whether the word belongs to the language, so that no server can have it as its name.
pub(crate) fn is_reserved(word: &str) -> bool {
    KEYWORDS.iter().any(|(keyword, _)| *keyword == word)
        || (!word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The longest name.
pub(crate) const NAME_BYTES_MAX: usize = 128;

/// Whether a formula can name this.
pub(crate) fn is_name(word: &str) -> bool {
    let length = 1..=NAME_BYTES_MAX;
    length.contains(&word.len()) && word.chars().all(is_word) && !is_reserved(word)
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')
}

/// Splits a formula into tokens with their bytes; the last one is [`Token::End`].
pub(super) fn tokens(text: &str) -> Result<Vec<(Token<'_>, Range<usize>)>, SyntaxError> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let length = match c {
            _ if c.is_whitespace() => {
                at += c.len_utf8();
                continue;
            }
            _ if is_word(c) => text[at..].find(|c| !is_word(c)).unwrap_or(text.len() - at),
            _ => c.len_utf8(),
        };
        let span = at..at + length;
        let token = match c {
            '(' => Token::Open,
            ')' => Token::Close,
            ',' => Token::Comma,
            _ if is_word(c) => word(&text[span.clone()]),
            _ => return Err(unexpected(c, span)),
        };
        if matches!(token, Token::Name(_)) && length > NAME_BYTES_MAX {
            let problem = Problem::BadName(text[span.clone()].to_owned());
            return Err(SyntaxError { problem, span, hint: None });
        }
        tokens.push((token, span));
        at += length;
    }
    tokens.push((Token::End, text.len()..text.len()));
    Ok(tokens)
}

fn word(word: &str) -> Token<'_> {
    let keyword = KEYWORDS.iter().find(|(keyword, _)| *keyword == word);
    match keyword {
        Some((_, token)) => *token,
        None if is_reserved(word) => Token::Number(word),
        None => Token::Name(word),
    }
}

fn unexpected(c: char, span: Range<usize>) -> SyntaxError {
    let hint = match c {
        '&' | '+' => Some("write `and`"),
        '|' => Some("write `or`"),
        '[' | '{' => Some("write `(`"),
        ']' | '}' => Some("write `)`"),
        ';' => Some("write `,`"),
        '/' => Some("write `2 of (...)` for two of some"),
        '!' => Some("there is no `not`: more servers never make a formula false"),
        _ if c.is_alphanumeric() => {
            Some("names are ASCII, so that two names that look the same are the same")
        }
        _ => None,
    };
    SyntaxError { problem: Problem::Character(c), span, hint: hint.map(str::to_owned) }
}
