//! `ally chaos` on real processes: every fault that works on this machine, and what it refuses.
//!
//! Longer: `ally chaos --minutes 30`.

use crate::founding::founded;
use crate::support::{Said, ally, alone, run, runs, wait_until};
use serde_json::Value;
use std::fs;
use tempfile::TempDir;

/// Runs `ally chaos` with these faults; the report.
#[track_caller]
fn chaos(dir: &TempDir, args: &[&str]) -> Value {
    let fixed = ["chaos", "--scheme", "bls", "-o", "json", "--out", "out"];
    let said = run(dir.path(), &[&fixed[..], args].concat());
    assert_eq!(said.code, 0, "{}\n{}", said.out, said.err);
    serde_json::from_str(&said.out).expect("a report")
}

/// How often a kind of fault has happened.
fn times(report: &Value, kind: &str) -> u64 {
    report["faults"][kind].as_u64().unwrap_or(0)
}

fn count(value: &Value) -> u64 {
    value.as_u64().expect("a number")
}

#[test]
fn e2e_chaos_finds_nothing_wrong_whatever_happens_to_processes_and_network() {
    let _alone = alone();
    let dir = TempDir::new().expect("a directory");
    let args = ["--seed", "5", "--seconds", "25", "--rate", "20"];
    let report = chaos(&dir, &args);
    assert_eq!(report["missing"], serde_json::json!([]), "{report}");
    let servers =
        ["kill", "outage", "pause", "cut", "stall", "one-way", "reset", "delay", "narrow"];
    for kind in servers.into_iter().chain(["client-cut", "client-stall", "client-delay"]) {
        assert!(times(&report, kind) > 0, "{kind} never happened: {report}");
    }
    let commands = &report["commands"];
    assert!(count(&commands["acknowledged"]) > 20, "{report}");
    assert_eq!(commands["acknowledged"], commands["proposed"]);
    assert!(report["lies"].as_object().is_some_and(|lies| !lies.is_empty()), "{report}");
    for file in ["schedule.toml", "history.jsonl", "report.json"] {
        assert!(dir.path().join("out").join(format!("chaos-5.{file}")).exists(), "{file}");
    }

    // The file plays what it says: here its liar alone, for two seconds.
    let text = fs::read_to_string(dir.path().join("out/chaos-5.schedule.toml")).expect("written");
    let short = text.replace("length_ms = 25000", "length_ms = 2000");
    let (calm, _) = short.split_once("[[steps]]").expect("faults");
    fs::write(dir.path().join("calm.toml"), calm).expect("written");
    let again = chaos(&dir, &["--replay", "calm.toml"]);
    assert_eq!(again["seed"], 5);
    assert_eq!(again["liar"], report["liar"]);
    assert_eq!(again["faults"], serde_json::json!({ "byzantine": 1 }));
}

/// The start of a schedule for an alliance of `ally chaos`.
const FOUR: &str = r#"
seed = 1
length_ms = 5000
servers = ["acme-1", "globex-1", "initech-1", "umbrella-1"]
"#;

#[test]
fn e2e_chaos_parts_applications_from_servers_that_are_well() {
    let _alone = alone();
    let dir = TempDir::new().expect("a directory");
    // From the beginning to the end something is between all applications and all servers.
    let steps = r#"
[[steps]]
at_ms = 0
for_ms = 2000
kind = "client-cut"
servers = [0, 1, 2, 3]

[[steps]]
at_ms = 1500
for_ms = 3500
kind = "client-stall"
servers = [0, 1, 2, 3]
what = "answers"

[[steps]]
at_ms = 2000
for_ms = 3000
kind = "client-delay"
servers = [0, 1, 2, 3]
ms = 100
"#;
    fs::write(dir.path().join("parted.toml"), format!("{FOUR}{steps}")).expect("written");
    let report = chaos(&dir, &["--replay", "parted.toml"]);
    let each_once = serde_json::json!({ "client-cut": 1, "client-stall": 1, "client-delay": 1 });
    assert_eq!(report["faults"], each_once);
    let commands = &report["commands"];
    assert_eq!(commands["acknowledged"], commands["proposed"]);
    assert_eq!(commands["proposed"], commands["repeated"], "the first attempt cannot succeed");
    let history = fs::read_to_string(dir.path().join("out/chaos-1.history.jsonl")).expect("there");
    let operations: Vec<Value> =
        history.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(operations.len(), 8, "one of each application, none of which got to a second");
    for operation in operations {
        assert!(count(&operation["acknowledged"]["at_ms"]) >= 5000, "{operation}");
    }
}

#[test]
fn e2e_chaos_convicts_who_signs_two_batches_under_one_number() {
    let _alone = alone();
    let dir = TempDir::new().expect("a directory");
    let liar = "[liar]\nserver = 3\n[liar.treachery]\ntwo_batches = 100\n";
    fs::write(dir.path().join("liar.toml"), format!("{FOUR}{liar}")).expect("written");
    let report = chaos(&dir, &["--replay", "liar.toml"]);
    let kinds: Vec<_> = report["convicted_of"].as_object().expect("a table").keys().collect();
    assert_eq!(kinds, ["two-batches"], "{report}");
    assert!(dir.path().join("out/chaos-1.evidence/umbrella-1-two-batches.evidence").exists());
}

#[test]
fn e2e_chaos_that_is_killed_leaves_no_disk_behind() {
    let _alone = alone();
    let dir = TempDir::new().expect("a directory");
    let list = run(dir.path(), &["chaos", "--list", "-o", "json"]).json();
    let disk = list.as_array().expect("a list").iter().find(|own| own["fault"] == "disk");
    if !disk.expect("it is listed")["left_out"].is_null() {
        return;
    }
    let log = fs::File::create(dir.path().join("log")).expect("a log");
    let args = ["chaos", "--faults", "disk", "--scheme", "bls", "--out", "out"];
    let mut chaos = ally(&args)
        .current_dir(dir.path())
        .env("TMPDIR", dir.path())
        .stderr(log)
        .spawn()
        .expect("ally chaos runs");
    wait_until("a full disk", || {
        fs::read_to_string(dir.path().join("log")).expect("a log").contains("  disk  ")
    });
    chaos.kill().expect("it is killed");
    chaos.wait().expect("it ends");
    let pids: Vec<u32> = listing(&dir)
        .into_iter()
        .filter(|path| path.ends_with("pid"))
        .map(|path| fs::read_to_string(path).expect("a file").trim().parse().expect("a number"))
        .collect();
    assert_eq!(pids.len(), 4, "one for each server");
    wait_until("the servers end too", || !pids.iter().any(|pid| runs(*pid)));
    let mounts = fs::read_to_string("/proc/self/mountinfo").expect("Linux");
    let own = dir.path().to_str().expect("UTF-8");
    assert!(!mounts.contains(own), "{mounts}");
    dir.close().expect("nothing is in the way of removing it");
}

#[test]
fn e2e_chaos_touches_nothing_but_what_was_made_to_play_with() {
    let dir = founded();
    let before = listing(&dir);
    let refused: Said = run(dir.path(), &["chaos", "--dir", "."]);
    let said = refused.fails(2, "ALLY-0801");
    assert!(said.contains("no development alliance"), "{said}");
    assert_eq!(listing(&dir), before, "something was touched");

    fs::write(dir.path().join("lies.toml"), "seed = 1\n[treachery]\n").expect("written");
    let lie = ["lie", "--script", "lies.toml", "--config", "acme/acme-1/server.toml"];
    run(dir.path(), &lie).fails(2, "ALLY-0801");
}

#[test]
fn e2e_chaos_says_what_it_cannot_do() {
    let dir = TempDir::new().expect("a directory");
    fs::write(dir.path().join("bad.toml"), "seed = 1\nspeed = 2\n").expect("written");
    run(dir.path(), &["chaos", "--replay", "bad.toml"]).fails(2, "ALLY-0804");
    fs::create_dir(dir.path().join("empty")).expect("made");
    for none in ["nothing-here", "empty"] {
        let said = run(dir.path(), &["chaos", "--dir", none]);
        let how = format!("`ally dev --dir {none}` makes one");
        assert!(said.fails(2, "ALLY-0001").contains(&how), "{}", said.err);
    }
    assert!(!dir.path().join("nothing-here").exists(), "it was made");
    assert_eq!(run(dir.path(), &["chaos", "--faults", "gremlins"]).code, 2);
    let list = run(dir.path(), &["chaos", "--list", "-o", "json"]).json();
    let disk = list.as_array().expect("a list").iter().find(|own| own["fault"] == "disk");
    let disk = disk.expect("it is listed");
    if !disk["left_out"].is_null() {
        run(dir.path(), &["chaos", "--faults", "kill,disk"]).fails(2, "ALLY-0803");
    }
}

/// All files below a directory.
fn listing(dir: &TempDir) -> Vec<std::path::PathBuf> {
    let (mut found, mut open) = (Vec::new(), vec![dir.path().to_owned()]);
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(next).expect("a directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path.clone());
            }
            found.push(path);
        }
    }
    found.sort();
    found
}
