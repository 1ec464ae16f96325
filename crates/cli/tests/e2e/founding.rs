//! Four members who found an alliance by hand, on this machine.

use crate::support::{Said, run};
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The members; each has one server, `NAME-1`.
pub const NAMES: [&str; 4] = ["acme", "globex", "initech", "umbrella"];

/// Introductions of four members, and a policy.
pub fn introduced() -> TempDir {
    let dir = TempDir::new().expect("a directory");
    fs::write(
        dir.path().join("policy.toml"),
        "decide = \"3 of (acme, globex, initech, umbrella)\"\n",
    )
    .expect("written");
    // All are held until all are known, so that no two are the same.
    let ports: Vec<_> =
        (0..8).map(|_| TcpListener::bind("127.0.0.1:0").expect("a free port")).collect();
    let address = |at: usize| ports[at].local_addr().expect("bound").to_string();
    for (at, name) in NAMES.iter().enumerate() {
        let (server, peers, clients) = (format!("{name}-1"), address(2 * at), address(2 * at + 1));
        let said = run(
            dir.path(),
            &[
                "init",
                "--organisation",
                name,
                "--server",
                &server,
                "--peers",
                &peers,
                "--clients",
                &clients,
                "--dir",
                name,
            ],
        );
        assert_eq!(said.code, 0, "{}", said.err);
    }
    dir
}

/// Deals the keys of what is introduced.
pub fn found(dir: &Path) -> Said {
    let members = NAMES.map(|name| format!("{name}/introduction.toml"));
    let mut args = vec!["alliance", "new", "--origin", "example.org/ally", "--scheme", "bls"];
    args.extend(["--policy", "policy.toml", "--out", "founding", "-o", "json"]);
    args.extend(members.iter().map(String::as_str));
    run(dir, &args)
}

/// Signs and joins with all members.
pub fn founded() -> TempDir {
    let dir = introduced();
    let fingerprint = found(dir.path()).json()["fingerprint"].as_str().expect("text").to_owned();
    fs::copy(dir.path().join("founding/alliance.toml"), dir.path().join("alliance.toml"))
        .expect("copied");
    for name in NAMES {
        let key = format!("{name}/admin.key");
        let sign = ["alliance", "sign", "--key", &key, "--fingerprint", &fingerprint];
        assert_eq!(run(dir.path(), &sign).code, 0);
    }
    for name in NAMES {
        let join = ["init", "--join", "alliance.toml", "--shares", "founding/shares"];
        let said = run(dir.path(), &[&join[..], &["--dir", name]].concat());
        assert_eq!(said.code, 0, "{}", said.err);
    }
    dir
}

/// The configuration of a member's server.
pub fn config(dir: &TempDir, name: &str) -> PathBuf {
    dir.path().join(name).join(format!("{name}-1")).join("server.toml")
}
