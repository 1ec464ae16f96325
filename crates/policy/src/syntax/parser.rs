//! Tokens to expressions.

use std::ops::Range;

use super::lexer::{Token, tokens};
use super::{Expr, ExprKind, SyntaxError};
use crate::error::Problem;
use crate::formula::{DEPTH_MAX, LEAVES_MAX};
use crate::suggest;

/// Reads one formula.
///
/// # Errors
/// The writer's: anything the grammar has not, with the bytes it stands at.
pub(crate) fn parse(text: &str) -> Result<Expr, SyntaxError> {
    let mut parser = Parser { tokens: tokens(text)?, at: 0, depth: 0 };
    let expr = parser.alternatives()?;
    match parser.peek() {
        Token::End => Ok(expr),
        _ => Err(parser.expected("`and`, `or` or the end of the formula")),
    }
}

struct Parser<'a> {
    tokens: Vec<(Token<'a>, Range<usize>)>,
    at: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Token<'a> {
        self.tokens.get(self.at).map_or(Token::End, |(token, _)| *token)
    }

    fn span(&self) -> Range<usize> {
        self.tokens.get(self.at).map_or(0..0, |(_, span)| span.clone())
    }

    /// The end of the token before the current one.
    fn end(&self) -> usize {
        self.at.checked_sub(1).and_then(|at| self.tokens.get(at)).map_or(0, |(_, span)| span.end)
    }

    fn take(&mut self, token: Token<'_>) -> bool {
        let found = self.peek() == token;
        self.at += usize::from(found);
        found
    }

    fn expected(&self, expected: &'static str) -> SyntaxError {
        let found = self.peek();
        let hint = match found {
            Token::Name(name) => suggest::nearest(name, ["and", "or", "of"])
                .map(|word| format!("did you mean `{word}`?")),
            _ => None,
        };
        let problem = Problem::Expected { expected, found: found.to_string() };
        SyntaxError { problem, span: self.span(), hint }
    }

    fn alternatives(&mut self) -> Result<Expr, SyntaxError> {
        self.chain(Token::Or, Self::conjunction, |_| 1)
    }

    fn conjunction(&mut self) -> Result<Expr, SyntaxError> {
        self.chain(Token::And, Self::factor, |children| children)
    }

    /// Parts joined by one word, as one gate; a single part is itself.
    fn chain(
        &mut self,
        word: Token<'static>,
        part: impl Fn(&mut Self) -> Result<Expr, SyntaxError>,
        threshold: impl Fn(usize) -> usize,
    ) -> Result<Expr, SyntaxError> {
        let start = self.span().start;
        let first = part(self)?;
        if self.peek() != word {
            return Ok(first);
        }
        let mut children = vec![first];
        while self.take(word) {
            children.push(part(self)?);
        }
        let threshold = threshold(children.len());
        self.gate(threshold, children, start)
    }

    fn factor(&mut self) -> Result<Expr, SyntaxError> {
        let span = self.span();
        match self.peek() {
            Token::Name(name) => {
                self.at += 1;
                if self.peek() == Token::Of {
                    return Err(count_expected(name, span));
                }
                Ok(Expr { kind: ExprKind::Name(name.to_owned()), span })
            }
            Token::Open => self.nested(|parser| {
                parser.at += 1;
                let inner = parser.alternatives()?;
                if parser.take(Token::Close) {
                    Ok(inner)
                } else {
                    Err(parser.expected("`and`, `or` or `)`"))
                }
            }),
            Token::Number(_) | Token::All | Token::Any | Token::Majority => {
                self.nested(Self::counted)
            }
            _ => Err(self.expected("a name, `(` or a number")),
        }
    }

    /// `K of (e, e, ...)`
    fn counted(&mut self) -> Result<Expr, SyntaxError> {
        let start = self.span();
        let count = self.peek();
        self.at += 1;
        if !self.take(Token::Of) {
            return Err(self.expected("`of`"));
        }
        if !self.take(Token::Open) {
            return Err(self.expected("`(` and the parts to choose from"));
        }
        let mut children = vec![self.alternatives()?];
        while self.take(Token::Comma) {
            if self.peek() == Token::Close {
                break; // a comma after the last part is fine
            }
            children.push(self.alternatives()?);
        }
        if !self.take(Token::Close) {
            return Err(self.expected("`,` or `)`"));
        }
        let total = children.len();
        let threshold = match count {
            Token::Number(digits) => number(digits, total, start.clone())?,
            Token::All => total,
            Token::Majority => total / 2 + 1,
            _ => 1,
        };
        self.gate(threshold, children, start.start)
    }

    fn gate(
        &self,
        threshold: usize,
        mut children: Vec<Expr>,
        start: usize,
    ) -> Result<Expr, SyntaxError> {
        let span = start..self.end();
        if children.len() > LEAVES_MAX {
            let problem = Problem::TooManyLeaves(format!("{threshold} of (...)"));
            return Err(SyntaxError { problem, span, hint: None });
        }
        if children.len() == 1
            && let Some(only) = children.pop()
        {
            return Ok(only);
        }
        Ok(Expr { kind: ExprKind::Gate { threshold: threshold as u16, children }, span })
    }

    fn nested(
        &mut self,
        inner: impl Fn(&mut Self) -> Result<Expr, SyntaxError>,
    ) -> Result<Expr, SyntaxError> {
        if self.depth == DEPTH_MAX {
            let problem = Problem::TooDeep("the formula".to_owned());
            return Err(SyntaxError { problem, span: self.span(), hint: None });
        }
        self.depth += 1;
        let expr = inner(self);
        self.depth -= 1;
        expr
    }
}

/// The number of parts needed, from 1 to their total.
fn number(digits: &str, total: usize, span: Range<usize>) -> Result<usize, SyntaxError> {
    match digits.parse::<usize>() {
        Ok(0) => Err(SyntaxError { problem: Problem::ThresholdZero, span, hint: None }),
        Ok(threshold) if threshold <= total => Ok(threshold),
        _ => {
            let problem =
                Problem::ThresholdTooLarge { threshold: digits.to_owned(), children: total };
            let hint = Some(format!("write `{total} of` or `all of` to need every part"));
            Err(SyntaxError { problem, span, hint })
        }
    }
}

fn count_expected(name: &str, span: Range<usize>) -> SyntaxError {
    let expected = "a number, `all`, `any` or `majority` before `of`";
    let hint = suggest::nearest(name, ["all", "any", "majority"])
        .map(|word| format!("did you mean `{word}`?"));
    let problem = Problem::Expected { expected, found: format!("`{name}`") };
    SyntaxError { problem, span, hint }
}
