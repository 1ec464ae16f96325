//! The report as programs and as people get it.

use ally_policy::{Definition, FaultModel, TrustPolicy, check, explain};
use serde_json::{Value, json};

fn report(text: &str, model: FaultModel) -> (Value, String) {
    let definition = Definition::parse(text, "p.toml").expect("a policy");
    let report = check(&definition, model).expect("a report");
    (serde_json::to_value(&report).expect("serialises"), report.to_text())
}

#[test]
fn json_of_an_accepted_policy() {
    let (json, _) = report("decide = \"3 of (a, b, c, d)\"", FaultModel::Byzantine);
    assert_eq!(json["model"], "byzantine");
    assert_eq!(json["servers"], json!(["a", "b", "c", "d"]));
    for condition in ["q3", "fast", "q2"] {
        assert_eq!(json["conditions"][condition]["holds"], true);
        assert_eq!(json["conditions"][condition]["counterexample"], Value::Null);
    }
    assert_eq!(json["two_step"], "always");
    assert_eq!(json["fast_formula"], "3 of (a, b, c, d)");
    let quorums = json!([["a", "b", "c"], ["a", "b", "d"], ["a", "c", "d"], ["b", "c", "d"]]);
    assert_eq!(json["smallest_quorums"], quorums);
    assert_eq!(json["largest_fail_prone"], json!([["a"], ["b"], ["c"], ["d"]]));
    assert_eq!((&json["truncated"], &json["ok"]), (&json!(false), &json!(true)));
}

#[test]
fn json_of_a_refused_policy_has_the_counterexample_and_a_repair() {
    let (json, text) = report("decide = \"2 of (a, b, c)\"", FaultModel::Byzantine);
    assert_eq!(json["conditions"]["q3"]["holds"], false);
    assert_eq!(json["conditions"]["q3"]["counterexample"], json!([["a"], ["b"], ["c"]]));
    assert_eq!((&json["ok"], &json["two_step"]), (&json!(false), &json!("never")));
    assert!(text.contains("write `all of (a, b, c)` instead of `2 of (a, b, c)`"), "{text}");
    assert!(text.contains("or give `decide` 4 parts, of which 3 are needed"), "{text}");

    let (json, _) = report("decide = \"2 of (a, b, c)\"", FaultModel::Attested);
    assert_eq!(json["ok"], true, "attested servers need less");
}

#[test]
fn a_repair_is_one_that_works() {
    let refused = [
        "decide = \"any of (a, b, c, d)\"",
        "decide = \"a or b and c\"",
        "decide = \"3 of (x, b, c, d)\"\nx = \"2 of (x1, x2, x3)\"",
        "decide = \"3 of (a, b, c, d)\"\nfast = \"2 of (a, b, c, d)\"",
        "decide = \"6 of (a, b, c, d, e, f, g, h)\"\nfast = \"6 of (a, b, c, d, e, f, g, h)\"",
        "decide = \"3 of (a, b, c, d)\"\ncertify = \"any of (a, b, c, d)\"",
        "decide = \"3 of (a, b, c, d)\"\ncertify = \"all of (a, b, c, d)\"",
    ];
    for text in refused {
        let (json, _) = report(text, FaultModel::Byzantine);
        assert_eq!(json["ok"], false, "{text}");
        let mut repaired = text.to_owned();
        for change in json["repair"]["changes"].as_array().expect(text) {
            let old = change["old"].as_str().expect("a text");
            assert!(repaired.contains(old), "{change} in {repaired}");
            match change["new"].as_str() {
                Some(new) => {
                    // In the formula that is named, where several are alike.
                    let line = format!("{} = \"", change["formula"].as_str().expect("a name"));
                    let at = repaired.find(&line).expect("the formula's line");
                    let changed = repaired[at..].replacen(old, new, 1);
                    repaired.replace_range(at.., &changed);
                }
                None => {
                    let kept = repaired.lines().filter(|line| !line.contains(old));
                    repaired = kept.collect::<Vec<_>>().join("\n");
                }
            }
        }
        let (json, _) = report(&repaired, FaultModel::Byzantine);
        assert_eq!(json["ok"], true, "{text}\nbecame\n{repaired}");
    }
}

#[test]
fn long_lists_are_cut_and_say_so() {
    let names: Vec<String> = (0..40).map(|server| format!("s{server}")).collect();
    let text = format!("decide = \"27 of ({})\"", names.join(", "));
    let (json, text) = report(&text, FaultModel::Byzantine);
    assert_eq!(json["smallest_quorums"].as_array().map(Vec::len), Some(64));
    assert_eq!(json["truncated"], true);
    assert!(text.contains("64+ smallest"), "{text}");
}

#[test]
fn warnings_name_what_nobody_needs() {
    let (json, _) = report("decide = \"a or (a and b)\"", FaultModel::Attested);
    assert_eq!(json["warnings"], json!(["no smallest quorum needs the server `b`"]));
    let text = "decide = \"3 of (acme, globx, initech, d)\"\nglobex = \"g\"\nfast = \"all of (acme, \
                globx, initech, d, e)\"";
    let (json, _) = report(text, FaultModel::Byzantine);
    assert_eq!(
        json["warnings"],
        json!([
            "p.toml:2:1: no formula uses `globex`; did you mean it by `globx`, which is taken for \
             a server?",
            "`decide` does not lead to the server `e`"
        ])
    );
}

#[test]
fn text_says_in_words_what_may_fail() {
    let text = "decide = \"3 of (acme, globex, initech, umbrella)\"\n\
                acme = \"3 of (a1, a2, a3, a4)\"\n\
                globex = \"3 of (g1, g2, g3, g4)\"\n\
                initech = \"3 of (i1, i2, i3, i4)\"\n\
                umbrella = \"3 of (u1, u2, u3, u4)\"\n";
    let (_, text) = report(text, FaultModel::Byzantine);
    for words in [
        "p.toml: ok with servers that fail in any way (model byzantine)",
        "any one of the four organisations as a whole",
        "and in each of the other organisations: any one of four servers",
        "while every server responds; else three steps",
    ] {
        assert!(text.contains(words), "{words}\n{text}");
    }
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
}

#[test]
fn explanations_follow_the_failures() {
    let text = "decide = \"5 of (a, b, c, d, e, f, g)\"";
    let policy = TrustPolicy::from_toml(text, "p.toml", FaultModel::Byzantine).expect("safe");
    let after = |names: &[&str]| {
        let failed = policy.servers_named(names.iter().copied()).expect("known names");
        explain(&policy, &failed)
    };
    let one = after(&["a"]);
    assert!(one.is_safe() && one.is_live() && one.is_fast());
    assert!(one.to_text().contains("any one other server may fail too; b, c failing too"));
    let two = after(&["a", "b"]);
    assert!(two.is_safe() && two.is_live() && !two.is_fast());
    assert!(two.to_text().contains("no: decisions take three steps"));
    let three = after(&["a", "b", "c"]);
    assert!(!three.is_safe() && !three.is_live() && !three.is_fast());
    assert!(three.to_text().contains("they can even sign for the alliance"));
    assert!(three.to_text().contains("Out           a, b, c"));
}

#[test]
fn example_policies_are_what_they_say() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/policies");
    let mut seen = 0;
    for entry in std::fs::read_dir(directory).expect("the examples") {
        let path = entry.expect("an entry").path();
        let text = std::fs::read_to_string(&path).expect("a text");
        let attested = path.ends_with("attested.toml");
        let model = if attested { FaultModel::Attested } else { FaultModel::Byzantine };
        let (json, text) = report(&text, model);
        assert_eq!(json["ok"], true, "{}\n{text}", path.display());
        assert_eq!(json["warnings"], json!([]), "{}", path.display());
        seen += 1;
    }
    assert!(seen >= 6, "{seen} examples");
}

#[test]
fn a_report_fits_its_columns() {
    let text = "decide = \"3 of (acme, globex, initech, umbrella)\"\nfast = \"all of (acme, globex, \
                initech, umbrella)\"";
    let definition = Definition::parse(text, "p.toml").expect("a policy");
    let report = check(&definition, FaultModel::Byzantine).expect("a report");
    let widest = |text: String| text.lines().skip(1).map(|line| line.chars().count()).max();
    assert!(widest(report.to_text()) > Some(80));
    assert!(widest(report.to_text_within(80)) <= Some(80), "{}", report.to_text_within(80));
    assert!(widest(report.to_text_within(0)) <= Some(60), "{}", report.to_text_within(0));
}
