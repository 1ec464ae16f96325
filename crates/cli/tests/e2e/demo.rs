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
fn e2e_the_demonstration_touches_nobodys_files() {
    let dir = tempfile::tempdir().expect("a directory");
    fs::write(dir.path().join("thesis.tex"), "chapter one").expect("written");
    run(dir.path(), &["demo", "--scheme", "bls", "--out", "."]).fails(2, "ALLY-0601");
    assert!(dir.path().join("thesis.tex").exists());
}
