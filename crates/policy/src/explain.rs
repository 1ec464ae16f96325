//! What is left of an alliance after some servers failed.

use serde::Serialize;

use crate::policy::TrustPolicy;
use crate::render::count_of;
use crate::report::text::{COLUMNS, Text};
use crate::{Formula, SERVERS_MAX, ServerIndex, ServerSet};

/// Choices of repeated servers that are tried when the cheapest further failure is looked for.
const CHOICES_MAX: u32 = 1 << 14;

/// What [`explain`] found. Serialises to the JSON of `ally policy explain -o json`.
#[derive(Debug, Clone, Serialize)]
pub struct Explanation {
    failed: Vec<String>,
    /// Whether nothing wrong can be decided, even if the failed servers lie.
    safe: bool,
    /// Whether the others can decide.
    live: bool,
    /// Whether the others decide in two steps.
    fast: bool,
    /// Whether the others can sign what they decided.
    certifies: bool,
    /// Whether the failed servers, if they lie, can sign what was never decided.
    can_forge: bool,
    /// Organisations without enough servers to count.
    missing_organisations: Vec<String>,
    /// How many more servers, whichever they are, may fail with the alliance staying live;
    /// absent if that is too much work to find out.
    #[serde(skip_serializing_if = "Option::is_none")]
    more_may_fail: Option<usize>,
    /// A smallest set of further servers whose failure would stop the alliance.
    #[serde(skip_serializing_if = "Option::is_none")]
    would_stop: Option<Vec<String>>,
}

/// Tells whether the alliance is still safe, live and fast after these servers failed, and what
/// more it can bear.
pub fn explain(policy: &TrustPolicy, failed: &ServerSet) -> Explanation {
    let left = policy.everybody().difference(failed);
    let live = policy.is_quorum(&left);
    let next = if live { cheapest_stop(policy.decide(), &left) } else { None };
    let names = |set: &ServerSet| -> Vec<String> {
        let named = set.iter().filter_map(|server| policy.servers().get(server.index()));
        named.cloned().collect()
    };
    let missing = policy.organisations().iter().filter(|organisation| {
        let own: ServerSet = organisation.servers().iter().copied().collect();
        !own.intersection(failed).is_empty() && !still_counts(policy.decide(), &own, &left)
    });
    Explanation {
        failed: names(failed),
        safe: policy.is_fail_prone(failed),
        live,
        fast: policy.is_fast_quorum(&left),
        certifies: policy.is_certify_set(&left),
        can_forge: policy.is_certify_set(failed),
        missing_organisations: missing.map(|organisation| organisation.name().to_owned()).collect(),
        more_may_fail: next.map(|set| set.len().saturating_sub(1)),
        would_stop: next.map(|set| names(&set)),
    }
}

/// Whether some part of the formula that names servers of this organisation only is still true.
fn still_counts(formula: &Formula, own: &ServerSet, left: &ServerSet) -> bool {
    if formula.servers().is_subset(own) {
        return formula.holds(left);
    }
    match formula {
        Formula::Leaf(_) => false,
        Formula::Gate(gate) => gate.children().iter().any(|child| still_counts(child, own, left)),
    }
}

/// A smallest set of servers without which the formula is false on what is left; `None` where
/// servers repeat in too many places.
fn cheapest_stop(formula: &Formula, left: &ServerSet) -> Option<ServerSet> {
    let mut leaves = [0u16; SERVERS_MAX];
    for server in formula.leaves() {
        leaves[server.index()] += 1;
    }
    let repeated: Vec<ServerIndex> =
        left.iter().filter(|server| leaves[server.index()] > 1).collect();
    let choices = 1u32.checked_shl(repeated.len() as u32).filter(|count| *count <= CHOICES_MAX)?;
    // A repeated server fails or not, whatever its other leaves would like: both are tried.
    let mut best: Option<ServerSet> = None;
    for choice in 0..choices {
        let chosen = repeated.iter().enumerate().filter(|(at, _)| choice >> at & 1 == 1);
        let fallen: ServerSet = chosen.map(|(_, server)| *server).collect();
        let kept: ServerSet = repeated.iter().copied().collect::<ServerSet>().difference(&fallen);
        let rest = left.difference(&fallen);
        let Some(set) = cheapest(formula, &rest, &kept) else { continue };
        let set = set.union(&fallen);
        if best.is_none_or(|best| set.len() < best.len()) {
            best = Some(set);
        }
    }
    best
}

/// A smallest set of servers that makes the formula false, without the `kept` ones; `None` if
/// there is none.
fn cheapest(formula: &Formula, left: &ServerSet, kept: &ServerSet) -> Option<ServerSet> {
    match formula {
        Formula::Leaf(server) if !left.contains(*server) => Some(ServerSet::EMPTY),
        Formula::Leaf(server) if kept.contains(*server) => None,
        Formula::Leaf(server) => Some(ServerSet::from_iter([*server])),
        Formula::Gate(gate) => {
            let parts = gate.children().iter().filter_map(|child| cheapest(child, left, kept));
            let mut parts: Vec<ServerSet> = parts.collect();
            parts.sort_by_key(ServerSet::len);
            let needed = usize::from(gate.tolerance()) + 1;
            (parts.len() >= needed).then(|| {
                parts.iter().take(needed).fold(ServerSet::EMPTY, |all, part| all.union(part))
            })
        }
    }
}

impl Explanation {
    /// Whether the alliance can decide.
    pub fn is_live(&self) -> bool {
        self.live
    }

    /// Whether nothing wrong can be decided, even if the failed servers lie.
    pub fn is_safe(&self) -> bool {
        self.safe
    }

    /// Whether decisions take two steps.
    pub fn is_fast(&self) -> bool {
        self.fast
    }

    /// Organisations without enough servers to count.
    pub fn missing_organisations(&self) -> &[String] {
        &self.missing_organisations
    }

    /// How many more servers, whichever they are, may fail with the alliance staying live; `None`
    /// if it is not live, or if that is too much work to find out.
    pub fn more_may_fail(&self) -> Option<usize> {
        self.more_may_fail
    }

    /// The explanation as text of up to about 100 columns, without colours.
    pub fn to_text(&self) -> String {
        self.to_text_within(COLUMNS)
    }

    /// The explanation as text of up to about so many columns (60 at least), without colours.
    pub fn to_text_within(&self, columns: usize) -> String {
        let mut text = Text::within(columns);
        let failed =
            if self.failed.is_empty() { "nobody".to_owned() } else { self.failed.join(", ") };
        text.line(&format!("after the failure of {failed}:"));
        text.gap();
        text.row("Safe", self.safety());
        text.row("Live", if self.live { "yes: the others can decide" } else { self.standstill() });
        text.row("Fast", self.speed());
        text.row("Certificates", self.certificates());
        if !self.missing_organisations.is_empty() {
            text.row("Out", &self.missing_organisations.join(", "));
        }
        text.gap();
        text.row("Margin", &self.margin());
        text.text
    }

    fn safety(&self) -> &'static str {
        match (self.safe, self.can_forge) {
            (true, _) => "yes, even if these servers lie",
            (false, false) => "yes if these servers merely stopped; if they lie, no promise holds",
            (false, true) => {
                "yes if these servers merely stopped; if they lie, they can even sign for the \
                 alliance"
            }
        }
    }

    fn standstill(&self) -> &'static str {
        "no: nothing is decided until some of them return; nothing decided is lost"
    }

    fn speed(&self) -> &'static str {
        match (self.live, self.fast) {
            (true, true) => "yes: decisions take two steps",
            (true, false) => "no: decisions take three steps",
            (false, _) => "no",
        }
    }

    fn certificates(&self) -> &'static str {
        if self.certifies {
            "yes: the others can sign what is decided"
        } else {
            "no: too few are left to sign"
        }
    }

    fn margin(&self) -> String {
        let Some(stop) = &self.would_stop else {
            return if self.live {
                "not found out: there are too many ways to fail to look at each".to_owned()
            } else {
                "none: the alliance stands still".to_owned()
            };
        };
        let more = match self.more_may_fail.unwrap_or(0) {
            0 => "no other server may fail".to_owned(),
            1 => "any one other server may fail too".to_owned(),
            more => format!("any {} other servers may fail too", count_of(more)),
        };
        let example = match stop.as_slice() {
            [only] => format!("{only} failing too would stop it"),
            all => format!("{} failing too would stop it", all.join(", ")),
        };
        format!("{more}; {example}")
    }
}
