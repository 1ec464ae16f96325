//! A mistake in a file that a person wrote.

use ally_policy::Place;
use std::fmt;

/// A mistake in a file that a person wrote: where, in whose entry, what, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake(Box<Inner>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Inner {
    place: Place,
    whose: String,
    problem: Problem,
    hint: Option<String>,
}

/// What is wrong with an entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The text is no TOML.
    #[error("not TOML: {0}")]
    Toml(String),
    /// The file is longer than any document.
    #[error("{bytes} bytes, but a file of this kind has at most {limit}")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// The longest that is read.
        limit: usize,
    },
    /// A key that does not exist here.
    #[error("unknown key `{0}`")]
    UnknownKey(String),
    /// A key that has to be here.
    #[error("`{0}` is missing")]
    Missing(String),
    /// A value of another type.
    #[error("`{key}` is {found}, but has to be {wanted}")]
    WrongType {
        /// The key.
        key: String,
        /// What it has to be.
        wanted: &'static str,
        /// What it is.
        found: &'static str,
    },
    /// A number outside its range.
    #[error("`{key}` is {value}, but has to be from {min} to {max}")]
    OutOfRange {
        /// The key.
        key: String,
        /// The value, as it was written.
        value: String,
        /// The least allowed.
        min: u64,
        /// The greatest allowed.
        max: u64,
    },
    /// A value that does not mean anything here.
    #[error("`{key}`: {reason}")]
    Value {
        /// The key.
        key: String,
        /// Why not.
        reason: String,
    },
    /// Two entries have what only one may have.
    #[error("{what} is also that of {other}")]
    Duplicate {
        /// What they share, for instance "the signing key".
        what: String,
        /// Who has it as well.
        other: String,
    },
    /// More entries than there may be.
    #[error("more than {limit} entries `{key}`")]
    TooMany {
        /// The key.
        key: String,
        /// The most allowed.
        limit: usize,
    },
}

impl Mistake {
    pub(crate) fn new(place: Place, whose: String, problem: Problem) -> Self {
        Self(Box::new(Inner { place, whose, problem, hint: None }))
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Where it is.
    pub fn place(&self) -> &Place {
        &self.0.place
    }

    /// In whose entry it is, for instance `server "acme-1" of organisation "acme"`; empty for the
    /// file as a whole.
    pub fn whose(&self) -> &str {
        &self.0.whose
    }

    /// What is wrong.
    pub fn problem(&self) -> &Problem {
        &self.0.problem
    }

    /// What was probably meant, or what to do.
    pub fn suggestion(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }
}

/// One line: `alliance.toml:12:1: server "acme-1" of organisation "acme": unknown key ...; did you
/// mean ...?`. The line of the file itself is in [`Place::snippet`].
impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.0.place)?;
        if !self.0.whose.is_empty() {
            write!(f, "{}: ", self.0.whose)?;
        }
        write!(f, "{}", self.0.problem)?;
        match &self.0.hint {
            Some(hint) => write!(f, "; {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Mistake {}
