//! Policies as people write them: what is accepted prints and reads as the same policy, is what the
//! report says it is, and keeps its promise where all sets of servers can be tried.

use crate::cursor::Cursor;
use ally_policy::{
    Definition, FaultModel, PolicyError, ServerIndex, ServerSet, TrustPolicy, check, explain,
};
use serde::Deserialize;

/// The longest text: longer ones hold nothing new and take long.
const TEXT_BYTES_MAX: usize = 2048;
/// All sets of so many servers are tried.
const TRIED_SERVERS_MAX: usize = 6;

/// `model (1) || text`.
pub(super) fn run(data: &[u8]) {
    let mut cursor = Cursor::new(data);
    let model = FaultModel::ALL[cursor.below(FaultModel::ALL.len())];
    let Ok(text) = str::from_utf8(cursor.rest()) else { return };
    if text.len() > TEXT_BYTES_MAX {
        return;
    }
    let definition = match Definition::parse(text, "policy.toml") {
        Ok(definition) => definition,
        Err(error) => return assert_ne!(error.to_string(), "", "an error says something"),
    };
    let printed = Definition::parse(&print(&definition), "policy.toml").expect("it was accepted");
    assert!(printed.formulas().eq(definition.formulas()), "formulas come back from a print");
    let policy = TrustPolicy::new(&definition, model);
    let Ok(report) = check(&definition, model) else {
        return assert!(policy.is_err(), "a policy that cannot be assessed is not accepted");
    };
    assert_eq!(report.is_ok(), policy.is_ok(), "the report says what is accepted");
    assert_ne!(report.to_text(), "");
    let Ok(policy) = policy else { return };
    let again = TrustPolicy::new(&printed, model).expect("accepted before");
    assert_eq!(again.digest(), policy.digest(), "the same policy");
    let report = serde_json::to_string(&report).expect("JSON");
    let report = serde_json::from_str(&report).expect("of the known form");
    renders_faithfully(&definition, &policy, report);
    keeps_its_promise(&policy);
}

/// Policies of all shapes.
pub(super) fn seeds() -> Vec<Vec<u8>> {
    [
        r#"decide = "3 of (a, b, c, d)""#,
        "decide = \"5 of (a, b, c, d, e, f, g)\"\nfast = \"6 of (a, b, c, d, e, f, g)\"\n",
        "decide = '''3 of (acme, globex, initech, umbrella)'''\nacme = \"acme-1 and acme-2\"\n\
         globex = 'any of (g1, g2)'\n",
        "# three organisations\ndecide = \"all of (x, y, majority of (p, q, r,),)\"\n\
         certify = \"x or (y and p)\"\n",
        "decide = \"2 of (a and b, c or d, \\u0061, e)\"",
        "decide = \"a\"",
        "decide = \"4 of (a, b, c, d, e)\"\n\"b\" = \"b1 and b2\"\ncertify = \"2 of (a, b, c)\"",
        "decide = \"3 of (a, b, c, b)\"\nfast = \"majority of (a)\"",
    ]
    .into_iter()
    .flat_map(|text| [0, 1, 2].map(|model| [&[model][..], text.as_bytes()].concat()))
    .collect()
}

/// The definition as a document of its own.
fn print(definition: &Definition) -> String {
    let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
    let line = |(name, formula)| format!("{} = {}\n", quoted(name), quoted(formula));
    definition.formulas().map(line).collect()
}

/// The formulas that a report shows.
#[derive(Deserialize)]
struct Shown {
    decide_formula: String,
    fast_formula: Option<String>,
    kernel_formula: String,
    certify_formula: String,
}

/// Every formula that is shown to people is, read as part of the same policy, satisfied by the same
/// sets as the one that is in force.
fn renders_faithfully(definition: &Definition, policy: &TrustPolicy, shown: Shown) {
    let with = |name: &str, formula: &str| {
        let others = definition.formulas().filter(|(own, _)| *own != name);
        let formulas: Vec<_> = others.chain([(name, formula)]).collect();
        let definition = Definition::from_formulas(formulas, "policy.toml", None)?;
        TrustPolicy::new(&definition, policy.model())
    };
    let same = |read: Result<TrustPolicy, PolicyError>, part: &str, holds: Holds, own: Holds| {
        let read = read.unwrap_or_else(|error| panic!("{part} as it is shown: {error}"));
        for set in sets(policy) {
            let there = renamed(&set, policy, &read);
            assert_eq!(holds(&read, &there), own(policy, &set), "{part} as it is shown, {set:?}");
        }
    };
    type Holds = fn(&TrustPolicy, &ServerSet) -> bool;
    let quorum: Holds = TrustPolicy::is_quorum;
    same(with("decide", &shown.decide_formula), "decide", quorum, quorum);
    let certify: Holds = TrustPolicy::is_certify_set;
    same(with("certify", &shown.certify_formula), "certify", certify, certify);
    same(with("certify", &shown.kernel_formula), "kernel", certify, TrustPolicy::is_kernel);
    if let Some(fast) = shown.fast_formula {
        let fast_quorum: Holds = TrustPolicy::is_fast_quorum;
        same(with("fast", &fast), "fast", fast_quorum, fast_quorum);
    }
}

/// The same servers in another policy, which may have them in another order.
fn renamed(set: &ServerSet, from: &TrustPolicy, to: &TrustPolicy) -> ServerSet {
    set.iter().filter_map(|server| to.server(&from.servers()[server.index()])).collect()
}

/// All sets of servers, if there are few; else some of each size.
fn sets(policy: &TrustPolicy) -> Vec<ServerSet> {
    let count = policy.server_count();
    if count <= TRIED_SERVERS_MAX {
        let of = |bits: u32| {
            let inside = (0..count as u16).filter(|server| bits >> server & 1 == 1);
            inside.map(ServerIndex).collect()
        };
        return (0..1_u32 << count).map(of).collect();
    }
    let run = |start: usize, length: usize| {
        (start..start + length).map(|at| ServerIndex((at % count) as u16)).collect()
    };
    (0..=count).flat_map(|length| [run(0, length), run(length / 2, length)]).collect()
}

/// Two quorums share more than may fail together, and what may fail leaves a quorum.
fn keeps_its_promise(policy: &TrustPolicy) {
    let sets = sets(policy);
    let quorums: Vec<_> = sets.iter().filter(|set| policy.is_quorum(set)).collect();
    assert!(policy.is_quorum(&policy.everybody()), "all together decide");
    for one in &quorums {
        for other in &quorums {
            let common = one.intersection(other);
            assert!(!common.is_empty(), "{one:?} and {other:?} decide apart");
            if policy.model() == FaultModel::Byzantine {
                assert!(!policy.is_fail_prone(&common), "{common:?} can say both");
            }
        }
    }
    for set in &sets {
        let others = policy.everybody().difference(set);
        assert_eq!(policy.is_fail_prone(set), policy.is_quorum(&others), "{set:?}");
        assert!(policy.is_quorum(set) || !policy.is_fast_quorum(set), "a fast quorum is a quorum");
        assert_ne!(explain(policy, set).to_text(), "");
    }
}
