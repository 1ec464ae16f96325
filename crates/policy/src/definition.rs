//! A policy as it was written.

mod document;
mod resolve;

use std::collections::BTreeMap;
use std::ops::Range;

use crate::error::{InputError, PolicyError, Problem};
use crate::source::{Place, Source};
use crate::syntax::{self, Expr};

pub(crate) use resolve::{Resolved, resolve};

/// The longest text that is read as a policy or as a document that holds one.
pub const DOCUMENT_BYTES_MAX: usize = 1 << 20;

/// The most formulas of one policy.
pub const FORMULAS_MAX: usize = 1024;

/// The formulas that are no organisation's.
pub(crate) const DECIDE: &str = "decide";
pub(crate) const FAST: &str = "fast";
pub(crate) const CERTIFY: &str = "certify";

/// A policy as it was written: named formulas with their places in the file, and the
/// organisations, where a document lists them.
///
/// ```
/// use ally_policy::Definition;
///
/// let text = r#"
///     decide = "3 of (acme, globex, initech, umbrella)"
///     acme   = "3 of (acme-1, acme-2, acme-3, acme-4)"
/// "#;
/// let definition = Definition::parse(text, "policy.toml")?;
/// assert_eq!(definition.formulas().count(), 2);
/// # Ok::<(), ally_policy::PolicyError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Definition {
    source: Source,
    file: String,
    entries: Vec<Entry>,
    positions: BTreeMap<String, usize>,
    members: Option<Vec<Member>>,
}

/// An organisation as an alliance document lists it: its name and those of its servers. Its rule
/// is the formula of its name or, without one, "all of its servers".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    name: String,
    servers: Vec<String>,
}

impl Member {
    /// An organisation with its servers, in the order of the document.
    pub fn new(name: impl Into<String>, servers: impl IntoIterator<Item = String>) -> Self {
        Self { name: name.into(), servers: servers.into_iter().collect() }
    }
}

/// A named formula.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) text: String,
    pub(crate) expr: Expr,
    key: Range<usize>,
    value: Value,
}

/// Where a formula's text stands in the file.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    /// Byte for byte from here on.
    Verbatim(usize),
    /// Somewhere in these bytes, with escapes.
    Escaped(Range<usize>),
}

impl Definition {
    /// Reads a file that is a policy as a whole: `decide`, optional `fast` and `certify`, and
    /// organisations' formulas. Names without a formula are servers.
    ///
    /// # Errors
    /// [`PolicyError::Input`]: the writer's mistake, with its place and a suggestion.
    pub fn parse(text: &str, file: &str) -> Result<Self, PolicyError> {
        document::read(text, file, None, None)
    }

    /// Reads the table `table` of a larger document, which lists the organisations and their
    /// servers elsewhere: a name that is none of theirs, nor a formula's, is an error. Servers
    /// are numbered in the order of `members`.
    ///
    /// # Errors
    /// [`PolicyError::Input`]: the writer's mistake, with its place and a suggestion.
    pub fn parse_table(
        text: &str,
        file: &str,
        table: &str,
        members: Vec<Member>,
    ) -> Result<Self, PolicyError> {
        document::read(text, file, Some(table), Some(members))
    }

    /// The same policy over the servers of these organisations: a name that is none of theirs, nor a
    /// formula's, is an error, as in [`Definition::parse_table`]. Mistakes are still shown in the text
    /// that this was read from.
    ///
    /// # Errors
    /// [`PolicyError::Input`]: the writer's mistake, with its place and a suggestion.
    pub fn over(self, members: Vec<Member>) -> Result<Self, PolicyError> {
        let definition = Self { members: Some(members), ..self };
        resolve(&definition)?;
        Ok(definition)
    }

    /// Makes a policy from (name, formula) pairs; `origin` stands for the file in messages.
    /// With `members`, names are checked and numbered as in [`Definition::parse_table`].
    ///
    /// # Errors
    /// [`PolicyError::Input`]: the writer's mistake, with its place and a suggestion.
    pub fn from_formulas<'a>(
        formulas: impl IntoIterator<Item = (&'a str, &'a str)>,
        origin: &str,
        members: Option<Vec<Member>>,
    ) -> Result<Self, PolicyError> {
        let mut text = String::new();
        let mut found = Vec::new();
        for (name, formula) in formulas {
            let key = text.len()..text.len() + name.len();
            let value = Value::Verbatim(key.end + " = \"".len());
            found.push((name.to_owned(), formula.to_owned(), key, value));
            text.push_str(&format!("{name} = \"{formula}\"\n"));
        }
        Self::build(Source::new(origin, &text), origin, found, members)
    }

    fn build(
        source: Source,
        file: &str,
        found: Vec<(String, String, Range<usize>, Value)>,
        members: Option<Vec<Member>>,
    ) -> Result<Self, PolicyError> {
        if found.len() > FORMULAS_MAX {
            let problem = Problem::TooLong { bytes: found.len(), limit: FORMULAS_MAX };
            return Err(InputError::new(problem, source.place(0..0)).into());
        }
        let entries = Vec::with_capacity(found.len());
        let positions = BTreeMap::new();
        let mut definition = Self { source, file: file.to_owned(), entries, positions, members };
        for (name, text, key, value) in found {
            definition.check_name(&name, key.clone())?;
            let expr = syntax::parse(&text).map_err(|error| {
                let place = definition.source.place(value.range(error.span.clone()));
                InputError::new(error.problem, place).hint(error.hint)
            })?;
            definition.positions.insert(name.clone(), definition.entries.len());
            definition.entries.push(Entry { name, text, expr, key, value });
        }
        resolve(&definition)?;
        Ok(definition)
    }

    fn check_name(&self, name: &str, key: Range<usize>) -> Result<(), InputError> {
        let problem = if syntax::is_reserved(name) {
            Problem::Reserved(name.to_owned())
        } else if !syntax::is_name(name) {
            Problem::BadName(name.to_owned())
        } else if self.entry(name).is_some() {
            Problem::NameTwice(name.to_owned())
        } else {
            return Ok(());
        };
        Err(InputError::new(problem, self.source.place(key)))
    }

    /// The name of the file the policy was read from, as it was given.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The named formulas in the order they were written, as (name, formula).
    pub fn formulas(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries.iter().map(|entry| (entry.name.as_str(), entry.text.as_str()))
    }

    pub(crate) fn entry(&self, name: &str) -> Option<&Entry> {
        self.positions.get(name).and_then(|at| self.entries.get(*at))
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub(crate) fn members(&self) -> Option<&[Member]> {
        self.members.as_deref()
    }

    /// The place of some bytes of an entry's formula.
    pub(crate) fn place(&self, entry: &Entry, span: Range<usize>) -> Place {
        self.source.place(entry.value.range(span))
    }

    /// The place of an entry's name.
    pub(crate) fn key_place(&self, entry: &Entry) -> Place {
        self.source.place(entry.key.clone())
    }

    /// The beginning of the file, for what is missing from all of it.
    pub(crate) fn start(&self) -> Place {
        self.source.place(0..self.source.text().lines().next().map_or(0, str::len))
    }

    /// The same policy with one formula replaced, for trying repairs; `None` if it does not hold
    /// together.
    pub(crate) fn with_formula(&self, name: &str, text: &str) -> Option<Self> {
        let formulas =
            self.formulas().map(|(own, old)| (own, if own == name { text } else { old }));
        Self::from_formulas(formulas, &self.file, self.members.clone()).ok()
    }
    /// The same policy without one of its formulas; `None` if others need it.
    pub(crate) fn without_formula(&self, name: &str) -> Option<Self> {
        let formulas = self.formulas().filter(|(own, _)| *own != name);
        Self::from_formulas(formulas, &self.file, self.members.clone()).ok()
    }
}

impl Value {
    /// The bytes of the file that a span of the formula stands at.
    fn range(&self, span: Range<usize>) -> Range<usize> {
        match self {
            Self::Verbatim(start) => start + span.start..start + span.end,
            Self::Escaped(range) => range.clone(),
        }
    }
}
