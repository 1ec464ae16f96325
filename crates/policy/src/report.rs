//! Everything there is to say about a policy, as data.

pub(crate) mod text;

use std::cmp::Reverse;

use serde::{Serialize, Serializer};

use crate::assessment::Assessment;
use crate::conditions::{Condition, Failure, Judge, Verdict};
use crate::coverage::Work;
use crate::definition::{CERTIFY, DECIDE, FAST};
use crate::error::PolicyError;
use crate::families::minimal_sets;
use crate::render::Renderer;
use crate::repair::{Repair, repair};
use crate::{Definition, FaultModel, Formula, ServerIndex, ServerSet};

/// Holds a policy against the conditions of a fault model. A policy that fails them is reported
/// on like any other, with the counterexample and the smallest change that repairs it.
///
/// # Errors
/// [`PolicyError::Input`]: the writer's; names that cannot be resolved.
///
/// ```
/// use ally_policy::{Definition, FaultModel, check};
///
/// let text = r#"decide = "2 of (acme, globex, initech)""#;
/// let report = check(&Definition::parse(text, "policy.toml")?, FaultModel::Byzantine)?;
/// assert!(!report.is_ok());
/// assert!(report.to_text().contains("write `all of (acme, globex, initech)`"));
/// # Ok::<(), ally_policy::PolicyError>(())
/// ```
pub fn check(definition: &Definition, model: FaultModel) -> Result<Report, PolicyError> {
    let assessment = Assessment::of(definition, model)?;
    Ok(Report::of(definition, &assessment))
}

/// What [`check`] found. Serialises to the JSON of `ally policy check --json`.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    #[serde(skip)]
    file: String,
    model: FaultModel,
    servers: Vec<String>,
    organisations: Vec<OrganisationReport>,
    #[serde(serialize_with = "by_name")]
    conditions: Vec<ConditionReport>,
    two_step: TwoStep,
    decide_formula: String,
    fast_formula: Option<String>,
    kernel_formula: String,
    certify_formula: String,
    smallest_quorums: Vec<Vec<String>>,
    smallest_fast_quorums: Vec<Vec<String>>,
    smallest_certify_sets: Vec<Vec<String>>,
    largest_fail_prone: Vec<Vec<String>>,
    truncated: bool,
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    repair: Option<Repair>,
    warnings: Vec<String>,
    #[serde(skip)]
    words: Words,
}

/// What only the text needs.
#[derive(Debug, Clone, Default)]
struct Words {
    may_fail: Vec<String>,
    may_fail_fast: Vec<String>,
    failures: Vec<Failure>,
}

/// An organisation and its servers.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct OrganisationReport {
    pub(crate) name: String,
    pub(crate) servers: Vec<String>,
}

#[derive(Debug, Clone, Serialize)]
struct ConditionReport {
    #[serde(skip)]
    condition: Condition,
    holds: bool,
    /// Whether the policy needs it under its model.
    required: bool,
    counterexample: Option<Vec<Vec<String>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    leader: Option<String>,
    /// The exact search was given up, which counts as failed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    undecided: bool,
}

/// When decisions take two message steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TwoStep {
    /// Whenever the alliance can decide at all.
    Always,
    /// While fewer servers fail than the alliance survives; else three steps.
    Reduced,
    /// The policy cannot be used.
    Never,
}

fn by_name<S: Serializer>(
    conditions: &[ConditionReport],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(conditions.iter().map(|report| (report.condition.name(), report)))
}

impl Report {
    fn of(definition: &Definition, assessment: &Assessment) -> Self {
        let resolved = &assessment.resolved;
        let renderer = Renderer::new(resolved);
        let kernel = resolved.decide.dual();
        let certify = resolved.certify.as_ref().unwrap_or(&kernel);
        let fast = assessment.fast.as_ref();
        let text_of = |name: &str| definition.entry(name).map(|entry| tidy(&entry.text));
        let ok = assessment.is_ok();
        let mut sets = Sets { assessment, truncated: false };
        Self {
            file: definition.file().to_owned(),
            model: assessment.model,
            servers: resolved.servers.clone(),
            organisations: organisations(assessment),
            conditions: conditions(assessment),
            two_step: two_step(ok, assessment.slow_path()),
            decide_formula: text_of(DECIDE).unwrap_or_default(),
            fast_formula: fast.map(|fast| match text_of(FAST) {
                Some(given) => given,
                None if *fast == resolved.decide => text_of(DECIDE).unwrap_or_default(),
                None => renderer.formula(fast),
            }),
            kernel_formula: renderer.formula(&kernel),
            certify_formula: text_of(CERTIFY).unwrap_or_else(|| renderer.formula(&kernel)),
            smallest_quorums: sets.smallest(&resolved.decide),
            smallest_fast_quorums: fast.map(|fast| sets.smallest(fast)).unwrap_or_default(),
            smallest_certify_sets: sets.smallest(certify),
            largest_fail_prone: sets.largest_fail_prone(),
            truncated: sets.truncated,
            ok,
            repair: if ok { None } else { repair(definition, assessment) },
            warnings: warnings(assessment),
            words: Words {
                may_fail: outline(&renderer, &resolved.decide),
                may_fail_fast: fast.map(|fast| outline(&renderer, fast)).unwrap_or_default(),
                failures: assessment.failures(),
            },
        }
    }

    /// Whether every condition that the fault model asks for holds.
    pub fn is_ok(&self) -> bool {
        self.ok
    }

    /// When decisions take two steps.
    pub fn two_step(&self) -> TwoStep {
        self.two_step
    }

    /// Mistakes that are none by the rules, such as a formula that nothing uses.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

fn two_step(ok: bool, slow_path: bool) -> TwoStep {
    match (ok, slow_path) {
        (false, _) => TwoStep::Never,
        (true, true) => TwoStep::Reduced,
        (true, false) => TwoStep::Always,
    }
}

/// Lists sets by name and remembers whether one of the lists was cut.
struct Sets<'a> {
    assessment: &'a Assessment,
    truncated: bool,
}

impl Sets<'_> {
    fn smallest(&mut self, formula: &Formula) -> Vec<Vec<String>> {
        let family = minimal_sets(formula);
        self.truncated |= family.truncated;
        family.sets.iter().map(|set| self.assessment.names(set)).collect()
    }

    /// What every smallest quorum leaves over.
    fn largest_fail_prone(&self) -> Vec<Vec<String>> {
        let everybody = ServerSet::first(self.assessment.resolved.servers.len());
        let quorums = minimal_sets(&self.assessment.resolved.decide);
        let mut sets: Vec<ServerSet> =
            quorums.sets.iter().map(|quorum| everybody.difference(quorum)).collect();
        sets.sort_by_cached_key(|set| (Reverse(set.len()), set.iter().collect::<Vec<_>>()));
        sets.iter().map(|set| self.assessment.names(set)).collect()
    }
}

fn organisations(assessment: &Assessment) -> Vec<OrganisationReport> {
    let of = |organisation: &crate::Organisation| OrganisationReport {
        name: organisation.name().to_owned(),
        servers: assessment.names(&organisation.servers().iter().copied().collect()),
    };
    assessment.resolved.organisations.iter().map(of).collect()
}

fn conditions(assessment: &Assessment) -> Vec<ConditionReport> {
    let report = |(condition, verdict): &(Condition, Verdict)| {
        let failure = assessment.failure(*condition, verdict);
        ConditionReport {
            condition: *condition,
            holds: verdict.holds(),
            required: assessment.requires(*condition),
            counterexample: failure.sets,
            leader: failure.leader,
            undecided: *verdict == Verdict::Undecided,
        }
    };
    assessment.verdicts.iter().map(report).collect()
}

fn warnings(assessment: &Assessment) -> Vec<String> {
    let resolved = &assessment.resolved;
    let mut warnings = resolved.warnings.clone();
    let named = resolved.decide.servers();
    let repeats = named.len() < resolved.decide.leaf_count();
    let everybody = ServerSet::first(resolved.servers.len());
    let mut judge = Judge::new(everybody, &resolved.decide, Work::new(Work::CHECK));
    for (index, name) in resolved.servers.iter().enumerate() {
        let server = ServerIndex(index as u16);
        if !named.contains(server) {
            warnings.push(format!("`decide` does not lead to the server `{name}`"));
        } else if repeats && !judge.is_needed(server) {
            warnings.push(format!("no smallest quorum needs the server `{name}`"));
        }
    }
    warnings
}

/// What may fail in words, or nothing where servers repeat and lists say it better.
fn outline(renderer: &Renderer<'_>, formula: &Formula) -> Vec<String> {
    let once = formula.servers().len() == formula.leaf_count();
    if once { renderer.may_fail(formula) } else { Vec::new() }
}

/// A formula's own text on one line.
fn tidy(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
