//! `ally policy` as a shell meets it: output, exit codes, errors.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

/// Runs `ally policy` with a policy on standard input.
fn ally(policy: &str, arguments: &[&str]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_ally"))
        .arg("policy")
        .args(arguments)
        .env_remove("ALLY_OUTPUT")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut stdin = child.stdin.take().expect("piped");
    // A program that does not read its input has closed it: its answer tells.
    let _ = stdin.write_all(policy.as_bytes());
    drop(stdin);
    child.wait_with_output().expect("the program ends")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("a text")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("a text")
}

const FOUR: &str = "decide = \"3 of (acme, globex, initech, umbrella)\"";

#[test]
fn e2e_a_safe_policy_ends_with_0() {
    let output = ally(FOUR, &["check", "-"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stdout(&output).starts_with("policy: ok "), "{}", stdout(&output));
    assert!(stdout(&output).contains("Two steps     always"), "{}", stdout(&output));
    assert!(!stdout(&output).contains('\u{1b}'), "no colours where no terminal is");
    assert_eq!(stderr(&output), "");
}

#[test]
fn e2e_an_unsafe_policy_ends_with_1_and_is_reported_on_like_any_other() {
    let policy = "decide = \"2 of (acme, globex, initech)\"";
    for flags in [&["--json"][..], &["-o", "json"]] {
        let output = ally(policy, &[&["check", "-"], flags].concat());
        assert_eq!(output.status.code(), Some(1));
        let report: Value = serde_json::from_str(&stdout(&output)).expect("one JSON value");
        assert_eq!(report["ok"], false);
        let sets = json!([["acme"], ["globex"], ["initech"]]);
        assert_eq!(report["conditions"]["q3"]["counterexample"], sets);
    }
    let output = ally(policy, &["check", "-", "--model", "attested"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
}

#[test]
fn e2e_bad_input_ends_with_2_and_a_mark_under_it() {
    let output = ally("decide = \"3 of (acme, globex\"", &["check", "-"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(stdout(&output), "");
    let expected = "error ALLY-0101: policy:1:29: expected `,` or `)`, found the end of the formula\n \
                    1 | decide = \"3 of (acme, globex\"\n   |                             ^\n";
    assert_eq!(stderr(&output), expected);

    let output = ally("", &["check", "no-such-file.toml"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("no-such-file.toml"), "{}", stderr(&output));
    let output = ally(FOUR, &["check", "-", "--model", "optimistic"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("`attested-leader`"), "{}", stderr(&output));
}

#[test]
fn e2e_what_is_no_text_is_bad_input() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_ally"))
        .args(["policy", "check", "-"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut stdin = child.stdin.take().expect("piped");
    stdin.write_all(b"decide = \"\xff\"").expect("written");
    drop(stdin);
    let output = child.wait_with_output().expect("the program ends");
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("byte 10 is not UTF-8"), "{}", stderr(&output));
}

#[test]
fn e2e_explain_tells_what_is_left() {
    let output = ally(FOUR, &["explain", "-", "--failed", "acme", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let answer: Value = serde_json::from_str(&stdout(&output)).expect("one JSON value");
    assert_eq!(answer["live"], true);
    assert_eq!(answer["fast"], true);
    assert_eq!(answer["more_may_fail"], 0);
    assert_eq!(answer["missing_organisations"], json!(["acme"]));

    let output = ally(FOUR, &["explain", "-", "--failed", "acme,globex"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stdout(&output).contains("the alliance stands still"), "{}", stdout(&output));
}

#[test]
fn e2e_explain_knows_its_servers() {
    let output = ally(FOUR, &["explain", "-", "--failed", "acme,globx"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("did you mean `globex`?"), "{}", stderr(&output));
    let output = ally("decide = \"2 of (a, b, c)\"", &["explain", "-", "--failed", "a"]);
    assert_eq!(output.status.code(), Some(1), "what is not safe cannot be asked");
    assert!(stderr(&output).contains("ally policy check"), "{}", stderr(&output));
}
