//! Every limit on a hostile policy is reached and answered with an error, soon and without a
//! panic.

use ally_policy::{
    DEPTH_MAX, DOCUMENT_BYTES_MAX, Definition, FORMULAS_MAX, FaultModel, LEAVES_MAX, PolicyError,
    Problem, SERVERS_MAX, TrustPolicy, check,
};

fn problem_of(text: &str) -> Problem {
    match Definition::parse(text, "p.toml") {
        Err(PolicyError::Input(error)) => error.problem().clone(),
        other => panic!("{:?}", other.map(|_| "a policy")),
    }
}

fn list(count: usize) -> String {
    (0..count).map(|server| format!("s{server}")).collect::<Vec<_>>().join(", ")
}

#[test]
fn names_that_multiply_are_stopped() {
    // Every line doubles the servers: two to the thirtieth at the top.
    let mut text = String::from("decide = \"all of (x0, x0)\"\n");
    for level in 0..29 {
        text.push_str(&format!("x{level} = \"all of (x{0}, x{0})\"\n", level + 1));
    }
    assert!(matches!(problem_of(&text), Problem::TooManyLeaves(_)));
}

#[test]
fn chains_of_names_are_stopped() {
    let mut text = String::from("decide = \"x0\"\n");
    for level in 0..1000 {
        text.push_str(&format!("x{level} = \"x{}\"\n", level + 1));
    }
    assert!(matches!(problem_of(&text), Problem::TooDeep(_)));
}

#[test]
fn nesting_is_stopped() {
    let nested = |depth: usize, open: &str| {
        format!("decide = \"{}a{}\"", open.repeat(depth), ", a)".repeat(depth))
    };
    let parentheses = format!("decide = \"{}a{}\"", "(".repeat(100_000), ")".repeat(100_000));
    assert!(matches!(problem_of(&parentheses), Problem::TooDeep(_)));
    assert!(matches!(problem_of(&nested(DEPTH_MAX + 1, "2 of (")), Problem::TooDeep(_)));
    Definition::parse(&nested(DEPTH_MAX, "2 of ("), "p.toml").expect("as deep as allowed");
}

#[test]
fn wide_gates_and_many_servers_are_stopped() {
    let repeated = |count: usize| format!("decide = \"1 of ({})\"", vec!["s"; count].join(","));
    Definition::parse(&repeated(LEAVES_MAX), "p.toml").expect("as wide as allowed");
    assert!(matches!(problem_of(&repeated(LEAVES_MAX + 1)), Problem::TooManyLeaves(_)));

    let servers = |count: usize| format!("decide = \"all of ({})\"", list(count));
    Definition::parse(&servers(SERVERS_MAX), "p.toml").expect("as many as allowed");
    assert!(matches!(problem_of(&servers(SERVERS_MAX + 1)), Problem::TooManyServers));
}

#[test]
fn long_texts_are_stopped() {
    let long = format!("decide = \"a\" # {}", "x".repeat(DOCUMENT_BYTES_MAX));
    assert!(matches!(problem_of(&long), Problem::TooLong { .. }));
    let many: String = (0..FORMULAS_MAX).map(|at| format!("x{at} = \"a\"\n")).collect();
    assert!(matches!(problem_of(&format!("decide = \"a\"\n{many}")), Problem::TooLong { .. }));
    let name = "x".repeat(129);
    assert!(matches!(problem_of(&format!("decide = \"{name}\"")), Problem::BadName(_)));
    Definition::parse(&format!("decide = \"{}\"", &name[1..]), "p.toml").expect("128 bytes");
}

#[test]
fn a_search_that_would_not_end_is_given_up_and_refuses() {
    // Fifty servers in ten organisations, and a fast formula that cuts across all of them.
    let group = |own: usize| (0..5).map(move |at| format!("s{}", own * 5 + at));
    let group = |own| format!("4 of ({})", group(own).collect::<Vec<_>>().join(", "));
    let groups = (0..10).map(group).collect::<Vec<_>>().join(", ");
    let text = format!("decide = \"8 of ({groups})\"\nfast = \"49 of ({})\"", list(50));
    let refused = TrustPolicy::from_toml(&text, "p.toml", FaultModel::Byzantine);
    let Err(PolicyError::Refused(refusal)) = refused else {
        panic!("a policy that nobody checked");
    };
    assert!(refusal.failures().iter().any(|failure| failure.sets().is_none()), "{refusal}");
    let said = refusal.to_string();
    assert!(said.contains("nobody can tell whether any three quorums"), "{said}");
    assert!(said.contains("leave `fast` out or give it the groups of `decide`"), "{said}");
    // It is not called unsafe: nothing was found against it.
    let definition = Definition::parse(&text, "p.toml").expect("a policy");
    let report = check(&definition, FaultModel::Byzantine).expect("a report").to_text();
    assert!(report.starts_with("p.toml: NOT SHOWN TO BE SAFE with"), "{report}");
    assert!(report.contains("\nOpen          any three quorums"), "{report}");
    assert!(!report.contains("NOT SAFE") && !report.contains("\nFails"), "{report}");
}

#[test]
fn every_byte_of_a_policy_may_be_wrong() {
    let text = "decide = \"2 of (acme, b and (c or d))\"\nacme = \"majority of (e, f, g)\"\n";
    for at in 0..text.len() {
        for byte in [0, b'"', b'(', b')', b',', b' ', b'0', b'z', b'\n', b'\\', 0x7f] {
            let mut bytes = text.as_bytes().to_vec();
            bytes[at] = byte;
            let changed = String::from_utf8(bytes).expect("ASCII");
            if let Err(error) = Definition::parse(&changed, "p.toml") {
                assert!(error.to_string().starts_with("p.toml:"), "{error}");
            }
        }
        assert!(Definition::parse(&text[..at], "p.toml").is_err() || at >= 38, "{at}");
    }
}
