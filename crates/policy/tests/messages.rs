//! What people are told about mistakes: the exact words, places and suggestions.

use ally_policy::{Definition, FaultModel, Member, PolicyError, TrustPolicy};

fn error_of(text: &str) -> String {
    Definition::parse(text, "p.toml").expect_err(text).to_string()
}

#[test]
fn mistakes_in_formulas_have_a_place_and_a_suggestion() {
    let cases = [
        (
            "decide = \"0 of (a, b)\"",
            "p.toml:1:11: `0 of` would let nobody decide: the number is 1 at least",
        ),
        (
            "decide = \"3 of (a, b)\"",
            "p.toml:1:11: 3 of 2: more parts are needed than there are; write `2 of` or `all of` \
             to need every part",
        ),
        (
            "decide = \"99999999999999999999 of (a, b)\"",
            "p.toml:1:11: 99999999999999999999 of 2: more parts are needed than there are; write \
             `2 of` or `all of` to need every part",
        ),
        (
            "decide = \"\"",
            "p.toml:1:10: expected a name, `(` or a number, found the end of the formula",
        ),
        (
            "decide = \"2 of (a, b\"",
            "p.toml:1:21: expected `,` or `)`, found the end of the formula",
        ),
        ("decide = \"2 of ()\"", "p.toml:1:17: expected a name, `(` or a number, found `)`"),
        ("decide = \"2 (a, b)\"", "p.toml:1:13: expected `of`, found `(`"),
        (
            "decide = \"al of (a, b)\"",
            "p.toml:1:11: expected a number, `all`, `any` or `majority` before `of`, found `al`; did \
             you mean `all`?",
        ),
        (
            "decide = \"a adn b\"",
            "p.toml:1:13: expected `and`, `or` or the end of the formula, found `adn`; did you mean \
             `and`?",
        ),
        ("decide = \"a && b\"", "p.toml:1:13: unexpected `&`; write `and`"),
        ("decide = \"[a]\"", "p.toml:1:11: unexpected `[`; write `(`"),
        (
            "decide = \"!a\"",
            "p.toml:1:11: unexpected `!`; there is no `not`: more servers never make a formula false",
        ),
        (
            "decide = \"аcme\"",
            "p.toml:1:11: unexpected `а`; names are ASCII, so that two names that look the same \
             are the same",
        ),
    ];
    for (text, message) in cases {
        assert_eq!(error_of(text), message);
    }
}

#[test]
fn mistakes_in_the_file_have_a_place_and_a_suggestion() {
    let cases = [
        (
            "decid = \"a\"",
            "p.toml:1:1: there is no `decide`, the formula that says who has to agree; did you mean \
             `decide` where you wrote `decid`?",
        ),
        ("", "p.toml:1:1: there is no `decide`, the formula that says who has to agree"),
        ("decide = 3", "p.toml:1:10: `decide` is a number, but has to be a formula in quotes"),
        (
            "decide = \"x\"\nx = [\"a\", \"b\"]",
            "p.toml:2:5: `x` is a list, but has to be a formula in quotes; write `x = \"all of (a, \
             b, ...)\"`",
        ),
        (
            "decide = \"x\"\n\"two words\" = \"a\"",
            "p.toml:2:1: `two words` cannot be a name: names are up to 128 of the letters a to z, \
             digits, `-`, `_` and `.`",
        ),
        (
            "decide = \"x\"\nany = \"a\"",
            "p.toml:2:1: `any` is a word of the formula language and cannot be a name",
        ),
        (
            "decide = \"x\"\nx = \"x and y\"",
            "p.toml:2:6: `x` is defined by itself: x -> x; if `x` is one server, drop this line: names \
             without one are",
        ),
        (
            "decide = \"x\"\nx = \"y and a\"\ny = \"b or x\"",
            "p.toml:3:11: `x` is defined by itself: x -> y -> x",
        ),
    ];
    for (text, message) in cases {
        assert_eq!(error_of(text), message);
    }
    let twice = error_of("decide = \"a\"\ndecide = \"b\"");
    assert!(twice.starts_with("p.toml:2:1: not TOML: "), "{twice}");
}

#[test]
fn places_are_right_in_long_strings_and_after_escapes() {
    let long = "decide = \"\"\"\n  2 of (a,\n        b & c)\"\"\"";
    assert_eq!(error_of(long), "p.toml:3:11: unexpected `&`; write `and`");
    // An escape makes columns inside the string meaningless: the whole string is marked.
    let escaped = "decide = \"a \\u0026 b\"";
    assert_eq!(error_of(escaped), "p.toml:1:10: unexpected `&`; write `and`");
}

#[test]
fn the_line_is_shown_with_a_mark() {
    let text = "# rules\ndecide = \"2 of (acme, globex, and)\"\n";
    let Err(PolicyError::Input(error)) = Definition::parse(text, "p.toml") else {
        panic!("`and` is no name");
    };
    let shown =
        " 2 | decide = \"2 of (acme, globex, and)\"\n   |                               ^^^\n";
    assert_eq!(error.place().snippet(), shown);
    assert_eq!((error.place().line(), error.place().column()), (2, 31));
}

fn members() -> Vec<Member> {
    let member = |name: &str, servers: &[&str]| {
        Member::new(name, servers.iter().map(|server| server.to_string()))
    };
    vec![
        member("acme", &["acme-1", "acme-2"]),
        member("globex", &["globex"]),
        member("initech", &["initech-1"]),
        member("umbrella", &["umbrella-1"]),
    ]
}

fn in_document(decide: &str) -> Result<Definition, PolicyError> {
    let text = format!("name = \"x\"\n[policy]\ndecide = \"{decide}\"\n");
    Definition::parse_table(&text, "alliance.toml", "policy", members())
}

#[test]
fn unknown_names_are_errors_where_a_document_lists_the_servers() {
    let error = in_document("3 of (acme, globx, initech, umbrella)").expect_err("globx");
    assert_eq!(
        error.to_string(),
        "alliance.toml:3:23: unknown name `globx`: no organisation, server or formula is called \
         so; did you mean `globex`?"
    );
}

#[test]
fn an_organisation_without_a_formula_needs_all_of_its_servers() {
    let definition = in_document("3 of (acme, globex, initech, umbrella)").expect("a policy");
    let policy = TrustPolicy::new(&definition, FaultModel::Byzantine).expect("safe");
    assert_eq!(policy.servers(), ["acme-1", "acme-2", "globex", "initech-1", "umbrella-1"]);
    let names: Vec<&str> = policy.organisations().iter().map(|own| own.name()).collect();
    assert_eq!(names, ["acme", "globex", "initech", "umbrella"]);
    let half = policy.servers_named(["acme-1", "globex", "initech"]).expect("known");
    assert!(!policy.is_quorum(&half));
    let whole = policy.servers_named(["acme", "globex", "initech"]).expect("known");
    assert!(policy.is_quorum(&whole));
}

#[test]
fn members_with_one_name_are_refused() {
    let twice =
        vec![Member::new("acme", ["s".to_owned()]), Member::new("globex", ["s".to_owned()])];
    let text = "[policy]\ndecide = \"acme and globex\"";
    let error = Definition::parse_table(text, "a.toml", "policy", twice).expect_err("twice");
    assert_eq!(error.to_string(), "a.toml:1:1: the name `s` is given twice");
    let error = Definition::parse_table(text, "a.toml", "rules", members()).expect_err("no table");
    assert_eq!(error.to_string(), "a.toml:1:1: there is no table [rules]");
}

#[test]
fn a_refusal_names_the_servers() {
    let text = "decide = \"2 of (acme, globex, initech)\"";
    let error = TrustPolicy::from_toml(text, "p.toml", FaultModel::Byzantine).expect_err("n = 3f");
    assert_eq!(
        error.to_string(),
        "p.toml: the policy is refused; it does not hold that any three quorums share a server: \
         each of these may fail, and together they are all: {acme}, {globex}, {initech}"
    );
}
