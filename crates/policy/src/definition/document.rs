//! TOML to named formulas.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

use super::{DOCUMENT_BYTES_MAX, Definition, Member, Value};
use crate::error::{InputError, PolicyError, Problem};
use crate::source::Source;

/// Reads the formulas of a document, or of one table of it.
pub(super) fn read(
    text: &str,
    file: &str,
    table: Option<&str>,
    members: Option<Vec<Member>>,
) -> Result<Definition, PolicyError> {
    let source = Source::new(file, if text.len() > DOCUMENT_BYTES_MAX { "" } else { text });
    if text.len() > DOCUMENT_BYTES_MAX {
        let problem = Problem::TooLong { bytes: text.len(), limit: DOCUMENT_BYTES_MAX };
        return Err(InputError::new(problem, source.place(0..0)).into());
    }
    let document = DeTable::parse(text).map_err(|error| {
        let place = source.place(error.span().unwrap_or(0..0));
        let message = error.message().trim_end().replace('\n', ", ");
        InputError::new(Problem::Toml(message), place)
    })?;
    let policy = match table {
        None => document.get_ref(),
        Some(name) => match document.get_ref().get(name).map(|value| value.get_ref()) {
            Some(DeValue::Table(table)) => table,
            _ => {
                let problem = Problem::NoTable(name.to_owned());
                return Err(InputError::new(problem, source.place(0..0)).into());
            }
        },
    };
    let mut found = Vec::new();
    for (key, value) in policy {
        let DeValue::String(formula) = value.get_ref() else {
            return Err(not_a_formula(key.get_ref(), value.get_ref(), &source, value.span()));
        };
        let place = place_in(text, value.span(), formula);
        found.push((key.get_ref().to_string(), formula.to_string(), key.span(), place));
    }
    // The TOML table is sorted by name; people think in the order they wrote.
    found.sort_by_key(|(_, _, key, _)| key.start);
    Definition::build(source, file, found, members)
}

/// Where in the quoted value the formula itself stands.
fn place_in(text: &str, quoted: Range<usize>, formula: &str) -> Value {
    let verbatim = text.get(quoted.clone()).and_then(|raw| raw.find(formula));
    match verbatim {
        Some(offset) if !formula.is_empty() => Value::Verbatim(quoted.start + offset),
        _ => Value::Escaped(quoted),
    }
}

fn not_a_formula(
    key: &str,
    value: &DeValue<'_>,
    source: &Source,
    span: Range<usize>,
) -> PolicyError {
    let (found, hint) = match value {
        DeValue::Array(_) => ("a list", Some(format!("write `{key} = \"all of (a, b, ...)\"`"))),
        DeValue::Table(_) => ("a table", None),
        DeValue::Integer(_) | DeValue::Float(_) => ("a number", None),
        DeValue::Boolean(_) => ("true or false", None),
        _ => ("a date", None),
    };
    let problem = Problem::NotAFormula { key: key.to_owned(), found };
    InputError::new(problem, source.place(span)).hint(hint).into()
}
