//! Why a policy cannot be read, or is refused.

use std::fmt;

use thiserror::Error;

use crate::conditions::Failure;
use crate::formula::{DEPTH_MAX, LEAVES_MAX};
use crate::source::Place;
use crate::syntax::NAME_BYTES_MAX;
use crate::{FormulaError, SERVERS_MAX};

/// Why there is no policy.
#[derive(Debug, Clone, Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// The text cannot be read as a policy.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The policy was understood and fails a condition it has to meet.
    #[error(transparent)]
    Refused(#[from] Box<Refusal>),
    /// The formula of a uniform policy cannot be built.
    #[error(transparent)]
    Formula(#[from] FormulaError),
}

/// A mistake in a policy's text: what, where, and what was probably meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputError(Box<Mistake>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Mistake {
    problem: Problem,
    place: Place,
    hint: Option<String>,
}

/// What is wrong with a policy's text.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Problem {
    /// The text is no TOML.
    #[error("not TOML: {0}")]
    Toml(String),
    /// A key has no formula as its value.
    #[error("`{key}` is {found}, but has to be a formula in quotes")]
    NotAFormula {
        /// The key.
        key: String,
        /// What its value is.
        found: &'static str,
    },
    /// The table that holds the policy is missing.
    #[error("there is no table [{0}]")]
    NoTable(String),
    /// The formula that everything starts from is missing.
    #[error("there is no `decide`, the formula that says who has to agree")]
    NoDecide,
    /// A key cannot be a name in formulas.
    #[error(
        "`{}` cannot be a name: names are up to {NAME_BYTES_MAX} of the letters a to z, digits, \
         `-`, `_` and `.`",
        shortened(.0)
    )]
    BadName(String),
    /// A word of the language used as a name.
    #[error("`{0}` is a word of the formula language and cannot be a name")]
    Reserved(String),
    /// A character that no formula has.
    #[error("unexpected `{}`", .0.escape_debug())]
    Character(char),
    /// Something else should stand here.
    #[error("expected {expected}, found {found}")]
    Expected {
        /// What the grammar allows here.
        expected: &'static str,
        /// What stands here.
        found: String,
    },
    /// `0 of (...)`: always true.
    #[error("`0 of` would let nobody decide: the number is 1 at least")]
    ThresholdZero,
    /// More parts are needed than there are.
    #[error("{threshold} of {children}: more parts are needed than there are")]
    ThresholdTooLarge {
        /// The number needed.
        threshold: String,
        /// The number there is.
        children: usize,
    },
    /// A name stands for nothing.
    #[error("unknown name `{name}`: no organisation, server or formula is called so")]
    UnknownName {
        /// The name.
        name: String,
    },
    /// A formula needs itself.
    #[error("`{}` is defined by itself: {}", .0.first().map_or("", |n| n), .0.join(" -> "))]
    Cycle(Vec<String>),
    /// Two servers, or a server and an organisation of others, have one name.
    #[error("the name `{0}` is given twice")]
    NameTwice(String),
    /// More than [`SERVERS_MAX`] servers.
    #[error("more than {SERVERS_MAX} servers")]
    TooManyServers,
    /// More than [`LEAVES_MAX`] leaves once every name is replaced by its formula.
    #[error("`{0}` names more than {LEAVES_MAX} servers, counted with repetition")]
    TooManyLeaves(String),
    /// Gates nested deeper than [`DEPTH_MAX`].
    #[error("`{0}` nests deeper than {DEPTH_MAX} levels")]
    TooDeep(String),
    /// The text is longer than any policy.
    #[error("{bytes} bytes, but a policy has at most {limit}")]
    TooLong {
        /// The length of the text.
        bytes: usize,
        /// The longest text that is read.
        limit: usize,
    },
}

/// The beginning of a text that may be very long.
fn shortened(text: &str) -> String {
    let start: String = text.chars().take(40).collect();
    if start.len() < text.len() { format!("{start}...") } else { start }
}

impl InputError {
    pub(crate) fn new(problem: Problem, place: Place) -> Self {
        Self(Box::new(Mistake { problem, place, hint: None }))
    }

    pub(crate) fn hint(mut self, hint: Option<String>) -> Self {
        self.0.hint = hint;
        self
    }

    /// What is wrong.
    pub fn problem(&self) -> &Problem {
        &self.0.problem
    }

    /// Where it is wrong.
    pub fn place(&self) -> &Place {
        &self.0.place
    }

    /// What was probably meant, as a sentence without capital and full stop.
    pub fn suggestion(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }
}

/// One line: `policy.toml:3:18: unknown name ...; did you mean ...?`. The line of the file itself
/// is in [`Place::snippet`].
impl fmt::Display for InputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.place, self.0.problem)?;
        match &self.0.hint {
            Some(hint) => write!(f, "; {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for InputError {}

/// A policy that was understood but is not safe to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    file: String,
    failures: Vec<Failure>,
}

impl Refusal {
    pub(crate) fn new(file: &str, failures: Vec<Failure>) -> Self {
        Self { file: file.to_owned(), failures }
    }

    /// The name of the file that the policy was read from, as it was given.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The conditions that fail, each with its counterexample; never empty.
    pub fn failures(&self) -> &[Failure] {
        &self.failures
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: the policy is refused", self.file)?;
        for failure in &self.failures {
            write!(f, "; {failure}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Refusal {}
