//! Formulas back to text, and what may fail in words.

use crate::definition::Resolved;
use crate::formula::Gate;
use crate::{Formula, ServerIndex};

/// Writes formulas with the names of a policy.
pub(crate) struct Renderer<'a> {
    resolved: &'a Resolved,
}

impl<'a> Renderer<'a> {
    pub(crate) fn new(resolved: &'a Resolved) -> Self {
        Self { resolved }
    }

    /// The formula in the language it is written in, organisations by name where they are
    /// unchanged.
    pub(crate) fn formula(&self, formula: &Formula) -> String {
        match formula {
            Formula::Leaf(_) => self.part(formula),
            Formula::Gate(gate) => self.gate(gate),
        }
    }

    fn gate(&self, gate: &Gate) -> String {
        let count = match (gate.threshold(), gate.tolerance()) {
            (_, 0) => "all".to_owned(),
            (1, _) => "any".to_owned(),
            (threshold, _) => threshold.to_string(),
        };
        let mut parts = Vec::new();
        for child in gate.children() {
            match child {
                // "All of" within "all of" says nothing new.
                Formula::Gate(inner)
                    if gate.tolerance() == 0 && self.is_plain_all(inner, child) =>
                {
                    parts.extend(inner.children().iter().map(|part| self.part(part)));
                }
                _ => parts.push(self.part(child)),
            }
        }
        format!("{count} of ({})", parts.join(", "))
    }

    fn is_plain_all(&self, gate: &Gate, formula: &Formula) -> bool {
        gate.tolerance() == 0 && !self.is_organisation(formula)
    }

    /// A part by its name, if it has one, else in full.
    fn part(&self, formula: &Formula) -> String {
        let named = self.resolved.named.iter().find(|(_, own)| own == formula);
        match (named, formula) {
            (Some((name, _)), _) => name.clone(),
            (None, Formula::Leaf(server)) => self.server(*server).to_owned(),
            (None, Formula::Gate(gate)) => self.gate(gate),
        }
    }

    fn server(&self, server: ServerIndex) -> &str {
        self.resolved.servers.get(server.index()).map_or("?", String::as_str)
    }

    /// What may fail at once with the formula still true, an outline with two spaces of indent a
    /// level. Only for formulas that name every server once: elsewhere a server fails in several
    /// places at once.
    pub(crate) fn may_fail(&self, formula: &Formula) -> Vec<String> {
        match formula {
            Formula::Leaf(server) => vec![format!("nobody: {} is needed", self.server(*server))],
            Formula::Gate(gate) if gate.leaves() == gate.children().len() => {
                vec![self.servers_may_fail(gate)]
            }
            Formula::Gate(gate) => self.parts_may_fail(gate),
        }
    }

    fn servers_may_fail(&self, gate: &Gate) -> String {
        let kind = if gate.children().iter().all(|child| self.is_organisation(child)) {
            "organisations"
        } else {
            "servers"
        };
        let total = count_of(gate.children().len());
        match gate.tolerance() {
            0 if gate.children().len() == 2 => format!("nobody: both {kind} are needed"),
            0 => format!("nobody: all {total} {kind} are needed"),
            tolerance => format!("any {} of the {total} {kind}", count_of(tolerance.into())),
        }
    }

    fn is_organisation(&self, formula: &Formula) -> bool {
        self.resolved.named.iter().any(|(_, own)| own == formula)
    }

    fn parts_may_fail(&self, gate: &Gate) -> Vec<String> {
        let all = gate.children().iter().all(|child| self.is_organisation(child));
        let kind = if all { "organisations" } else { "parts" };
        let total = count_of(gate.children().len());
        let whole = match gate.tolerance() {
            0 => format!("none of the {total} {kind} as a whole"),
            tolerance => {
                format!("any {} of the {total} {kind} as a whole", count_of(tolerance.into()))
            }
        };
        let mut lines = vec![whole];
        let others = if gate.tolerance() > 0 { "the other" } else { "the" };
        let shapes: Vec<(u16, usize)> = gate.children().iter().map(shape).collect();
        let alike = shapes.windows(2).all(|pair| pair[0] == pair[1]);
        let flat = gate.children().iter().all(|child| child.depth() <= 1);
        if let (true, true, Some((tolerance, total))) = (alike, flat, shapes.first()) {
            lines.push(match tolerance {
                0 => format!("and in {others} {kind}: nobody"),
                _ => format!(
                    "and in each of {others} {kind}: any {} of {} servers",
                    count_of((*tolerance).into()),
                    count_of(*total)
                ),
            });
            return lines;
        }
        lines.push(format!("and in {others} {kind}:"));
        let (whole, split): (Vec<&Formula>, Vec<&Formula>) =
            gate.children().iter().partition(|child| child.depth() == 0);
        for child in split {
            lines.extend(self.part_may_fail(child));
        }
        if !whole.is_empty() {
            let names: Vec<String> = whole.into_iter().map(|child| self.part(child)).collect();
            lines.push(format!("  {}: nobody", names.join(", ")));
        }
        lines
    }

    fn part_may_fail(&self, part: &Formula) -> Vec<String> {
        let name = self.part(part);
        match self.may_fail(part).as_slice() {
            [only] => vec![format!("  {name}: {only}")],
            inner => {
                let inner = inner.iter().map(|line| format!("    {line}"));
                std::iter::once(format!("  {name}:")).chain(inner).collect()
            }
        }
    }
}

/// Tolerance and size of a part.
fn shape(formula: &Formula) -> (u16, usize) {
    match formula {
        Formula::Leaf(_) => (0, 1),
        Formula::Gate(gate) => (gate.tolerance(), gate.children().len()),
    }
}

/// Small numbers as words.
pub(crate) fn count_of(number: usize) -> String {
    const WORDS: [&str; 13] = [
        "no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
        "eleven", "twelve",
    ];
    WORDS.get(number).map_or_else(|| number.to_string(), |word| (*word).to_owned())
}
