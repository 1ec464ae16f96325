//! `ally demo`, and openssl on what it leaves.

use crate::support::{alone, run};
use std::fs;
use std::path::Path;
use std::process::Command;

/// What openssl says to a certificate; nothing if it is not installed.
fn openssl(dir: &Path) -> Option<bool> {
    let output = Command::new("openssl")
        .args(["dgst", "-sha256", "-verify", "alliance.pem", "-signature", "cert.sig"])
        .arg("checkpoint.txt")
        .current_dir(dir)
        .output()
        .ok()?;
    Some(output.status.success() && output.stdout == b"Verified OK\n")
}

#[test]
fn e2e_the_demonstration_leaves_what_openssl_verifies() {
    let _alone = alone();
    let dir = tempfile::tempdir().expect("a directory");
    fs::write(dir.path().join("poem"), "one\n\ntwo\r\nthree").expect("written");
    let said = run(dir.path(), &["demo", "--out", "out", "--input", "poem", "-o", "json"]).json();
    assert_eq!(said["ok"], true);
    assert_eq!(said["order_every_line"]["commands"], 3);
    assert_eq!(said["order_every_line"]["two_step_share"], 1.0);
    let out = dir.path().join("out");
    assert_eq!(fs::read(out.join("receipts/0001.command")).expect("there"), b"two");
    let receipt = ["--receipt", "receipts/0001.receipt", "--file", "receipts/0001.command"];
    assert_eq!(run(&out, &[&["verify"], &receipt[..]].concat()).code, 0);
    let Some(verified) = openssl(&out) else { return };
    assert!(verified);
    for name in ["checkpoint.txt", "cert.sig"] {
        let path = out.join(name);
        let bytes = fs::read(&path).expect("there");
        // Every tenth byte: a process for each takes its time.
        for at in (0..bytes.len()).step_by(10) {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            fs::write(&path, changed).expect("written");
            assert_eq!(openssl(&out), Some(false), "byte {at} of {name}");
        }
        fs::write(&path, bytes).expect("written");
    }
    assert_eq!(openssl(&out), Some(true));
}

#[test]
fn e2e_the_demonstration_leaves_a_receipt_for_every_line() {
    let _alone = alone();
    let dir = tempfile::tempdir().expect("a directory");
    // More than were once written; with the 20 while a server is dead more than lie side by side.
    let text: String = (0..9_990).map(|at| format!("line {at}\n")).collect();
    fs::write(dir.path().join("text"), &text).expect("written");
    let demo = ["demo", "--scheme", "bls", "--out", "out", "--input", "text", "-o", "json"];
    let said = run(dir.path(), &demo).json();
    assert_eq!(said["fetch_receipts"]["receipts"], 10_010);
    let receipts = dir.path().join("out/receipts");
    let mut found: Vec<String> = Vec::new();
    for shelf in fs::read_dir(&receipts).expect("a directory") {
        for file in fs::read_dir(shelf.expect("an entry").path()).expect("a directory") {
            found.push(file.expect("an entry").file_name().into_string().expect("UTF-8"));
        }
    }
    assert_eq!(found.iter().filter(|name| name.ends_with(".receipt")).count(), 10_010);
    for at in [0, 1, 5_000, 9_989] {
        let name = |ending| format!("out/receipts/{:02}/{at:05}.{ending}", at / 1000);
        let (receipt, command) = (name("receipt"), name("command"));
        let verify = ["verify", "--key", "out/alliance.pem", "--receipt", &receipt];
        assert_eq!(run(dir.path(), &[&verify[..], &["--file", &command]].concat()).code, 0);
        // Lines under way at the same time may be ordered in another order.
        let line = fs::read_to_string(dir.path().join(command)).expect("there");
        assert!(text.lines().any(|own| own == line), "{line}");
    }
}

#[test]
fn e2e_a_text_that_is_none_is_refused_before_anything_is_touched() {
    let dir = tempfile::tempdir().expect("a directory");
    let at = dir.path();
    fs::create_dir(at.join("out")).expect("made");
    fs::write(at.join("out/.ally-demo"), "").expect("written");
    fs::write(at.join("out/alliance.pem"), "of an earlier one").expect("written");
    fs::write(at.join("empty"), "").expect("written");
    fs::write(at.join("blank"), "\n\r\n\n").expect("written");
    fs::write(at.join("binary"), vec![0xff; (1 << 20) + 1]).expect("written");
    let demo = |input: &str| run(at, &["demo", "--out", "out", "--input", input]);
    assert!(demo("empty").fails(2, "ALLY-0405").contains("empty: there is no line"));
    demo("blank").fails(2, "ALLY-0405");
    assert!(demo("binary").fails(2, "ALLY-0201").contains("binary: line 1 has 1048577 bytes"));
    assert!(demo("missing").fails(2, "ALLY-0001").contains("missing"));
    demo(".").fails(2, "ALLY-0001");
    let kept = fs::read_to_string(at.join("out/alliance.pem")).expect("there");
    assert_eq!(kept, "of an earlier one");
}

#[test]
fn e2e_the_demonstration_touches_nobodys_files() {
    let dir = tempfile::tempdir().expect("a directory");
    fs::write(dir.path().join("thesis.tex"), "chapter one").expect("written");
    run(dir.path(), &["demo", "--scheme", "bls", "--out", "."]).fails(2, "ALLY-0601");
    assert!(dir.path().join("thesis.tex").exists());
}
