//! Keys behind a passphrase: sealed, used, and opened again.

use crate::founding::{config, founded};
use crate::support::{ally, alone, run, wait_until};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;

fn passphrase(dir: &Path, text: &str) -> std::path::PathBuf {
    let path = dir.join("passphrase");
    fs::write(&path, text).expect("written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("private");
    path
}

/// Runs `ally` with a passphrase in a file.
fn knowing(dir: &Path, file: &Path, args: &[&str]) -> std::process::Output {
    ally(args).current_dir(dir).env("ALLY_PASSPHRASE_FILE", file).output().expect("ally runs")
}

#[test]
fn e2e_a_server_with_sealed_keys_starts_if_it_is_told_the_passphrase() {
    let _alone = alone();
    let dir = founded();
    let keys = dir.path().join("acme/acme-1/keys");
    let plain = fs::read(keys.join("certify.share")).expect("a share");
    run(dir.path(), &["key", "seal", "acme/acme-1/keys"]).fails(2, "ALLY-0321");
    let file = passphrase(dir.path(), "correct horse\n");
    let sealed = knowing(dir.path(), &file, &["key", "seal", "acme/acme-1/keys"]);
    assert!(sealed.status.success(), "{}", String::from_utf8_lossy(&sealed.stderr));
    assert_eq!(String::from_utf8_lossy(&sealed.stdout).matches("sealed: ").count(), 5);
    for entry in fs::read_dir(&keys).expect("keys") {
        let path = entry.expect("a file").path();
        let key = path.extension().is_some_and(|kind| kind == "key" || kind == "share");
        if !key {
            continue;
        }
        let text = fs::read(&path).expect("a key file");
        assert!(text.starts_with(b"age-encryption.org/v1\n"), "{}", path.display());
        let mode = fs::metadata(&path).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let again = knowing(dir.path(), &file, &["key", "seal", "acme/acme-1/keys"]);
    assert!(String::from_utf8_lossy(&again.stdout).contains("nothing to do"));

    // Without the passphrase it does not start, and says why; with it, it does.
    let config = config(&dir, "acme");
    let serve = ["serve", "--config", config.to_str().expect("UTF-8")];
    let refused = run(dir.path(), &serve);
    assert!(refused.code != 0 && refused.err.contains("ALLY_PASSPHRASE_FILE"), "{}", refused.err);
    let log = fs::File::create(dir.path().join("serve.log")).expect("a log");
    let mut server = ally(&serve)
        .current_dir(dir.path())
        .env("ALLY_PASSPHRASE_FILE", &file)
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .expect("ally runs");
    let said = || fs::read_to_string(dir.path().join("serve.log")).unwrap_or_default();
    wait_until("a server that serves", || said().contains("serving"));
    // Nobody else of this user reads its memory: its files in /proc are not this user's.
    let limits = fs::read_to_string(format!("/proc/{}/limits", server.id())).expect("limits");
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).expect("a line");
    assert_eq!(core.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"]);
    server.kill().expect("killed");
    server.wait().expect("it ends");

    passphrase(dir.path(), "wrong");
    let wrong = knowing(dir.path(), &file, &["key", "unseal", "acme/acme-1/keys"]);
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("another passphrase"));
    passphrase(dir.path(), "correct horse");
    let opened = knowing(dir.path(), &file, &["key", "unseal", "acme/acme-1/keys"]);
    assert!(opened.status.success(), "{}", String::from_utf8_lossy(&opened.stderr));
    assert_eq!(fs::read(keys.join("certify.share")).expect("a share"), plain);
}
