//! Keys that four members make together: killed on the way, lied to, given up, and checked by outsiders.

use crate::founding::{NAMES, config, introduced};
use crate::support::{Said, ally, alone, run, signal, wait_until};
use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};
use tempfile::TempDir;

/// A ceremony that is proposed and has not begun.
fn proposed(extra: &[&str]) -> TempDir {
    let dir = introduced();
    let said = propose(dir.path(), extra);
    assert_eq!(said.code, 0, "{}", said.err);
    dir
}

fn propose(dir: &Path, extra: &[&str]) -> Said {
    let members = NAMES.map(|name| format!("{name}/introduction.toml"));
    let mut args = vec!["key", "ceremony", "propose", "--origin", "example.org/ally"];
    args.extend(["--policy", "policy.toml", "--out", "ceremony"]);
    args.extend(extra);
    args.extend(members.iter().map(String::as_str));
    run(dir, &args)
}

/// A step of one member.
fn step(dir: &TempDir, what: &str, name: &str, extra: &[&str]) -> Said {
    let config = config(dir, name);
    let config = config.to_str().expect("UTF-8");
    run(dir.path(), &[&["key", "ceremony", what, "ceremony", "--config", config], extra].concat())
}

/// A step of one member that goes on by itself.
fn start(dir: &TempDir, what: &str, name: &str) -> Child {
    let config = config(dir, name);
    let config = config.to_str().expect("UTF-8");
    ally(&[
        "key",
        "ceremony",
        what,
        "ceremony",
        "--config",
        config,
        "--timeout",
        "120",
        "-o",
        "json",
    ])
    .current_dir(dir.path())
    .stdout(Stdio::piped())
    .stderr(Stdio::piped())
    .spawn()
    .expect("ally runs")
}

fn ended(child: Child) -> serde_json::Value {
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("an answer in JSON")
}

/// Everybody goes through a step, round by round, without waiting.
fn everybody(dir: &TempDir, what: &str) -> Vec<Said> {
    for _ in 0..3 {
        for name in NAMES {
            let said = step(dir, what, name, &["--no-wait"]);
            assert_eq!(said.code, 0, "{}", said.err);
        }
    }
    NAMES.map(|name| step(dir, what, name, &["--no-wait", "-o", "json"])).into()
}

fn record(dir: &TempDir, name: &str) -> std::path::PathBuf {
    dir.path().join("ceremony/records").join(name)
}

#[test]
fn e2e_a_key_of_two_dealers_one_of_them_killed_on_the_way() {
    let _alone = alone();
    let dir = proposed(&["--dealer", "acme", "--dealer", "globex"]);
    let others: Vec<Child> = NAMES[1..].iter().map(|name| start(&dir, "join", name)).collect();
    // Killed while it looks for primes or before; once it has said its first word; and once it has
    // dealt. What it has said stays said.
    let mut first = start(&dir, "join", "acme");
    std::thread::sleep(std::time::Duration::from_millis(100));
    _ = first.kill();
    first.wait().expect("it ends");
    let mut hello = None;
    for word in ["hello-acme-1.txt", "dealing-acme-1.txt"] {
        let mut acme = start(&dir, "join", "acme");
        wait_until(word, || record(&dir, word).exists());
        signal("KILL", acme.id());
        acme.wait().expect("it ends");
        let said = fs::read(record(&dir, "hello-acme-1.txt")).expect("it has joined");
        assert_eq!(*hello.get_or_insert_with(|| said.clone()), said);
    }
    let acme = ended(start(&dir, "join", "acme"));
    let fingerprint = acme["fingerprint"].as_str().expect("text").to_owned();
    for other in others {
        let other = ended(other);
        assert_eq!(
            (&other["state"], &other["fingerprint"]),
            (&acme["state"], &acme["fingerprint"])
        );
    }

    // Not those keys, then these; one is killed when its shares are written.
    let wrong = ["--fingerprint", "0000-0000"];
    step(&dir, "accept", "acme", &wrong).fails(1, "ALLY-0316");
    let mut acme = start(&dir, "accept", "acme");
    wait_until("a confirmation", || record(&dir, "confirmation-acme-1.txt").exists());
    signal("KILL", acme.id());
    acme.wait().expect("it ends");
    let accepting: Vec<Child> = NAMES.iter().map(|name| start(&dir, "accept", name)).collect();
    for member in accepting {
        let member = ended(member);
        assert_eq!(
            (&member["state"], &member["fingerprint"]),
            (&"complete".into(), &acme_text(&fingerprint))
        );
    }
    for name in NAMES {
        let keys = dir.path().join(name).join(format!("{name}-1/keys"));
        let kept =
            fs::read_dir(&keys).expect("keys").map(|entry| entry.expect("a file").file_name());
        let mut kept: Vec<_> = kept.map(|name| name.into_string().expect("UTF-8")).collect();
        kept.sort();
        let expected =
            ["certify.share", "kernel.share", "quorum.share", "signing.key", "transport.key"];
        assert_eq!(kept, expected, "the secrets of the ceremony are gone");
    }

    // The alliance is what any other is, and its key an ordinary one.
    for name in NAMES {
        let sign =
            ["alliance", "sign", "ceremony/alliance.toml", "--key", &format!("{name}/admin.key")];
        assert_eq!(run(dir.path(), &sign).code, 0);
        let join = ["init", "--join", "ceremony/alliance.toml", "--dir", name];
        let said = run(dir.path(), &join);
        assert!(name != "umbrella" || said.code == 0, "{}", said.err);
    }
    let openssl = std::process::Command::new("openssl")
        .args(["rsa", "-pubin", "-noout", "-text", "-in", "ceremony/alliance.pem"])
        .current_dir(dir.path())
        .output()
        .expect("openssl runs");
    let text = String::from_utf8_lossy(&openssl.stdout);
    assert!(text.contains("(4096 bit)") && text.contains("65537"), "{text}");

    audited(&dir, &fingerprint);
}

fn acme_text(text: &str) -> serde_json::Value {
    text.into()
}

/// An outsider with the transcript, and with one in which something was changed.
fn audited(dir: &TempDir, fingerprint: &str) {
    let said = run(dir.path(), &["key", "ceremony", "transcript", "ceremony"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let audit = ["key", "audit", "ceremony.transcript", "--alliance", "ceremony/alliance.toml"];
    let answer = run(dir.path(), &[&audit[..], &["-o", "json"]].concat()).json();
    assert_eq!(answer["fingerprint"], fingerprint);
    assert_eq!(answer["keys"][0]["scheme"], "rsa4096");
    assert_eq!(answer["keys"][0]["dealers"], serde_json::json!(["acme-1", "globex-1"]));
    let text = run(dir.path(), &audit);
    assert!(text.out.contains("sound: 16 signed records of 4 servers"), "{}", text.out);

    let file = dir.path().join("ceremony.transcript");
    let whole = fs::read_to_string(&file).expect("written");
    let at = whole.find("# dealing of acme-1").expect("it dealt");
    let without = {
        let end = whole[at..].find("ally-ceremony-record").expect("others follow") + at;
        let start = whole[..at].rfind("ally-ceremony-record").expect("its head");
        format!("{}{}", &whole[..start], &whole[end..])
    };
    fs::write(&file, without).expect("written");
    run(dir.path(), &audit[..3]).fails(1, "ALLY-0320");
    let mut changed = whole.clone().into_bytes();
    let at = at + 200;
    changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
    fs::write(&file, changed).expect("written");
    run(dir.path(), &audit[..3]).fails(2, "ALLY-0317");
    fs::write(&file, whole.replace("name = \"alliance\"", "name = \"another\"")).expect("written");
    run(dir.path(), &audit[..3]).fails(2, "ALLY-0317");
}

#[test]
fn e2e_what_is_lost_from_the_folder_is_said_again_and_never_something_else() {
    let dir = proposed(&["--scheme", "bls"]);
    for name in NAMES {
        assert_eq!(step(&dir, "join", name, &["--no-wait"]).code, 0);
    }
    let hello = record(&dir, "hello-acme-1.txt");
    let said = fs::read(&hello).expect("it has joined");
    fs::remove_file(&hello).expect("removed");
    fs::write(record(&dir, "rubbish.txt"), "no record").expect("written");
    let status = run(dir.path(), &["key", "ceremony", "status", "ceremony"]);
    assert!(status.out.contains("waiting for: acme-1 to join"), "{}", status.out);
    assert!(status.err.contains("rubbish.txt"), "{}", status.err);
    everybody(&dir, "join");
    assert_eq!(fs::read(&hello).expect("it is back"), said);
    for last in everybody(&dir, "accept") {
        assert_eq!(last.json()["state"], "complete");
    }
    let audit = run(dir.path(), &["key", "audit", "ceremony"]);
    audit.fails(1, "ALLY-0317");
    fs::remove_file(record(&dir, "rubbish.txt")).expect("removed");
    let audit = run(dir.path(), &["key", "audit", "ceremony", "-o", "json"]).json();
    assert_eq!(audit["keys"].as_array().expect("a list").len(), 3);
}

#[test]
fn e2e_who_gives_up_ends_it_for_everybody() {
    let dir = proposed(&["--scheme", "bls"]);
    for name in &NAMES[..2] {
        assert_eq!(step(&dir, "join", name, &["--no-wait"]).code, 0);
    }
    let late = step(&dir, "join", "acme", &["--timeout", "0"]);
    assert!(late.fails(3, "ALLY-0319").contains("initech-1, umbrella-1 to join"));
    assert_eq!(step(&dir, "abort", "globex", &["--reason", "wrong policy"]).code, 0);
    let ended = step(&dir, "join", "acme", &[]);
    assert!(ended.fails(1, "ALLY-0318").contains("globex-1 gave up: wrong policy"));
    step(&dir, "join", "initech", &[]).fails(1, "ALLY-0318");
    let status = run(dir.path(), &["key", "ceremony", "status", "ceremony", "-o", "json"]).json();
    assert_eq!(status["state"], "failed");
}

#[test]
fn e2e_who_says_two_things_is_named() {
    let dir = proposed(&["--scheme", "bls"]);
    assert_eq!(step(&dir, "join", "acme", &["--no-wait"]).code, 0);
    // The server is restored from a backup of before it joined, and joins again.
    let said = record(&dir, "hello-acme-1.txt");
    fs::rename(&said, record(&dir, "kept-by-globex.txt.away")).expect("renamed");
    let keys = dir.path().join("acme/acme-1/keys");
    let homes = fs::read_dir(&keys).expect("keys").filter_map(|entry| Some(entry.ok()?.path()));
    homes.filter(|path| path.is_dir()).for_each(|home| fs::remove_dir_all(home).expect("gone"));
    assert_eq!(step(&dir, "join", "acme", &["--no-wait"]).code, 0);
    let kept = record(&dir, "kept-by-globex.txt.away");
    fs::rename(kept, record(&dir, "kept-by-globex.txt")).expect("renamed");
    let ended = step(&dir, "join", "globex", &[]);
    assert!(ended.fails(1, "ALLY-0318").contains("acme-1 signed two different records"));
}

#[test]
fn e2e_what_cannot_be_proposed_or_joined() {
    let dir = introduced();
    let next = propose(dir.path(), &[]);
    assert!(next.fails(2, "ALLY-0301").contains("--dealer acme"), "{}", next.err);
    let three = ["--dealer", "acme", "--dealer", "globex", "--dealer", "initech"];
    propose(dir.path(), &three).fails(2, "ALLY-0317");
    assert_eq!(propose(dir.path(), &["--scheme", "bls"]).code, 0);
    propose(dir.path(), &["--scheme", "bls"]).fails(2, "ALLY-0313");
    // A server that is not among the participants, and one with another key.
    let other = introduced();
    let config = config(&other, "acme");
    let join = ["key", "ceremony", "join", "ceremony", "--config"];
    run(dir.path(), &[&join[..], &[config.to_str().expect("UTF-8")]].concat())
        .fails(2, "ALLY-0317");
    let text = fs::read_to_string(&config).expect("a configuration");
    fs::write(&config, text.replace("acme-1", "acme-9")).expect("written");
    let said = run(dir.path(), &[&join[..], &[config.to_str().expect("UTF-8")]].concat());
    assert!(said.fails(2, "ALLY-0317").contains("acme-9 has no part"));
}
