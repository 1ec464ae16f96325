//! The formula language.
//!
//! ```text
//! expr   = term { "or" term }
//! term   = factor { "and" factor }
//! factor = NAME | "(" expr ")" | count "of" "(" expr { "," expr } [ "," ] ")"
//! count  = NUMBER | "all" | "any" | "majority"
//! ```
//!
//! `and` binds tighter than `or`. `a and b and c` is one gate of three, not two nested ones.
//! Names are ASCII: the members of an alliance do not trust each other, and two names that look
//! the same must be the same.

mod lexer;
mod parser;

use std::ops::Range;

pub(crate) use lexer::{NAME_BYTES_MAX, is_name, is_reserved};
pub(crate) use parser::parse;

use crate::error::Problem;

/// A formula as it was written: names are not replaced yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Expr {
    pub(crate) kind: ExprKind,
    /// The bytes of the formula's text that it was read from.
    pub(crate) span: Range<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ExprKind {
    Name(String),
    Gate { threshold: u16, children: Vec<Expr> },
}

/// A mistake in one formula, at bytes of its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SyntaxError {
    pub(crate) problem: Problem,
    pub(crate) span: Range<usize>,
    pub(crate) hint: Option<String>,
}
