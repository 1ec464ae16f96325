//! Every answer of the crate against an oracle that enumerates sets, on random policies of up to
//! nine servers, repeated ones included.
//!
//! The oracle shares nothing with the crate: it has its own formulas, its own evaluation (tables
//! over all sets) and decides coverings by inclusion and exclusion, where the crate walks a tree.

mod families;
mod generate;
mod random;

use ally_policy::{
    Definition, FaultModel, PolicyError, ServerIndex, ServerSet, TrustPolicy, check, explain,
};
use families::Families;
use generate::Sample;
use random::Random;
use serde_json::Value;

/// Policies compared in one run, in four parts that run side by side.
const POLICIES: u64 = 28_000;

#[test]
fn prop_flat_and_nested_policies() {
    compare_all(0);
}

#[test]
fn prop_more_nested_policies() {
    compare_all(1);
}

#[test]
fn prop_policies_with_fast_formulas() {
    compare_all(2);
}

#[test]
fn prop_policies_with_fast_and_certify_formulas() {
    compare_all(3);
}

fn compare_all(part: u64) {
    let mut tally = Tally::default();
    for seed in 0..POLICIES / 4 {
        let mut random = Random::new(part * POLICIES + seed);
        let sample = Sample::draw(&mut random, part);
        compare(&sample, &mut random, &mut tally);
    }
    // A comparison that only ever saw one answer would show nothing.
    assert!(tally.accepted > 200 && tally.refused > 200, "{tally:?}");
    assert!(tally.repeated > 200 && tally.reduced > 50, "{tally:?}");
    assert!(tally.possibly_decided.iter().all(|count| *count > 200), "{tally:?}");
}

#[derive(Debug, Default)]
struct Tally {
    accepted: usize,
    refused: usize,
    repeated: usize,
    reduced: usize,
    possibly_decided: [usize; 2],
}

fn compare(sample: &Sample, random: &mut Random, tally: &mut Tally) {
    let text = sample.text();
    let definition = Definition::parse(&text, "p.toml").expect(&text);
    let models = FaultModel::ALL;
    let model = models[random.below(models.len())];
    let report = check(&definition, model).expect(&text);
    let json = serde_json::to_value(&report).expect("a report serialises");
    let names = strings(&json["servers"]);
    let truth = Families::new(sample, &names);
    tally.repeated += usize::from(sample.repeats());
    tally.reduced += usize::from(json["two_step"] == "reduced");

    compare_condition(&text, &json, "q3", truth.q3(), &truth, [3, 0]);
    compare_condition(&text, &json, "fast", truth.fast(), &truth, [3, 2]);
    assert_eq!(json["conditions"]["q2"]["holds"], truth.q2(), "q2\n{text}");
    if model == FaultModel::AttestedLeader {
        let leader = &json["conditions"]["attested_leader"];
        assert_eq!(leader["holds"], truth.attested_leader(), "attested leader\n{text}");
    }
    compare_given_formulas(&text, &json, &truth);
    compare_lists(&text, &json, &truth);

    match TrustPolicy::new(&definition, model) {
        Ok(policy) => {
            tally.accepted += 1;
            assert!(report.is_ok(), "accepted against the report\n{text}");
            compare_policy(&text, &policy, &truth, random, tally);
        }
        Err(PolicyError::Refused(_)) => {
            tally.refused += 1;
            assert!(!report.is_ok(), "refused against the report\n{text}");
        }
        Err(other) => panic!("{other}\n{text}"),
    }
}

/// Compares a condition, and checks that a counterexample is one.
fn compare_condition(
    text: &str,
    json: &Value,
    name: &str,
    holds: bool,
    truth: &Families,
    sets: [usize; 2],
) {
    let report = &json["conditions"][name];
    assert_eq!(report["holds"], holds, "{name}\n{text}");
    if holds {
        assert!(report["counterexample"].is_null(), "{name}\n{text}");
        return;
    }
    let found = report["counterexample"].as_array().expect("a failure has a counterexample");
    let found: Vec<usize> = found.iter().map(|set| truth.mask(&strings(set))).collect();
    assert_eq!(found.len(), sets[0] + sets[1], "{name}\n{text}");
    assert_eq!(found.iter().fold(0, |all, set| all | set), truth.everybody(), "{name}\n{text}");
    let (slow, fast) = found.split_at(sets[0]);
    assert!(slow.iter().all(|set| truth.may_fail(*set)), "{name}\n{text}");
    assert!(fast.iter().all(|set| truth.may_fail_fast(*set)), "{name}\n{text}");
    if let Some(leader) = report["leader"].as_str() {
        let leader = truth.mask(&[leader.to_owned()]);
        assert!(slow.iter().all(|set| set & leader != 0), "{name}\n{text}");
    }
}

fn compare_given_formulas(text: &str, json: &Value, truth: &Families) {
    let conditions = &json["conditions"];
    if truth.has_fast() {
        let truth = truth.fast_implies_decide();
        assert_eq!(conditions["fast_implies_decide"]["holds"], truth, "{text}");
    }
    if truth.has_certify() {
        let live = truth.certify_live();
        assert_eq!(conditions["certify_live"]["holds"], live, "{text}");
        let unforgeable = truth.certify_unforgeable();
        assert_eq!(conditions["certify_unforgeable"]["holds"], unforgeable, "{text}");
    }
}

fn compare_lists(text: &str, json: &Value, truth: &Families) {
    let listed = |key: &str| -> Vec<usize> {
        let sets = json[key].as_array().expect("a list of sets");
        let mut masks: Vec<usize> = sets.iter().map(|set| truth.mask(&strings(set))).collect();
        masks.sort_unstable();
        masks
    };
    let quorums = truth.smallest_quorums();
    let failing: Vec<usize> =
        quorums.iter().map(|quorum| truth.everybody() & !quorum).rev().collect();
    if json["truncated"] == false {
        assert_eq!(listed("smallest_quorums"), quorums, "{text}");
        assert_eq!(listed("largest_fail_prone"), failing, "{text}");
    } else {
        assert!(listed("smallest_quorums").iter().all(|set| quorums.contains(set)), "{text}");
        assert!(listed("largest_fail_prone").iter().all(|set| failing.contains(set)), "{text}");
    }
}

fn compare_policy(
    text: &str,
    policy: &TrustPolicy,
    truth: &Families,
    random: &mut Random,
    tally: &mut Tally,
) {
    let mut slow_path = false;
    let fast: Vec<bool> =
        (0..=truth.everybody()).map(|set| policy.is_fast_quorum(&servers(set))).collect();
    for (set, is_fast) in fast.iter().enumerate() {
        let given = servers(set);
        assert_eq!(policy.is_quorum(&given), truth.decides(set), "{text}");
        assert_eq!(policy.is_kernel(&given), truth.is_kernel(set), "{text}");
        assert_eq!(policy.is_fail_prone(&given), truth.may_fail(set), "{text}");
        assert!(!is_fast || truth.decides(set), "a fast quorum that is none\n{text}");
        slow_path |= truth.decides(set) && !is_fast;
    }
    assert_eq!(policy.has_slow_path(), slow_path, "{text}");
    let truth = truth.with_fast(fast);
    if policy.model() == FaultModel::Byzantine {
        assert!(truth.q3() && truth.fast(), "{text}");
    }
    for _ in 0..8 {
        let outside = random.below(truth.everybody() + 1);
        let leader = random.below(policy.server_count());
        let expected = truth.possibly_decided(outside, leader);
        let answer = policy.possibly_decided(&servers(outside), ServerIndex(leader as u16));
        assert_eq!(answer, expected, "outside {outside:b}, leader {leader}\n{text}");
        tally.possibly_decided[usize::from(expected)] += 1;
    }
    let failed = random.below(truth.everybody() + 1) & random.below(truth.everybody() + 1);
    let json = serde_json::to_value(explain(policy, &servers(failed))).expect("serialises");
    assert_eq!(json["live"], truth.decides(truth.everybody() & !failed), "{text}");
    assert_eq!(json["safe"], truth.may_fail(failed), "{text}");
    let margin = json["more_may_fail"].as_u64().map(|count| count as usize);
    assert_eq!(margin, truth.margin(failed), "{failed:b}\n{text}");
}

fn strings(value: &Value) -> Vec<String> {
    let texts = value.as_array().expect("a list").iter();
    texts.map(|text| text.as_str().expect("a text").to_owned()).collect()
}

fn servers(mask: usize) -> ServerSet {
    (0..16).filter(|index| mask >> index & 1 == 1).map(ServerIndex).collect()
}
