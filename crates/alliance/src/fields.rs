//! Reading tables of a TOML document so that each mistake is named where it stands.

use crate::mistake::{Mistake, Problem};
use ally_policy::{Source, nearest};
use std::fmt::Display;
use std::ops::{Range, RangeInclusive};
use std::str::FromStr;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A table being read.
#[derive(Clone)]
pub(crate) struct Fields<'a> {
    source: &'a Source,
    table: &'a DeTable<'a>,
    span: Range<usize>,
    whose: String,
}

/// Parses the text of `source`.
pub(crate) fn parse(source: &Source, bytes_max: usize) -> Result<Spanned<DeTable<'_>>, Mistake> {
    let fail = |span, problem| Mistake::new(source.place(span), String::new(), problem);
    let bytes = source.text().len();
    if bytes > bytes_max {
        return Err(fail(0..0, Problem::TooLong { bytes, limit: bytes_max }));
    }
    DeTable::parse(source.text()).map_err(|error| {
        let message = error.message().trim_end().replace('\n', ", ");
        fail(error.span().unwrap_or(0..0), Problem::Toml(message))
    })
}

impl<'a> Fields<'a> {
    /// The table of the document itself, which may have these keys only.
    pub(crate) fn root(
        source: &'a Source,
        document: &'a Spanned<DeTable<'a>>,
        keys: &[&str],
    ) -> Result<Self, Mistake> {
        let fields = Self { source, table: document.get_ref(), span: 0..0, whose: String::new() };
        fields.check_keys(keys)?;
        Ok(fields)
    }

    /// Names whose entry this is, for messages.
    pub(crate) fn of(mut self, whose: String) -> Self {
        self.whose = whose;
        self
    }

    /// Refuses keys that are not in the list. Comes first of all checks: a mistyped key is then
    /// reported as that, not as the absence of what was meant.
    pub(crate) fn check_keys(&self, keys: &[&str]) -> Result<(), Mistake> {
        for key in self.table.keys() {
            let name = key.get_ref().as_ref();
            if keys.contains(&name) {
                continue;
            }
            let mistake = self.at(key.span(), Problem::UnknownKey(name.to_owned()));
            return Err(match nearest(name, keys.iter().copied()) {
                Some(known) => mistake.hint(format!("did you mean `{known}`?")),
                None => mistake.hint(format!("known here are: {}", keys.join(", "))),
            });
        }
        Ok(())
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// A text that has to be there.
    pub(crate) fn text(&self, key: &str) -> Result<&'a str, Mistake> {
        self.optional_text(key)?.ok_or_else(|| self.missing(key))
    }

    pub(crate) fn optional_text(&self, key: &str) -> Result<Option<&'a str>, Mistake> {
        match self.table.get(key).map(|value| (value.span(), value.get_ref())) {
            None => Ok(None),
            Some((_, DeValue::String(text))) => Ok(Some(text)),
            Some((span, other)) => Err(self.wrong_type(key, span, "text in quotes", other)),
        }
    }

    /// A text that means something.
    pub(crate) fn value<T>(&self, key: &str) -> Result<T, Mistake>
    where
        T: FromStr,
        T::Err: Display,
    {
        self.optional_value(key)?.ok_or_else(|| self.missing(key))
    }

    pub(crate) fn optional_value<T>(&self, key: &str) -> Result<Option<T>, Mistake>
    where
        T: FromStr,
        T::Err: Display,
    {
        let Some(text) = self.optional_text(key)? else { return Ok(None) };
        text.parse().map(Some).map_err(|error: T::Err| self.bad(key, error.to_string()))
    }

    /// A whole number within a range, or the default.
    pub(crate) fn number(
        &self,
        key: &str,
        range: RangeInclusive<u64>,
        default: u64,
    ) -> Result<u64, Mistake> {
        let Some(value) = self.table.get(key) else { return Ok(default) };
        let DeValue::Integer(number) = value.get_ref() else {
            return Err(self.wrong_type(key, value.span(), "a whole number", value.get_ref()));
        };
        let parsed = u64::from_str_radix(number.as_str(), number.radix());
        parsed.ok().filter(|number| range.contains(number)).ok_or_else(|| {
            let problem = Problem::OutOfRange {
                key: key.to_owned(),
                value: number.to_string(),
                min: *range.start(),
                max: *range.end(),
            };
            self.at(value.span(), problem)
        })
    }

    /// The table of this name, which may have these keys only; `None` if it is not there.
    pub(crate) fn table(&self, key: &str, keys: &[&str]) -> Result<Option<Self>, Mistake> {
        let Some(table) = self.open_table(key)? else { return Ok(None) };
        table.check_keys(keys)?;
        Ok(Some(table))
    }

    /// The table of this name, whatever keys it has.
    pub(crate) fn open_table(&self, key: &str) -> Result<Option<Self>, Mistake> {
        match self.table.get(key).map(|value| (value.span(), value.get_ref())) {
            None => Ok(None),
            Some((span, DeValue::Table(table))) => Ok(Some(self.inner(table, span, key))),
            Some((span, other)) => Err(self.wrong_type(key, span, "a table", other)),
        }
    }

    /// The tables `[[key]]` in their order, each of which may have these keys only.
    pub(crate) fn tables(
        &self,
        key: &str,
        keys: &[&str],
        limit: usize,
    ) -> Result<Vec<Self>, Mistake> {
        let Some(value) = self.table.get(key) else { return Ok(Vec::new()) };
        let DeValue::Array(array) = value.get_ref() else {
            return Err(self.wrong_type(key, value.span(), "tables `[[...]]`", value.get_ref()));
        };
        if array.len() > limit {
            return Err(self.at(value.span(), Problem::TooMany { key: key.to_owned(), limit }));
        }
        let table = |value: &'a Spanned<DeValue<'a>>| match value.get_ref() {
            DeValue::Table(table) => {
                let fields = self.inner(table, value.span(), key);
                fields.check_keys(keys).map(|()| fields)
            }
            other => Err(self.wrong_type(key, value.span(), "tables `[[...]]`", other)),
        };
        array.iter().map(table).collect()
    }

    /// A text, or a list of texts.
    pub(crate) fn texts(&self, key: &str, limit: usize) -> Result<Option<Vec<&'a str>>, Mistake> {
        let Some(value) = self.table.get(key) else { return Ok(None) };
        let wanted = "a text in quotes, or a list of them";
        match value.get_ref() {
            DeValue::String(text) => Ok(Some(vec![text])),
            DeValue::Array(array) if array.len() > limit => {
                Err(self.at(value.span(), Problem::TooMany { key: key.to_owned(), limit }))
            }
            DeValue::Array(array) => {
                let text = |item: &'a Spanned<DeValue<'a>>| match item.get_ref() {
                    DeValue::String(text) => Ok(text.as_ref()),
                    other => Err(self.wrong_type(key, item.span(), wanted, other)),
                };
                array.iter().map(text).collect::<Result<_, _>>().map(Some)
            }
            other => Err(self.wrong_type(key, value.span(), wanted, other)),
        }
    }

    /// The keys of this table with their values' texts, in the order they were written.
    pub(crate) fn entries(&self) -> Result<Vec<(&'a str, &'a str)>, Mistake> {
        let mut keys: Vec<_> = self.table.keys().collect();
        keys.sort_by_key(|key| key.span().start);
        let entry = |key: &&'a Spanned<_>| {
            let name: &'a str = AsRef::<str>::as_ref(key.get_ref());
            Ok((name, self.text(name)?))
        };
        keys.iter().map(entry).collect()
    }

    /// The mistake that a value is not what its key needs.
    pub(crate) fn bad(&self, key: &str, reason: impl Into<String>) -> Mistake {
        let span = self.table.get(key).map_or(self.span.clone(), Spanned::span);
        self.at(span, Problem::Value { key: key.to_owned(), reason: reason.into() })
    }

    /// The mistake that a value of this key is somebody else's already.
    pub(crate) fn duplicate(&self, key: &str, what: &str, other: impl Into<String>) -> Mistake {
        let span = self.table.get(key).map_or(self.span.clone(), Spanned::span);
        self.at(span, Problem::Duplicate { what: what.to_owned(), other: other.into() })
    }

    pub(crate) fn missing(&self, key: &str) -> Mistake {
        self.at(self.span.clone(), Problem::Missing(key.to_owned()))
    }

    fn at(&self, span: Range<usize>, problem: Problem) -> Mistake {
        Mistake::new(self.source.place(span), self.whose.clone(), problem)
    }

    fn inner(&self, table: &'a DeTable<'a>, span: Range<usize>, key: &str) -> Self {
        let whose = match self.whose.as_str() {
            "" => format!("`{key}`"),
            whose => format!("`{key}` of {whose}"),
        };
        Self { source: self.source, table, span, whose }
    }

    fn wrong_type(
        &self,
        key: &str,
        span: Range<usize>,
        wanted: &'static str,
        found: &DeValue<'_>,
    ) -> Mistake {
        let found = match found {
            DeValue::String(_) => "a text",
            DeValue::Integer(_) => "a whole number",
            DeValue::Float(_) => "a number with a fraction",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        self.at(span, Problem::WrongType { key: key.to_owned(), wanted, found })
    }
}
