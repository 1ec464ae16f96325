//! `ally sim` as a shell meets it: sweeps, replays, traces, diagrams, exit codes.

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

fn ally(dir: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ally"));
    command.arg("sim").args(arguments).current_dir(dir).env_remove("ALLY_OUTPUT");
    command.output().expect("the program starts")
}

fn json(output: &Output) -> Value {
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("one JSON value")
}

#[test]
fn e2e_sim_the_same_seeds_give_the_same_runs_on_any_number_of_threads() {
    let dir = tempfile::tempdir().expect("a directory");
    let arguments = ["--seeds", "3", "--from", "40", "--policy", "four", "--json", "--jobs"];
    let one = json(&ally(dir.path(), &[&arguments[..], &["1"]].concat()));
    let many = json(&ally(dir.path(), &[&arguments[..], &["3"]].concat()));
    assert_eq!((&one["runs"], &one["failed"]), (&Value::from(6), &Value::from(0)));
    assert!(one["blocks"].as_u64().is_some_and(|blocks| blocks > 0));
    assert_eq!((&one["trace_hash"], &one["events"]), (&many["trace_hash"], &many["events"]));
    assert_eq!(fs::read_dir(dir.path()).expect("it").count(), 0, "nothing broke, no files");
}

/// Whether a process has said what is to be done when it is interrupted.
fn catches_interrupts(process: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let caught = caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    caught.is_some_and(|mask| mask >> (Signal::INT.as_raw() - 1) & 1 == 1)
}

#[test]
fn e2e_sim_an_interrupted_search_tells_what_came_of_it() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut command = Command::new(env!("CARGO_BIN_EXE_ally"));
    command.args(["sim", "--policy", "four", "--seeds", "1000000000", "--json"]);
    command.current_dir(dir.path()).env_remove("ALLY_OUTPUT");
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let child = child.expect("the program starts");
    let begun = Instant::now();
    while !catches_interrupts(child.id()) && begun.elapsed() < Duration::from_secs(60) {
        thread::sleep(Duration::from_millis(10));
    }
    kill_process(Pid::from_child(&child), Signal::INT).expect("it runs");
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("ALLY-0603"));
    let report: Value = serde_json::from_slice(&output.stdout).expect("one JSON value");
    assert_eq!(report["failed"], 0);
    assert!(report["runs"].as_u64().is_some_and(|runs| runs > 0), "those under way have ended");
}

#[test]
fn e2e_sim_a_run_is_told_and_drawn() {
    let dir = tempfile::tempdir().expect("a directory");
    let run = ["--seed", "7", "--policy", "four", "--style", "plot"];
    let told = ally(dir.path(), &[&run[..], &["--trace", "--kind", "decision"]].concat());
    let told = String::from_utf8(told.stdout).expect("a text");
    assert!(told.lines().filter(|line| line.contains("decides 1.")).count() >= 2, "{told}");
    assert!(!told.contains("vote "), "{told}");

    let drawn = json(&ally(dir.path(), &[&run[..], &["--diagram", "run.html", "--json"]].concat()));
    assert_eq!(drawn["violations"], serde_json::json!([]));
    let page = fs::read_to_string(dir.path().join("run.html")).expect("it was written");
    assert!(page.starts_with("<!doctype html>") && page.contains("\"kind\":\"vote\""));
}

#[test]
fn e2e_sim_a_scenario_is_written_and_replays_the_run() {
    let dir = tempfile::tempdir().expect("a directory");
    let run = ["--seed", "9", "--policy", "seven", "--style", "weather", "--json"];
    let once = json(&ally(dir.path(), &[&run[..], &["--scenario", "run.toml"]].concat()));
    let again = json(&ally(dir.path(), &["--replay", "run.toml", "--json"]));
    assert_eq!(once["trace_hash"], again["trace_hash"]);
    let many = json(&ally(dir.path(), &["--seeds", "1", "--policy", "four", "--json"]));
    for (name, value) in once.as_object().expect("an object") {
        let own = ["seed", "policy", "style", "violations", "scenario", "diagram"];
        assert!(own.contains(&&**name) || many[name].is_object() == value.is_object(), "{name}");
        assert!(own.contains(&&**name) || !many[name].is_null(), "{name}");
    }
}

#[test]
fn e2e_sim_a_trace_is_of_one_run_and_its_servers_have_names() {
    let dir = tempfile::tempdir().expect("a directory");
    let run = ["--policy", "two-level", "--trace", "--kind", "decision", "--server"];
    let lines = |server: &str| {
        let told = ally(dir.path(), &[&run[..], &[server]].concat());
        let told = String::from_utf8(told.stdout).expect("a text");
        told.lines().filter(|line| line.contains("decides")).map(str::to_owned).collect::<Vec<_>>()
    };
    let named = lines("o1-0");
    assert!(!named.is_empty() && named.iter().all(|line| line.contains(" o1-0")), "{named:?}");
    assert_eq!(named, lines("3"), "its number");
    for (wrong, says) in [
        (&["--trace", "--server", "s4"][..], "ALLY-0706"),
        (&["--trace", "--policy", "four", "--policy", "five"], "ALLY-0705"),
        (&["--trace", "--seeds", "5"], "cannot be used with"),
        (&["--diagram", "run.html", "--minutes", "1"], "cannot be used with"),
        (&["--trace", "--kind", "gossip"], "catch-up"),
    ] {
        let refused = ally(dir.path(), wrong);
        let error = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(2), "{wrong:?}: {error}");
        assert!(error.contains(says), "{wrong:?}: {error}");
    }
}

#[test]
fn e2e_sim_bad_input_ends_with_2() {
    let dir = tempfile::tempdir().expect("a directory");
    let unknown = ally(dir.path(), &["--policy", "forty"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("ALLY-0702"));
    fs::write(dir.path().join("not.toml"), "seed = 1\nstyle = \"rain\"\n").expect("written");
    let bad = ally(dir.path(), &["--replay", "not.toml"]);
    assert_eq!(bad.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&bad.stderr).contains("ALLY-0703"));
    let style = ally(dir.path(), &["--style", "rain"]);
    assert_eq!(style.status.code(), Some(2));
}

/// With a rule broken on purpose, a sweep ends with 1 and files that show it again.
#[cfg(feature = "planted-bugs")]
#[test]
fn e2e_sim_what_breaks_is_written_made_small_and_replayed() {
    let dir = tempfile::tempdir().expect("a directory");
    let planted = ["--plant", "equivocation-ignored"];
    let sweep = ["--policy", "four", "--style", "plot", "--out", "found", "--json", "--jobs", "2"];
    let swept = ally(dir.path(), &[&sweep[..], &planted].concat());
    assert_eq!(swept.status.code(), Some(1), "{}", String::from_utf8_lossy(&swept.stderr));
    let report: Value = serde_json::from_slice(&swept.stdout).expect("one JSON value");
    let failure = &report["failures"][0];
    for file in ["scenario", "small", "diagram"] {
        let path = dir.path().join(failure[file].as_str().expect("a path"));
        assert!(path.exists(), "{}", path.display());
    }
    let small = failure["small"].as_str().expect("a path");
    let again = ally(dir.path(), &[&["--replay", small, "--trace"], &planted[..]].concat());
    assert_eq!(again.status.code(), Some(1), "it breaks again");
    let well = ally(dir.path(), &["--replay", small]);
    assert_eq!(well.status.code(), Some(0), "and without the mistake it does not");
}
