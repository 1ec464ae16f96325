//! The smallest change that repairs a policy.

use std::ops::Range;

use serde::Serialize;

use crate::assessment::Assessment;
use crate::conditions::{Condition, Judge};
use crate::coverage::Work;
use crate::definition::{CERTIFY, DECIDE, Entry, FAST, Resolved, resolve};
use crate::syntax::{Expr, ExprKind};
use crate::{Definition, Formula, SERVERS_MAX, ServerIndex, ServerSet};

/// The most changes that are tried: every one is a check of its own.
const TRIES_MAX: usize = 256;

/// Policies with more leaves are not repaired: the tries would take seconds.
const LEAVES_REPAIRED_MAX: usize = 128;

/// What to change for the policy to be accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Repair {
    changes: Vec<Change>,
    /// Another way, where there is one: more members instead of a higher threshold.
    #[serde(skip_serializing_if = "Option::is_none")]
    alternative: Option<String>,
}

/// One part of a formula to be written differently.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    formula: String,
    old: String,
    /// `None`: leave the whole line out.
    new: Option<String>,
}

impl Repair {
    /// The changes, one line each, as a person would be told.
    pub fn lines(&self) -> Vec<String> {
        let line = |change: &Change| match &change.new {
            Some(new) => {
                format!("in `{}` write `{new}` instead of `{}`", change.formula, change.old)
            }
            None => format!("leave out the line `{}`", change.formula),
        };
        let changes = self.changes.iter().map(line);
        changes.chain(self.alternative.iter().map(|other| format!("or {other}"))).collect()
    }
}

/// The smallest change found: one gate by as little as possible; else the same cap on what every
/// gate may miss; for a given `fast` or `certify` also doing without it.
pub(crate) fn repair(definition: &Definition, assessment: &Assessment) -> Option<Repair> {
    if assessment.resolved.decide.leaf_count() > LEAVES_REPAIRED_MAX {
        return None;
    }
    let failed: Vec<Condition> =
        assessment.failures().iter().map(|failure| failure.condition()).collect();
    let of_certify = [Condition::CertifyUnforgeable, Condition::CertifyLive];
    let mut tries = Tries { definition, assessment, left: TRIES_MAX };
    let changes = if failed.iter().all(|condition| of_certify.contains(condition)) {
        tries.one_gate(&[CERTIFY]).or_else(|| tries.without(CERTIFY))
    } else if failed.contains(&Condition::Q3) || failed.contains(&Condition::Q2) {
        let names: Vec<&str> = definition.formulas().map(|(name, _)| name).collect();
        let rules: Vec<&str> =
            names.into_iter().filter(|name| ![FAST, CERTIFY].contains(name)).collect();
        let below: Vec<&str> = rules.iter().copied().filter(|name| *name != DECIDE).collect();
        tries
            .one_gate(&rules)
            .or_else(|| tries.every_gate(&below))
            .or_else(|| tries.every_gate(&rules))
    } else {
        tries.one_gate(&[FAST]).or_else(|| tries.without(FAST))
    };
    let alternative = if failed == [Condition::Q3] { wider(assessment) } else { None };
    if changes.is_none() && alternative.is_none() {
        return None;
    }
    Some(Repair { changes: changes.unwrap_or_default(), alternative })
}

struct Tries<'a> {
    definition: &'a Definition,
    assessment: &'a Assessment,
    left: usize,
}

/// A gate of an entry with a new threshold.
struct Edit<'a> {
    entry: &'a Entry,
    span: Range<usize>,
    new: String,
}

impl Edit<'_> {
    fn change(&self) -> Change {
        let old = self.entry.text[self.span.clone()].to_owned();
        Change { formula: self.entry.name.clone(), old, new: Some(self.new.clone()) }
    }

    fn apply(&self, text: &mut String) {
        text.replace_range(self.span.clone(), &self.new);
    }
}

impl<'a> Tries<'a> {
    /// Changes one gate of the named formulas: by one, then by two, ...; raised first.
    fn one_gate(&mut self, names: &[&str]) -> Option<Vec<Change>> {
        let definition = self.definition;
        let entries: Vec<&Entry> = names.iter().filter_map(|name| definition.entry(name)).collect();
        let gates: Vec<(&Entry, &Expr)> = entries
            .iter()
            .flat_map(|entry| gates(&entry.expr).into_iter().map(|gate| (*entry, gate)))
            .collect();
        let widest = gates.iter().map(|(_, gate)| size(gate)).max().unwrap_or(0) as i32;
        for distance in 1..widest {
            for step in [distance, -distance] {
                for (entry, gate) in &gates {
                    let Some(edit) = edit(entry, gate, step) else { continue };
                    if self.accepted(std::slice::from_ref(&edit))? {
                        return Some(vec![edit.change()]);
                    }
                }
            }
        }
        None
    }

    /// Lets every gate of the named formulas miss less, all of them by the same cap.
    fn every_gate(&mut self, names: &[&str]) -> Option<Vec<Change>> {
        let definition = self.definition;
        let entries: Vec<&Entry> = names.iter().filter_map(|name| definition.entry(name)).collect();
        let widest = entries.iter().flat_map(|entry| gates(&entry.expr)).map(size).max();
        for cap in (0..widest.unwrap_or(0)).rev() {
            let edits: Vec<Edit<'_>> =
                entries.iter().filter_map(|entry| capped(entry, cap)).collect();
            if !edits.is_empty() && self.accepted(&edits)? {
                return Some(edits.iter().map(Edit::change).collect());
            }
        }
        None
    }

    /// Does without a formula that has a default.
    fn without(&mut self, name: &str) -> Option<Vec<Change>> {
        let old = self.definition.entry(name)?.text.clone();
        let kept = self.definition.without_formula(name)?;
        let work = Work::new(Work::TRY);
        let assessment = Assessment::within(&kept, self.assessment.model, work).ok()?;
        let change = Change { formula: name.to_owned(), old, new: None };
        assessment.is_ok().then(|| vec![change])
    }

    /// Whether the policy passes with these edits; `None` when enough was tried.
    fn accepted(&mut self, edits: &[Edit<'_>]) -> Option<bool> {
        self.left = self.left.checked_sub(1)?;
        let model = self.assessment.model;
        let mut changed = self.definition.clone();
        for edit in edits {
            let mut text = edit.entry.text.clone();
            edit.apply(&mut text);
            changed = changed.with_formula(&edit.entry.name, &text)?;
        }
        if !self.could_be_ok(&changed)? {
            return Some(false);
        }
        Some(Assessment::within(&changed, model, Work::new(Work::TRY)).ok()?.is_ok())
    }

    /// A quick look before the whole assessment: whether quorums share what they have to.
    fn could_be_ok(&self, changed: &Definition) -> Option<bool> {
        let resolved = resolve(changed).ok()?;
        let everybody = ServerSet::first(resolved.servers.len());
        let mut judge = Judge::new(everybody, &resolved.decide, Work::new(Work::TRY));
        Some(if self.assessment.requires(Condition::Q3) {
            judge.q3().holds()
        } else {
            judge.q2(&resolved.decide).holds()
        })
    }
}

/// The gates of a formula, outermost first.
fn gates(expr: &Expr) -> Vec<&Expr> {
    match &expr.kind {
        ExprKind::Name(_) => Vec::new(),
        ExprKind::Gate { children, .. } => {
            std::iter::once(expr).chain(children.iter().flat_map(gates)).collect()
        }
    }
}

fn size(expr: &Expr) -> usize {
    match &expr.kind {
        ExprKind::Name(_) => 1,
        ExprKind::Gate { children, .. } => children.len(),
    }
}

/// The gate with its threshold moved by `step`, if that is a gate.
fn edit<'a>(entry: &'a Entry, gate: &Expr, step: i32) -> Option<Edit<'a>> {
    let ExprKind::Gate { threshold, children } = &gate.kind else { return None };
    let moved = usize::try_from(i32::from(*threshold) + step).ok()?;
    if moved == 0 || moved > children.len() {
        return None;
    }
    let parts: Vec<&str> = children.iter().map(|child| &entry.text[child.span.clone()]).collect();
    let count = if moved == children.len() { "all".to_owned() } else { moved.to_string() };
    let new = format!("{count} of ({})", parts.join(", "));
    Some(Edit { entry, span: gate.span.clone(), new })
}

/// The whole formula with every gate missing at most `cap`; `None` if nothing changes.
fn capped(entry: &Entry, cap: usize) -> Option<Edit<'_>> {
    let new = capped_text(&entry.text, &entry.expr, cap);
    let span = entry.expr.span.clone();
    (gates(&entry.expr).iter().any(|gate| missed(gate) > cap)).then_some(Edit { entry, span, new })
}

fn missed(expr: &Expr) -> usize {
    match &expr.kind {
        ExprKind::Name(_) => 0,
        ExprKind::Gate { threshold, children } => children.len() - usize::from(*threshold),
    }
}

fn capped_text(text: &str, expr: &Expr, cap: usize) -> String {
    let ExprKind::Gate { children, .. } = &expr.kind else {
        return text[expr.span.clone()].to_owned();
    };
    let missed = missed(expr).min(cap);
    let count = if missed == 0 { "all".to_owned() } else { (children.len() - missed).to_string() };
    let parts: Vec<String> = children.iter().map(|child| capped_text(text, child, cap)).collect();
    format!("{count} of ({})", parts.join(", "))
}

/// More members in place of higher thresholds: every gate that can miss g parts gets 3g + 1 of
/// them, as many as three sets that may fail cannot cover.
fn wider(assessment: &Assessment) -> Option<String> {
    let resolved = &assessment.resolved;
    let mut widening = Widening { servers: resolved.servers.len(), steps: Vec::new() };
    let decide = widening.widen(&resolved.decide, resolved)?;
    let servers = widening.servers;
    if servers > SERVERS_MAX {
        return None;
    }
    let mut judge = Judge::new(ServerSet::first(servers), &decide, Work::new(Work::TRY));
    if !judge.q3().holds() {
        return None;
    }
    // Organisations that need the same are named together.
    let mut steps: Vec<(Vec<String>, usize, usize)> = Vec::new();
    for (name, parts, needed) in widening.steps {
        match steps.iter_mut().find(|(_, p, n)| (*p, *n) == (parts, needed)) {
            Some((names, ..)) => names.push(name),
            None => steps.push((vec![name], parts, needed)),
        }
    }
    let step = |(names, parts, needed): &(Vec<String>, usize, usize)| {
        let each = if names.len() > 1 { " each" } else { "" };
        format!("give {} {parts} parts{each}, of which {needed} are needed", names.join(", "))
    };
    let steps: Vec<String> = steps.iter().map(step).collect();
    (!steps.is_empty()).then(|| steps.join("; "))
}

struct Widening {
    /// The number of servers, with the new ones.
    servers: usize,
    /// The gates that were widened: name, parts, parts needed.
    steps: Vec<(String, usize, usize)>,
}

impl Widening {
    fn widen(&mut self, formula: &Formula, resolved: &Resolved) -> Option<Formula> {
        let Formula::Gate(gate) = formula else { return Some(formula.clone()) };
        let parts = 3 * usize::from(gate.tolerance()) + 1;
        let missing = parts.saturating_sub(gate.children().len());
        if missing > 0 {
            let named = resolved.named.iter().find(|(_, own)| own == formula);
            let name = if *formula == resolved.decide { DECIDE } else { &named?.0 };
            self.steps.push((format!("`{name}`"), parts, parts - usize::from(gate.tolerance())));
        }
        let mut children = Vec::new();
        for child in gate.children() {
            children.push(self.widen(child, resolved)?);
        }
        for _ in 0..missing {
            children.push(Formula::Leaf(ServerIndex(self.servers as u16)));
            self.servers += 1;
        }
        Formula::gate(gate.threshold() + missing as u16, children).ok()
    }
}
